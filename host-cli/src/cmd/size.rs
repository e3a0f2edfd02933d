//! `size`: the bytes that a circuit takes, region by region, and the boards that it fits on.

use std::io::Write;

use chainrule::{Bytes, CircuitRef, Layout, PlanError, Purpose, Slot, plan};
use serde::Serialize;

use super::figures::count;
use super::json::{self, Named, Regions};
use super::{Failure, Outcome};
use crate::args::Size;
use crate::board::budget::{NUMBER, table_bytes};
use crate::board::{BOARDS, Board, Budget};
use crate::engine::EngineError;
use crate::lower::lower;
use crate::text::source;

/// What `size --json` prints.
#[derive(Serialize)]
struct Told {
    ram: Ram,
    flash: usize,
    boards: Named<'static, Fit>,
}

/// Bytes of RAM; the regions are those of training, or of inference where nothing can train.
#[derive(Serialize)]
struct Ram {
    #[serde(flatten)]
    regions: Regions,
    training: Option<usize>,
    inference: usize,
}

/// Whether a circuit fits on a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Fit {
    training: bool,
    inference: bool,
    /// Bytes that the board lacks for training, or for inference where nothing can train.
    missing: usize,
}

/// A circuit's memory by its two plans.
struct Plans {
    /// Nothing if the circuit has no objective.
    training: Option<(Layout, Bytes)>,
    inference: (Layout, Bytes),
}

/// Runs the verb.
///
/// # Errors
/// [`Failure`].
pub fn run(asked: &Size, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let written = source::read(&asked.circuit)?;
    let mut lowered = lower::<f32>(&written, &[], None)?;
    if let Some(names) = &asked.freeze {
        lowered.freeze_told(names)?;
    }
    let view = lowered.view();
    let way = lowered.training.optimiser.purpose(lowered.training.batch);
    let plans = plans(&view, way)?;
    let regions = plans.training.map_or(plans.inference.1, |training| training.1);
    let fits: Vec<(&Board, &Budget, Fit)> =
        BOARDS.iter().filter_map(|board| Some((board, board.budget()?, fit(&view, &plans, board.budget()?)))).collect();
    let told = Told {
        ram: Ram {
            regions: Regions::from(regions),
            training: plans.training.map(|(_, bytes)| bytes.ram()),
            inference: plans.inference.1.ram(),
        },
        flash: regions.gates + regions.params,
        boards: Named(fits.iter().map(|(board, _, fit)| (board.name, *fit)).collect()),
    };
    if asked.json {
        json::line(out, &told)?;
        return Ok(Outcome::Done);
    }
    print(&plans, told.flash, out)?;
    writeln!(out, "\n  bytes of RAM on the boards:")?;
    let head = ["board", "all", "firmware", "stack", "data", "circuit", ""].map(str::to_owned);
    let rows = fits.iter().map(|&(board, budget, fit)| words(board, budget, fit, plans.training.is_some()));
    let rows: Vec<[String; 7]> = std::iter::once(head).chain(rows).collect();
    let name = fits.iter().map(|(board, ..)| board.name.len()).max().unwrap_or(0);
    for [board, all, firmware, stack, data, circuit, verdict] in &rows {
        let line = format!("  {board:name$}  {all:>10}  {firmware:>8}  {stack:>6}  {data:>9}  {circuit:>9}  {verdict}");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(Outcome::Done)
}

fn plans(view: &CircuitRef<'_, f32>, way: Purpose) -> Result<Plans, Failure> {
    let mut slots = vec![Slot::EMPTY; view.len()];
    let mut planned = |purpose| {
        let layout = plan(view, purpose, false, &mut slots)?;
        Ok((layout, layout.bytes(view, NUMBER)))
    };
    let training = match planned(way) {
        Ok(training) => Some(training),
        Err(PlanError::NoObjective) => None,
        Err(error) => return Err(EngineError::from(error).into()),
    };
    let inference = planned(Purpose::Infer).map_err(EngineError::from)?;
    Ok(Plans { training, inference })
}

/// Whether the room that a board's image sets aside is enough; what is missing is counted part by
/// part, since none can be lent to another.
fn fit(view: &CircuitRef<'_, f32>, plans: &Plans, budget: &Budget) -> Fit {
    let over = |needed: usize, had: u32| needed.saturating_sub(had as usize);
    let tables = table_bytes(
        over(view.gates().len(), budget.gates),
        over(view.shapes().len(), budget.shapes),
        over(view.numbers().len(), budget.numbers),
        over(view.attrs().len(), budget.attrs),
    );
    let missing = |layout: &Layout| tables + over(layout.arena_len(), budget.arena) * NUMBER;
    let inference = missing(&plans.inference.0);
    let training = plans.training.map(|(layout, _)| missing(&layout));
    Fit { training: training == Some(0), inference: inference == 0, missing: training.unwrap_or(inference) }
}

/// A board's row: how its RAM is divided, and whether the circuit's part is enough.
fn words(board: &Board, budget: &Budget, fit: Fit, trains: bool) -> [String; 7] {
    let verdict = match (fit.training, fit.inference) {
        (true, _) => "fits".to_owned(),
        (false, true) if !trains => "fits".to_owned(),
        (false, true) => format!("inference only: training misses {} bytes", count(fit.missing)),
        (false, false) => format!("does not fit: misses {} bytes", count(fit.missing)),
    };
    // Without flash, the program lies in RAM too.
    let firmware = budget.ram + if board.flash == 0 { budget.flash } else { 0 };
    let bytes = [board.ram, firmware, budget.stack].map(|bytes| count(bytes as usize));
    let [all, firmware, stack] = bytes;
    [board.name.to_owned(), all, firmware, stack, count(budget.rows_bytes()), count(budget.room()), verdict]
}

fn print(plans: &Plans, flash: usize, out: &mut dyn Write) -> Result<(), Failure> {
    let inference = &plans.inference.1;
    let training = plans.training.as_ref().map(|(_, bytes)| bytes);
    let row = |name: &str, of: fn(&Bytes) -> usize| {
        let figure = |bytes: Option<&Bytes>| bytes.map_or("-".to_owned(), |bytes| count(of(bytes)));
        [name.to_owned(), figure(training), figure(Some(inference))]
    };
    let rows = [
        ["bytes of RAM", "training", "inference"].map(str::to_owned),
        row("gates", |bytes| bytes.gates),
        row("params", |bytes| bytes.params),
        row("values", |bytes| bytes.values),
        row("gradients", |bytes| bytes.gradients),
        row("optimiser", |bytes| bytes.optimiser),
        row("together", Bytes::ram),
    ];
    for [name, training, inference] in &rows {
        writeln!(out, "  {name:12}  {training:>10}  {inference:>10}")?;
    }
    if training.is_none() {
        writeln!(out, "\n  no objective, so nothing trains: `maximize` or `minimize` names one")?;
    }
    writeln!(out, "\n  built into a firmware: {} bytes of flash for gates and first weights", count(flash))?;
    Ok(())
}
