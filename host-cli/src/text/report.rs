//! Errors shown under the text they are about: line, column, caret, and what
//! would be right.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::ast::Span;

/// How many errors of one text are shown; the rest are counted.
const SHOWN: usize = 12;
/// Letters of a long line that are shown on each side of an error.
const AROUND: usize = 60;

/// One error about a text, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in one line.
    pub title: String,
    /// Where.
    pub at: Span,
    /// What stands under the caret.
    pub label: String,
    /// Other places that matter, each with its words.
    pub also: Vec<(Span, String)>,
    /// What would be right.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at `at`.
    pub fn new(title: impl Into<String>, at: Span, label: impl Into<String>) -> Self {
        Diagnostic { title: title.into(), at, label: label.into(), also: Vec::new(), help: None }
    }

    /// Adds another place that matters.
    pub fn also(mut self, at: Span, label: impl Into<String>) -> Self {
        self.also.push((at, label.into()));
        self
    }

    /// Says what would be right.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A text that can be reported about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A file's path, or what else the text is (`formula`).
    pub name: String,
    /// The text.
    pub text: String,
}

impl Source {
    /// A text and what it is called in reports.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Source { name: name.into(), text: text.into() }
    }

    /// The bytes of a span.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or("")
    }

    /// Line and column of a byte, both from 1; columns count letters.
    pub fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (line, before[start..].chars().count() + 1)
    }

    /// The errors as text for a terminal (`styled`) or a file.
    pub fn report(&self, errors: &[Diagnostic], styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let mut report: Vec<String> = errors.iter().take(SHOWN).map(|error| self.one(error, &renderer)).collect();
        if errors.len() > SHOWN {
            report.push(format!("and {} more", errors.len() - SHOWN));
        }
        report.join("\n\n")
    }

    fn one(&self, error: &Diagnostic, renderer: &Renderer) -> String {
        let window = self.window(error);
        let text = &self.text[window.start..window.end];
        // An empty place (the end of the text) gets a caret of one letter.
        let inside = |span: Span| {
            let start = span.start.clamp(window.start, window.end) - window.start;
            let end = span.end.clamp(window.start, window.end) - window.start;
            start..end.max(start)
        };
        let mut snippet = Snippet::source(text)
            .annotation(AnnotationKind::Primary.span(inside(error.at)).label(error.label.as_str()));
        let whole_lines = self.starts_line(window.start);
        let (line, column) = self.line_and_column(error.at.start);
        let path = if whole_lines {
            self.name.clone()
        } else {
            // The column counts from the window; say the true one.
            format!("{} (column {column})", self.name)
        };
        let first = self.line_and_column(window.start).0;
        snippet = snippet.path(path).line_start(first);
        for (span, label) in &error.also {
            if span.start >= window.start && span.end <= window.end {
                snippet = snippet.annotation(AnnotationKind::Context.span(inside(*span)).label(label.as_str()));
            }
        }
        let mut group = Level::ERROR.primary_title(error.title.as_str()).element(snippet);
        for (span, label) in &error.also {
            if span.start < window.start || span.end > window.end {
                let (at_line, at_column) = self.line_and_column(span.start);
                let place = if at_line == line {
                    format!("column {at_column}")
                } else {
                    format!("line {at_line}, column {at_column}")
                };
                group = group.element(Level::NOTE.message(format!("{label}: {place}")));
            }
        }
        if let Some(help) = &error.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }

    fn starts_line(&self, byte: usize) -> bool {
        byte == 0 || self.text.as_bytes().get(byte - 1) == Some(&b'\n')
    }

    /// The bytes to show: the lines of the error and of the places beside it;
    /// of a very long line only what stands around the error.
    fn window(&self, error: &Diagnostic) -> Span {
        let limit = self.text.len();
        let line_of = |span: Span| {
            let start = self.text[..span.start.min(limit)].rfind('\n').map_or(0, |newline| newline + 1);
            let from = span.end.max(span.start).min(limit);
            let end = self.text[from..].find('\n').map_or(limit, |newline| from + newline);
            Span::new(start, end)
        };
        let lines = error.also.iter().fold(line_of(error.at), |all, (span, _)| all.to(line_of(*span)));
        if lines.end - lines.start <= 16 * AROUND {
            return lines;
        }
        let own = line_of(error.at);
        if own.end - own.start <= 4 * AROUND {
            return own;
        }
        let mut start = error.at.start.saturating_sub(AROUND).max(own.start);
        let mut end = (error.at.start + AROUND).min(own.end);
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        Span::new(start, end)
    }
}
