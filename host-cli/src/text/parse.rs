//! Statements: from tokens to a [`Document`].
//!
//! After a mistake the parser goes on at the next line, so that one run tells
//! several.

use super::ast::{Declaration, Document, Goal, Label, Name, Setting, Span, Statement, Whole};
use super::mistake::{Mistake, MistakeKind, Wanted};
use super::nearest::nearest;
use super::token::{Kind, Token, tokens};

/// The words that start a statement; none of them is a name.
pub const WORDS: [&str; 10] = [
    "input",
    "label",
    "param",
    "layer",
    "maximize",
    "minimize",
    "train",
    "adapt",
    "freeze",
    "normalize",
];

/// Whether a text is a file or a formula from the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Each formula has a name or is the objective.
    File,
    /// A formula may stand alone.
    Formula,
}

/// Reads a text.
///
/// # Errors
///
/// All mistakes that were found, in the order of the text.
pub fn parse(text: &str, form: Form) -> Result<Document, Vec<Mistake>> {
    let mut parser = Parser::new(text, form);
    parser.statements();
    if parser.mistakes.is_empty() && parser.document.statements.is_empty() {
        parser.mistakes.push(Mistake {
            kind: MistakeKind::Empty,
            span: Span::new(0, text.len()),
        });
    }
    if parser.mistakes.is_empty() {
        Ok(parser.document)
    } else {
        Err(parser.mistakes)
    }
}

/// The tokens, how far they are read, and what came of them.
pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) document: Document,
    /// How deep the expression under way is nested.
    pub(super) depth: usize,
    /// How many `(` and `[` are open; within them line ends do not count.
    pub(super) brackets: usize,
    form: Form,
    tokens: Vec<Token>,
    next: usize,
    mistakes: Vec<Mistake>,
}

pub(super) type Parsed<T> = Result<T, Mistake>;

impl<'a> Parser<'a> {
    fn new(text: &'a str, form: Form) -> Self {
        Parser {
            text,
            document: Document::default(),
            depth: 0,
            brackets: 0,
            form,
            tokens: tokens(text),
            next: 0,
            mistakes: Vec::new(),
        }
    }

    fn statements(&mut self) {
        loop {
            while matches!(self.peek().kind, Kind::Newline | Kind::Semicolon) {
                self.next += 1;
            }
            if self.peek().kind == Kind::End {
                return;
            }
            let read = self.statement().and_then(|statement| {
                self.line_end()?;
                Ok(statement)
            });
            match read {
                Ok(statement) => self.document.statements.push(statement),
                Err(mistake) => {
                    self.mistakes.push(mistake);
                    self.skip_statement();
                }
            }
        }
    }

    fn statement(&mut self) -> Parsed<Statement> {
        let first = self.peek();
        let second = self.after(1).kind;
        if first.kind == Kind::Word {
            let word = self.slice(first.span);
            match (word, second) {
                ("freeze", Kind::Equals) => return self.freeze(),
                (_, Kind::Equals) => return self.define(),
                ("input", _) => return self.declaration().map(Statement::Input),
                ("param", _) => return self.declaration().map(Statement::Param),
                ("label", _) => return self.label(),
                ("layer", _) => return self.layer(),
                ("maximize", _) => return self.objective(Goal::Maximize),
                ("minimize", _) => return self.objective(Goal::Minimize),
                ("train" | "adapt", _) => return self.block(),
                ("freeze", _) => {
                    self.bump();
                    return Err(self.expected(Wanted::Equals));
                }
                ("normalize", _) => {
                    self.bump();
                    return self.names().map(Statement::Normalize);
                }
                (_, Kind::OpenBrace) => return Err(unknown(word, first.span, &["train", "adapt"])),
                (_, Kind::Word) if nearest(word, WORDS).is_some() || self.form == Form::File => {
                    return Err(unknown(word, first.span, &WORDS));
                }
                _ => {}
            }
        }
        let value = self.expression()?;
        let statement = Statement::Formula(value);
        if self.form == Form::File {
            self.line_end()?;
            return Err(Mistake {
                kind: MistakeKind::FormulaInFile,
                span: self.document.span(value),
            });
        }
        Ok(statement)
    }

