//! Every emulated board against the host: the whole corpus, every wire and every
//! param with equal bits, or refused as `refusals.toml` says.
//!
//! One emulator a board takes all circuits, one after the other. A board that
//! cannot be built or started is a failure.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use chainrule::Purpose;
use chainrule_cli::board::{BOARDS, Count, Port, table};
use chainrule_cli::engine::{Client, Engine, EngineError, Host};
use chainrule_cli::lower::Lowered;
use chainrule_tests::corpus::{self, Entry};
use chainrule_tests::run::{Number, Work, lowered, works};
use toml::{Table, Value};

/// Refusals by board, circuit and purpose, as in the file.
type Refusals = BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>;

/// What a board did with a circuit.
#[derive(Default)]
struct Result {
    equal: Vec<&'static str>,
    refused: BTreeMap<String, String>,
    wrong: Vec<String>,
}

/// What became of the corpus on a board.
struct Board {
    name: String,
    seconds: f32,
    numbers: usize,
    /// The greatest stack, as the board painted it, over all circuits.
    stack: u32,
    results: Vec<Result>,
    wrong: Vec<String>,
}

fn word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Inspect => "inspect",
        Purpose::Infer => "infer",
        Purpose::Train => "train",
        Purpose::Accumulate => "accumulate",
        Purpose::Moments(_) => "moments",
    }
}

/// One purpose of one circuit: how many numbers were equal.
fn compare<T: Number>(
    entry: &Entry,
    lowered: &Lowered<T>,
    (purpose, show): Work<T>,
    port: &mut Port,
    stack: &mut u32,
) -> std::result::Result<usize, EngineError> {
    let told = |error: String| EngineError::Line(error);
    let host = show(entry, lowered, &mut Host::new(lowered.view(), purpose)?).map_err(told)?;
    let mut client = Client::new(port, lowered.view(), purpose, &mut |_| ())?;
    let board = show(entry, lowered, &mut client);
    if let Some(vitals) = client.vitals(false)? {
        *stack = (*stack).max(vitals.stack.unwrap_or(u32::MAX));
    }
    let board = board.map_err(told)?;
    match host.differences(&board).as_slice() {
        [] => Ok(host.numbers()),
        all => Err(told(format!("{} differences, the first {}", all.len(), all[0]))),
    }
}

fn corpus_on<T: Number>(board: &'static str, entries: &[Entry]) -> Board {
    let name = if T::BYTES == 8 { format!("{board} {}", T::NAME) } else { board.to_owned() };
    let mut done = Board { name, seconds: 0.0, numbers: 0, stack: 0, results: Vec::new(), wrong: Vec::new() };
    let mut port = match Port::open(board, T::BYTES == 8, None, Count::No, &mut |_| ()) {
        Ok(port) => port,
        Err(error) => {
            done.wrong.push(error.to_string());
            return done;
        }
    };
    let start = Instant::now();
    for entry in entries {
        let mut result = Result::default();
        let lowered = lowered::<T>(entry).unwrap();
        for work in works(entry, &lowered) {
            let purpose = word(work.0);
            match compare(entry, &lowered, work, &mut port, &mut done.stack) {
                Ok(numbers) => {
                    done.numbers += numbers;
                    result.equal.push(purpose);
                }
                Err(EngineError::TooLarge { what, needed, had, .. }) => {
                    result.refused.insert(purpose.into(), format!("needs {needed} {what}, has {had}"));
                }
                Err(error) => result.wrong.push(format!("{} {purpose}: {error}", entry.name)),
            }
        }
        done.results.push(result);
        if done.results.iter().filter(|result| !result.wrong.is_empty()).count() > 5 {
            done.wrong.push("the rest was not tried after so many failures".into());
            break;
        }
    }
    // Budgets are those of f32; in f64 the numbers that functions keep are up to twice as wide.
    let budget = table::find(board).unwrap().budget().unwrap().stack;
    let most = budget * (T::BYTES / 4) as u32;
    // From below, a test that has boards save what they learn holds it: that takes more.
    if done.stack > most {
        done.wrong.push(format!("{} bytes of stack; the budget is {most}", done.stack));
    }
    done.seconds = start.elapsed().as_secs_f32();
    done
}

fn cell(result: &Result) -> String {
    let needs = |words: &String| words.split(',').next().unwrap_or_default().replace("needs", "");
    let refused: Vec<String> =
        result.refused.iter().map(|(purpose, words)| format!("{purpose} needs{}", needs(words))).collect();
    match (result.equal.as_slice(), refused.as_slice()) {
        _ if !result.wrong.is_empty() => "WRONG".into(),
        (_, []) => "equal bits".into(),
        ([], _) => {
            let least = result.refused.values().next().map(needs).unwrap_or_default();
            format!("refused: needs{least}")
        }
        (equal, refused) => format!("equal bits ({}); refused: {}", equal.join(", "), refused.join(", ")),
    }
}

