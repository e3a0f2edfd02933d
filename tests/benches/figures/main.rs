//! The figures that the engine is held to: instructions, memory and flash, beside what they must be.
//!
//! `cargo bench -p chainrule-tests` prints the table. On the emulated board the processor counts, as for
//! the verb `bench`. On the host callgrind does: the program runs itself in valgrind, once for each work,
//! and counts what happens inside `chainrule_counted` alone. A runner for callgrind would have to be
//! installed beside the lock file, in the very version of its library, and prints no ratios.

mod works;

use std::process::{Command, ExitCode};

use chainrule_cli::bench::{Measured, measure};
use chainrule_cli::board::elf::Contents;
use chainrule_cli::board::{Image, table::find};
use chainrule_cli::engine::At;

const BOARD: &str = "mps2-an386";

/// One figure: the most it may be, what it is to become, what it is, and what code by hand takes.
struct Figure {
    what: &'static str,
    must: f64,
    aim: f64,
    ours: f64,
    by_hand: Option<f64>,
}

impl Figure {
    fn line(&self) -> String {
        let Figure { what, must, aim, ours, by_hand } = *self;
        let verdict = if ours <= aim {
            "aim met".to_owned()
        } else if ours <= must {
            format!("must met, {} above the aim", share(ours, aim))
        } else {
            format!("missed by {} ({})", number(ours - must), share(ours, must))
        };
        let by_hand =
            by_hand.map_or_else(|| "-".to_owned(), |floor| format!("{} ({:.2})", number(floor), ours / floor));
        format!("  {what:42}  {:>7}  {:>7}  {:>7}  {by_hand:>13}  {verdict}", number(must), number(aim), number(ours))
    }
}

/// `12.3 %`
fn share(ours: f64, than: f64) -> String {
    format!("{:.1} %", (ours / than - 1.0) * 100.0)
}

/// `12,345`, or with one digit after the point where that is much of it.
fn number(figure: f64) -> String {
    if figure < 100.0 {
        return format!("{figure:.1}");
    }
    let whole = figure.round() as u64;
    if whole < 1000 { whole.to_string() } else { format!("{},{:03}", whole / 1000, whole % 1000) }
}

/// Instructions of one step of a work on the host.
fn count(name: &str) -> Result<f64, String> {
    let file = std::env::temp_dir().join(format!("chainrule-callgrind-{}", std::process::id()));
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=chainrule_counted"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(std::env::current_exe().map_err(|error| error.to_string())?)
        .args(["--work", name])
        .output()
        .map_err(|error| format!("valgrind: {error}; tests/setup installs it"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let told = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
    let _ = std::fs::remove_file(&file);
    let total = told.lines().find_map(|line| line.strip_prefix("totals: ")).and_then(|n| n.trim().parse::<f64>().ok());
    total.map(|total| total / works::STEPS as f64).ok_or_else(|| format!("{name}: callgrind told no total"))
}

/// What a circuit costs on the board.
fn on_board(name: &str) -> Result<Measured, String> {
    let lowered = works::circuit::<f32>(name);
    measure(&lowered, At::from(BOARD), &mut |_| ()).map_err(|error| format!("{name} on {BOARD}: {error:?}"))
}

fn figures() -> Result<Vec<Figure>, String> {
    let [digits, dense, xor] = ["corpus/digits", "bench/digits-dense", "corpus/xor"].map(on_board);
    let (digits, dense, xor) = (digits?, dense?, xor?);
    let counted = |measured: &Measured| measured.step.instructions.ok_or_else(|| format!("{BOARD} counted nothing"));
    let stack = digits.stack.ok_or_else(|| format!("{BOARD} told no stack"))?;
    let flash = digits.flash.ok_or_else(|| format!("the image of {BOARD} is not there"))?;
    let forgets = Image { keeps: false, ..Image::of(find(BOARD).map_err(|error| error.to_string())?) };
    let forgets = forgets.build(&mut |_| ()).map_err(|error| error.to_string())?;
    let small = Contents::read(&forgets).map_err(|error| error.to_string())?.flash();
    let line = |what, must, aim, ours, by_hand| Figure { what, must, aim, ours, by_hand };
    Ok(vec![
        line("digits, step", 17_000.0, 12_500.0, counted(&digits)?, None),
        line("digits, dense input, step", 19_000.0, 16_000.0, counted(&dense)?, None),
        line("digits, bytes of RAM and stack", 11_500.0, 10_800.0, (digits.ram.ram() as u32 + stack).into(), None),
        line("flash: every gate, session and log", 65_536.0, 40_960.0, small as f64, None),
        line("flash: with keep too, as it is flashed", 65_536.0, 40_960.0, flash as f64, None),
        line("xor, epoch of 4", 4_500.0, 2_500.0, counted(&xor)?, None),
        line(
            "digits, dense input, step, x86-64",
            9_000.0,
            8_200.0,
            count("digits-dense f32, step")?,
            Some(count("digits by hand")?),
        ),
        line("moons f64, step, x86-64", 8_000.0, 6_500.0, count("moons f64, step")?, Some(count("moons by hand")?)),
        line("1,000 scalar gates f64, x86-64, per gate", 44.0, 32.0, count("scalar1000 f64, gradient")? / 1000.0, None),
    ])
}

fn table() -> Result<(), String> {
    println!("Instructions and bytes; on {BOARD} where nothing else is said. By hand: our ratio in brackets.\n");
    println!("  {:42}  {:>7}  {:>7}  {:>7}  {:>13}", "", "must", "aim", "ours", "by hand");
    figures()?.iter().for_each(|figure| println!("{}", figure.line()));
    let (ours, floor) = (count("seed f64, gradient")?, count("seed by hand")?);
    println!("\n  (x + y)·z and its gradients, f64, x86-64: {ours:.0}, by hand {floor:.0}");
    println!(
        "  On {BOARD} in the order of the training (seed 1), on x86-64 the first {} rows of the file.",
        works::STEPS
    );
    println!("  Heap allocations in the core: none; `cargo test -p chainrule-tests --test heap` counts them.");
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--work") {
        let known = arguments.get(at + 1).is_some_and(|name| works::work(name));
        return if known { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    match table() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
