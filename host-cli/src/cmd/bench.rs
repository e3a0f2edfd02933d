//! `bench`: what a forward and a training step cost, in instructions, time and memory.

use std::io::Write;

use serde::Serialize;

use super::figures::count;
use super::json::{self, Number, Regions};
use super::progress::Progress;
use super::{Failure, Outcome};
use crate::args::Bench;
use crate::bench::{BenchError, Cost, Measured, STEPS, Time, by_function, measure, profile_lines};
use crate::board::port::is_device;
use crate::board::table;
use crate::lower::{Lowered, lower};
use crate::text::literal::Readable;
use crate::text::source;
use crate::train::Event;

/// The seed of the run that is measured.
const SEED: u64 = 1;

/// What `bench --json` prints.
#[derive(Serialize)]
struct Told {
    on: String,
    scalar: &'static str,
    /// Samples in a step.
    samples: u64,
    forward: ToldCost,
    step: ToldCost,
    /// Multiply-adds of a step.
    mac: u64,
    /// The share of rows of weights whose input is not 0.
    active_rows: Option<Number<f64>>,
    ram: Ram,
    stack: Option<u32>,
    stack_with_link: Option<u32>,
    flash: Option<u64>,
    /// The instructions of a step by function, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Vec<Spent>>,
}

#[derive(Serialize)]
struct Spent {
    function: String,
    instructions: Number<f64>,
}

#[derive(Serialize)]
struct ToldCost {
    instructions: Option<u64>,
    mac: u64,
    instructions_per_mac: Option<Number<f64>>,
    nanoseconds: Option<ToldTime>,
}

#[derive(Serialize)]
struct ToldTime {
    median: Number<f64>,
    tenth: Number<f64>,
    ninth_tenth: Number<f64>,
}

#[derive(Serialize)]
struct Ram {
    #[serde(flatten)]
    regions: Regions,
    total: usize,
}

/// Runs the verb.
///
/// # Errors
/// [`Failure`].
pub fn run<T: Readable>(asked: &Bench, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let written = source::read(&asked.file)?;
    let lowered: Lowered<T> = lower(&written, &[], Some(SEED))?;
    let advice = "write it into the text, as in `input x = 1`: bench takes no values on the command line";
    let open: Vec<_> = lowered.without_value().iter().map(|error| error.diagnostic().help(advice)).collect();
    if lowered.training.data.is_none() && !open.is_empty() {
        return Err(source::SourceError::Text { source: written.source, errors: open }.into());
    }
    let on = asked.at.on.to_string();
    if asked.profile
        && let Err(error) = table::find(&on)
    {
        if on != "host" && on != "loopback" && !is_device(&on) {
            return Err(error.into());
        }
        return Err(Failure::Refused(format!(
            "`{on}` has no profile: --profile follows the instructions of an emulated board; `chainrule boards` lists them"
        )));
    }
    let mut progress = Progress::new();
    let mut watch = |event: Event<'_>, what| match event {
        Event::Opening(stage) => progress.stage(stage),
        Event::Sending(share) => progress.tell(what, Some(share)),
        _ => {}
    };
    let measured = measure(&lowered, asked.at.at(), &mut |event| watch(event, "sending the samples"))?;
    let follow = "following every instruction";
    let profile =
        asked.profile.then(|| by_function(&lowered, asked.at.at(), &mut |event| watch(event, follow))).transpose()?;
    drop(progress);
    if asked.at.json {
        json::line(out, &told::<T>(asked, &measured, profile))?;
    } else {
        print::<T>(asked, lowered.training.data.is_some(), &measured, out)?;
        if let Some(profile) = profile {
            print_profile(&profile, measured.step.instructions, out)?;
        }
    }
    Ok(Outcome::Done)
}

