//! The tree of a circuit's text: what was written, and at which bytes.
//!
//! Expressions live in one list of nodes in which operands come before the
//! node that reads them, just as gates do in a circuit. So no walk over an
//! expression recurses, however long a chain of operators is, and dropping one
//! frees a list. An [`ExprId`] is a place in that list.

use std::fmt;

/// A half-open range of bytes in the text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// The bytes `start..end`.
    pub fn new(start: usize, end: usize) -> Self {
        Span { start, end }
    }

    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// A name and where it stands. Names that are read may have dots
/// (`fc1.weight`, `f.1`); names that are defined have none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name as written.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// A whole number (a size, an index) and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The number.
    pub value: usize,
    /// Where.
    pub span: Span,
}

/// The place of an expression's node in its [`Document`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExprId(u32);

impl ExprId {
    /// The position in [`Document::nodes`].
    pub fn position(self) -> usize {
        self.0 as usize
    }
}

/// One node of an expression and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: Expr,
    /// From its first byte to its last, operands included.
    pub span: Span,
}

/// What a node of an expression can be.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A number as written, so that it is read straight into the scalar in
    /// use and rounded once. Never has a sign.
    Number(String),
    /// Text between double quotes; only settings take it.
    Quoted(String),
    /// A wire, or a word in a setting.
    Name(String),
    /// `-a`
    Negate(ExprId),
    /// `a + b` and its like.
    Binary {
        /// Which.
        operator: Operator,
        /// Where its sign stands.
        at: Span,
        /// What stands left of it.
        left: ExprId,
        /// What stands right of it.
        right: ExprId,
    },
    /// `max(a, b)`, `fc1(x)`, `sgd(lr = 0.1)`
    Call(Call),
    /// `x[0]`, `x[1..3]`, `m[0, 1..3]`
    Index {
        /// The tensor.
        of: ExprId,
        /// One place for each dimension.
        places: Vec<Place>,
        /// The brackets.
        at: Span,
    },
    /// `[1, 2, 3]`, nested for matrices
    List(Vec<ExprId>),
}

/// A name applied to arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The gate, layer or setting.
    pub name: Name,
    /// Its arguments, those by place before those by name.
    pub arguments: Vec<Argument>,
}

/// One argument of a call, by place or by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// `lr` in `lr = 0.1`.
    pub name: Option<Name>,
    /// Its value.
    pub value: ExprId,
}

/// One place between the brackets of an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// `0`: one element; the dimension goes away.
    At(Whole),
    /// `1..3`: a half-open range; a missing bound is the dimension's.
    Range {
        /// The first element.
        start: Option<Whole>,
        /// The element after the last.
        end: Option<Whole>,
        /// From the first byte to the last.
        span: Span,
    },
}

impl Place {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Place::At(whole) => whole.span,
            Place::Range { span, .. } => *span,
        }
    }
}

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `^`
    Power,
}

impl Operator {
    /// Its sign in the text.
    pub fn sign(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Power => "^",
        }
    }
}

/// `x[2, 3] = [[1, 2, 3], [4, 5, 6]]` after `input` or `param`.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// The wire's name.
    pub name: Name,
    /// Its dimensions; none for a scalar.
    pub shape: Vec<Whole>,
    /// Its value, or how to draw it (`normal(0, 0.1)`).
    pub value: Option<ExprId>,
}

/// `digit : class(10)` after `label`.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The wire's name, and its column's.
    pub name: Name,
    /// Its dimensions; none for a scalar or a class.
    pub shape: Vec<Whole>,
    /// How many classes there are, when it is one.
    pub classes: Option<Whole>,
    /// Its value, for one row.
    pub value: Option<ExprId>,
}

/// Whether the objective is to be raised or lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// `maximize`
    Maximize,
    /// `minimize`
    Minimize,
}

impl Goal {
    /// Its word in the text.
    pub fn word(self) -> &'static str {
        match self {
            Goal::Maximize => "maximize",
            Goal::Minimize => "minimize",
        }
    }
}

/// `key = value` in a block.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// What is set.
    pub key: Name,
    /// To what.
    pub value: ExprId,
}

/// One statement of a circuit's text.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `input x[4]`
    Input(Declaration),
    /// `param w[2] = [0.1, 0.2]`
    Param(Declaration),
    /// `label digit : class(10)`
    Label(Label),
    /// `layer fc1 = dense(32, init = he)`
    Layer {
        /// The layer's name, as it is called and as model files know it.
        name: Name,
        /// The kind of layer and its sizes.
        kind: Call,
    },
    /// `q = x + y`
    Define {
        /// The wire's name.
        name: Name,
        /// What drives it.
        value: ExprId,
    },
    /// `maximize f`
    Objective {
        /// Up or down.
        goal: Goal,
        /// Where the word stands.
        word: Span,
        /// The wire.
        value: ExprId,
    },
    /// A formula with no name; in a file it is an error.
    Formula(ExprId),
    /// `train { … }`, `adapt { … }`
    Block {
        /// The block's word.
        name: Name,
        /// What it sets, in order.
        settings: Vec<Setting>,
    },
    /// `freeze = [fc1]`: params that do not train
    Freeze(Vec<Name>),
    /// `normalize x`: inputs brought to mean 0 and deviation 1
    Normalize(Vec<Name>),
}

/// A circuit's text, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// All nodes of all expressions; operands come before their reader.
    pub nodes: Vec<Node>,
    /// The statements in order.
    pub statements: Vec<Statement>,
}

impl Document {
    /// The node of an expression of this document.
    pub fn node(&self, id: ExprId) -> &Node {
        &self.nodes[id.position()]
    }

    /// Where an expression of this document stands.
    pub fn span(&self, id: ExprId) -> Span {
        self.node(id).span
    }

    /// Puts a node after those it reads.
    pub fn push(&mut self, kind: Expr, span: Span) -> ExprId {
        let id = ExprId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { kind, span });
        id
    }

    /// Makes an expression's place include its brackets.
    pub(super) fn widen(&mut self, id: ExprId, span: Span) {
        self.nodes[id.position()].span = span;
    }

    /// The name, when an expression is nothing but one.
    pub fn plain_name(&self, id: ExprId) -> Option<Name> {
        match &self.node(id).kind {
            Expr::Name(name) => Some(Name { text: name.clone(), span: self.span(id) }),
            _ => None,
        }
    }

    /// The nodes that `id` reads directly, left to right.
    pub fn operands(&self, id: ExprId) -> Vec<ExprId> {
        match &self.node(id).kind {
            Expr::Number(_) | Expr::Quoted(_) | Expr::Name(_) => Vec::new(),
            Expr::Negate(of) | Expr::Index { of, .. } => vec![*of],
            Expr::Binary { left, right, .. } => vec![*left, *right],
            Expr::Call(call) => call.arguments.iter().map(|argument| argument.value).collect(),
            Expr::List(items) => items.clone(),
        }
    }
}
