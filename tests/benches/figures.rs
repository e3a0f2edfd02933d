//! The figures that the engine is held to: instructions, memory and flash, beside what they must be.
//!
//! `cargo bench -p chainrule-tests` prints the table. On the emulated board the processor counts, as for the
//! verb `bench`; on the host the bench `host` does, in callgrind. With `-- --profile` it prints too in which
//! functions the instructions are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use chainrule_cli::bench::{Measured, STEPS, by_function, measure, profile_lines};
use chainrule_cli::board::elf::Contents;
use chainrule_cli::board::{Image, table::find};
use chainrule_cli::engine::At;
use chainrule_tests::run::begun;
use serde_json::Value;

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

/// What the bench `host` told, by the name of a work and whose it is.
struct Counts(BTreeMap<(String, String), Counted>);

struct Counted {
    /// Instructions of one step.
    step: f64,
    /// Where callgrind wrote how they come about.
    folder: PathBuf,
}

impl Counts {
    /// Runs the bench `host`.
    fn taken() -> Result<Self, String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let package = ["bench", "-p", "chainrule-tests", "--features", "callgrind", "--bench", "host"];
        let output = Command::new(cargo)
            .args(package)
            .args(["--", "--output-format=json"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cargo: {error}"))?;
        if !output.status.success() {
            return Err(
                "the bench `host` failed, as said above; where valgrind is missing, tests/setup installs it".to_owned()
            );
        }
        let told = String::from_utf8_lossy(&output.stdout);
        let works = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let counts = works.filter_map(|work| {
            let of = |name: &str| Some(work[name].as_str()?.to_owned());
            let total = work.pointer("/profiles/0/data/total/metrics/Ir/values/new")?.as_f64()?;
            let counted = Counted { step: total / STEPS as f64, folder: of("output_dir")?.into() };
            Some(((of("id")?, of("function_name")?), counted))
        });
        Ok(Counts(counts.collect()))
    }

    /// Ours, and by hand.
    fn of(&self, work: &str) -> Result<(f64, f64), String> {
        Ok((self.counted(work, "engine")?.step, self.counted(work, "hand")?.step))
    }

    fn counted(&self, work: &str, whose: &str) -> Result<&Counted, String> {
        let counted = self.0.get(&(work.to_owned(), whose.to_owned()));
        counted.ok_or_else(|| format!("the bench `host` counted nothing for {work}"))
    }

    /// Ours by function, what is in line in each included.
    fn by_function(&self, work: &str) -> Result<Vec<(String, f64)>, String> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("");
        let file = workspace.join(&self.counted(work, "engine")?.folder).join(format!("callgrind.engine.{work}.out"));
        let output = Command::new("callgrind_annotate")
            .args(["--threshold=100", "--show=Ir", "--auto=no"])
            .arg(&file)
            .output()
            .map_err(|error| format!("callgrind_annotate: {error}"))?;
        let mut functions = BTreeMap::<String, f64>::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            // `12,345 ( 6.7%)  file:function [object]`
            let Some((count, place)) = line.split_once('(').zip(line.split_once(")  ")).map(|(a, b)| (a.0, b.1)) else {
                continue;
            };
            let name = place.split(" [").next().unwrap_or(place);
            let name = [".rs:", ".c:", "???:"].iter().find_map(|end| Some(name.split_once(end)?.1));
            if let (Ok(count), Some(name)) = (count.trim().replace(',', "").parse::<f64>(), name) {
                *functions.entry(name.to_owned()).or_default() += count / STEPS as f64;
            }
        }
        if !output.status.success() || functions.is_empty() {
            return Err(format!("callgrind_annotate told no function of {}", file.display()));
        }
        let mut functions: Vec<_> = functions.into_iter().collect();
        functions.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        Ok(functions)
    }
}

/// What a circuit costs on the board.
fn on_board(name: &str) -> Result<Measured, String> {
    let lowered = begun::<f32>(name)?;
    measure(&lowered, At::from(BOARD), &mut |_| ()).map_err(|error| format!("{name} on {BOARD}: {error:?}"))
}

