//! Every board boots in the emulator and trains over its serial line.

use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use chainrule::link::{Ask, MESSAGE_MAX, Request, VERSION, encode_frame};
use chainrule::{BuildError, Circuit, CircuitRef, Method, Op, Optimiser, Purpose, Scalar, Shape, Training};
use chainrule_cli::board::emulator::Emulator;
use chainrule_cli::board::log::Decoded;
use chainrule_cli::board::{BOARDS, BoardError, Count, Image, Port, table};
use chainrule_cli::engine::{Client, Engine, Heard, Host, Pipe, Work, open};

/// Digits 64-32-10, as the board with the least memory trains it.
fn digits<T: Scalar>(circuit: &mut Circuit<T, 16>) -> Result<(), BuildError> {
    let image = circuit.input(Shape::vector(64))?;
    let digit = circuit.label(10)?;
    let (w1, b1) = (circuit.param(Shape::matrix(64, 32))?, circuit.param(Shape::vector(32))?);
    let (w2, b2) = (circuit.param(Shape::matrix(32, 10))?, circuit.param(Shape::vector(10))?);
    let sixteen = circuit.constant(Shape::SCALAR, &[T::from_u32(16)])?;
    let x = circuit.div(image, sixteen)?;
    let z = circuit.dense(x, w1, b1)?;
    let h = circuit.relu(z)?;
    let logits = circuit.dense(h, w2, b2)?;
    let loss = circuit.cross_entropy(logits, digit)?;
    circuit.minimize(loss)
}

/// Trains `steps` samples and tells the hash over the params.
fn train<T: Scalar>(engine: &mut dyn Engine<T>, circuit: &CircuitRef<'_, T>, steps: usize) -> u64 {
    for wire in circuit.wires().filter(|&wire| circuit.gate(wire).is_some_and(|gate| gate.op() == Op::Param)) {
        let weight = |i: usize| T::from_f64(((i * 7919 + 13) % 101) as f64 / 404.0 - 0.125);
        let values: Vec<T> = (0..circuit.shape(wire).len()).map(weight).collect();
        engine.set(wire, 0, &values).unwrap();
    }
    engine.ready().unwrap();
    let data = include_str!("../../tests/data/digits.csv");
    let rows = data.lines().skip(1).take(steps);
    let rows = rows.flat_map(|line| line.split(',').map(|number| T::from_u32(number.parse().unwrap())));
    engine.keep(rows.collect(), &mut |_| ()).unwrap();
    let order: Vec<usize> = (0..steps).collect();
    engine.train(Training::new(Optimiser::new(Method::Sgd, T::from_f64(0.05)), 1)).unwrap();
    engine.run(Work::Train, &order, &mut |loss| assert!(loss.is_finite())).unwrap();
    engine.params_hash().unwrap()
}

#[test]
fn every_board_trains_digits_to_the_bits_of_the_host() {
    const STEPS: usize = 50;
    let mut circuit = Circuit::<f32, 16>::new();
    digits(&mut circuit).unwrap();
    let view = circuit.view();
    let expected = train(&mut Host::new(view, Purpose::Train).unwrap(), &view, STEPS);
    for board in &BOARDS {
        Image::of(board).build(&mut |_| ()).unwrap();
        let start = Instant::now();
        let port = Port::open(board.name, false, None, Count::No, &mut |_| ()).unwrap();
        let (lines, log) = channel();
        let mut decoded = Decoded::new(port.image().map(Path::to_owned), Box::new(move |line| drop(lines.send(line))));
        let listener = Box::new(move |heard: Heard<'_>| decoded.hear(heard));
        let mut client = Client::listening(port, Some(listener), view, Purpose::Train, &mut |_| ()).unwrap();
        client.vitals(true).unwrap();
        assert_eq!(client.facts().name, board.name);
        let hash = train(&mut client, &view, STEPS);
        println!("{}: {hash:016x} after {STEPS} steps, {:.1} s", board.name, start.elapsed().as_secs_f32());
        assert_eq!(hash, expected, "{}", board.name);
        let vitals = client.vitals(false).unwrap().unwrap();
        println!("{}: {vitals:?}", board.name);
        assert_eq!((vitals.works, vitals.counted.is_some()), (STEPS as u32, board.counts.is_some()));
        let (stack, free) = (vitals.stack.unwrap(), vitals.free.unwrap());
        assert!(vitals.work_stack.unwrap() < stack && stack <= board.budget().unwrap().stack && free < board.ram);
        // The log came over the same line.
        drop(client);
        let log: Vec<String> = log.iter().collect();
        // Nothing holds up the button of an emulated board, so that one may say that it is pressed.
        assert_eq!(log.first(), Some(&format!("{}: info  ready", board.name)));
    }
}

#[test]
fn an_f64_image_trains_to_the_bits_of_the_host() {
    const STEPS: usize = 10;
    let mut circuit = Circuit::<f64, 16>::new();
    digits(&mut circuit).unwrap();
    let view = circuit.view();
    let expected = train(&mut Host::new(view, Purpose::Train).unwrap(), &view, STEPS);
    let mut board = open("mps2-an386", view, Purpose::Train, &mut |_| ()).unwrap();
    assert_eq!(train(&mut *board, &view, STEPS), expected);
}

/// Greets until something is said: the first greeting may find a board that is not ready yet.
fn hears(port: &mut Port) {
    let greeting = Request { sequence: 1, ask: Ask::Hello { version: VERSION } };
    let (mut frame, mut scratch) = (heapless::Vec::new(), [0; MESSAGE_MAX]);
    encode_frame(&greeting, &mut scratch, &mut frame).unwrap();
    let mut answer = [0; 256];
    for _ in 0..20 {
        port.send(&frame).unwrap();
        if port.receive(&mut answer, Duration::from_millis(200)).unwrap() > 0 {
            return;
        }
    }
    panic!("{}", port.silent());
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
    let image = Image::of(board).build(&mut |_| ()).unwrap();
    // A name that only this test's emulator bears.
    let mark = format!("ends-with-its-port-{}", std::process::id());
    let start = || {
        let extra = ["-name", mark.as_str()];
        Emulator::start(board, &image, false, &extra).unwrap()
    };
    let mut port = Port::from(start());
    hears(&mut port);
    assert_eq!(processes(&mark), 1);
    drop(port);
    assert_eq!(processes(&mark), 0);
}

#[test]
fn an_emulator_that_refuses_says_why() {
    let board = table::find("riscv-virt").unwrap();
    let image = Path::new("there-is-no-such-image");
    let emulator = Emulator::start(board, image, false, &[]);
    let mut port = Port::from(emulator.unwrap());
    let error = port.read(&mut [0]).unwrap_err();
    assert!(error.to_string().contains("there-is-no-such-image"), "{error}");
}

#[test]
fn a_name_or_device_that_is_not_there_says_what_to_do() {
    let refused = |on| Port::open(on, false, None, Count::No, &mut |_| ()).err().unwrap();
    assert!(refused("micrbit").to_string().contains("did you mean microbit?"));
    assert!(matches!(refused("/dev/ttyNONE"), BoardError::NoPort { .. }));
}
