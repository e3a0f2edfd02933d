//! The lesson set in lines for people.

use std::io::{self, Write};

use anstyle::Style;
use chainrule::{Objective, Op, Wire};

use super::Tried;
use super::lesson::{Lesson, Part};
use crate::args::On;
use crate::cmd::figures::{count, exact, listed, short, strongest};
use crate::text::literal::Readable;

const HEAD: Style = Style::new().bold();
/// Wires of a walk that are told in full; of a longer walk only its two ends.
const WALK: usize = 40;
/// Wires at each end of a longer walk.
const END: usize = 15;
/// Terms of a sum that are written out.
const TERMS: usize = 4;
/// Inputs and params that are told in words.
const WORDS: usize = 12;
/// Letters of a line of words.
const LINE: usize = 96;
/// Cells of a column that are wider do not widen the column.
const COLUMN: usize = 32;

/// Prints the lesson.
pub fn print<T: Readable>(
    lesson: &Lesson<'_, T>,
    on: &On,
    tried: Option<&Tried<T>>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let objective = lesson.objective.wire();
    let (f, value) = (lesson.name(objective), lesson.numbers(objective, &lesson.of(objective).value));
    let aim = if matches!(lesson.objective, Objective::Maximize(_)) { "raise" } else { "lower" };
    writeln!(out, "{HEAD}{f} = {value}, and how to {aim} it{HEAD:#}   ({} on {on})", T::NAME)?;

    writeln!(out, "\n{HEAD}Forward{HEAD:#}, first gate to last: each gate takes the values of its operands")?;
    let named = |wire: &Wire| lesson.of(*wire).op != Op::Const || lesson.name(*wire).parse::<f64>().is_err();
    let wires: Vec<Wire> = lesson.case.lowered.view().wires().filter(named).collect();
    walk(&wires, |wire| forward(lesson, wire), out)?;

    writeln!(
        out,
        "\n{HEAD}Backward{HEAD:#}, last gate to first: local gradient × the gradient that came back to the gate"
    )?;
    let wires: Vec<Wire> = wires.into_iter().rev().filter(|&wire| told_backward(lesson, wire)).collect();
    walk(&wires, |wire| backward(lesson, wire), out)?;

    let wholes = lesson.wholes();
    if !wholes.is_empty() {
        writeln!(out, "\n{HEAD}Formulas{HEAD:#} of these gates, and what they pass back of a gradient g")?;
    }
    for (name, lines) in wholes {
        writeln!(out, "  {name}")?;
        lines.iter().try_for_each(|line| writeln!(out, "    {line}"))?;
    }

    writeln!(out, "\n{HEAD}In words{HEAD:#}")?;
    words(lesson, out)?;

    if let Some(tried) = tried.filter(|tried| !tried.moved.is_empty() && lesson.value().is_finite()) {
        writeln!(out, "\n{HEAD}Try it{HEAD:#}")?;
        paragraph(&step(lesson, tried), "  ", out)?;
        writeln!(out, "  `chainrule climb` makes more steps.")?;
    }
    if is_rounded(lesson) {
        writeln!(out, "\nNumbers are shown to 6 digits; `chainrule eval --json` prints them in full.")?;
    }
    Ok(())
}

/// Whether a scalar of the lesson has more digits than are shown.
fn is_rounded<T: Readable>(lesson: &Lesson<'_, T>) -> bool {
    let scalars = lesson.looked.iter().filter(|gate| gate.value.len() == 1);
    let mut numbers = scalars.flat_map(|gate| gate.value.iter().chain(gate.gradient.iter().flatten()));
    numbers.any(|&x| short(x) != exact(x))
}

/// Rows of cells for these wires; of many only those at both ends.
fn walk(wires: &[Wire], row: impl Fn(Wire) -> Vec<String>, out: &mut dyn Write) -> io::Result<()> {
    if wires.len() <= WALK {
        return table(&wires.iter().map(|&wire| row(wire)).collect::<Vec<_>>(), out);
    }
    let (first, rest) = wires.split_at(END);
    let (between, last) = rest.split_at(rest.len() - END);
    table(&first.iter().map(|&wire| row(wire)).collect::<Vec<_>>(), out)?;
    writeln!(out, "  … {} more, left out here; `chainrule eval` lists every wire", count(between.len()))?;
    table(&last.iter().map(|&wire| row(wire)).collect::<Vec<_>>(), out)
}

/// Rows of cells under each other, an equals sign before each but the first.
fn table(rows: &[Vec<String>], out: &mut dyn Write) -> io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| row.len() > column + 1).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).filter(|&width| width <= COLUMN).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(i, (cell, &width))| if i + 1 == row.len() { cell.clone() } else { format!("{cell:width$}") })
            .collect();
        writeln!(out, "  {}", cells.join(" = "))?;
    }
    Ok(())
}

/// `q = x + y = -2 + 5 = 3`
fn forward<T: Readable>(lesson: &Lesson<'_, T>, wire: Wire) -> Vec<String> {
    let gate = lesson.of(wire);
    let value = lesson.numbers(wire, &gate.value);
    let formula = lesson.case.lowered.formula(wire);
    let name = lesson.name(wire).to_owned();
    if formula.is_empty() {
        return vec![name, value];
    }
    match lesson.numbers_in(wire) {
        Some(numbers) if numbers != formula => vec![name, formula, numbers, value],
        _ => vec![name, formula, value],
    }
}

