//! How a step is made, in words: optimisers, clipping and schedules of a `train` block.

use chainrule::{Clip, Method, Optimiser, Schedule};

use super::arguments::Signature;
use super::error::LowerError;
use crate::text::Span;
use crate::text::ast::{Call, Document, Expr, ExprId};
use crate::text::literal::Readable;

/// The optimisers, with what they take.
const OPTIMISERS: &[&str] = &[
    "sgd(lr)",
    "momentum(lr, beta = 0.9)",
    "nesterov(lr, beta = 0.9)",
    "adam(lr, beta1 = 0.9, beta2 = 0.999, eps = 1e-8)",
    "adamw(lr, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.01)",
    "rmsprop(lr, alpha = 0.99, eps = 1e-8)",
];
const SCHEDULES: &[&str] = &["constant", "step(every, factor = 0.1)", "cosine(steps, floor = 0)"];
const CLIPS: &[&str] = &["norm(1.0)", "value(0.5)"];

/// Which numbers an argument may be.
#[derive(Clone, Copy)]
enum Range {
    NotNegative,
    Positive,
    /// From 0 to below 1.
    Share,
    /// From 0 to 1.
    Part,
}

impl Range {
    fn holds<T: Readable>(self, x: T) -> bool {
        x.is_finite()
            && match self {
                Range::NotNegative => x >= T::ZERO,
                Range::Positive => x > T::ZERO,
                Range::Share => x >= T::ZERO && x < T::ONE,
                Range::Part => x >= T::ZERO && x <= T::ONE,
            }
    }

    fn words(self) -> &'static str {
        match self {
            Range::NotNegative => "a finite number that is not negative",
            Range::Positive => "a finite number above 0",
            Range::Share => "a number from 0 to below 1, such as `0.9`",
            Range::Part => "a number from 0 to 1",
        }
    }
}

fn number<T: Readable>(document: &Document, id: ExprId, range: Range) -> Result<T, LowerError> {
    let number: T = document.number(id)?;
    let wanted = LowerError::Wanted { what: range.words(), span: document.span(id) };
    if range.holds(number) { Ok(number) } else { Err(wanted) }
}

/// A word or a call, as name, place and call.
fn word(document: &Document, id: ExprId) -> (String, Span, Option<&Call>) {
    match &document.node(id).kind {
        Expr::Call(call) => (call.name.text.clone(), call.name.span, Some(call)),
        _ => (document.written(id), document.span(id), None),
    }
}

/// `sgd(lr = 0.05)` and its like, put into `optimiser`; what else is in that stays.
pub(super) fn optimiser<T: Readable>(
    document: &Document,
    id: ExprId,
    optimiser: &mut Optimiser<T>,
) -> Result<(), LowerError> {
    let (name, span, call) = word(document, id);
    let unknown = LowerError::UnknownWord { what: "optimizer", name: name.clone(), span, known: OPTIMISERS };
    let Some(call) = call else { return Err(unknown) };
    let optional: &[&str] = match name.as_str() {
        "sgd" => &[],
        "momentum" | "nesterov" => &["beta"],
        "adam" => &["beta1", "beta2", "eps"],
        "adamw" => &["beta1", "beta2", "eps", "weight_decay"],
        "rmsprop" => &["alpha", "eps"],
        _ => return Err(unknown),
    };
    let bound = Signature { needed: &["lr"], optional }.bind(document, call)?;
    let given = |at: usize| bound.get(at).copied().flatten();
    let or = |at: usize, range, default: f64| match given(at) {
        Some(id) => number(document, id, range),
        None => Ok(T::from_f64(default)),
    };
    let lr = number(document, given(0).ok_or(LowerError::Echo)?, Range::NotNegative)?;
    let method = match name.as_str() {
        "sgd" => Method::Sgd,
        "momentum" => Method::Momentum { beta: or(1, Range::Share, 0.9)? },
        "nesterov" => Method::Nesterov { beta: or(1, Range::Share, 0.9)? },
        "rmsprop" => Method::RmsProp { alpha: or(1, Range::Share, 0.99)?, eps: or(2, Range::NotNegative, 1e-8)? },
        name => {
            let (beta1, beta2) = (or(1, Range::Share, 0.9)?, or(2, Range::Share, 0.999)?);
            let eps = or(3, Range::NotNegative, 1e-8)?;
            if name == "adam" {
                Method::Adam { beta1, beta2, eps }
            } else {
                optimiser.weight_decay = or(4, Range::NotNegative, 0.01)?;
                Method::AdamW { beta1, beta2, eps }
            }
        }
    };
    (optimiser.method, optimiser.rate) = (method, lr);
    Ok(())
}

/// `weight_decay = 0.001`
pub(super) fn weight_decay<T: Readable>(document: &Document, id: ExprId) -> Result<T, LowerError> {
    number(document, id, Range::NotNegative)
}