    /// `q = x + y`
    fn define(&mut self) -> Parsed<Statement> {
        let name = self.new_name()?;
        self.expect(Kind::Equals, Wanted::Equals)?;
        let value = self.expression()?;
        Ok(Statement::Define { name, value })
    }

    /// `input x[2, 3] = [[…], […]]`, the word still to be read.
    fn declaration(&mut self) -> Parsed<Declaration> {
        self.bump();
        Ok(Declaration {
            name: self.new_name()?,
            shape: self.shape()?,
            value: self.value()?,
        })
    }

    /// `label digit : class(10)`
    fn label(&mut self) -> Parsed<Statement> {
        self.bump();
        let name = self.new_name()?;
        let shape = self.shape()?;
        let mut classes = None;
        if self.eat(Kind::Colon) {
            let kind = self.peek();
            if kind.kind != Kind::Word || self.slice(kind.span) != "class" {
                return Err(self.expected(Wanted::Class));
            }
            self.bump();
            if self.peek().kind != Kind::Open {
                return Err(self.expected(Wanted::Class));
            }
            classes = Some(self.bracketed(Kind::Open, |parser| {
                let classes = parser.whole()?;
                parser.expect(Kind::Close, Wanted::Closing(')'))?;
                Ok(classes)
            })?);
        }
        let value = self.value()?;
        Ok(Statement::Label(Label {
            name,
            shape,
            classes,
            value,
        }))
    }

    /// `layer fc1 = dense(32, init = he)`
    fn layer(&mut self) -> Parsed<Statement> {
        self.bump();
        let name = self.new_name()?;
        self.expect(Kind::Equals, Wanted::Equals)?;
        if self.peek().kind != Kind::Word || self.after(1).kind != Kind::Open {
            return Err(self.expected(Wanted::Layer));
        }
        let kind = self.name()?;
        let (arguments, _) = self.arguments()?;
        let kind = super::ast::Call {
            name: kind,
            arguments,
        };
        Ok(Statement::Layer { name, kind })
    }

    /// `maximize f`
    fn objective(&mut self, goal: Goal) -> Parsed<Statement> {
        let word = self.bump().span;
        let value = self.expression()?;
        Ok(Statement::Objective { goal, word, value })
    }

    /// `freeze = [fc1, fc2]`
    fn freeze(&mut self) -> Parsed<Statement> {
        self.bump();
        self.expect(Kind::Equals, Wanted::Equals)?;
        if self.peek().kind != Kind::OpenBracket {
            return self.names().map(Statement::Freeze);
        }
        self.bracketed(Kind::OpenBracket, |parser| {
            let names = parser.names()?;
            parser.expect(Kind::CloseBracket, Wanted::CommaOr(']'))?;
            Ok(Statement::Freeze(names))
        })
    }

    /// `train { key = value … }`
    fn block(&mut self) -> Parsed<Statement> {
        let name = self.name()?;
        let open = self.expect(Kind::OpenBrace, Wanted::Brace)?;
        let mut settings = Vec::new();
        loop {
            while matches!(
                self.peek().kind,
                Kind::Newline | Kind::Semicolon | Kind::Comma
            ) {
                self.next += 1;
            }
            match self.peek().kind {
                Kind::CloseBrace => break,
                Kind::End => {
                    return Err(Mistake {
                        kind: MistakeKind::Unclosed {
                            open: open.span,
                            close: '}',
                        },
                        span: self.peek().span,
                    });
                }
                _ => {}
            }
            match self.setting() {
                Ok(setting) => settings.push(setting),
                Err(mistake) => {
                    self.mistakes.push(mistake);
                    self.skip_setting();
                }
            }
        }
        self.bump();
        Ok(Statement::Block { name, settings })
    }

    fn setting(&mut self) -> Parsed<Setting> {
        let key = self.name()?;
        self.expect(Kind::Equals, Wanted::Equals)?;
        let value = self.expression()?;
        match self.peek().kind {
            Kind::Newline | Kind::Semicolon | Kind::Comma | Kind::CloseBrace | Kind::End => {
                Ok(Setting { key, value })
            }
            _ => Err(self.expected(Wanted::LineEnd)),
        }
    }

