//! Host, loopback and a client on a bad line come to the same.

use crate::sgd;
use chainrule::link::Work;
use chainrule::{Purpose, RunError};
use chainrule_cli::engine::{Client, Engine, Host, Loopback, Pipe};
use chainrule_cli::lower::{Lowered, lower};
use chainrule_cli::text::source::read_formula;
use chainrule_tests::corpus;
use chainrule_tests::run::{Number, lowered, settings};
use std::io;
use std::time::Duration;

/// A line that loses, damages and repeats frames on a fixed plan.
struct BadLine<T> {
    board: Loopback<T>,
    sent: usize,
    held: Vec<u8>,
}

impl<T: Number> Pipe for BadLine<T> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sent += 1;
        match self.sent {
            // Greetings first: one lost, one damaged.
            1 | 40 => Ok(()),
            2 | 41 => {
                let mut damaged = bytes.to_vec();
                damaged[1] ^= 4;
                self.board.send(&damaged)
            }
            n if n.is_multiple_of(5) => {
                self.board.send(bytes)?;
                self.board.send(bytes)
            }
            n if n.is_multiple_of(7) => {
                self.held = bytes.to_vec();
                self.board.send(bytes)
            }
            n if n.is_multiple_of(3) => {
                let held = std::mem::take(&mut self.held);
                self.board.send(&held)?;
                self.board.send(bytes)
            }
            _ => self.board.send(bytes),
        }
    }

    fn receive(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<usize> {
        let n = self.board.receive(buffer, wait)?;
        if n == 0 {
            std::thread::sleep(wait.min(Duration::from_millis(5)));
        }
        Ok(n)
    }
}

/// The host's side too: over a bad line a circuit trains to the same params.
#[test]
fn the_client_gets_through_a_bad_line() {
    let entry = corpus::read().unwrap().into_iter().find(|entry| entry.name == "xor").unwrap();
    let lowered = lowered::<f32>(&entry).unwrap();
    let pipe: BadLine<f32> = BadLine { board: Loopback::new(), sent: 0, held: Vec::new() };
    let mut client = Client::new(pipe, lowered.view(), Purpose::Train, &mut |_| ()).unwrap();
    let mut host = Host::new(lowered.view(), Purpose::Train).unwrap();
    let train = |engine: &mut dyn Engine<f32>| {
        for (wire, values) in settings(&lowered, &entry.cases[0]).unwrap() {
            engine.set(wire, 0, &values).unwrap();
        }
        engine.ready().unwrap();
        let rows = chainrule_tests::run::rows(&entry, &lowered).unwrap();
        engine.keep(rows, &mut |_| ()).unwrap();
        engine.train(sgd(0.25)).unwrap();
        let mut losses = Vec::new();
        for row in 0..40 {
            engine.run(Work::Train, &[row % 4], &mut |loss| losses.push(loss)).unwrap();
        }
        (losses, engine.params_hash().unwrap())
    };
    assert_eq!(train(&mut client), train(&mut host));
}

/// A step that is refused in the middle of a run ends it everywhere at the same place.
#[test]
fn a_refused_step_ends_the_run_on_every_engine() {
    // The fourth row is too much for w.
    for (columns, keeps) in [(1, true), (1, false)] {
        let written = read_formula("param w = 0.5; input x; minimize square(w * x - 1)").unwrap();
        let lowered: Lowered<f32> = lower(&written, &[], None).unwrap();
        let many = if keeps { 300 } else { 1 << 21 };
        let mut rows = vec![0.5f32; many * columns];
        rows[3] = 1e30;
        let order: Vec<usize> = (0..120).collect();
        let mut shown = Vec::new();
        for on in ["host", "loopback"] {
            let mut engine =
                chainrule_cli::engine::open::<f32>(on, lowered.view(), Purpose::Train, &mut |_| ()).unwrap();
            engine.set(lowered.params[0].wire, 0, &lowered.params[0].start).unwrap();
            engine.ready().unwrap();
            engine.keep(rows.clone(), &mut |_| ()).unwrap();
            engine.train(sgd(0.25)).unwrap();
            let mut losses = Vec::new();
            let done = engine.run(Work::Train, &order, &mut |loss| losses.push(loss.to_bits()));
            let told = matches!(done, Err(chainrule_cli::engine::EngineError::Run(RunError::NotFinite(_))));
            assert!(told, "on {on}: {done:?}");
            let hash = engine.params_hash().unwrap();
            // Afterwards it goes on.
            let more = engine.run(Work::Train, &[0, 1, 2], &mut |loss| losses.push(loss.to_bits()));
            shown.push((losses, hash, more, engine.params_hash().unwrap()));
        }
        assert_eq!(shown[0], shown[1], "rows kept on the board: {keeps}");
        assert_eq!(shown[0].0.len(), 6);
    }
}
