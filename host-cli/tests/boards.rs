//! Every board boots in the emulator and answers over its serial line.

use std::io::{ErrorKind, Read, Write};
use std::process::Command;
use std::time::{Duration, Instant};

use chainrule_cli::board::{BOARDS, Board, BoardError, Port, table};

/// Sends `frame` until it comes back. The first may find a board that is not ready yet.
fn echo(port: &mut Port, frame: &[u8]) {
    port.set_timeout(Duration::from_millis(500)).unwrap();
    for _ in 0..10 {
        port.write_all(frame).unwrap();
        let mut got = vec![0; frame.len()];
        match port.read_exact(&mut got) {
            Ok(()) => return assert_eq!(got, frame, "{}", port.name()),
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            Err(error) => panic!("{}: {error}", port.name()),
        }
        // Close a frame whose beginning was lost, and forget its echo.
        port.write_all(&[0]).unwrap();
        while port.read(&mut got).is_ok() {}
    }
    panic!("{}", port.silent());
}

fn answers(board: &Board) {
    let mut port = Port::open(board.name, false, false, &mut |_| ()).unwrap();
    for round in 0..20 {
        let mut frame: Vec<u8> = (1..=100).map(|byte| byte + round).collect();
        frame.push(0);
        echo(&mut port, &frame);
    }
}

#[test]
fn every_board_answers() {
    for board in &BOARDS {
        let start = Instant::now();
        answers(board);
        println!("{}: answers, {:.1} s with building", board.name, start.elapsed().as_secs_f32());
    }
}

/// How many processes have `word` among their arguments.
fn processes(word: &str) -> usize {
    let list = Command::new("ps").args(["-eo", "args"]).output().unwrap().stdout;
    let list = String::from_utf8_lossy(&list).into_owned();
    list.lines().filter(|line| line.contains(word) && !line.starts_with("/bin/sh")).count()
}

#[test]
fn the_emulator_ends_with_its_port() {
    let board = table::find("riscv-virt").unwrap();
    let image = chainrule_cli::board::Image::of(board).build(&mut |_| ()).unwrap();
    // A name that only this test's emulator bears.
    let mark = format!("ends-with-its-port-{}", std::process::id());
    let start = || {
        let extra = ["-name", mark.as_str()];
        chainrule_cli::board::emulator::Emulator::start(board, &image, false, &extra).unwrap()
    };
    let mut port = Port::from(start());
    echo(&mut port, &[1, 2, 3, 0]);
    assert_eq!(processes(&mark), 1);
    drop(port);
    assert_eq!(processes(&mark), 0);
}

#[test]
fn an_emulator_that_refuses_says_why() {
    let board = table::find("riscv-virt").unwrap();
    let image = std::path::Path::new("there-is-no-such-image");
    let emulator = chainrule_cli::board::emulator::Emulator::start(board, image, false, &[]);
    let mut port = Port::from(emulator.unwrap());
    let error = port.read(&mut [0]).unwrap_err();
    assert!(error.to_string().contains("there-is-no-such-image"), "{error}");
}

#[test]
fn a_name_or_device_that_is_not_there_says_what_to_do() {
    let refused = |on| Port::open(on, false, false, &mut |_| ()).err().unwrap();
    assert!(refused("micrbit").to_string().contains("did you mean microbit?"));
    assert!(matches!(refused("/dev/ttyNONE"), BoardError::NoPort { .. }));
}
