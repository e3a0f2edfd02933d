//! What a board has learned survives its reset, and a run that ended badly is told by the run after it.

mod monitor;

use std::time::{Duration, Instant};

use chainrule::link::{Ask, MESSAGE_MAX, NotKept, Refusal, Request, Reset, VERSION, Why, encode_frame};
use chainrule::{BuildError, Circuit, CircuitRef, Method, Op, Optimiser, Purpose, Shape, Training};
use chainrule_cli::board::emulator::Emulator;
use chainrule_cli::board::{Image, Port, table};
use chainrule_cli::engine::{Client, Engine, EngineError, Host, Pipe, Work};
use monitor::Monitor;

/// The emulator otherwise ends when its board is reset.
const LASTING: [&str; 2] = ["-action", "reboot=reset"];
const STEPS: usize = 40;
/// Boards that are made to panic and to fault.
const RESET: [&str; 5] = ["mps2-an386", "b-l475e-iot01a", "mps2-an505", "microbit", "riscv-virt"];

/// Digits 64-32-10.
fn digits(circuit: &mut Circuit<f32, 16>) -> Result<(), BuildError> {
    let image = circuit.input(Shape::vector(64))?;
    let digit = circuit.label(10)?;
    let (w1, b1) = (circuit.param(Shape::matrix(64, 32))?, circuit.param(Shape::vector(32))?);
    let (w2, b2) = (circuit.param(Shape::matrix(32, 10))?, circuit.param(Shape::vector(10))?);
    let z = circuit.dense(image, w1, b1)?;
    let h = circuit.relu(z)?;
    let logits = circuit.dense(h, w2, b2)?;
    let loss = circuit.cross_entropy(logits, digit)?;
    circuit.minimize(loss)
}

fn training() -> Training<f32> {
    Training::new(Optimiser::new(Method::Sgd, 0.01), 1)
}

fn rows() -> Vec<f32> {
    let data = include_str!("../../tests/data/digits.csv");
    let rows = data.lines().skip(1).take(2 * STEPS);
    rows.flat_map(|line| line.split(',').map(|number| number.parse().unwrap())).collect()
}

/// Sets the params and trains the first half of the rows.
fn first_half(engine: &mut dyn Engine<f32>, circuit: &CircuitRef<'_, f32>) -> u64 {
    for wire in circuit.wires().filter(|&wire| circuit.gate(wire).is_some_and(|gate| gate.op() == Op::Param)) {
        let weight = |i: usize| ((i * 7919 + 13) % 101) as f32 / 404.0 - 0.125;
        let values: Vec<f32> = (0..circuit.shape(wire).len()).map(weight).collect();
        engine.set(wire, 0, &values).unwrap();
    }
    engine.ready().unwrap();
    engine.train(training()).unwrap();
    half(engine, 0..STEPS)
}

fn half(engine: &mut dyn Engine<f32>, rows_of: std::ops::Range<usize>) -> u64 {
    engine.keep(rows(), &mut |_| ()).unwrap();
    let order: Vec<usize> = rows_of.collect();
    engine.run(Work::Train, &order, &mut |loss| assert!(loss.is_finite())).unwrap();
    engine.params_hash().unwrap()
}

/// Trains, keeps, resets the machine, and goes on without a circuit being sent.
fn survives(name: &str) {
    let start = Instant::now();
    let mut circuit = Circuit::<f32, 16>::new();
    digits(&mut circuit).unwrap();
    let view = circuit.view();
    let mut host = Host::new(view, Purpose::Train).unwrap();
    let expected = [first_half(&mut host, &view), half(&mut host, STEPS..2 * STEPS)];

    let board = table::find(name).unwrap();
    let image = Image::of(board).build(&mut |_| ()).unwrap();
    let mut monitor = Monitor::new(&format!("keeping-{name}"));
    let extra = [LASTING[0], LASTING[1], "-qmp", &monitor.option()];
    let mut port = Port::from(Emulator::start(board, &image, false, &extra).unwrap());
    let mut client = Client::new(&mut port, view, Purpose::Train, &mut |_| ()).unwrap();
    let empty = client.memory().unwrap().unwrap();
    assert_eq!((empty.kept, empty.steps), (None, 0), "something is kept already");
    assert_eq!(first_half(&mut client, &view), expected[0]);
    let saved = client.save().unwrap().unwrap();
    let kept = saved.kept.unwrap();
    assert_eq!((kept.steps, kept.counter, kept.wear, saved.missed), (STEPS as u32, 1, 1, false));
    // What is learned after the save is lost with the reset.
    half(&mut client, 0..STEPS);
    half(&mut client, 0..STEPS);
    drop(client);

    monitor.execute("system_reset");
    let mut client = Client::attach(&mut port, view).unwrap().0;
    let there = client.memory().unwrap().unwrap();
    assert_eq!((there.kept, there.steps), (Some(kept), STEPS as u32));
    assert_eq!(client.params_hash().unwrap(), expected[0], "{name}: other params after the reset");
    assert_eq!(client.vitals(false).unwrap().unwrap().reset, None, "a reset by hand is told as a failure");
    client.save_every(15).unwrap();
    assert_eq!(half(&mut client, STEPS..2 * STEPS), expected[1], "{name}: it went on to other params");
    let later = client.memory().unwrap().unwrap().kept.unwrap();
    assert!(later.counter > 1 && later.steps > STEPS as u32, "{later:?}");
    println!(
        "{name}: {STEPS} steps, kept, reset, {STEPS} more: {:016x} as without the reset; kept {} times, {:.1} s",
        expected[1],
        later.counter,
        start.elapsed().as_secs_f32()
    );
}

