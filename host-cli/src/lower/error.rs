//! What can be wrong with what a text says, with places, and the words for it.

use chainrule::{BuildError, Shape};

use crate::text::Span;
use crate::text::literal::{LiteralError, shape_words};
use crate::text::report::Diagnostic;

/// What is wrong with a text that reads well.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LowerError {
    /// A consequence of another error, not worth words.
    Echo,
    /// A name that nothing defines.
    UnknownName {
        /// The name.
        name: String,
        /// Where.
        span: Span,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// A wire that is driven further down.
    DefinedLater {
        /// The name.
        name: String,
        /// Where it is read.
        span: Span,
        /// Where it is defined.
        at: Span,
    },
    /// A name that is defined twice.
    Twice {
        /// The name.
        name: String,
        /// The second time.
        span: Span,
        /// The first.
        first: Span,
    },
    /// A layer where a wire is needed.
    LayerAsWire {
        /// The layer.
        name: String,
        /// Where.
        span: Span,
    },
    /// No gate or layer has this name.
    UnknownCall {
        /// The name.
        name: String,
        /// Where.
        span: Span,
        /// What was probably meant.
        nearest: Option<String>,
        /// Whether a wire has this name.
        wire: bool,
    },
    /// No layer, optimiser or other word in this place has this name.
    UnknownWord {
        /// What is needed: `kind of layer`.
        what: &'static str,
        /// The word.
        name: String,
        /// Where.
        span: Span,
        /// The words there are.
        known: &'static [&'static str],
    },
    /// More arguments than a call takes.
    TooMany {
        /// The first that is too much.
        span: Span,
        /// What the call takes.
        takes: String,
    },
    /// An argument that a call does not have.
    NoSuchArgument {
        /// Its name.
        name: String,
        /// Where.
        span: Span,
        /// What was probably meant.
        nearest: Option<&'static str>,
        /// What the call takes.
        takes: String,
    },
    /// An argument that is given twice.
    ArgumentTwice {
        /// Its name.
        name: String,
        /// The second.
        span: Span,
    },
    /// An argument that is not given.
    MissingArgument {
        /// Its name.
        name: String,
        /// The call.
        span: Span,
        /// What the call takes.
        takes: String,
    },
    /// Something of another kind is needed here: a number, a word, a list.
    Wanted {
        /// What is needed, with an example.
        what: &'static str,
        /// Where.
        span: Span,
    },
    /// A number or list that is none, or does not fit the scalar.
    Literal(LiteralError),
    /// A value of another shape than its wire.
    ValueShape {
        /// The wire.
        name: String,
        /// Its shape.
        wire: Shape,
        /// The value's.
        value: Vec<usize>,
        /// The value.
        span: Span,
    },
    /// A label's value is not one of its classes.
    NotAClass {
        /// The label.
        name: String,
        /// Its classes.
        classes: usize,
        /// The value.
        span: Span,
    },
    /// A shape with a zero, with more than four dimensions, or too large.
    BadShape {
        /// Where.
        span: Span,
    },
    /// The core refuses a gate.
    Gate {
        /// What it is called: `` `+` ``, `` `dot` ``.
        gate: String,
        /// Where.
        span: Span,
        /// Its operands and their shapes.
        operands: Vec<(Span, Shape)>,
        /// Why.
        error: BuildError,
    },
    /// An index outside of its wire, or more indices than dimensions.
    Index {
        /// The index.
        span: Span,
        /// What is indexed.
        of: Span,
        /// Its shape.
        shape: Shape,
        /// Why.
        why: IndexError,
    },
    /// A layer's input has another length than where it was used first.
    LayerInput {
        /// The layer.
        name: String,
        /// Where.
        span: Span,
        /// The operand's shape.
        found: Shape,
        /// The layer's input.
        needed: Shape,
        /// Where it was used first.
        first: Span,
    },
    /// A layer that nothing reads, so that its size is not known.
    LayerUnused {
        /// The layer.
        name: String,
        /// Where.
        span: Span,
    },
    /// The objective is no scalar.
    ObjectiveShape {
        /// Where.
        span: Span,
        /// Its shape.
        shape: Shape,
    },
    /// There are two objectives.
    TwoObjectives {
        /// The second.
        span: Span,
        /// The first.
        first: Span,
    },
    /// There are two blocks of one name.
    BlockTwice {
        /// The block.
        name: String,
        /// The second.
        span: Span,
    },
    /// A setting that a block does not have.
    UnknownSetting {
        /// The setting.
        name: String,
        /// Where.
        span: Span,
        /// What was probably meant.
        nearest: Option<&'static str>,
        /// The settings there are.
        known: &'static [&'static str],
    },
    /// A setting that is given twice.
    SettingTwice {
        /// The setting.
        name: String,
        /// The second.
        span: Span,
    },
    /// A name in `freeze` that is no layer or param.
    NotFreezable {
        /// The name.
        name: String,
        /// Where.
        span: Span,
    },
    /// A name in `normalize` that is no input.
    NotAnInput {
        /// The name.
        name: String,
        /// Where.
        span: Span,
    },
    /// A value from the command line for a wire that is not there.
    NoSuchWire {
        /// The name.
        name: String,
        /// Where, in the argument.
        span: Span,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// A value from the command line for a wire that a gate drives.
    Driven {
        /// The wire.
        name: String,
        /// Where, in the argument.
        span: Span,
    },
    /// An input or label without a value.
    NoValue {
        /// Its name.
        name: String,
        /// Its shape.
        shape: Shape,
        /// Whether it is a label.
        label: bool,
        /// Where it is declared, or first read.
        span: Span,
    },
}

