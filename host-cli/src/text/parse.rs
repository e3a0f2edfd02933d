//! Statements: from tokens to a [`Document`].
//!
//! After a mistake the parser goes on at the next line, so that one run tells
//! several.

use super::ast::{Call, Declaration, Document, ExprId, Goal, Label, Name, Setting, Span, Statement, Whole};
use super::cursor::{Parsed, Parser};
use super::mistake::{Mistake, MistakeKind, Wanted};
use super::nearest::nearest;
use super::token::Kind;

/// The words that start a statement; none of them is a name.
pub const WORDS: [&str; 10] =
    ["input", "label", "param", "layer", "maximize", "minimize", "train", "adapt", "freeze", "normalize"];

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
        parser.mistakes.push(Mistake { kind: MistakeKind::Empty, span: Span::new(0, text.len()) });
    }
    if parser.mistakes.is_empty() { Ok(parser.document) } else { Err(parser.mistakes) }
}

impl Parser<'_> {
    fn statements(&mut self) {
        loop {
            while matches!(self.peek().kind, Kind::Newline | Kind::Semicolon) {
                self.bump();
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
            return Err(Mistake { kind: MistakeKind::FormulaInFile, span: self.document.span(value) });
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
        Ok(Declaration { name: self.new_name()?, shape: self.shape()?, value: self.value()? })
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
        Ok(Statement::Label(Label { name, shape, classes, value }))
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
        let kind = Call { name: kind, arguments };
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
            while matches!(self.peek().kind, Kind::Newline | Kind::Semicolon | Kind::Comma) {
                self.bump();
            }
            match self.peek().kind {
                Kind::CloseBrace => break,
                Kind::End => {
                    return Err(Mistake {
                        kind: MistakeKind::Unclosed { open: open.span, close: '}' },
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
            Kind::Newline | Kind::Semicolon | Kind::Comma | Kind::CloseBrace | Kind::End => Ok(Setting { key, value }),
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

    fn value(&mut self) -> Parsed<Option<ExprId>> {
        if self.eat(Kind::Equals) { self.expression().map(Some) } else { Ok(None) }
    }

    fn names(&mut self) -> Parsed<Vec<Name>> {
        let mut names = vec![self.name()?];
        while self.eat(Kind::Comma) {
            names.push(self.name()?);
        }
        Ok(names)
    }

    fn line_end(&mut self) -> Parsed<()> {
        match self.peek().kind {
            Kind::Newline | Kind::Semicolon | Kind::End => Ok(()),
            _ => Err(self.expected(Wanted::LineEnd)),
        }
    }
}

fn unknown(word: &str, span: Span, words: &[&'static str]) -> Mistake {
    Mistake {
        kind: MistakeKind::UnknownStatement { word: word.to_owned(), nearest: nearest(word, words.iter().copied()) },
        span,
    }
}