/// An image without what keeps trains to the same bits, and says that it has nowhere to keep.
#[test]
fn an_image_that_keeps_nothing_says_so() {
    let mut circuit = Circuit::<f32, 16>::new();
    digits(&mut circuit).unwrap();
    let view = circuit.view();
    let mut host = Host::new(view, Purpose::Train).unwrap();
    let expected = first_half(&mut host, &view);
    let board = table::find("mps2-an386").unwrap();
    let image = Image { keeps: false, ..Image::of(board) }.build(&mut |_| ()).unwrap();
    let mut port = Port::from(Emulator::start(board, &image, false, &[]).unwrap());
    let mut client = Client::new(&mut port, view, Purpose::Train, &mut |_| ()).unwrap();
    assert_eq!(first_half(&mut client, &view), expected);
    let refused = client.save();
    assert!(matches!(refused, Err(EngineError::Refused(Refusal::NotKept(NotKept::NoFlash)))), "{refused:?}");
    assert_eq!(client.memory().unwrap().unwrap().kept, None);
}

#[test]
fn what_was_learned_survives_on_mps2() {
    survives("mps2-an386");
}

#[test]
fn what_was_learned_survives_on_the_discovery_node() {
    survives("b-l475e-iot01a");
}

#[test]
fn what_was_learned_survives_on_mps2_with_a_cortex_m33() {
    survives("mps2-an505");
}

#[test]
fn what_was_learned_survives_on_risc_v() {
    survives("riscv-virt");
}

/// Through the driver of the chip's own flash, whose controller is emulated.
#[test]
fn what_was_learned_survives_on_the_microbit() {
    survives("microbit");
}