/// What is wrong with an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexError {
    /// More places than dimensions.
    TooMany,
    /// Outside of the dimension, which has so many elements.
    Outside(usize),
    /// A range with nothing in it.
    Empty,
    /// A range before another place; only the last place can be one.
    RangeFirst,
}

fn words(shape: Shape) -> String {
    let sizes: Vec<usize> = shape.dims().iter().map(|size| usize::from(*size)).collect();
    shape_words(&sizes)
}

fn list(known: &[&str]) -> String {
    known.join(", ")
}

impl From<LiteralError> for LowerError {
    fn from(error: LiteralError) -> Self {
        LowerError::Literal(error)
    }
}

impl LowerError {
    /// The words for it.
    pub fn diagnostic(&self) -> Diagnostic {
        let told = |title: String, at: Span, label: &str| Diagnostic::new(title, at, label);
        match self {
            LowerError::Echo => told("this follows from another error".into(), Span::default(), ""),
            LowerError::UnknownName { name, span, nearest } => {
                let told = told(format!("nothing defines `{name}`"), *span, "unknown name");
                match nearest {
                    Some(meant) => told.help(format!("did you mean `{meant}`?")),
                    None => told.help(format!("declare it above: `input {name}` or `{name} = …`")),
                }
            }
            LowerError::DefinedLater { name, span, at } => {
                told(format!("`{name}` is read before it is defined"), *span, "read here")
                    .also(*at, "defined here")
                    .help("put the definition above: a gate's operands come before it")
            }
            LowerError::Twice { name, span, first } => {
                told(format!("`{name}` is defined twice"), *span, "the second time")
                    .also(*first, "the first time")
                    .help("each name stands for one wire; choose another name")
            }
            LowerError::LayerAsWire { name, span } => {
                told(format!("`{name}` is a layer, not a wire"), *span, "a layer")
                    .help(format!("apply it: `{name}(x)`"))
            }
            LowerError::UnknownCall { name, span, nearest, wire } => {
                let told = told(format!("there is no gate or layer `{name}`"), *span, "unknown");
                match nearest {
                    _ if *wire => told.help(format!("`{name}` is a wire; to multiply, write `{name} * (…)`")),
                    Some(meant) => told.help(format!("did you mean `{meant}`?")),
                    None => told.help("a layer is declared above: `layer fc1 = dense(32)`"),
                }
            }
            LowerError::UnknownWord { what, name, span, known } => {
                told(format!("there is no {what} `{name}`"), *span, "unknown").help(format!("there is {}", list(known)))
            }
            LowerError::TooMany { span, takes } => {
                told("an argument too many".into(), *span, "not needed").help(format!("write `{takes}`"))
            }
            LowerError::NoSuchArgument { name, span, nearest, takes } => {
                let told = told(format!("there is no argument `{name}`"), *span, "unknown");
                match nearest {
                    Some(meant) => told.help(format!("did you mean `{meant}`?")),
                    None => told.help(format!("write `{takes}`")),
                }
            }
            LowerError::ArgumentTwice { name, span } => {
                told(format!("the argument `{name}` is given twice"), *span, "the second time")
            }
            LowerError::MissingArgument { name, span, takes } => {
                told(format!("the argument `{name}` is missing"), *span, "here").help(format!("write `{takes}`"))
            }
            LowerError::Wanted { what, span } => told(format!("expected {what}"), *span, "here"),
            LowerError::Literal(error) => error.diagnostic(),
            LowerError::ValueShape { name, wire, value, span } => Diagnostic::new(
                format!("`{name}` is {}, its value is {}", words(*wire), shape_words(value)),
                *span,
                format!("{} values, {} needed", value.iter().product::<usize>(), wire.len()),
            ),
            LowerError::NotAClass { name, classes, span } => {
                told(format!("label `{name}` has {classes} classes"), *span, "not one of them")
                    .help(format!("write a whole number from 0 to {}", classes.saturating_sub(1)))
            }
            LowerError::BadShape { span } => {
                told("this is no shape".into(), *span, "here").help("up to four dimensions, each from 1 to 65535")
            }
            LowerError::Gate { gate, span, operands, error } => refused(gate, *span, operands, *error),
            LowerError::Index { span, of, shape, why } => {
                let shape = words(*shape);
                let told = match why {
                    IndexError::TooMany => told("more indices than dimensions".into(), *span, "too many"),
                    IndexError::Outside(size) => Diagnostic::new(
                        "an index outside of its wire",
                        *span,
                        format!("the elements are 0 to {}", size.saturating_sub(1)),
                    ),
                    IndexError::Empty => told("a range with nothing in it".into(), *span, "empty")
                        .help("a range goes up to, but not including, its end: `x[1..3]` has two elements"),
                    IndexError::RangeFirst => told("a range before another index".into(), *span, "here")
                        .help("only the last index can be a range"),
                };
                told.also(*of, format!("is {shape}"))
            }
            LowerError::LayerInput { name, span, found, needed, first } => Diagnostic::new(
                format!("layer `{name}` takes {}, not {}", words(*needed), words(*found)),
                *span,
                words(*found),
            )
            .also(*first, format!("used first with {}", words(*needed))),
            LowerError::LayerUnused { name, span } => {
                told(format!("nothing uses layer `{name}`"), *span, "so its size is not known")
                    .help(format!("apply it, `h = {name}(x)`, or remove it"))
            }
            LowerError::ObjectiveShape { span, shape } => {
                Diagnostic::new("the objective must be a scalar", *span, format!("is {}", words(*shape)))
                    .help("make it one, for example with `sum(…)` or `mean(…)`")
            }
            LowerError::TwoObjectives { span, first } => told("there are two objectives".into(), *span, "the second")
                .also(*first, "the first")
                .help("add them up"),
            LowerError::BlockTwice { name, span } => {
                told(format!("there are two `{name}` blocks"), *span, "the second").help("put all settings into one")
            }
            LowerError::UnknownSetting { name, span, nearest, known } => {
                let told = told(format!("there is no setting `{name}`"), *span, "unknown");
                match nearest {
                    Some(meant) => told.help(format!("did you mean `{meant}`?")),
                    None => told.help(format!("the settings are {}", list(known))),
                }
            }
            LowerError::SettingTwice { name, span } => told(format!("`{name}` is set twice"), *span, "the second time"),
            LowerError::NotFreezable { name, span } => {
                told(format!("`{name}` is no layer or param"), *span, "cannot be frozen")
            }
            LowerError::NotAnInput { name, span } => {
                told(format!("`{name}` is no input"), *span, "cannot be normalized")
            }
            LowerError::NoSuchWire { name, span, nearest } => {
                let told = told(format!("the circuit has no wire `{name}`"), *span, "unknown name");
                match nearest {
                    Some(meant) => told.help(format!("did you mean `{meant}`?")),
                    None => told.help("inputs, labels and params can be set"),
                }
            }
            LowerError::Driven { name, span } => {
                told(format!("`{name}` cannot be set: a gate drives it"), *span, "driven by a gate")
                    .help("inputs, labels and params can be set")
            }
            LowerError::NoValue { name, shape, label, span } => {
                let what = if *label { "label" } else { "input" };
                let example = match shape.len() {
                    1 if shape.is_scalar() => format!("{name}=1"),
                    1 => format!("{name}=[1]"),
                    2 => format!("{name}=[1, 2]"),
                    _ => format!("{name}=[1, 2, …]"),
                };
                Diagnostic::new(format!("{what} `{name}` has no value"), *span, words(*shape))
                    .help(format!("give it one on the command line: '{example}', or take a row of the data: `--row 0`"))
            }
        }
    }
}

