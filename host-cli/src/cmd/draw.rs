//! `draw`: the circuit as a picture, in a file or in the terminal.

use std::io::{self, IsTerminal, Write};

use chainrule::{Op, Purpose};
use serde::Serialize;

use super::case::Case;
use super::progress::Progress;
use super::{Failure, Outcome, figures, paper};
use crate::args::Draw;
use crate::data::columns::Role;
use crate::draw::picture::{Drawn, Said, picture};
use crate::draw::{DrawError, animate, svg, text};
use crate::engine::Host;
use crate::lower::{Lowered, lower};
use crate::text::Source;
use crate::text::ast::{Document, Span, Statement};
use crate::text::literal::Readable;

/// How wide a drawing is in a pipe.
const PIPE_WIDTH: usize = 120;

/// What `draw --json` prints.
#[derive(Serialize)]
struct Told<'d> {
    file: Option<String>,
    bytes: Option<usize>,
    nodes: usize,
    values: bool,
    steps: usize,
    text: Option<&'d str>,
}

/// Runs the verb.
///
/// # Errors
/// [`Failure`].
pub fn run<T: Readable>(asked: &Draw, out: &mut dyn Write) -> Result<Outcome, Failure> {
    if let Some(sheet) = asked.output.as_ref().filter(|sheet| asked.animate && sheet.is_png()) {
        let why = format!("--animate writes an SVG, and {} is a PNG", sheet.path().display());
        return Err(Failure::Refused(why));
    }
    let (written, given) = asked.circuit.read()?;
    let moving = asked.animate || asked.step.is_some();
    let (drawn, values) = if moving || asked.circuit.row.is_some() || !given.is_empty() {
        (with_values::<T>(asked, &written.source, &written.document, moving)?, true)
    } else {
        let lowered = lower::<T>(&written, &given, None)?;
        if lowered.without_value().is_empty() {
            (with_values::<T>(asked, &written.source, &written.document, moving)?, true)
        } else {
            (drawn(&lowered, &written.source, &written.document), false)
        }
    };
    let mut shown = drawn.picture;
    let (nodes, steps) = (shown.nodes.len(), shown.moves.len());
    if let Some(step) = asked.step {
        shown = shown.after(step);
        shown.moves.clear();
    }
    let refused = |error: DrawError| Failure::Refused(error.to_string());
    let mut told = Told { file: None, bytes: None, nodes, values, steps, text: None };
    let Some(sheet) = &asked.output else {
        let terminal = io::stdout().is_terminal() && !asked.json;
        let text = text::text(&shown, width(terminal), terminal).map_err(refused)?;
        if asked.json {
            told.text = Some(&text);
            super::json::line(out, &told)?;
        } else {
            write!(out, "{text}")?;
        }
        return Ok(Outcome::Done);
    };
    let theme = paper::theme(sheet, asked.theme.into());
    let svg = if asked.animate { animate::animate(&shown, theme) } else { svg::svg(&shown, theme) };
    let bytes = paper::write(sheet, svg.map_err(refused)?)?;
    let file = sheet.path().display().to_string();
    if asked.json {
        (told.file, told.bytes) = (Some(file), Some(bytes));
        super::json::line(out, &told)?;
    } else {
        writeln!(out, "{file}: {}, {} bytes", figures::counted(nodes, "node"), figures::count(bytes))?;
    }
    Ok(Outcome::Done)
}

/// The picture with what is to be read off its wires; `moving` needs an objective.
fn with_values<T: Readable>(
    asked: &Draw,
    source: &Source,
    document: &Document,
    moving: bool,
) -> Result<Drawn, Failure> {
    let case = Case::<T>::read(&asked.circuit)?;
    let view = case.lowered.view();
    let mut host = Host::new(view, Purpose::Inspect)?;
    case.set_all(&mut host, &mut Progress::new())?;
    let mut tape = host.tape().map_err(crate::engine::EngineError::from)?;
    tape.forward();
    let mut drawn = drawn(&case.lowered, source, document);
    drawn.read_values(&tape);
    let objective = if moving { Some(case.objective()?) } else { view.objective() };
    let moves = |wire| view.gate(wire).is_some_and(|gate| !matches!(gate.op(), Op::Const | Op::Label));
    if let Some(wire) = objective.map(|objective| objective.wire()).filter(|&wire| moves(wire)) {
        drawn.walk_backward(&mut tape, wire).map_err(|error| case.named(error.into()))?;
    }
    Ok(drawn)
}

/// The picture without values.
fn drawn<T: Readable>(lowered: &Lowered<T>, source: &Source, document: &Document) -> Drawn {
    let target = |wire| lowered.fields.iter().any(|fed| fed.wire == wire && fed.role != Role::Input);
    picture(lowered.view(), |wire| {
        let aim = lowered.objective().is_some_and(|objective| objective.wire() == wire);
        let formula = written(lowered.name(wire), aim, source, document).filter(|_| !lowered.formula(wire).is_empty());
        // An intermediate's name, `f.1`, is ours: it says nothing that the arrows do not.
        let named = formula.is_some() || lowered.formula(wire).is_empty();
        let name = if named { lowered.name(wire).to_owned() } else { String::new() };
        Said { name, formula, target: target(wire) }
    })
}

/// The formula that a person gave this name, or the one that is the objective (`aim`): its text on
/// one line.
fn written(name: &str, aim: bool, source: &Source, document: &Document) -> Option<String> {
    let of = |span: Span| source.slice(span).split_whitespace().collect::<Vec<_>>().join(" ");
    document.statements.iter().find_map(|statement| match statement {
        Statement::Define { name: defined, value } if defined.text == name => Some(of(document.span(*value))),
        Statement::Formula(value) if aim => Some(of(document.span(*value))),
        _ => None,
    })
}

/// How many letters a line of the terminal takes.
fn width(terminal: bool) -> usize {
    let told = terminal.then(terminal_size::terminal_size).flatten();
    told.map_or(PIPE_WIDTH, |(width, _)| usize::from(width.0))
}