fn figures(host: &Counts) -> Result<Vec<Figure>, String> {
    let [digits, dense, xor] = ["digits", "digits-dense", "xor"].map(on_board);
    let (digits, dense, xor) = (digits?, dense?, xor?);
    let counted = |measured: &Measured| measured.step.instructions.ok_or_else(|| format!("{BOARD} counted nothing"));
    let stack = digits.stack.ok_or_else(|| format!("{BOARD} told no stack"))?;
    let flash = digits.flash.ok_or_else(|| format!("the image of {BOARD} is not there"))?;
    let forgets = Image { keeps: false, ..Image::of(find(BOARD).map_err(|error| error.to_string())?) };
    let forgets = forgets.build(&mut |_| ()).map_err(|error| error.to_string())?;
    let small = Contents::read(&forgets).map_err(|error| error.to_string())?.flash();
    let (on_host, by_hand) = host.of("digits")?;
    let (moons, moons_by_hand) = host.of("moons")?;
    let (gates, gates_by_hand) = host.of("scalar1000")?;
    let line = |what, must, aim, ours, by_hand| Figure { what, must, aim, ours, by_hand };
    Ok(vec![
        line("digits, step", 17_000.0, 12_500.0, counted(&digits)?, None),
        line("digits, dense input, step", 19_000.0, 16_000.0, counted(&dense)?, None),
        line("digits, bytes of RAM and stack", 11_500.0, 10_800.0, (digits.ram.ram() as u32 + stack).into(), None),
        line("flash: every gate, session and log", 65_536.0, 40_960.0, small as f64, None),
        line("flash: with keep too, as it is flashed", 65_536.0, 40_960.0, flash as f64, None),
        line("xor, epoch of 4", 4_500.0, 2_500.0, counted(&xor)?, None),
        line("digits, dense input, step, x86-64", 9_000.0, 8_200.0, on_host, Some(by_hand)),
        line("moons f64, step, x86-64", 8_000.0, 6_500.0, moons, Some(moons_by_hand)),
        line("1,000 scalar gates f64, x86-64, per gate", 44.0, 32.0, gates / 1000.0, Some(gates_by_hand / 1000.0)),
    ])
}

fn table(profiled: bool) -> Result<(), String> {
    let host = Counts::taken()?;
    let figures = figures(&host)?;
    println!("Instructions and bytes; on {BOARD} where nothing else is said. By hand: our ratio in brackets.\n");
    println!("  {:42}  {:>7}  {:>7}  {:>7}  {:>13}", "", "must", "aim", "ours", "by hand");
    figures.iter().for_each(|figure| println!("{}", figure.line()));
    let (ours, floor) = host.of("seed")?;
    println!("\n  (x + y)·z and its gradients, f64, x86-64: {ours:.0}, by hand {floor:.0}");
    println!("  On {BOARD} in the order of the training (seed 1), on x86-64 the first {STEPS} rows of the file.");
    println!("  Heap allocations in the core: none; `cargo test -p chainrule-tests --test heap` counts them.");
    if profiled { profiles(&host) } else { Ok(()) }
}

/// In which functions the instructions of a step are, for each figure of the table that is instructions.
fn profiles(host: &Counts) -> Result<(), String> {
    let print = |what: &str, counted: Option<f64>, functions: Vec<(String, f64)>| {
        let whole = counted.unwrap_or_else(|| functions.iter().map(|(_, instructions)| instructions).sum());
        println!("\n  {:>7}          {what}", number(whole));
        for (instructions, share, name) in profile_lines(&functions, counted, 0.02) {
            println!("  {:>7}  {share:>4.1} %  {name}", number(instructions));
        }
    };
    for name in ["digits", "digits-dense", "xor"] {
        let counted = on_board(name)?.step.instructions;
        let functions = by_function(&begun::<f32>(name)?, At::from(BOARD), &mut |_| ());
        print(&format!("{name}, step on {BOARD}"), counted, functions.map_err(|error| format!("{name}: {error:?}"))?);
    }
    for (work, what) in [("digits", "digits, dense input"), ("moons", "moons"), ("scalar1000", "1,000 scalar gates")] {
        print(&format!("{what}, step on x86-64"), None, host.by_function(work)?);
    }
    Ok(())
}

fn main() -> ExitCode {
    match table(std::env::args().any(|argument| argument == "--profile")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