fn told<T: Readable>(asked: &Bench, measured: &Measured, profile: Option<Vec<(String, f64)>>) -> Told {
    let cost = |cost: &Cost| ToldCost {
        instructions: cost.instructions.map(|n| n.round() as u64),
        mac: cost.mac,
        instructions_per_mac: each(cost).map(Number),
        nanoseconds: cost.time.map(|time| ToldTime {
            median: Number(time.median),
            tenth: Number(time.least),
            ninth_tenth: Number(time.most),
        }),
    };
    let ram = measured.ram;
    Told {
        on: asked.at.on.to_string(),
        scalar: T::NAME,
        samples: measured.samples,
        forward: cost(&measured.forward),
        step: cost(&measured.step),
        mac: measured.step.mac,
        active_rows: measured.active.map(Number),
        ram: Ram { regions: Regions::from(ram), total: ram.ram() },
        stack: measured.stack,
        stack_with_link: measured.stack_with_link,
        flash: measured.flash,
        profile: profile.map(|profile| {
            let spent = |(function, instructions)| Spent { function, instructions: Number(instructions) };
            profile.into_iter().map(spent).collect()
        }),
    }
}

/// Instructions per multiply-add.
fn each(cost: &Cost) -> Option<f64> {
    (cost.mac > 0).then_some(cost.instructions? / cost.mac as f64)
}

fn print<T: Readable>(asked: &Bench, trains: bool, measured: &Measured, out: &mut dyn Write) -> Result<(), Failure> {
    let what = match (trains, measured.samples) {
        (false, _) => "a step is forward and backward".to_owned(),
        (true, 1) => format!("the mean of the first {STEPS} steps of seed {SEED}, one sample each"),
        (true, n) => format!("the mean of the first {STEPS} steps of seed {SEED}, {n} samples each"),
    };
    writeln!(out, "{} on {}; {what}\n", T::NAME, asked.at.on)?;
    let none = || "-".to_owned();
    type Figure = fn(&Cost) -> Option<String>;
    let rows: [(&str, Figure); 4] = [
        ("instructions", |cost| cost.instructions.map(|n| count(n.round() as usize))),
        ("multiply-adds", |cost| Some(count(cost.mac as usize))),
        ("per multiply-add", |cost| each(cost).map(|n| format!("{n:.2}"))),
        ("microseconds", |cost| cost.time.as_ref().map(time)),
    ];
    writeln!(out, "  {:16}  {:>22}  {:>22}", "", "forward", "step")?;
    for (name, figure) in rows {
        let of = |cost| figure(cost).unwrap_or_else(none);
        writeln!(out, "  {name:16}  {:>22}  {:>22}", of(&measured.forward), of(&measured.step))?;
    }
    if let Some(share) = measured.active {
        writeln!(out, "\n  active rows: {:.1} % (the others meet a 0 and are left out)", share * 100.0)?;
    }
    let ram = measured.ram;
    writeln!(
        out,
        "\n  bytes of RAM: {} = gates {}, params {}, values {}, gradients {}, optimiser {}",
        count(ram.ram()),
        count(ram.gates),
        count(ram.params),
        count(ram.values),
        count(ram.gradients),
        count(ram.optimiser)
    )?;
    if let (Some(work), Some(all)) = (measured.stack, measured.stack_with_link) {
        writeln!(out, "  bytes of stack: {}; {} with the link above it", count(work as usize), count(all as usize))?;
    }
    if let Some(flash) = measured.flash {
        writeln!(out, "  bytes of flash of the image: {}", count(flash as usize))?;
    }
    Ok(())
}

fn print_profile(functions: &[(String, f64)], counted: Option<f64>, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "\n  instructions of a step by function of the image:")?;
    for (instructions, share, name) in profile_lines(functions, counted, 0.01) {
        writeln!(out, "  {:>9}  {share:>5.1} %  {name}", count(instructions.round() as usize))?;
    }
    Ok(())
}

/// `2.3 (2.2 to 2.9)`
fn time(time: &Time) -> String {
    let [median, least, most] = [time.median, time.least, time.most].map(|ns| ns / 1000.0);
    format!("{median:.2} ({least:.2} to {most:.2})")
}

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Train(error) => error.into(),
            BenchError::Open(error) => error.into(),
            BenchError::Engine(error) => error.into(),
            BenchError::OtherBits { host, board } => Failure::Refused(format!(
                "the board came to other params than the host: {board:016x}, not {host:016x}; nothing that was counted holds"
            )),
        }
    }
}