    fn shape(&mut self) -> Parsed<Vec<Whole>> {
        if self.peek().kind != Kind::OpenBracket {
            return Ok(Vec::new());
        }
        self.bracketed(Kind::OpenBracket, |parser| {
            let mut shape = vec![parser.whole()?];
            while parser.eat(Kind::Comma) {
                shape.push(parser.whole()?);
            }
            parser.expect(Kind::CloseBracket, Wanted::CommaOr(']'))?;
            Ok(shape)
        })
    }

    fn value(&mut self) -> Parsed<Option<super::ast::ExprId>> {
        if self.eat(Kind::Equals) {
            self.expression().map(Some)
        } else {
            Ok(None)
        }
    }

    fn names(&mut self) -> Parsed<Vec<Name>> {
        let mut names = vec![self.name()?];
        while self.eat(Kind::Comma) {
            names.push(self.name()?);
        }
        Ok(names)
    }

    /// A name that is read.
    pub(super) fn name(&mut self) -> Parsed<Name> {
        let token = self.peek();
        if token.kind != Kind::Word {
            return Err(self.expected(Wanted::Name));
        }
        self.bump();
        Ok(Name {
            text: self.slice(token.span).to_owned(),
            span: token.span,
        })
    }

    /// A name that is defined: no dots, and no word of the format.
    fn new_name(&mut self) -> Parsed<Name> {
        let name = self.name()?;
        let kind = if WORDS.contains(&name.text.as_str()) || is_number_word(&name.text) {
            MistakeKind::Reserved(name.text)
        } else if name.text.contains('.') {
            MistakeKind::Dotted(name.text)
        } else {
            return Ok(name);
        };
        Err(Mistake {
            kind,
            span: name.span,
        })
    }

    /// A whole number.
    pub(super) fn whole(&mut self) -> Parsed<Whole> {
        let token = self.peek();
        let digits = self.slice(token.span);
        match digits.parse::<usize>() {
            Ok(value) if token.kind == Kind::Number => {
                self.bump();
                Ok(Whole {
                    value,
                    span: token.span,
                })
            }
            _ => Err(Mistake {
                kind: MistakeKind::NotWhole(self.found(token)),
                span: token.span,
            }),
        }
    }