fn told_backward<T: Readable>(lesson: &Lesson<'_, T>, wire: Wire) -> bool {
    let gate = lesson.of(wire);
    gate.matters && gate.gradient.is_some() && !matches!(gate.op, Op::Const | Op::Label)
}

/// `∂f/∂x = z × ∂f/∂q = -4 × 1 = -4`
fn backward<T: Readable>(lesson: &Lesson<'_, T>, wire: Wire) -> Vec<String> {
    let gradient = lesson.of(wire).gradient.as_deref().unwrap_or_default();
    let (symbol, total) = (lesson.symbol(wire), lesson.numbers(wire, gradient));
    let all = lesson.of(wire).readers.len();
    if all == 0 {
        return vec![symbol, total];
    }
    let parts = lesson.largest_parts(wire, TERMS);
    let more = if all > TERMS { format!(" + … {} more", count(all - TERMS)) } else { String::new() };
    // A scalar that meets a tensor gets the sum over its elements.
    let spread = |reader: Wire| {
        let reader = lesson.of(reader);
        lesson.case.dims(wire).is_empty() && reader.value.len() > 1 && reader.op.is_elementwise()
    };
    let terms: Vec<String> = parts
        .iter()
        .map(|part| {
            let term = format!("{} × {}", lesson.rule(part.through, part.operand), lesson.symbol(part.through));
            if spread(part.through) { format!("Σ({term})") } else { term }
        })
        .collect();
    let symbols = format!("{}{more}", terms.join(" + "));
    let numbers = |part: &Part<T>| match part.factors {
        Some((local, upstream)) => Some(product(local, upstream)),
        None => {
            let numbers = lesson.rule_in_numbers(part.through, part.operand)?;
            Some(if spread(part.through) { format!("Σ({numbers})") } else { numbers })
        }
    };
    let numbers: Option<Vec<String>> = parts.iter().map(numbers).collect();
    match numbers.map(|numbers| format!("{}{more}", numbers.join(" + "))) {
        Some(numbers) if numbers.chars().count() <= LINE => vec![symbol, symbols, numbers, total],
        _ => vec![symbol, symbols, total],
    }
}

/// `3 × (-4)`
fn product<T: Readable>(local: T, upstream: T) -> String {
    let (local, number) = (short(local), short(upstream));
    // Where nothing came back nothing goes on, whatever the local gradient is.
    if upstream == T::ZERO && matches!(local.as_str(), "inf" | "-inf" | "NaN") {
        return "(nothing came back)".to_owned();
    }
    if number.starts_with('-') { format!("{local} × ({number})") } else { format!("{local} × {number}") }
}

fn words<T: Readable>(lesson: &Lesson<'_, T>, out: &mut dyn Write) -> io::Result<()> {
    let movable = lesson.case.movable();
    let all: Vec<Wire> = lesson.case.settable().map(|(wire, _)| wire).filter(|wire| movable.contains(wire)).collect();
    let mut told = all.clone();
    if all.len() > WORDS {
        let size = |wire: &Wire| {
            let gradient = lesson.of(*wire).gradient.as_deref().unwrap_or_default();
            gradient.iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>()
        };
        let sizes: Vec<f64> = all.iter().map(size).collect();
        told = strongest(&sizes, WORDS).into_iter().filter_map(|at| all.get(at).copied()).collect();
    }
    for &wire in &told {
        paragraph(&format!("{}: {}", lesson.name(wire), lesson.words(wire)), "  ", out)?;
    }
    if told.len() < all.len() {
        writeln!(out, "  … {} more with smaller gradients", count(all.len() - told.len()))?;
    }
    if all.is_empty() {
        writeln!(out, "  there is no input and no param to move")?;
    }
    Ok(())
}

fn step<T: Readable>(lesson: &Lesson<'_, T>, tried: &Tried<T>) -> String {
    let objective = lesson.objective.wire();
    let f = lesson.name(objective);
    let before = lesson.value();
    let names: Vec<&str> = tried.moved.iter().take(WORDS).map(|&wire| lesson.name(wire)).collect();
    let moved = match tried.moved.len().checked_sub(WORDS) {
        Some(more @ 1..) => format!("{} and {} more", names.join(", "), count(more)),
        _ => listed(&names),
    };
    let (along, better) = match lesson.objective {
        Objective::Maximize(_) => ("along", tried.value > before),
        Objective::Minimize(_) => ("against", tried.value < before),
    };
    let (from, to, step) = (short(before), short(tried.value), short(tried.step));
    if better {
        format!("A step of {step} {along} the gradient on {moved} takes {f} from {from} to {to}.")
    } else if tried.value == before {
        format!("A step of {step} {along} the gradient on {moved} leaves {f} at {to}.")
    } else {
        format!(
            "A step of {step} {along} the gradient on {moved} goes too far: {f} goes from {from} to {to}. \
             The gradient tells the way, not how far; take a smaller step."
        )
    }
}

/// Words in lines of [`LINE`] letters, the further ones set in.
fn paragraph(text: &str, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut line = indent.to_owned();
    for word in text.split(' ') {
        let begun = line.trim_start().is_empty();
        if !begun && line.chars().count() + 1 + word.chars().count() > LINE {
            writeln!(out, "{line}")?;
            line = format!("{indent}  {word}");
        } else {
            if !begun {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    writeln!(out, "{line}")
}
