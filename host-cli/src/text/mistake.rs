//! What can be wrong with a text, as values with a place; the words for it.

use std::fmt;

use super::ast::Span;
use super::report::Diagnostic;

/// Deepest nesting of parentheses, brackets, signs and powers.
pub const DEEPEST: usize = 256;

/// Something wrong with the grammar of a text, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// What is wrong.
    pub kind: MistakeKind,
    /// Where.
    pub span: Span,
}

/// What the parser wanted to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wanted {
    /// A name, a number, `(` or `[`
    Operand,
    /// A name to define or to list
    Name,
    /// `=`
    Equals,
    /// `,` or the closing sign
    CommaOr(char),
    /// The closing sign
    Closing(char),
    /// `{`
    Brace,
    /// `dense(…)` after `layer name =`
    Layer,
    /// `class(n)` after `label name :`
    Class,
    /// The end of the line
    LineEnd,
}

/// What is wrong with a text's grammar.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MistakeKind {
    /// A character that the format does not have.
    Stray(char),
    /// A quote that its line does not close.
    UnclosedQuote,
    /// Something else was needed here.
    Expected {
        /// What was needed.
        wanted: Wanted,
        /// What stands there.
        found: String,
    },
    /// A bracket that nothing closes.
    Unclosed {
        /// Where it opens.
        open: Span,
        /// What would close it.
        close: char,
    },
    /// Nested deeper than [`DEEPEST`].
    TooDeep,
    /// Two operands with nothing between: `2x`.
    NoOperator,
    /// `**`, as some languages write powers.
    DoubleStar,
    /// A word of the format where a name is defined or read.
    Reserved(String),
    /// A name with a dot is defined.
    Dotted(String),
    /// An argument by place after one by name.
    PlaceAfterName,
    /// A size or index that is not a whole number.
    NotWhole(String),
    /// A line starts with a word that no statement starts with.
    UnknownStatement {
        /// The word.
        word: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
    /// A formula without a name in a file.
    FormulaInFile,
    /// There is nothing in the text.
    Empty,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Operand => f.write_str("a name, a number, `(` or `[`"),
            Wanted::Name => f.write_str("a name"),
            Wanted::Equals => f.write_str("`=`"),
            Wanted::CommaOr(close) => write!(f, "`,` or `{close}`"),
            Wanted::Closing(close) => write!(f, "`{close}`"),
            Wanted::Brace => f.write_str("`{`"),
            Wanted::Layer => f.write_str("a layer such as `dense(32)`"),
            Wanted::Class => f.write_str("`class(…)` with the number of classes"),
            Wanted::LineEnd => f.write_str("the end of the line"),
        }
    }
}

impl Mistake {
    /// The words for it.
    pub fn diagnostic(&self) -> Diagnostic {
        let at = |title: String, label: &str| Diagnostic::new(title, self.span, label);
        match &self.kind {
            MistakeKind::Stray(sign) => {
                let told = at(format!("`{sign}` is not part of the format"), "here");
                match look_alike(*sign) {
                    Some(meant) => told.help(format!("write `{meant}`")),
                    None => told,
                }
            }
            MistakeKind::UnclosedQuote => {
                at("this text in quotes does not end".into(), "opened here").help("close it with `\"` on the same line")
            }
            MistakeKind::Expected { wanted, found } => at(format!("expected {wanted}, found {found}"), "here"),
            MistakeKind::Unclosed { open, close } => {
                at(format!("expected `{close}` before this"), &format!("`{close}` is missing"))
                    .also(*open, "opened here")
            }
            MistakeKind::TooDeep => at(format!("nested deeper than {DEEPEST}"), &format!("level {}", DEEPEST + 1))
                .help("name a part of it on a line of its own: `part = …`"),
            MistakeKind::NoOperator => at("expected an operator between two operands".into(), "the second operand")
                .help("to multiply, write `*`"),
            MistakeKind::DoubleStar => at("a power is written `^`".into(), "here").help("write `x^2`"),
            MistakeKind::Reserved(word) => {
                at(format!("`{word}` is a word of the format, not a name"), "here").help("choose another name")
            }
            MistakeKind::Dotted(name) => at(format!("the name `{name}` cannot be defined"), "has a dot")
                .help("names with dots are given by layers (`fc1.weight`) and to intermediates (`f.1`); use `_`"),
            MistakeKind::PlaceAfterName => at("an argument without a name after one with a name".into(), "here")
                .help("put it first, or give its name: `name = value`"),
            MistakeKind::NotWhole(found) => at(format!("expected a whole number, found {found}"), "here"),
            MistakeKind::UnknownStatement { word, nearest } => {
                let told = at(format!("no statement starts with `{word}`"), "here");
                match nearest {
                    Some(meant) => told.help(format!("did you mean `{meant}`?")),
                    None => told.help(
                        "a line is `name = formula` or starts with input, label, param, layer, \
                         maximize, minimize, train, adapt, freeze or normalize",
                    ),
                }
            }
            MistakeKind::FormulaInFile => at("this formula has no name".into(), "drives no wire")
                .help("write `name = …`, or `maximize …` or `minimize …` for the objective"),
            MistakeKind::Empty => {
                at("there is no formula here".into(), "empty").help("write one, for example `(x + y) * z`")
            }
        }
    }
}

/// The sign of ours that a copied character looks like.
fn look_alike(sign: char) -> Option<&'static str> {
    Some(match sign {
        '−' | '–' | '—' => "-",
        '·' | '×' | '⋅' | '∗' => "*",
        '÷' | '∕' | '⁄' => "/",
        '²' => "^2",
        '³' => "^3",
        '“' | '”' | '\'' | '‘' | '’' => "\"",
        '…' => "..",
        '，' => ",",
        _ => return None,
    })
}
