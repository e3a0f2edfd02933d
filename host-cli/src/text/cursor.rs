//! The parser's place in the tokens: looking, taking, brackets, and the mistake
//! that something else was needed.

use super::ast::{Document, Name, Span, Whole};
use super::mistake::{Mistake, MistakeKind, Wanted};
use super::parse::{Form, WORDS};
use super::token::{Kind, Token, tokens};

/// The tokens, how far they are read, and what came of them.
pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) document: Document,
    /// How deep the expression under way is nested.
    pub(super) depth: usize,
    /// How many `(` and `[` are open; within them line ends do not count.
    pub(super) brackets: usize,
    pub(super) form: Form,
    tokens: Vec<Token>,
    next: usize,
    pub(super) mistakes: Vec<Mistake>,
}

pub(super) type Parsed<T> = Result<T, Mistake>;

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, form: Form) -> Self {
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

    /// A name that is read.
    pub(super) fn name(&mut self) -> Parsed<Name> {
        let token = self.peek();
        if token.kind != Kind::Word {
            return Err(self.expected(Wanted::Name));
        }
        self.bump();
        Ok(Name { text: self.slice(token.span).to_owned(), span: token.span })
    }

    /// A name that is defined: no dots, and no word of the format.
    pub(super) fn new_name(&mut self) -> Parsed<Name> {
        let name = self.name()?;
        let kind = if WORDS.contains(&name.text.as_str()) || is_number_word(&name.text) {
            MistakeKind::Reserved(name.text)
        } else if name.text.contains('.') {
            MistakeKind::Dotted(name.text)
        } else {
            return Ok(name);
        };
        Err(Mistake { kind, span: name.span })
    }

    /// A whole number.
    pub(super) fn whole(&mut self) -> Parsed<Whole> {
        let token = self.peek();
        let digits = self.slice(token.span);
        match digits.parse::<usize>() {
            Ok(value) if token.kind == Kind::Number => {
                self.bump();
                Ok(Whole { value, span: token.span })
            }
            _ => Err(Mistake { kind: MistakeKind::NotWhole(self.found(token)), span: token.span }),
        }
    }

    /// Reads the opening token, then what `inside` reads; line ends within do
    /// not count. `inside` reads the closing token.
    pub(super) fn bracketed<T>(&mut self, open: Kind, inside: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
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
        Mistake { kind: MistakeKind::Unclosed { open: opened.span, close }, span }
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
        if self.peek().kind == kind { Ok(self.bump()) } else { Err(self.expected(wanted)) }
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
                    return Mistake { kind: MistakeKind::DoubleStar, span: before.span.to(token.span) };
                }
                self.unmet(wanted, token)
            }
            Kind::Word | Kind::Number | Kind::Open
                if matches!(wanted, Wanted::LineEnd | Wanted::CommaOr(_) | Wanted::Closing(')')) =>
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
        MistakeKind::Expected { wanted, found: self.found(token) }
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

    /// After a mistake: to the end of the line.
    pub(super) fn skip_statement(&mut self) {
        while !matches!(self.peek().kind, Kind::Newline | Kind::Semicolon | Kind::End) {
            self.bump();
        }
    }

    /// After a mistake in a block: to the end of the line or of the block.
    pub(super) fn skip_setting(&mut self) {
        while !matches!(self.peek().kind, Kind::Newline | Kind::Semicolon | Kind::CloseBrace | Kind::End) {
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
