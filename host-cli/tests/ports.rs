//! `--on PORT`: a serial device, here a pseudo-terminal with an emulated board behind it.

mod folder;
mod serial;

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use chainrule::{Circuit, Purpose, Shape, Training};
use chainrule_cli::engine::{Work, open};
use chainrule_cli::lower::lower;
use chainrule_cli::text::source;
use folder::Folder;
use serial::{Bridged, bridged, device};

const CHAINRULE: &str = env!("CARGO_BIN_EXE_chainrule");

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/digits.circuit");

/// Runs a verb: what it says, what it complains of, and whether it succeeded.
fn verb(arguments: &[&str]) -> (String, String, bool) {
    let out = Command::new(CHAINRULE).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(out.stdout), text(out.stderr), out.status.success())
}

/// The hash over the params in a verb's line of JSON.
fn hash(arguments: &[&str]) -> String {
    let (out, said, succeeded) = verb(&[arguments, &["--json"]].concat());
    assert!(succeeded, "{arguments:?}: {said}");
    let (_, hash) = out.split_once("\"params_hash\":").unwrap();
    hash.split([',', '}']).next().unwrap().to_owned()
}

#[test]
fn a_board_at_a_serial_device_trains_to_the_bits_of_the_host() {
    let Bridged(path, _board) = bridged("mps2-an386");
    let train = |on: &str| hash(&["train", DIGITS, "--steps", "20", "--on", on]);
    assert_eq!(train(&path), train("host"));
}

/// What one board has learned is pulled when its host is gone, and gives the same bits on another.
#[test]
fn what_a_board_learned_goes_to_another() {
    let folder = Folder::new("pull");
    let (host, learned, again) = (folder.file("host.st"), folder.file("learned.st"), folder.file("again.st"));
    let train = |on: &str, save: &str| hash(&["train", DIGITS, "--steps", "20", "--on", on, "--save", save]);
    let expected = train("host", &host);
    let seed = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/seed.circuit");

    let Bridged(one, _board) = bridged("mps2-an386");
    let (_, said, succeeded) = verb(&["pull", DIGITS, "--on", &one]);
    assert!(!succeeded && said.contains("holds no circuit; send it one with `push` or `train`"), "{said}");
    assert_eq!(hash(&["train", DIGITS, "--steps", "20", "--on", &one]), expected);
    // The host is gone; twice, since looking changes nothing.
    assert_eq!(hash(&["pull", DIGITS, "--on", &one]), expected);
    assert_eq!(hash(&["pull", DIGITS, "--on", &one, "--save", &learned]), expected);
    assert_eq!(fs::read(&learned).unwrap(), fs::read(&host).unwrap());
    let (_, said, succeeded) = verb(&["pull", seed, "--on", &one]);
    assert!(!succeeded && said.contains("holds another circuit than this file says"), "{said}");

    let Bridged(other, _board) = bridged("mps2-an505");
    assert_eq!(hash(&["push", DIGITS, "--weights", &learned, "--on", &other]), expected);
    assert_eq!(hash(&["pull", DIGITS, "--on", &other, "--save", &again]), expected);
    assert_eq!(fs::read(&again).unwrap(), fs::read(&host).unwrap());
    let (said, _, _) = verb(&["pull", DIGITS, "--on", &other]);
    assert!(said.starts_with(&format!("mps2-an505 at {other} holds this circuit for training\n")), "{said}");
}

/// Digits by fewer weights, so that the moments of Adam fit into 16 KB beside them.
const FEW: &str = "input image[64]
label digit : class(10)
layer fc1 = dense(6, init = he)
layer fc2 = dense(10, init = xavier)
minimize cross_entropy(fc2(relu(fc1(image / 16))), digit)
train {
  split = 0.2
  optimizer = adam(lr = 0.01)
  clip = norm(2)
  schedule = cosine(steps = 60)
  batch = 4
}
";

/// A training begins on one board, is taken to a second, laid down on a third and ended here, to the bits
/// of one that never stopped; rate and seed are those that the first was told.
#[test]
fn a_training_moves_from_board_to_board() {
    let folder = Folder::new("moves");
    let file = folder.file("few.circuit");
    fs::write(&file, FEW).unwrap();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/digits.csv");
    let train = |steps: &str, more: &[&str]| {
        hash(&[&["train", &file, "--data", data, "--lr", "0.02", "--seed", "7", "--steps", steps], more].concat())
    };
    let (first, second, third) = (folder.file("first"), folder.file("second"), folder.file("third"));
    let pull = |on: &str, state: &str| hash(&["pull", &file, "--on", on, "--save-state", state, "--data", data]);

    let Bridged(one, _board) = bridged("mps2-an386");
    assert_eq!(train("20", &["--on", &one]), train("20", &[]));
    pull(&one, &first);
    let Bridged(two, _board) = bridged("b-l475e-iot01a");
    assert_eq!(train("40", &["--on", &two, "--resume", &first]), train("40", &[]));
    pull(&two, &second);

    let Bridged(three, _board) = bridged("microbit");
    let (said, complaint, succeeded) = verb(&["push", &file, "--state", &second, "--on", &three]);
    assert!(succeeded && said.contains("its training goes on after 40 steps\n"), "{said}{complaint}");
    pull(&three, &third);
    assert_eq!(fs::read(&third).unwrap(), fs::read(&second).unwrap());
    assert_eq!(train("60", &["--resume", &third]), train("60", &[]));

    // Weights alone are no training.
    assert!(verb(&["push", &file, "--weights", &second, "--on", &three]).2);
    let (_, said, succeeded) = verb(&["pull", &file, "--on", &three, "--save-state", &third, "--data", data]);
    assert!(!succeeded && said.contains("was never told how to train it"), "{said}");
}

