//! The link under fire: on a line that loses, doubles and damages what it carries, every answer is
//! right, every step is done once, and the board is alive at the end.

use std::io;
use std::time::{Duration, Instant};

use chainrule::{Method, Optimiser, Purpose, Random, Training};
use chainrule_cli::board::{Count, Image, Port, table};
use chainrule_cli::engine::{Client, Engine, EngineError, Host, Loopback, Pipe, Work};
use chainrule_cli::lower::Lowered;
use chainrule_tests::corpus;
use chainrule_tests::faults::Faulty;
use chainrule_tests::run::{lowered, rows};

/// Plain steps.
const STEPS: Training<f32> = Training::new(Optimiser::new(Method::Sgd, 0.125), 1);
/// One frame in a hundred meets with each kind of fault.
const ONE_IN: u32 = 100;

/// Exclusive or, and its rows so often that they must be sent one by one, or so seldom that they
/// are kept on the board.
struct Task {
    lowered: Lowered<f32>,
    rows: Vec<f32>,
    len: usize,
}

fn task() -> Task {
    let entry = corpus::read().unwrap().into_iter().find(|entry| entry.name == "xor").unwrap();
    let lowered = lowered::<f32>(&entry).unwrap();
    let rows = rows(&entry, &lowered).unwrap();
    Task { lowered, rows, len: 3 }
}

impl Task {
    fn begin(&self, engine: &mut dyn Engine<f32>) {
        for param in &self.lowered.params {
            engine.set(param.wire, 0, &param.start).unwrap();
        }
        engine.ready().unwrap();
        engine.train(STEPS).unwrap();
    }

    /// Asks the same of both, in a random order; every answer must be the same. How many requests.
    fn same(&self, board: &mut dyn Engine<f32>, host: &mut dyn Engine<f32>, requests: u32, seed: u64) -> (u32, u32) {
        let (mut random, mut asked, mut steps) = (Random::new(seed), 0, 0);
        let count = (self.rows.len() / self.len) as u32;
        board.keep(self.rows.clone(), &mut |_| ()).unwrap();
        host.keep(self.rows.clone(), &mut |_| ()).unwrap();
        asked += 2;
        let both =
            |board: &mut dyn Engine<f32>,
             host: &mut dyn Engine<f32>,
             ask: &mut dyn FnMut(&mut dyn Engine<f32>) -> Vec<u64>| assert_eq!(ask(board), ask(host));
        while asked < requests {
            match random.below(20) {
                0 => both(board, host, &mut |on| vec![on.params_hash().unwrap()]),
                1..4 => {
                    let param = &self.lowered.params[random.below(self.lowered.params.len() as u32) as usize];
                    both(board, host, &mut |on| bits(&on.value(param.wire).unwrap()));
                }
                4 => {
                    // A value among the params: training is refused until they are declared right.
                    let value = random.uniform::<f32>();
                    both(board, host, &mut |on| {
                        on.set(self.lowered.params[0].wire, 1, &[value]).unwrap();
                        Vec::new()
                    });
                    let now = self.params(host);
                    for (param, values) in self.lowered.params.iter().zip(now) {
                        both(board, host, &mut |on| {
                            on.set(param.wire, 0, &values).unwrap();
                            Vec::new()
                        });
                        asked += 1;
                    }
                    both(board, host, &mut |on| {
                        on.ready().unwrap();
                        Vec::new()
                    });
                    asked += 1;
                }
                _ => {
                    let row = random.below(count) as usize;
                    let mut losses = |on: &mut dyn Engine<f32>| {
                        let mut losses = Vec::new();
                        on.run(Work::Train, &[row], &mut |loss| losses.push(loss)).unwrap();
                        bits(&losses)
                    };
                    both(board, host, &mut losses);
                    steps += 1;
                }
            }
            asked += 1;
        }
        (asked, steps)
    }

    /// Many steps at once, so that several requests are under way at any time.
    fn many<'e>(&self, board: &'e mut dyn Engine<f32>, host: &'e mut dyn Engine<f32>, steps: u32) -> u32 {
        // More rows than can be named, so that each step sends its own.
        let rows: Vec<f32> = self.rows.iter().copied().cycle().take(self.len * (1 << 16)).collect();
        board.keep(rows.clone(), &mut |_| ()).unwrap();
        host.keep(rows, &mut |_| ()).unwrap();
        let order: Vec<usize> = (0..steps as usize).map(|i| i * 7 % (1 << 16)).collect();
        let [on_board, on_host] = [board, host].map(|on| {
            let mut losses = Vec::new();
            for part in order.chunks(100) {
                on.run(Work::Train, part, &mut |loss| losses.push(loss)).unwrap();
            }
            bits(&losses)
        });
        assert_eq!(on_board.len(), order.len());
        assert_eq!(on_board, on_host);
        // Both inputs, and the sample itself.
        3 * steps
    }

    fn params(&self, engine: &mut dyn Engine<f32>) -> Vec<Vec<f32>> {
        self.lowered.params.iter().map(|param| engine.value(param.wire).unwrap()).collect()
    }
}

