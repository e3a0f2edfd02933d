//! The words for what is wrong with a text, and what would be right.

use chainrule::{BuildError, Shape};

use super::error::{IndexError, LowerError};
use crate::text::Span;
use crate::text::literal::shape_words;
use crate::text::report::Diagnostic;

fn words(shape: Shape) -> String {
    let sizes: Vec<usize> = shape.dims().iter().map(|size| usize::from(*size)).collect();
    shape_words(&sizes)
}

/// How so many elements become planes, as square as they go.
fn reshaped(elements: usize, rank: u8) -> String {
    let low = (1..=elements.isqrt()).rev().find(|side| elements.is_multiple_of(*side)).unwrap_or(1);
    let channels = if rank == 2 { "" } else { "1, " };
    format!("make it so: `reshape(x, {channels}{low}, {})`", elements / low)
}

fn list(known: &[&str]) -> String {
    known.join(", ")
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
            LowerError::ValueShape { name, wire, value, span } => {
                let had: usize = value.iter().product();
                let label = if had == wire.len() {
                    "the right count, in other lists than its shape has".to_owned()
                } else {
                    format!("{had} {}, {} needed", if had == 1 { "value" } else { "values" }, wire.len())
                };
                let what = format!("`{name}` is {}, its value is {}", words(*wire), shape_words(value));
                let told = Diagnostic::new(what, *span, label);
                told.help(format!("its numbers stand like this: `{}`", nested(wire.dims(), 1)))
            }
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
            LowerError::NotFreezable { name, span, nearest } => {
                let told = told(format!("`{name}` is no layer or param"), *span, "cannot be frozen");
                match nearest {
                    Some(meant) => told.help(format!("did you mean `{meant}`?")),
                    None => {
                        told.help("name layers or params: `[fc1, fc2.bias]`; `weights` leaves only biases to train")
                    }
                }
            }
            LowerError::NormalizedLate { name, span, reader } => {
                told(format!("`{name}` is read before it is normalized"), *span, "too late")
                    .also(*reader, "read here")
                    .help(format!("put `normalize {name}` right below the input"))
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
            LowerError::GivenTwice { name, span } => {
                told(format!("`{name}` is given twice"), *span, "the second time").help("one value is enough")
            }
            LowerError::NoValue { name, shape, label, rows, span } => {
                let what = if *label { "label" } else { "input" };
                let example = format!("{name}={}", nested(shape.dims(), 1));
                let row = if *rows { ", or take a row of the data: `--row 0`" } else { "" };
                Diagnostic::new(format!("{what} `{name}` has no value"), *span, words(*shape))
                    .help(format!("give it one on the command line: '{example}'{row}"))
            }
        }
    }
}

/// What the core refuses, with the operands' shapes.
fn refused(gate: &str, span: Span, operands: &[(Span, Shape)], error: BuildError) -> Diagnostic {
    let (title, help) = match error {
        BuildError::ShapeMismatch { left, right } => (
            match operands {
                [_] => format!("{gate} cannot make {} of the {} elements of {}", words(right), left.len(), words(left)),
                [(_, left), (_, right), ..] => {
                    format!("{gate} does not take {} and {}", words(*left), words(*right))
                }
                _ => format!("{gate} does not take these shapes"),
            },
            Some(match operands {
                [_] => format!("{} has {} elements", words(right), right.len()),
                _ if gate == "`concat`" => "all dimensions but the first must be equal".to_owned(),
                _ => "the shapes must be equal; beside an operator, one can be a scalar".to_owned(),
            }),
        ),
        BuildError::WrongRank { shape, rank } => {
            let planes = match rank {
                2 => "two dimensions, `[channels, length]` or `[time, features]`",
                _ => "`[channels, height, width]`",
            };
            (format!("{gate} needs {planes}, not {}", words(shape)), Some(reshaped(shape.len(), rank)))
        }
        BuildError::BadWindow { planes, kernel, stride, padding } => (
            format!(
                "a window of {kernel} with stride {stride} and padding {padding} does not go over {}",
                words(planes)
            ),
            Some("it fits within the planes and their padding, moves by 1 or more, and a pool's padding is at most half of it".to_owned()),
        ),
        BuildError::BadGroups { inputs, outputs, groups } => (
            format!("{groups} groups do not divide {inputs} inputs and {outputs} outputs"),
            Some("each group has as many of both".to_owned()),
        ),
        BuildError::WrongWeights { input, weight, groups } => (
            format!("{gate} does not take weights {} for {} in {groups} groups", words(weight), words(input)),
            Some("they are [inputs / groups, kernel, outputs], the kernel of as many dimensions as a plane".to_owned()),
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
        BuildError::BadBounds => (
            format!("{gate} does not take this number"),
            Some(match gate {
                "`dropout`" => "a rate is at least 0 and less than 1".to_owned(),
                "`cross_entropy`" => "a smoothing is at least 0 and less than 1".to_owned(),
                "`clip`" => "lo must not be above hi, and neither of them NaN".to_owned(),
                "`leaky_relu`" | "`elu`" => "it must not be NaN".to_owned(),
                _ => "it must be above 0".to_owned(),
            }),
        ),
        BuildError::WrongShape { operand, wanted, found } => {
            let place = ["first", "second", "third", "fourth", "fifth"].get(usize::from(operand)).unwrap_or(&"last");
            (format!("the {place} argument of {gate} must be {}, not {}", words(wanted), words(found)), None)
        }
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

/// The numbers from `first` on in lists of this shape; of a long list the beginning.
fn nested(dims: &[u16], first: usize) -> String {
    let Some((&count, inner)) = dims.split_first() else { return first.to_string() };
    let each: usize = inner.iter().map(|size| usize::from(*size)).product();
    let mut parts: Vec<String> = (0..usize::from(count).min(2)).map(|at| nested(inner, first + at * each)).collect();
    if count > 2 {
        parts.push("…".to_owned());
    }
    format!("[{}]", parts.join(", "))
}
