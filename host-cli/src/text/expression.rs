//! Expressions: precedence climbing over the tokens.
//!
//! From loose to tight: `+ -`, `* /`, unary `-`, `^` (to the right), calls and
//! indices. A chain of operators is a loop; only nesting recurses, and that is
//! bounded by [`DEEPEST`].

use super::ast::{Argument, Call, Expr, ExprId, Operator, Place, Span};
use super::cursor::{Parsed, Parser, is_number_word};
use super::mistake::{DEEPEST, Mistake, MistakeKind, Wanted};
use super::parse::WORDS;
use super::token::Kind;

/// How tightly an operator binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Loosest,
    Sum,
    Product,
    Sign,
    Power,
}

fn operator(kind: Kind) -> Option<(Operator, Binding)> {
    Some(match kind {
        Kind::Plus => (Operator::Add, Binding::Sum),
        Kind::Minus => (Operator::Subtract, Binding::Sum),
        Kind::Star => (Operator::Multiply, Binding::Product),
        Kind::Slash => (Operator::Divide, Binding::Product),
        Kind::Caret => (Operator::Power, Binding::Power),
        _ => return None,
    })
}

impl Parser<'_> {
    /// One expression.
    pub(super) fn expression(&mut self) -> Parsed<ExprId> {
        self.climb(Binding::Loosest)
    }

    /// An operand and the operators after it that bind tighter than `outside`.
    fn climb(&mut self, outside: Binding) -> Parsed<ExprId> {
        let mut left = self.operand()?;
        while let Some((operator, binding)) = operator(self.peek().kind) {
            if binding <= outside {
                break;
            }
            let at = self.bump().span;
            self.skip_newlines();
            let right = if operator == Operator::Power {
                self.deeper(at, |parser| parser.climb(Binding::Sign))?
            } else {
                self.climb(binding)?
            };
            let span = self.document.span(left).to(self.document.span(right));
            let kind = Expr::Binary { operator, at, left, right };
            left = self.document.push(kind, span);
        }
        Ok(left)
    }

    /// A sign and its operand, or a primary with its indices.
    fn operand(&mut self) -> Parsed<ExprId> {
        let first = self.peek();
        if first.kind == Kind::Minus {
            self.bump();
            let of = self.deeper(first.span, |parser| parser.climb(Binding::Sign))?;
            let span = first.span.to(self.document.span(of));
            return Ok(self.document.push(Expr::Negate(of), span));
        }
        let mut primary = self.primary()?;
        // A bracket on the next line starts something else.
        while self.peek().kind == Kind::OpenBracket {
            primary = self.index(primary)?;
        }
        Ok(primary)
    }

    fn primary(&mut self) -> Parsed<ExprId> {
        let token = self.peek();
        match token.kind {
            Kind::Number => {
                self.bump();
                let number = self.slice(token.span).to_owned();
                Ok(self.document.push(Expr::Number(number), token.span))
            }
            Kind::Quoted => {
                self.bump();
                let inside = Span::new(token.span.start + 1, token.span.end - 1);
                let quoted = self.slice(inside).to_owned();
                Ok(self.document.push(Expr::Quoted(quoted), token.span))
            }
            Kind::Word if self.after(1).kind == Kind::Open => {
                let name = self.name()?;
                let (arguments, close) = self.arguments()?;
                let span = name.span.to(close);
                let call = Call { name, arguments };
                Ok(self.document.push(Expr::Call(call), span))
            }
            Kind::Word => {
                let word = self.slice(token.span);
                if WORDS.contains(&word) {
                    return Err(Mistake { kind: MistakeKind::Reserved(word.to_owned()), span: token.span });
                }
                self.bump();
                let kind =
                    if is_number_word(word) { Expr::Number(word.to_owned()) } else { Expr::Name(word.to_owned()) };
                Ok(self.document.push(kind, token.span))
            }
            Kind::Open => self.deeper(token.span, |parser| {
                parser.bracketed(Kind::Open, |parser| {
                    let inside = parser.climb(Binding::Loosest)?;
                    let close = parser.expect(Kind::Close, Wanted::Closing(')'))?;
                    // A caret under this expression covers its brackets.
                    parser.document.widen(inside, token.span.to(close.span));
                    Ok(inside)
                })
            }),
            Kind::OpenBracket => self.deeper(token.span, Self::list),
            _ => Err(self.expected(Wanted::Operand)),
        }
    }

    /// `[1, 2, 3]`; a comma after the last is fine.
    fn list(&mut self) -> Parsed<ExprId> {
        let open = self.peek().span;
        let (items, close) = self.bracketed(Kind::OpenBracket, |parser| {
            let mut items = Vec::new();
            while parser.peek().kind != Kind::CloseBracket {
                items.push(parser.climb(Binding::Loosest)?);
                if !parser.eat(Kind::Comma) {
                    break;
                }
            }
            let close = parser.expect(Kind::CloseBracket, Wanted::CommaOr(']'))?;
            Ok((items, close.span))
        })?;
        Ok(self.document.push(Expr::List(items), open.to(close)))
    }

    /// `(a, b, name = c)`: the arguments and the closing bracket.
    pub(super) fn arguments(&mut self) -> Parsed<(Vec<Argument>, Span)> {
        let open = self.peek().span;
        self.deeper(open, |parser| {
            parser.bracketed(Kind::Open, |parser| {
                let mut arguments: Vec<Argument> = Vec::new();
                while parser.peek().kind != Kind::Close {
                    let argument = parser.argument()?;
                    if argument.name.is_none() && arguments.last().is_some_and(|a| a.name.is_some()) {
                        return Err(Mistake {
                            kind: MistakeKind::PlaceAfterName,
                            span: parser.document.span(argument.value),
                        });
                    }
                    arguments.push(argument);
                    if !parser.eat(Kind::Comma) {
                        break;
                    }
                }
                let close = parser.expect(Kind::Close, Wanted::CommaOr(')'))?;
                Ok((arguments, close.span))
            })
        })
    }

    fn argument(&mut self) -> Parsed<Argument> {
        let named = self.peek().kind == Kind::Word && self.after(1).kind == Kind::Equals;
        let name = if named {
            let name = self.name()?;
            self.bump();
            Some(name)
        } else {
            None
        };
        let value = self.climb(Binding::Loosest)?;
        Ok(Argument { name, value })
    }

    /// `[0]`, `[1..3]`, `[0, ..2]` after a primary.
    fn index(&mut self, of: ExprId) -> Parsed<ExprId> {
        let open = self.peek().span;
        let (places, close) = self.bracketed(Kind::OpenBracket, |parser| {
            let mut places = vec![parser.place()?];
            while parser.eat(Kind::Comma) {
                places.push(parser.place()?);
            }
            let close = parser.expect(Kind::CloseBracket, Wanted::CommaOr(']'))?;
            Ok((places, close.span))
        })?;
        let at = open.to(close);
        let span = self.document.span(of).to(at);
        Ok(self.document.push(Expr::Index { of, places, at }, span))
    }

    fn place(&mut self) -> Parsed<Place> {
        let first = self.peek();
        let start = if first.kind == Kind::Dots { None } else { Some(self.whole()?) };
        let dots = self.peek();
        if dots.kind != Kind::Dots {
            return match start {
                Some(start) => Ok(Place::At(start)),
                None => Err(self.expected(Wanted::Operand)),
            };
        }
        self.bump();
        let mut span = first.span.to(dots.span);
        let end = if matches!(self.peek().kind, Kind::Comma | Kind::CloseBracket) {
            None
        } else {
            let end = self.whole()?;
            span = span.to(end.span);
            Some(end)
        };
        Ok(Place::Range { start, end, span })
    }

    /// One level down, unless that is one too many.
    fn deeper<T>(&mut self, at: Span, walk: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == DEEPEST {
            return Err(Mistake { kind: MistakeKind::TooDeep, span: at });
        }
        self.depth += 1;
        let read = walk(self);
        self.depth -= 1;
        read
    }
}