    /// Reads the opening token, then what `inside` reads; line ends within do
    /// not count. `inside` reads the closing token.
    pub(super) fn bracketed<T>(
        &mut self,
        open: Kind,
        inside: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Parsed<T> {
        debug_assert_eq!(self.peek().kind, open);
        let opened = self.bump();
        self.brackets += 1;
        let read = inside(self);
        self.brackets -= 1;
        read.map_err(|mistake| match mistake.kind {
            MistakeKind::Expected { wanted, .. } if closes(wanted) && self.at_end() => {
                self.unclosed(opened, mistake.span)
            }
            MistakeKind::NoOperator if self.at_statement() => {
                // The next line is something else: this one was not closed.
                self.next -= 1;
                let newline = self.tokens[self.next].span.start;
                self.unclosed(opened, Span::new(newline, newline))
            }
            _ => mistake,
        })
    }

    fn unclosed(&self, opened: Token, span: Span) -> Mistake {
        let close = if opened.kind == Kind::Open { ')' } else { ']' };
        Mistake {
            kind: MistakeKind::Unclosed {
                open: opened.span,
                close,
            },
            span,
        }
    }

    fn at_end(&self) -> bool {
        self.tokens[self.next].kind == Kind::End
    }

    /// Whether a line begins here that looks like a statement.
    fn at_statement(&self) -> bool {
        let token = self.tokens[self.next];
        let starts_line = self.next > 0 && self.tokens[self.next - 1].kind == Kind::Newline;
        starts_line
            && token.kind == Kind::Word
            && (self.after(1).kind == Kind::Equals || WORDS.contains(&self.slice(token.span)))
    }

    /// The next token; within brackets line ends are passed over.
    pub(super) fn peek(&mut self) -> Token {
        while self.brackets > 0 && self.tokens[self.next].kind == Kind::Newline {
            self.next += 1;
        }
        self.tokens[self.next]
    }

    /// The token `ahead` places after the next one.
    pub(super) fn after(&self, ahead: usize) -> Token {
        let last = self.tokens.len() - 1;
        self.tokens[(self.next + ahead).min(last)]
    }

    /// Takes the next token; the end of the text stays.
    pub(super) fn bump(&mut self) -> Token {
        let token = self.peek();
        if token.kind != Kind::End {
            self.next += 1;
        }
        token
    }

    pub(super) fn eat(&mut self, kind: Kind) -> bool {
        let there = self.peek().kind == kind;
        if there {
            self.bump();
        }
        there
    }

    /// Line ends after an operator do not end the formula.
    pub(super) fn skip_newlines(&mut self) {
        while self.tokens[self.next].kind == Kind::Newline {
            self.next += 1;
        }
    }

    pub(super) fn expect(&mut self, kind: Kind, wanted: Wanted) -> Parsed<Token> {
        if self.peek().kind == kind {
            Ok(self.bump())
        } else {
            Err(self.expected(wanted))
        }
    }

    /// The mistake that `wanted` was needed where the next token stands.
    pub(super) fn expected(&mut self, wanted: Wanted) -> Mistake {
        let token = self.peek();
        let kind = match token.kind {
            Kind::Stray => MistakeKind::Stray(self.slice(token.span).chars().next().unwrap_or(' ')),
            Kind::Unclosed => MistakeKind::UnclosedQuote,
            Kind::Star if wanted == Wanted::Operand && self.next > 0 => {
                let before = self.tokens[self.next - 1];
                if before.kind == Kind::Star && before.span.end == token.span.start {
                    return Mistake {
                        kind: MistakeKind::DoubleStar,
                        span: before.span.to(token.span),
                    };
                }
                self.unmet(wanted, token)
            }
            Kind::Word | Kind::Number | Kind::Open
                if matches!(
                    wanted,
                    Wanted::LineEnd | Wanted::CommaOr(_) | Wanted::Closing(')')
                ) =>
            {
                MistakeKind::NoOperator
            }
            _ => self.unmet(wanted, token),
        };
        let span = match token.kind {
            // A caret at the end of the line, not one that spans two lines.
            Kind::Newline => Span::new(token.span.start, token.span.start),
            _ => token.span,
        };
        Mistake { kind, span }
    }

    fn unmet(&self, wanted: Wanted, token: Token) -> MistakeKind {
        MistakeKind::Expected {
            wanted,
            found: self.found(token),
        }
    }

    fn found(&self, token: Token) -> String {
        match token.kind {
            Kind::End => "the end of the text".into(),
            Kind::Newline => "the end of the line".into(),
            _ => format!("`{}`", self.slice(token.span)),
        }
    }

    pub(super) fn slice(&self, span: Span) -> &'a str {
        &self.text[span.start..span.end]
    }

    fn line_end(&mut self) -> Parsed<()> {
        match self.peek().kind {
            Kind::Newline | Kind::Semicolon | Kind::End => Ok(()),
            _ => Err(self.expected(Wanted::LineEnd)),
        }
    }

    /// After a mistake: to the end of the line.
    fn skip_statement(&mut self) {
        while !matches!(
            self.peek().kind,
            Kind::Newline | Kind::Semicolon | Kind::End
        ) {
            self.bump();
        }
    }

    /// After a mistake in a block: to the end of the line or of the block.
    fn skip_setting(&mut self) {
        while !matches!(
            self.peek().kind,
            Kind::Newline | Kind::Semicolon | Kind::CloseBrace | Kind::End
        ) {
            self.bump();
        }
    }
}

/// Words that are numbers.
pub(super) fn is_number_word(word: &str) -> bool {
    matches!(word, "inf" | "nan" | "NaN")
}

fn closes(wanted: Wanted) -> bool {
    matches!(wanted, Wanted::CommaOr(_) | Wanted::Closing(_))
}

fn unknown(word: &str, span: Span, words: &[&'static str]) -> Mistake {
    Mistake {
        kind: MistakeKind::UnknownStatement {
            word: word.to_owned(),
            nearest: nearest(word, words.iter().copied()),
        },
        span,
    }
}
