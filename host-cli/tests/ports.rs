//! `--on PORT`: a serial device, here a pseudo-terminal with an emulated board behind it.

mod folder;

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;
use std::time::Instant;

use chainrule::{Circuit, Purpose, Shape};
use chainrule_cli::board::emulator::Emulator;
use chainrule_cli::board::{Image, table};
use chainrule_cli::engine::open;
use folder::Folder;
use serialport::{SerialPort, TTYPort};

const CHAINRULE: &str = env!("CARGO_BIN_EXE_chainrule");

/// A serial device: our end, the other end so that it stays, and its path.
fn device() -> (TTYPort, TTYPort, String) {
    let (ours, theirs) = TTYPort::pair().unwrap();
    let path = theirs.name().unwrap();
    (ours, theirs, path)
}

/// An emulated board behind a serial device of that path, for as long as this is held.
struct Bridged(String, #[allow(dead_code)] (Emulator, TTYPort));

fn bridged(name: &str) -> Bridged {
    let board = table::find(name).unwrap();
    let image = Image::of(board).build(&mut |_| ()).unwrap();
    let mut emulator = Emulator::start(board, &image, false, &[]).unwrap();
    let (mut ours, open, path) = device();
    let (mut to_board, mut from_board) = (emulator.line().try_clone().unwrap(), emulator.line().try_clone().unwrap());
    let mut to_host = ours.try_clone_native().unwrap();
    // Both ends come when the emulator ends, or with the test.
    thread::spawn(move || {
        let mut bytes = [0; 256];
        while let Ok(count @ 1..) = from_board.read(&mut bytes) {
            if to_host.write_all(&bytes[..count]).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        let mut bytes = [0; 256];
        loop {
            let count = ours.read(&mut bytes).unwrap_or(0);
            if to_board.write_all(&bytes[..count]).is_err() {
                return;
            }
        }
    });
    Bridged(path, (emulator, open))
}

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
    assert!(said.contains("mps2-an386 holds 12 gates and 2410 weights for training"), "{said}");
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