/// `norm(1.0)`, `value(0.5)`
pub(super) fn clip<T: Readable>(document: &Document, id: ExprId) -> Result<Clip<T>, LowerError> {
    let (name, span, call) = word(document, id);
    let kind = match name.as_str() {
        "norm" => Clip::Norm,
        "value" => Clip::Value,
        _ => return Err(LowerError::UnknownWord { what: "clipping", name, span, known: CLIPS }),
    };
    let call = call.ok_or(LowerError::Wanted { what: "a bound: `norm(1.0)`, `value(0.5)`", span })?;
    let bound = Signature { needed: &["bound"], optional: &[] }.bind(document, call)?;
    let bound = bound.into_iter().flatten().next().ok_or(LowerError::Echo)?;
    number(document, bound, Range::Positive).map(kind)
}

/// `constant`, `step(1000, 0.5)`, `cosine`; a cosine that does not say how many steps it takes has
/// 0 of them, and takes the training's.
pub(super) fn schedule<T: Readable>(document: &Document, id: ExprId) -> Result<Schedule<T>, LowerError> {
    let (name, span, call) = word(document, id);
    let (needed, optional): (&[&str], &[&str]) = match name.as_str() {
        "constant" => (&[], &[]),
        "step" => (&["every"], &["factor"]),
        "cosine" => (&[], &["steps", "floor"]),
        _ => return Err(LowerError::UnknownWord { what: "schedule", name, span, known: SCHEDULES }),
    };
    let bound = match call {
        Some(call) => Signature { needed, optional }.bind(document, call)?,
        None if needed.is_empty() => vec![None; optional.len()],
        None => return Err(LowerError::Wanted { what: "how often: `step(every = 1000, factor = 0.1)`", span }),
    };
    let given = |at: usize| bound.get(at).copied().flatten();
    let steps = |id| {
        let wanted = LowerError::Wanted { what: "a number of steps, at least 1", span: document.span(id) };
        document.whole_number(id).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0).ok_or(wanted)
    };
    let or = |default: f64, range| match given(1) {
        Some(id) => number(document, id, range),
        None => Ok(T::from_f64(default)),
    };
    Ok(match name.as_str() {
        "step" => {
            Schedule::Step { every: steps(given(0).ok_or(LowerError::Echo)?)?, factor: or(0.1, Range::Positive)? }
        }
        "cosine" => Schedule::Cosine { steps: given(0).map_or(Ok(0), steps)?, floor: or(0.0, Range::Part)? },
        _ => Schedule::Constant,
    })
}

/// A number as people write it.
fn figure<T: Readable>(x: T) -> String {
    let text = format!("{x:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The optimiser as a `train` block says it, all arguments told.
pub fn written<T: Readable>(optimiser: &Optimiser<T>) -> String {
    let (name, numbers): (&str, Vec<(&str, T)>) = match optimiser.method {
        Method::Sgd => ("sgd", vec![]),
        Method::Momentum { beta } => ("momentum", vec![("beta", beta)]),
        Method::Nesterov { beta } => ("nesterov", vec![("beta", beta)]),
        Method::Adam { beta1, beta2, eps } => ("adam", vec![("beta1", beta1), ("beta2", beta2), ("eps", eps)]),
        Method::AdamW { beta1, beta2, eps } => {
            let decay = ("weight_decay", optimiser.weight_decay);
            ("adamw", vec![("beta1", beta1), ("beta2", beta2), ("eps", eps), decay])
        }
        Method::RmsProp { alpha, eps } => ("rmsprop", vec![("alpha", alpha), ("eps", eps)]),
        _ => ("?", vec![]),
    };
    let all = std::iter::once(("lr", optimiser.rate)).chain(numbers);
    let all: Vec<String> = all.map(|(name, x)| format!("{name} = {}", figure(x))).collect();
    format!("{name}({})", all.join(", "))
}

/// What else a `train` block says of a step, as `key = value`; nothing that is left at its default.
pub fn extras<T: Readable>(optimiser: &Optimiser<T>) -> Vec<(&'static str, String)> {
    let mut extras = Vec::new();
    if optimiser.weight_decay != T::ZERO && !matches!(optimiser.method, Method::AdamW { .. }) {
        extras.push(("weight_decay", figure(optimiser.weight_decay)));
    }
    match optimiser.clip {
        Clip::Norm(bound) => extras.push(("clip", format!("norm({})", figure(bound)))),
        Clip::Value(bound) => extras.push(("clip", format!("value({})", figure(bound)))),
        _ => {}
    }
    match optimiser.schedule {
        Schedule::Step { every, factor } => {
            extras.push(("schedule", format!("step(every = {every}, factor = {})", figure(factor))));
        }
        Schedule::Cosine { steps, floor } => {
            extras.push(("schedule", format!("cosine(steps = {steps}, floor = {})", figure(floor))));
        }
        _ => {}
    }
    if optimiser.warmup > 0 {
        extras.push(("warmup", optimiser.warmup.to_string()));
    }
    extras
}