fn print_table(entries: &[Entry], boards: &[Board]) {
    println!("\n| circuit | {} |", boards.iter().map(|board| board.name.as_str()).collect::<Vec<_>>().join(" | "));
    println!("|---|{}", "---|".repeat(boards.len()));
    for (at, entry) in entries.iter().enumerate() {
        let cells: Vec<String> =
            boards.iter().map(|board| board.results.get(at).map_or("not tried".into(), cell)).collect();
        println!("| {} | {} |", entry.name, cells.join(" | "));
    }
    println!();
    for board in boards {
        let Board { name, seconds, numbers, stack, results, .. } = board;
        let whole = results.iter().filter(|result| result.refused.is_empty()).count();
        println!(
            "{name}: {whole} of {} circuits whole, {numbers} numbers with equal bits, {stack} bytes of stack, {seconds:.1} s",
            entries.len()
        );
    }
}

/// The list of refusals as its file says it.
fn expected() -> Refusals {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("refusals.toml");
    let table: Table = fs::read_to_string(&path).expect("tests/refusals.toml").parse().expect("tests/refusals.toml");
    let text = |value: &Value| value.as_str().expect("a refusal in words").to_owned();
    let inner = |value: &Value| value.as_table().expect("a table").clone();
    table
        .iter()
        .map(|(board, circuits)| {
            let circuits = inner(circuits);
            let of = |(circuit, purposes): (&String, &Value)| {
                let purposes = inner(purposes);
                (circuit.clone(), purposes.iter().map(|(purpose, words)| (purpose.clone(), text(words))).collect())
            };
            (board.clone(), circuits.iter().map(of).collect())
        })
        .collect()
}

fn refusals(entries: &[Entry], boards: &[Board]) -> Refusals {
    let mut all = Refusals::new();
    for board in boards {
        for (entry, result) in entries.iter().zip(&board.results).filter(|(_, result)| !result.refused.is_empty()) {
            all.entry(board.name.clone()).or_default().insert(entry.name.clone(), result.refused.clone());
        }
    }
    all
}

/// The list as it would stand in the file.
fn in_toml(refusals: &Refusals) -> String {
    let mut text = String::new();
    for (board, circuits) in refusals {
        for (circuit, purposes) in circuits {
            let board = if board.contains(' ') { format!("{board:?}") } else { board.clone() };
            text += &format!("\n[{board}.{circuit}]\n");
            purposes.iter().for_each(|(purpose, words)| text += &format!("{purpose} = {words:?}\n"));
        }
    }
    text
}

#[test]
fn equal_bits_on_every_board() {
    let entries = corpus::read().unwrap();
    assert!(entries.len() >= 100, "the corpus has only {} circuits", entries.len());
    let mut jobs: Vec<(usize, &'static str, bool)> =
        BOARDS.iter().enumerate().map(|(at, board)| (at, board.name, false)).collect();
    jobs.push((BOARDS.len(), "mps2-an386", true));
    assert!(jobs.len() >= 6);
    let count = jobs.len();
    let (jobs, done) = (Mutex::new(jobs.into_iter()), Mutex::new(Vec::new()));
    // An emulator and the host's side of it keep about one processor busy.
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from).min(count) {
            scope.spawn(|| {
                loop {
                    let Some((at, board, f64)) = jobs.lock().unwrap().next() else { return };
                    let result =
                        if f64 { corpus_on::<f64>(board, &entries) } else { corpus_on::<f32>(board, &entries) };
                    done.lock().unwrap().push((at, result));
                }
            });
        }
    });
    let mut boards = done.into_inner().unwrap();
    boards.sort_by_key(|(at, _)| *at);
    let boards: Vec<Board> = boards.into_iter().map(|(_, board)| board).collect();
    assert_eq!(boards.len(), count, "a board was not run");
    print_table(&entries, &boards);
    let mut wrong: Vec<String> = Vec::new();
    for board in &boards {
        let all = board.wrong.iter().chain(board.results.iter().flat_map(|result| &result.wrong));
        wrong.extend(all.map(|error| format!("{}: {error}", board.name)));
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let found = refusals(&entries, &boards);
    assert!(found == expected(), "the refusals are not those of tests/refusals.toml; they are:\n{}", in_toml(&found));
}