/// Half a batch is in no file: a training is fetched between two steps, or not at all.
#[test]
fn a_training_is_taken_between_two_steps() {
    let folder = Folder::new("half");
    let (file, state) = (folder.file("few.circuit"), folder.file("state"));
    fs::write(&file, FEW).unwrap();
    let lowered = lower::<f32>(&source::read(&file).unwrap(), &[], None).unwrap();
    let training = Training::new(lowered.training.optimiser, 4);
    let Bridged(path, _board) = bridged("mps2-an386");
    let mut engine = open(path.as_str(), lowered.view(), training.purpose(), &mut |_| ()).unwrap();
    engine.ready().unwrap();
    engine.train(training).unwrap();
    engine.keep(vec![0.0; 65], &mut |_| ()).unwrap();
    engine.run(Work::Train, &[0, 0, 0, 0, 0], &mut |_| ()).unwrap();
    drop(engine);
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/digits.csv");
    let (_, said, succeeded) = verb(&["pull", &file, "--on", &path, "--save-state", &state, "--data", data]);
    assert!(!succeeded && said.contains("between two steps: 1 of 4 rows"), "{said}");
    assert!(fs::metadata(&state).is_err(), "half a batch was saved");
    let (said, complaint, succeeded) = verb(&["pull", &file, "--on", &path, "--save", &state]);
    assert!(succeeded && said.contains("1 step since its training began"), "{said}{complaint}");
}

#[test]
fn places_that_forget_say_so() {
    for (arguments, words) in [
        (["pull", DIGITS, "--on", "mps2-an386"], "begins empty with this command"),
        (["pull", DIGITS, "--on", "host"], "begins empty with this command"),
        (["push", DIGITS, "--on", "loopback"], "the loopback keeps nothing"),
    ] {
        let (_, said, succeeded) = verb(&arguments);
        assert!(!succeeded && said.contains(words), "{said}");
    }
    let (said, complaint, succeeded) = verb(&["push", DIGITS, "--on", "mps2-an386"]);
    assert!(succeeded, "{complaint}");
    assert!(said.contains("mps2-an386 holds 12 gates and 2,410 weights for training"), "{said}");
    assert!(said.contains("an emulated board ends with this command"), "{said}");
}

#[test]
fn a_silent_port_says_what_to_check() {
    let (_ours, _open, path) = device();
    let mut circuit = Circuit::<f32, 4>::new();
    circuit.input(Shape::SCALAR).unwrap();
    let start = Instant::now();
    let error = open(path.as_str(), circuit.view(), Purpose::Inspect, &mut |_| ()).err().unwrap().to_string();
    assert!(error.contains(&path) && error.contains("press its reset button"), "{error}");
    assert!(start.elapsed().as_secs() < 12, "{:?}", start.elapsed());
}

/// A board that goes away in the middle of a training ends it with its reason, and what had been saved
/// before is there still; so is what a board keeps that only answers no more.
#[test]
fn a_board_that_goes_away_is_told() {
    let folder = Folder::new("away");
    let (weights, state) = (folder.file("weights"), folder.file("state"));
    let saved = ["--save", &weights, "--save-state", &state];
    assert!(verb(&[&["train", DIGITS, "--steps", "5"], &saved[..]].concat()).2);
    let before = [&weights, &state].map(|file| fs::read(file).unwrap());
    for is_unplugged in [true, false] {
        let Bridged(path, board) = bridged("mps2-an386");
        let line = [&["monitor", DIGITS, "--json", "--every", "10", "--on", &path], &saved[..]].concat();
        let mut child =
            Command::new(CHAINRULE).args(&line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut rounds = BufReader::new(child.stdout.take().unwrap()).lines();
        let third = rounds.nth(2).unwrap().unwrap();
        assert!(third.starts_with("{\"step\":20,"), "{third}");
        let (start, mut unplugged) = (Instant::now(), Some(board));
        if is_unplugged {
            unplugged = None;
        } else if let Some(board) = &unplugged {
            board.halt();
        }
        let end = thread::spawn(move || rounds.map_while(Result::ok).last());
        let out = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{said}");
        let reason = if is_unplugged { "was the board unplugged?" } else { "the board answers no more" };
        assert!(said.contains(reason) && said.contains("`pull` fetches it"), "{said}");
        assert_eq!(said.contains(&path), is_unplugged, "{said}");
        assert!(!end.join().unwrap().is_some_and(|last| last.contains("params_hash")));
        assert!(start.elapsed().as_secs() < if is_unplugged { 12 } else { 60 }, "{:?}", start.elapsed());
        assert_eq!([&weights, &state].map(|file| fs::read(file).unwrap()), before);
        drop(unplugged);
    }
}

#[test]
fn a_port_that_is_forbidden_names_the_group_and_the_rule() {
    let (_ours, _open, path) = device();
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    let mut command = Command::new(CHAINRULE);
    // Nothing is forbidden to root: somebody else asks then, with a program within reach.
    let copy = std::env::temp_dir().join(format!("chainrule-forbidden-{}", std::process::id()));
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        fs::copy(CHAINRULE, &copy).unwrap();
        fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
        command = Command::new(&copy);
        command.current_dir("/").uid(65534).gid(65534);
    }
    let out = command.args(["eval", "x + y", "x=1", "y=2", "--on", &path]).output();
    let _ = fs::remove_file(&copy);
    let out = out.unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success(), "{said}");
    for words in ["you may not open", path.as_str(), "sudo usermod -aG", "udev/rules.d"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
