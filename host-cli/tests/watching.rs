//! `monitor`: what it tells of a training is so, and the terminal is left as it was.

mod calling;
mod folder;
mod serial;
mod terminal;

use std::fs;
use std::process::Command;
use std::time::Duration;

use calling::{chainrule, put, told};
use chainrule_cli::monitor::Screen;
use folder::Folder;
use serde_json::Value;
use serial::{Bridged, bridged};
use terminal::{Terminal, stty};

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/digits.circuit");

/// The rounds of `monitor --json`, and what it says at the end.
fn rounds(line: &[&str]) -> (Vec<Value>, Value) {
    let out = chainrule(&[&["monitor"], line, &["--json"]].concat()).unwrap_or_else(|report| panic!("{report}"));
    let mut lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
    let end = lines.pop().expect("has an end");
    (lines, end)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn close(one: f64, other: f64) {
    assert!((one - other).abs() <= 1e-5 * one.abs().max(other.abs()), "{one} and {other}");
}

/// Looking changes no bit, wherever it runs, and the rounds add up to the whole.
#[test]
fn a_training_that_is_watched_comes_to_the_same_bits() {
    let train = ["--steps", "300"];
    let alone = told(&[&["train", DIGITS], &train[..]].concat());
    for on in ["host", "loopback", "mps2-an386"] {
        let (rounds, end) = rounds(&[&[DIGITS], &train[..], &["--every", "90", "--on", on]].concat());
        assert_eq!(end, alone, "{on}");
        let steps: Vec<u64> = rounds.iter().filter_map(|round| round["step"].as_u64()).collect();
        assert_eq!(steps, [0, 90, 180, 270, 300], "{on}");
        let sum: f64 =
            rounds[1..].iter().zip([90.0, 90.0, 90.0, 30.0]).map(|(round, n)| n * number(&round["loss"])).sum();
        // The mean that `train` tells of these steps.
        close((sum / 300.0 * 1e5).round() / 1e5, 1.42397);
        let (first, last) = (&rounds[0], &rounds[4]);
        assert!(first["loss"].is_null() && number(&first["held_loss"]) > 2.0, "{first}");
        assert!(number(&last["steps_per_second"]) > 0.0 && last["of"] == 300 && last["epoch"] == 1, "{last}");
        assert_eq!(last["ram"]["params"], 9640);
        let has_norms = |round: &Value| round["gradient_norms"].as_object().is_some_and(|norms| norms.len() == 4);
        assert!(first["gradient_norms"].is_null() && rounds.iter().any(has_norms), "{on}");
        assert!(last["update_norms"].is_null());
        let on_board = on == "mps2-an386";
        assert_eq!((last["stack"].is_u64(), last["free"].is_u64()), (on_board, on_board), "{last}");
        assert_eq!(last["link"].is_null(), on == "host");
        if on != "host" {
            assert!(last["link"]["requests"].as_u64() > first["link"]["requests"].as_u64());
        }
    }
}

/// What is called a gradient's norm is that of the gradient which `eval` tells of the only row.
#[test]
fn norms_are_those_of_gradients() {
    let folder = Folder::new("norms");
    put(&folder, "one.csv", "x0,x1,y\n0.5,-1.5,2\n");
    let text = |optimizer: &str| {
        format!(
            "input x[2]\ninput y\nparam w[2] = [0.3, -0.2]\nparam b = 0.1\nminimize mse(dot(w, x) + b, y)\n\
             train {{\ndata = \"one.csv\"\noptimizer = {optimizer}\n}}\n"
        )
    };
    let plain = put(&folder, "plain.circuit", &text("sgd(lr = 0.01)"));
    let wires = told(&["eval", &plain, "--row", "0"]);
    let gradient = |name: &str| {
        let wire = wires["wires"].as_array().and_then(|wires| wires.iter().find(|wire| wire["name"] == name));
        let gradient = &wire.unwrap_or_else(|| panic!("no {name} in {wires}"))["gradient"];
        let all = gradient.as_array().cloned().unwrap_or_else(|| vec![gradient.clone()]);
        all.iter().map(|x| number(x).powi(2)).sum::<f64>().sqrt()
    };
    let one = ["--steps", "1", "--every", "1"];
    for on in ["host", "loopback"] {
        let (rounds, _) = rounds(&[&[plain.as_str(), "--on", on], &one[..]].concat());
        for name in ["w", "b"] {
            let norm = number(&rounds[1]["gradient_norms"][name]);
            // The params are rounded: some 1e-7 of them, over a rate of 0.01.
            assert!((norm - gradient(name)).abs() < 1e-4, "{name}: {norm}, not {}", gradient(name));
        }
    }
    // Adam's first step goes by the rate in each element, whatever the gradient.
    let adam = put(&folder, "adam.circuit", &text("adam(lr = 0.01)"));
    let (rounds, _) = rounds(&[&[adam.as_str()], &one[..]].concat());
    assert!(rounds[1]["gradient_norms"].is_null());
    assert!((number(&rounds[1]["update_norms"]["w"]) - 0.01 * 2f64.sqrt()).abs() < 1e-6, "{}", rounds[1]);
    assert!((number(&rounds[1]["update_norms"]["b"]) - 0.01).abs() < 1e-6, "{}", rounds[1]);
}

/// Drawn, paused, saved, another plot, ended by a key long before its last step; the weights are there.
#[test]
fn on_a_terminal_it_draws_and_hears_keys() {
    let folder = Folder::new("monitor");
    let (save, resumed) = (folder.file("learned.st"), folder.file("state"));
    let mut terminal =
        Terminal::with(&[DIGITS, "--epochs", "100000", "--save", &save, "--save-state", &resumed, "--on", "loopback"]);
    terminal.until("digits.circuit on loopback · running");
    terminal.until("fc2.bias");
    assert_ne!(stty(&terminal.path, &["-g"]), terminal.before);
    terminal.press("p");
    terminal.until("paused");
    let pausing = terminal.shows();
    terminal.press("s");
    terminal.until("weights saved, step");
    let saved = fs::read(&save).expect("is there");
    // No step was made meanwhile.
    assert_eq!(terminal.shows().lines().next(), pausing.lines().next());
    terminal.press("\t\t\t");
    terminal.until("┌ gradient norm, mean over the round ─────────");
    terminal.press("p");
    let step = |shown: &str| shown.split(" · ").nth(2).map(str::to_owned);
    terminal.until_it(|shown| shown.contains("running") && step(shown) != step(&pausing), "another step");
    terminal.press("q");
    assert_eq!(terminal.ends(), (Some(0), String::new()));
    terminal.is_as_before();
    let end = terminal.shows();
    assert!(end.contains("stopped by the one who watched") && end.contains("saved to"), "{end}");
    assert!(fs::read(&save).expect("is there") != saved, "the weights of the pause");
    assert!(fs::metadata(&resumed).is_ok_and(|state| state.len() > 9640));
}

/// Ctrl-C ends it as q does; the end stays on the terminal until it was seen.
#[test]
fn its_end_stays_until_it_was_seen() {
    for key in ["\x03", "\x1b"] {
        let mut terminal = Terminal::with(&[DIGITS, "--steps", "200"]);
        terminal.until("q leaves");
        assert!(terminal.shows().contains("over · step 200 of 200"), "{}", terminal.shows());
        terminal.press(key);
        assert_eq!(terminal.ends(), (Some(0), String::new()));
        terminal.is_as_before();
        assert!(terminal.shows().contains("trained on 1,438 rows: 0 epochs, 200 steps"), "{}", terminal.shows());
    }
}

/// A board's stack, its link and what it logs are on the picture.
#[test]
fn a_board_is_seen_from_within() {
    let mut terminal = Terminal::with(&[DIGITS, "--steps", "100", "--on", "mps2-an386"]);
    terminal.until("q leaves");
    let shown = terminal.shows();
    let figure = |name: &str| {
        let line =
            shown.lines().find_map(|line| line.split_once(name)).unwrap_or_else(|| panic!("no {name}:\n{shown}"));
        let digits: String =
            line.1.chars().take_while(|&c| c != 'B' && c != '│').filter(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    };
    assert!((500..4096).contains(&figure("deepest stack")), "{shown}");
    assert!(figure("never used") > 0 && figure("requests") > 0, "{shown}");
    assert!(figure("asked again") < figure("requests") / 10, "{shown}");
    assert!(shown.contains("┌ log ─") && shown.contains("│mps2-an386: "), "{shown}");
    terminal.press("q");
    assert_eq!(terminal.ends(), (Some(0), String::new()));
    terminal.is_as_before();
}

/// The same over a serial line.
#[test]
fn a_board_at_a_serial_device_is_watched() {
    let Bridged(path, board) = bridged("mps2-an386");
    let train = ["--steps", "100"];
    let (plain, end) = rounds(&[&[DIGITS], &train[..], &["--every", "50", "--on", &path]].concat());
    assert_eq!(end, told(&[&["train", DIGITS], &train[..]].concat()));
    assert_eq!(plain.iter().filter_map(|round| round["step"].as_u64()).collect::<Vec<_>>(), [0, 50, 100]);
    assert!(plain[2]["stack"].is_u64() && number(&plain[2]["link"]["requests"]) > 100.0, "{}", plain[2]);

    let mut terminal = Terminal::with(&[DIGITS, train[0], train[1], "--on", &path]);
    terminal.until("q leaves");
    let shown = terminal.shows();
    assert!(shown.contains(&format!("digits.circuit on {path} · over")) && shown.contains("deepest stack"), "{shown}");
    terminal.press("q");
    assert_eq!(terminal.ends(), (Some(0), String::new()));
    terminal.is_as_before();
    drop(board);
}

/// A board that is unplugged under the picture ends it, and the terminal is given back.
#[test]
fn a_board_that_goes_away_ends_the_picture() {
    let folder = Folder::new("unplugged");
    let save = folder.file("learned.st");
    let Bridged(path, board) = bridged("mps2-an386");
    let mut terminal = Terminal::with(&[DIGITS, "--on", &path, "--save", &save]);
    terminal.until("running");
    terminal.press("s");
    terminal.until("weights saved, step");
    let saved = fs::read(&save).expect("is there");
    drop(board);
    let (code, said) = terminal.ends();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("unplugged") && said.contains(&path), "{said}");
    assert_eq!(fs::read(&save).expect("is there"), saved);
    terminal.is_as_before();
}

/// Signals that end programs end it as `q` does: the terminal is given back, the weights are there.
#[test]
fn a_signal_ends_it_and_loses_nothing() {
    let folder = Folder::new("signals");
    for (name, pauses) in [("-TERM", false), ("-HUP", false), ("-INT", true)] {
        let save = folder.file(name);
        let mut terminal = Terminal::with(&[DIGITS, "--epochs", "100000", "--save", &save]);
        terminal.until("running");
        if pauses {
            terminal.press("p");
            terminal.until("paused");
        }
        terminal.signal(name);
        assert_eq!(terminal.ends(), (Some(0), String::new()), "{name}");
        terminal.is_as_before();
        assert!(terminal.shows().contains("stopped by the one who watched"), "{}", terminal.shows());
        assert!(fs::metadata(&save).is_ok_and(|weights| weights.len() > 9640), "{name}");
    }
}

/// The second signal does not wait for what hangs: here a board that answers no more.
#[test]
fn a_second_signal_ends_what_hangs() {
    let Bridged(path, board) = bridged("mps2-an386");
    let mut terminal = Terminal::with(&[DIGITS, "--on", &path]);
    terminal.until("running");
    board.halt();
    std::thread::sleep(Duration::from_millis(300));
    terminal.signal("-TERM");
    std::thread::sleep(Duration::from_millis(300));
    terminal.signal("-TERM");
    // Ended by the signal, so without a code.
    assert_eq!(terminal.ends(), (None, String::new()));
    terminal.is_as_before();
}

/// What `a_panic_gives_the_terminal_back` runs on a terminal.
#[test]
#[ignore = "run by another test, on a terminal"]
fn panics_under_the_picture() {
    let mut screen = Screen::open().expect("opens");
    screen.key(Duration::ZERO).expect("hears");
    // From a thread that does not draw, while another is writing.
    let _writing = std::io::stdout().lock();
    let ended = std::thread::spawn(|| panic!("the reason of the panic")).join();
    assert!(ended.is_err());
    panic!("and of the one that draws");
}

/// A panic under the picture is read on the terminal as it was before.
#[test]
fn a_panic_gives_the_terminal_back() {
    let child = std::env::current_exe().expect("has a path");
    let mut terminal = Terminal::of(Command::new(child).args([
        "--exact",
        "panics_under_the_picture",
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]));
    let (code, said) = terminal.ends();
    assert_eq!(code, Some(101), "{said}");
    assert!(said.contains("the reason of the panic") && said.contains("and of the one that draws"), "{said}");
    terminal.is_as_before();
    assert!(terminal.shows().contains("running 1 test"), "{}", terminal.shows());
}

/// A training that diverges under the picture fails as it does elsewhere.
#[test]
fn a_failure_gives_the_terminal_back() {
    let folder = Folder::new("diverges");
    let mut rows = "x,y\n".to_owned();
    (0..400).for_each(|n| rows += &format!("{n},{}\n", 2 * n));
    put(&folder, "far.csv", &rows);
    let text = "input x\ninput y\nparam w = 1\nminimize mse(w * x, y)\ntrain {\ndata = \"far.csv\"\n}\n";
    let file = put(&folder, "far.circuit", text);
    let mut terminal = Terminal::with(&[&file, "--lr", "0.001"]);
    let (code, said) = terminal.ends();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the training diverged at step"), "{said}");
    terminal.is_as_before();
}
