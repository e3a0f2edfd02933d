//! Tokens: numbers, words, signs and line ends, each with the bytes it takes.
//!
//! Every text has tokens; what is no token becomes [`Kind::Stray`] or
//! [`Kind::Unclosed`], and the parser says so where it stands.

use winnow::ascii::{digit0, digit1};
use winnow::combinator::{alt, dispatch, empty, not, opt, peek, repeat};
use winnow::error::ContextError;
use winnow::stream::LocatingSlice;
use winnow::token::{any, one_of, take_while};
use winnow::{Parser, Result};

use super::ast::Span;

/// What a token is; its text is the bytes of its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `1`, `.5`, `1e-3`
    Number,
    /// `x`, `fc1.weight`, `f.1`
    Word,
    /// `"digits.csv"`
    Quoted,
    /// A quote that its line does not close.
    Unclosed,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Star,
    /// `/`
    Slash,
    /// `^`
    Caret,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `{`
    OpenBrace,
    /// `}`
    CloseBrace,
    /// `,`
    Comma,
    /// `=`
    Equals,
    /// `:`
    Colon,
    /// `..`
    Dots,
    /// `;`
    Semicolon,
    /// The end of a line.
    Newline,
    /// A character that no text of ours has.
    Stray,
    /// The end of the text.
    End,
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where.
    pub span: Span,
}

type Input<'a> = LocatingSlice<&'a str>;

/// All tokens of a text; the last one is [`Kind::End`].
pub fn tokens(text: &str) -> Vec<Token> {
    let mut input = LocatingSlice::new(text);
    let mut tokens = Vec::new();
    loop {
        // Neither can fail: blanks may be empty, and `token` ends in `any`.
        let _ = blank(&mut input);
        match token.with_span().parse_next(&mut input) {
            Ok((kind, bytes)) => tokens.push(Token { kind, span: Span::new(bytes.start, bytes.end) }),
            Err(_) => break,
        }
    }
    tokens.push(Token { kind: Kind::End, span: Span::new(text.len(), text.len()) });
    tokens
}

/// White space within a line, a byte order mark, and a comment.
fn blank(input: &mut Input<'_>) -> Result<()> {
    let space = |c: char| (c.is_whitespace() && c != '\n') || c == '\u{feff}';
    (take_while(0.., space), opt(('#', take_while(0.., |c| c != '\n')))).void().parse_next(input)
}

fn token(input: &mut Input<'_>) -> Result<Kind> {
    dispatch! { peek(any);
        '0'..='9' => number.value(Kind::Number),
        '.' => alt((
            "..".value(Kind::Dots),
            fraction.value(Kind::Number),
            any.value(Kind::Stray),
        )),
        '"' => quoted,
        '+' => any.value(Kind::Plus),
        '-' => any.value(Kind::Minus),
        '*' => any.value(Kind::Star),
        '/' => any.value(Kind::Slash),
        '^' => any.value(Kind::Caret),
        '(' => any.value(Kind::Open),
        ')' => any.value(Kind::Close),
        '[' => any.value(Kind::OpenBracket),
        ']' => any.value(Kind::CloseBracket),
        '{' => any.value(Kind::OpenBrace),
        '}' => any.value(Kind::CloseBrace),
        ',' => any.value(Kind::Comma),
        '=' => any.value(Kind::Equals),
        ':' => any.value(Kind::Colon),
        ';' => any.value(Kind::Semicolon),
        '\n' => any.value(Kind::Newline),
        c if c.is_alphabetic() || c == '_' => word.value(Kind::Word),
        _ => any.value(Kind::Stray),
    }
    .parse_next(input)
}

/// `12`, `12.`, `12.5`, `12e3`; the dot of `1..3` is not the number's.
fn number(input: &mut Input<'_>) -> Result<()> {
    (digit1, opt(('.', not::<_, _, ContextError, _>('.'), digit0)), opt(exponent)).void().parse_next(input)
}

/// `.5`, `.5e3`
fn fraction(input: &mut Input<'_>) -> Result<()> {
    ('.', digit1, opt(exponent)).void().parse_next(input)
}

fn exponent(input: &mut Input<'_>) -> Result<()> {
    (one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1).void().parse_next(input)
}

/// A letter or `_`, then letters, digits and `_`, then such parts after dots.
fn word(input: &mut Input<'_>) -> Result<()> {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    (take_while(1.., inside), repeat::<_, _, (), _, _>(0.., ('.', take_while(1.., inside)))).void().parse_next(input)
}

/// `"…"` within one line; there are no escapes.
fn quoted(input: &mut Input<'_>) -> Result<Kind> {
    let inside = |c: char| c != '"' && c != '\n';
    ('"', take_while(0.., inside), alt(('"'.value(Kind::Quoted), empty.value(Kind::Unclosed))))
        .map(|(_, _, kind)| kind)
        .parse_next(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        tokens(text).iter().map(|token| (token.kind, &text[token.span.start..token.span.end])).collect()
    }

    #[test]
    fn a_range_is_not_two_floats() {
        use Kind::*;
        assert_eq!(
            kinds("x[1..3]"),
            [
                (Word, "x"),
                (OpenBracket, "["),
                (Number, "1"),
                (Dots, ".."),
                (Number, "3"),
                (CloseBracket, "]"),
                (End, "")
            ]
        );
    }

    #[test]
    fn numbers_in_every_form() {
        for number in ["0", "1.", ".5", "1.5", "1e5", "1.E-5", ".5e+3"] {
            assert_eq!(kinds(number), [(Kind::Number, number), (Kind::End, "")]);
        }
    }

    #[test]
    fn words_may_have_dots_inside() {
        for word in ["x", "fc1.weight", "f.1", "_a", "θ"] {
            assert_eq!(kinds(word), [(Kind::Word, word), (Kind::End, "")]);
        }
    }

    #[test]
    fn comments_end_with_their_line() {
        use Kind::*;
        assert_eq!(kinds("x # y \"\n\"z"), [(Word, "x"), (Newline, "\n"), (Unclosed, "\"z"), (End, "")]);
    }
}
