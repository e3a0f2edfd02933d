//! `--on PORT`: a serial device, here a pseudo-terminal with an emulated board behind it.

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
use serialport::{SerialPort, TTYPort};

const CHAINRULE: &str = env!("CARGO_BIN_EXE_chainrule");

/// A serial device: our end, the other end so that it stays, and its path.
fn device() -> (TTYPort, TTYPort, String) {
    let (ours, theirs) = TTYPort::pair().unwrap();
    let path = theirs.name().unwrap();
    (ours, theirs, path)
}

#[test]
fn a_board_at_a_serial_device_trains_to_the_bits_of_the_host() {
    let board = table::find("mps2-an386").unwrap();
    let image = Image::of(board).build(&mut |_| ()).unwrap();
    let mut emulator = Emulator::start(board, &image, false, &[]).unwrap();
    let (mut ours, _open, path) = device();
    let (mut to_board, mut from_board) = (emulator.line().try_clone().unwrap(), emulator.line().try_clone().unwrap());
    let mut to_host = ours.try_clone_native().unwrap();
    let mut bytes = [0; 256];
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
        loop {
            let count = ours.read(&mut bytes).unwrap_or(0);
            if to_board.write_all(&bytes[..count]).is_err() {
                return;
            }
        }
    });
    let verb = |on: &str, log: &[&str]| {
        let digits = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/digits.circuit");
        let line = ["train", digits, "--steps", "20", "--json", "--on", on];
        let out = Command::new(CHAINRULE).args(line).args(log).output().unwrap();
        assert!(out.status.success(), "{on}: {}", String::from_utf8_lossy(&out.stderr));
        let told = String::from_utf8(out.stdout).unwrap();
        let (_, hash) = told.split_once("\"params_hash\":").unwrap();
        let said = String::from_utf8(out.stderr).unwrap();
        (hash.split([',', '}']).next().unwrap().to_owned(), said)
    };
    let (expected, said) = verb("host", &["--log"]);
    assert!(said.contains("host: no board, so no log\n"), "{said}");
    let (hash, said) = verb(&path, &["--log"]);
    assert_eq!(hash, expected);
    // The board waited for a host with it.
    assert!(said.contains("mps2-an386: info  ready\n"), "{said}");
    let (hash, said) = verb(&path, &[]);
    assert_eq!(hash, expected);
    assert!(!said.contains("mps2-an386:"), "{said}");
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