fn bits(numbers: &[f32]) -> Vec<u64> {
    numbers.iter().map(|x| x.to_bits().into()).collect()
}

fn under_fire<P: Pipe>(mut pipe: Faulty<P>, on: &str, one_by_one: u32, many: u32) {
    let start = Instant::now();
    let task = task();
    let mut host = Host::new(task.lowered.view(), Purpose::Train).unwrap();
    let mut board = Client::new(&mut pipe, task.lowered.view(), Purpose::Train, &mut |_| ()).unwrap();
    task.begin(&mut board);
    task.begin(&mut host);
    let (mut asked, mut steps) = task.same(&mut board, &mut host, one_by_one, 1);
    asked += task.many(&mut board, &mut host, many);
    steps += many;
    let hash = board.params_hash().unwrap();
    assert_eq!(hash, host.params_hash().unwrap());
    drop(board);
    let faults = pipe.faults();
    println!(
        "{on}: {asked} requests, {steps} steps, {faults}: every answer right, hash {hash:016x} as without faults, {:.1} s",
        start.elapsed().as_secs_f32()
    );
    assert!(faults.least() as f64 > 0.005 * f64::from(asked), "too few faults");
    // Without faults it goes on at once.
    let mut pipe = pipe.into_inner();
    let mut board = Client::new(&mut pipe, task.lowered.view(), Purpose::Train, &mut |_| ()).unwrap();
    task.begin(&mut board);
}

#[test]
fn a_hundred_thousand_requests_on_the_loopback() {
    let pipe = Faulty::new(Loopback::<f32>::new(), 1, ONE_IN, Duration::from_micros(100));
    under_fire(pipe, "loopback", 55_000, 15_000);
}

#[test]
fn some_thousand_requests_on_emulated_boards() {
    for (name, one_by_one, many) in [("mps2-an386", 1_000, 350), ("b-l475e-iot01a", 500, 150), ("microbit", 500, 150)] {
        let board = table::find(name).unwrap();
        Image::of(board).build(&mut |_| ()).unwrap();
        let port = Port::open(name, false, None, Count::No, &mut |_| ()).unwrap();
        // Twenty times this is more than a busy machine lets an emulator wait.
        under_fire(Faulty::new(port, 2, ONE_IN, Duration::from_millis(60)), name, one_by_one, many);
    }
}

/// A pipe whose host goes away after so many requests.
struct Gone<'p, P> {
    pipe: &'p mut P,
    left: u32,
}

impl<P: Pipe> Pipe for Gone<'_, P> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.left == 0 {
            // Half of a frame is the last that the board hears.
            self.pipe.send(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.left -= 1;
        self.pipe.send(bytes)
    }

    fn receive(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<usize> {
        self.pipe.receive(buffer, wait)
    }
}

/// Wherever an upload or a training ends, the next host finds a board that hears it.
#[test]
fn the_host_is_gone_after_any_request() {
    let task = task();
    let order: Vec<usize> = (0..20).map(|i| i % 4).collect();
    let work = |engine: &mut dyn Engine<f32>| -> Result<u64, EngineError> {
        for param in &task.lowered.params {
            engine.set(param.wire, 0, &param.start)?;
        }
        engine.ready()?;
        engine.train(STEPS)?;
        engine.keep(task.rows.clone(), &mut |_| ())?;
        for &row in &order {
            engine.run(Work::Train, &[row], &mut |_| ())?;
        }
        engine.params_hash()
    };
    let expected = work(&mut Host::new(task.lowered.view(), Purpose::Train).unwrap()).unwrap();
    let mut board = Loopback::<f32>::new();
    let mut gone = 0;
    loop {
        let pipe = Gone { pipe: &mut board, left: gone };
        let first =
            Client::new(pipe, task.lowered.view(), Purpose::Train, &mut |_| ()).and_then(|mut on| work(&mut on));
        let mut next = Client::new(&mut board, task.lowered.view(), Purpose::Train, &mut |_| ()).unwrap();
        assert_eq!(work(&mut next), Ok(expected), "after a host that was gone after {gone} requests");
        if first == Ok(expected) {
            break;
        }
        assert!(matches!(first, Err(EngineError::Line(_))), "{first:?}");
        gone += 1;
    }
    println!("the host was gone after each of {gone} requests; the next one trained to {expected:016x}");
    assert!(gone > 30);
}
