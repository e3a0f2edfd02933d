//! What can be wrong with what a text says, with places; `words` has the words for it.

use chainrule::{BuildError, Shape};

use crate::text::Span;
use crate::text::literal::LiteralError;

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
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// A name in `normalize` that is no input.
    NotAnInput {
        /// The name.
        name: String,
        /// Where.
        span: Span,
    },
    /// A gate reads an input above its `normalize`.
    NormalizedLate {
        /// The input.
        name: String,
        /// Where, in `normalize`.
        span: Span,
        /// The gate.
        reader: Span,
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
    /// A second value for one wire.
    GivenTwice {
        /// The wire.
        name: String,
        /// The second name.
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
        /// Whether the text names data whose rows could give it one.
        rows: bool,
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

impl From<LiteralError> for LowerError {
    fn from(error: LiteralError) -> Self {
        LowerError::Literal(error)
    }
}