/// What the core refuses, with the operands' shapes.
fn refused(gate: &str, span: Span, operands: &[(Span, Shape)], error: BuildError) -> Diagnostic {
    let (title, help) = match error {
        BuildError::ShapeMismatch { .. } => (
            match operands {
                [(_, left), (_, right), ..] => {
                    format!("{gate} does not take {} and {}", words(*left), words(*right))
                }
                _ => format!("{gate} does not take these shapes"),
            },
            Some("the shapes must be equal; beside an operator, one can be a scalar".to_owned()),
        ),
        BuildError::NotAVector(shape) => (format!("{gate} needs a vector, not {}", words(shape)), None),
        BuildError::NotAScalar(shape) => (format!("{gate} needs a scalar, not {}", words(shape)), None),
        BuildError::NotALabel { logits, classes: 0 } => (
            format!("{gate} needs a label of {logits} classes"),
            Some(format!("declare it: `label digit : class({logits})`")),
        ),
        BuildError::NotALabel { logits, classes } => (
            format!("{gate} has {logits} logits for a label of {classes} classes"),
            Some(format!("make the logits {classes}, or the label `class({logits})`")),
        ),
        BuildError::BadBounds => (format!("the numbers of {gate} must go up and not be NaN"), None),
        BuildError::BadClasses(classes) => {
            (format!("a label cannot have {classes} classes"), Some("at least two".to_owned()))
        }
        BuildError::GatesFull(room) => (
            format!("the circuit has more than {room} gates"),
            Some("use wires of more elements: `input x[100]`".to_owned()),
        ),
        BuildError::NumbersFull(room) => (format!("the circuit has more than {room} constants"), None),
        other => (format!("{gate} is refused: {other}"), None),
    };
    let mut told = match operands {
        // The only operand says where; else the gate does.
        [(only, shape)] => Diagnostic::new(title, *only, words(*shape)),
        _ => Diagnostic::new(title, span, "here"),
    };
    if operands.len() > 1 {
        for (at, shape) in operands {
            told = told.also(*at, words(*shape));
        }
    }
    told.help = help;
    told
}