/// Resets a board that keeps after every step, again and again while it does so, and each time finds
/// the state after some step, whole; that it was cut in the middle of a save is seen in its memory.
#[test]
fn a_save_that_a_reset_cuts_off_leaves_the_old_or_the_new_state() {
    const CUTS: u64 = 32;
    /// Where the emulated board's two slots begin.
    const SLOTS: [u32; 2] = [0x2100_0000, 0x2120_0000];
    let mut circuit = Circuit::<f32, 16>::new();
    digits(&mut circuit).unwrap();
    let view = circuit.view();
    let mut host = Host::new(view, Purpose::Train).unwrap();
    first_half(&mut host, &view);
    // The params after each step that a board may have made.
    let mut hashes = vec![host.params_hash().unwrap()];
    for step in 0..STEPS {
        host.run(Work::Train, &[step], &mut |_| ()).unwrap();
        hashes.push(host.params_hash().unwrap());
    }

    let board = table::find("mps2-an386").unwrap();
    let image = Image::of(board).build(&mut |_| ()).unwrap();
    let mut monitor = Monitor::new("cutting");
    let extra = [LASTING[0], LASTING[1], "-qmp", &monitor.option()];
    let mut port = Port::from(Emulator::start(board, &image, false, &extra).unwrap());
    let (mut torn, mut counter, mut last) = (0, 0, Vec::new());
    for cut in 0..CUTS {
        if cut == 0 {
            let mut client = Client::new(&mut port, view, Purpose::Train, &mut |_| ()).unwrap();
            first_half(&mut client, &view);
            client.save().unwrap();
        }
        // One step, and the save that it makes due; nobody waits for the answer.
        let (mut client, holds) = Client::attach(&mut port, view).unwrap();
        let kept = client.memory().unwrap().unwrap().kept.unwrap();
        let at = kept.steps as usize - STEPS;
        assert_eq!(holds.params, hashes[at], "cut {cut}: the params of no step");
        assert!(kept.counter >= counter, "an older state came back");
        counter = kept.counter;
        last.push(at);
        if at + 1 == hashes.len() {
            break;
        }
        client.keep(rows(), &mut |_| ()).unwrap();
        client.save_every(1).unwrap();
        drop(client);
        // From nobody who waits: a greeting, and one row to train on.
        let row = (at as u16).to_le_bytes();
        for (i, ask) in
            [Ask::Hello { version: VERSION }, Ask::Rows { work: Work::Train, rows: &row }].iter().enumerate()
        {
            let (mut frame, mut scratch) = (heapless::Vec::new(), [0; MESSAGE_MAX]);
            encode_frame(&Request { sequence: i as u32, ask: *ask }, &mut scratch, &mut frame).unwrap();
            port.send(&frame).unwrap();
        }
        // Every fourth save is let be done; the others end where the machine is found to be in one.
        for _ in 0..200 {
            std::thread::sleep(Duration::from_micros(if cut % 4 == 3 { 100_000 } else { 300 + cut * 131 }));
            monitor.execute("stop");
            let is_torn = SLOTS.iter().any(|slot| is_begun(&mut monitor, *slot));
            torn += u32::from(is_torn);
            if is_torn || cut % 4 == 3 {
                break;
            }
            monitor.execute("cont");
        }
        monitor.execute("system_reset");
        monitor.execute("cont");
    }
    println!("{} resets, {torn} of them in the middle of a save; steps found: {last:?}", last.len() - 1);
    assert!(u64::from(torn) > CUTS / 2, "only {torn} resets came in the middle of a save");
    assert!(last.last() > last.first(), "no save was ever done before the reset");
}

/// Whether a slot has been erased, and the marker that makes it whole is not there yet.
fn is_begun(monitor: &mut Monitor, slot: u32) -> bool {
    monitor.words(slot + 64, 2) == [u32::MAX; 2]
}

/// Says a word to a board that misbehaves, and gives what the run after it says of the one before.
fn reset_after(name: &str, word: &[u8]) -> Option<Reset> {
    let board = table::find(name).unwrap();
    let image = Image::of(board).misbehaving(&mut |_| ()).unwrap();
    let mut port = Port::from(Emulator::start(board, &image, false, &LASTING).unwrap());
    let mut circuit = Circuit::<f32, 16>::new();
    digits(&mut circuit).unwrap();
    let mut client = Client::new(&mut port, circuit.view(), Purpose::Train, &mut |_| ()).unwrap();
    let hash = first_half(&mut client, &circuit.view());
    client.save().unwrap();
    assert_eq!(client.vitals(false).unwrap().unwrap().reset, None);
    drop(client);
    port.send(word).unwrap();
    // Nothing answers until the watchdog has bitten.
    let waits = Instant::now();
    let mut client = loop {
        match Client::attach(&mut port, circuit.view()) {
            Ok((client, _)) => break client,
            Err(error) if waits.elapsed() > Duration::from_secs(60) => panic!("{error}"),
            Err(_) => {}
        }
    };
    assert_eq!(client.params_hash().unwrap(), hash);
    let reset = client.vitals(false).unwrap().unwrap().reset;
    println!("{name} after {:?}: {reset:?}, {:.1} s", String::from_utf8_lossy(word), waits.elapsed().as_secs_f32());
    reset
}

#[test]
fn a_panic_is_told_after_the_reset() {
    for board in RESET {
        assert!(matches!(reset_after(board, b"\0!panic!\0"), Some(Reset { why: Why::Panic, at: 1.. })), "{board}");
    }
}

/// The emulator has no watchdog of the STM32 and none of the nRF51: there a hang is not tried.
#[test]
fn a_hang_is_ended_by_the_watchdog_and_told() {
    assert!(matches!(reset_after("mps2-an386", b"\0!hangs!\0"), Some(Reset { why: Why::Watchdog, .. })));
}

#[test]
fn a_fault_is_told_after_the_reset() {
    for board in RESET {
        assert!(matches!(reset_after(board, b"\0!fault!\0"), Some(Reset { why: Why::Fault, at: 1.. })), "{board}");
    }
}
