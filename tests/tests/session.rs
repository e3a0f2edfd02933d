//! The link's session on a bad line: noise, damaged, lost, repeated and old
//! frames neither stop it nor make it do anything twice.

use chainrule::link::{
    Answer, Ask, Deframer, Goal, MESSAGE_MAX, Refusal, Reply, Request, Session, VERSION, Work, encode_frame,
};
use chainrule::{Method, Op, Optimiser, Purpose, RunError, Shape, Training};
use chainrule_cli::engine::{Client, Engine, Host, Loopback, Pipe};
use chainrule_cli::lower::{Lowered, lower};
use chainrule_cli::text::source::read_formula;
use chainrule_tests::corpus;
use chainrule_tests::run::{Number, lowered, settings};
use proptest::prelude::*;
use std::io;
use std::time::Duration;

/// Requests that may be under way.
const WINDOW: u32 = 4;

type Small = Session<f32, Vec<f32>, Vec<f32>, 16, 16, 8, 8, { WINDOW as usize }>;

fn session() -> Box<Small> {
    Box::new(Session::new(vec![0.0; 256], vec![0.0; 32]))
}

fn frame(sequence: u32, ask: &Ask<'_>) -> Vec<u8> {
    let (mut frame, mut scratch) = (heapless::Vec::new(), [0; MESSAGE_MAX]);
    encode_frame(&Request { sequence, ask: *ask }, &mut scratch, &mut frame).unwrap();
    frame.to_vec()
}

/// All replies to these bytes.
fn feed(session: &mut Small, bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.iter().filter_map(|&byte| session.receive(byte).map(<[u8]>::to_vec)).collect()
}

/// The message of a reply.
fn message(reply: &[u8]) -> Vec<u8> {
    let mut deframer = Deframer::new();
    let message = reply.iter().find_map(|&byte| deframer.feed(byte).unwrap().map(<[u8]>::to_vec));
    message.expect("a reply is a whole frame")
}

fn sequence_of(reply: &[u8]) -> u32 {
    postcard::from_bytes::<Reply<'_>>(&message(reply)).unwrap().sequence
}

/// Asks over a clean line and gives what came of it.
fn ask(session: &mut Small, sequence: u32, ask: &Ask<'_>) -> Result<Vec<u8>, Refusal> {
    let replies = feed(session, &frame(sequence, ask));
    let [reply] = replies.as_slice() else { panic!("{} replies to {ask:?}", replies.len()) };
    let message = message(reply);
    let reply: Reply<'_> = postcard::from_bytes(&message).unwrap();
    assert_eq!(reply.sequence, sequence);
    reply.answer.map(|answer| match answer {
        Answer::Hash(hash) => hash.to_le_bytes().to_vec(),
        Answer::Data(data) => data.to_vec(),
        Answer::Ran { losses, refused, .. } => {
            assert_eq!(refused, None);
            losses.to_vec()
        }
        _ => Vec::new(),
    })
}

/// Plain steps of 0.125 as the link carries them: the method's number, the rate, no decay, no
/// clipping, no schedule, no warm-up.
const SGD: [u8; 12] = [0, 0, 0, 0, 0x3e, 0, 0, 0, 0, 0, 0, 0];

/// Plain steps.
fn sgd(rate: f32) -> Training<f32> {
    Training::new(Optimiser::new(Method::Sgd, rate), 1)
}

/// A linear unit w·x + b against a target, trained some steps: what a host says.
fn script() -> Vec<Ask<'static>> {
    static GATES: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let gate = |op: Op, a: u8, b: u8| [op.code(), 0, a, 0, b, 0, 0, 0];
        [
            gate(Op::Input, 0, 0),
            gate(Op::Input, 0, 0),
            gate(Op::Param, 0, 0),
            gate(Op::Param, 0, 0),
            gate(Op::Mul, 2, 0),
            gate(Op::Add, 4, 3),
            gate(Op::Mse, 5, 1),
        ]
        .concat()
    });
    let step = Ask::Sample(Work::Train);
    let mut script = vec![
        Ask::Hello { version: VERSION },
        Ask::Clear,
        Ask::Shape(Shape::SCALAR),
        Ask::Gates(&GATES[..24]),
        Ask::Gates(&GATES[24..]),
        Ask::Objective(Goal { wire: 6, maximize: false }),
        Ask::Plan(Purpose::Train),
        Ask::Train { steps: 0, batch: 1, seed: 0, optimiser: &SGD },
        Ask::SetSmall { wire: 2, start: 0, data: &[2] },
        Ask::SetSmall { wire: 3, start: 0, data: &[1] },
        Ask::Verify(start_hash()),
        Ask::SetSmall { wire: 0, start: 0, data: &[1] },
        Ask::SetSmall { wire: 1, start: 0, data: &[9] },
    ];
    script.extend([step; 7]);
    script.extend([
        Ask::Keep { rows: 3 },
        Ask::Row { start: 0, small: true, data: &[1, 2, 3, 4, 0, 6] },
        Ask::Rows { work: Work::Train, rows: &[2, 0, 0, 0, 1, 0, 1, 0] },
        Ask::Get { wire: 2, start: 0, count: 1, gradient: false },
        Ask::Hash,
    ]);
    script
}

/// The hash over the params 2 and 1.
fn start_hash() -> u64 {
    let mut hash = chainrule::ParamsHash::new();
    hash.add(&[2.0f32, 1.0]);
    hash.finish()
}

/// What the script's last request is answered on a clean line.
fn clean() -> Vec<u8> {
    let mut session = session();
    script().iter().zip(100..).map(|(one, sequence)| ask(&mut session, sequence, one).unwrap()).last().unwrap()
}

/// The session still works: greeted and told the script, it ends where a clean one does.
fn works(session: &mut Small, first: u32) -> Result<(), TestCaseError> {
    // What was begun before is ended by a frame's end.
    feed(session, &[0]);
    let mut last = Vec::new();
    for (one, sequence) in script().iter().zip(first..) {
        last = ask(session, sequence, one).map_err(|refusal| TestCaseError::fail(format!("{one:?}: {refusal:?}")))?;
    }
    prop_assert_eq!(last, clean());
    Ok(())
}

/// What happens to one sending of one request.
#[derive(Clone, Debug)]
enum Fault {
    /// A bit of the frame flips.
    Flip(u16),
    /// The frame ends early.
    Cut(u16),
    /// The frame never comes.
    Lose,
    /// It comes, and its reply is lost.
    LoseReply,
    /// It comes, with this noise before it.
    Noise(Vec<u8>),
    /// A request of a while ago comes again.
    Old(u32),
    /// One that is not due yet comes first.
    Early(u32),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        any::<u16>().prop_map(Fault::Flip),
        any::<u16>().prop_map(Fault::Cut),
        Just(Fault::Lose),
        Just(Fault::LoseReply),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Fault::Noise),
        (1..WINDOW + 3).prop_map(Fault::Old),
        (1..5u32).prop_map(Fault::Early),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is lost, damaged or repeated: asked again until it is answered, each request is
    /// done once, and a request that comes again gets the reply it had.
    #[test]
    fn nothing_is_done_twice(
        faults in prop::collection::vec(prop::collection::vec(fault(), 0..4), 28),
        first in prop_oneof![Just(0u32), Just(u32::MAX - 5), any::<u32>()],
    ) {
        let mut session = session();
        let script = script();
        let frames: Vec<Vec<u8>> = script.iter().enumerate().map(|(at, ask)| frame(first.wrapping_add(at as u32), ask)).collect();
        let mut replies: Vec<Vec<u8>> = Vec::new();
        for (at, own) in frames.iter().enumerate() {
            let sequence = first.wrapping_add(at as u32);
            let mut taken = None;
            for fault in &faults[at % faults.len()] {
                let (came, counts) = match fault {
                    Fault::Flip(bit) => {
                        let mut damaged = own.clone();
                        let bit = usize::from(*bit) % (8 * damaged.len());
                        damaged[bit / 8] ^= 1 << (bit % 8);
                        damaged.push(0);
                        (feed(&mut session, &damaged), true)
                    }
                    Fault::Cut(at) => (feed(&mut session, &[&own[..usize::from(*at) % own.len()], &[0]].concat()), true),
                    Fault::Lose => (Vec::new(), true),
                    Fault::LoseReply => {
                        let came = feed(&mut session, own);
                        prop_assert!(came.len() == 1);
                        taken.get_or_insert(came[0].clone());
                        (came, true)
                    }
                    Fault::Noise(noise) => (feed(&mut session, &[noise, &[0][..]].concat()), true),
                    Fault::Old(back) => {
                        let Some(old) = at.checked_sub(*back as usize) else { continue };
                        let came = feed(&mut session, &frames[old]);
                        // One more of this script may have been done already by a lost reply.
                        for came in &came {
                            prop_assert_eq!(came, &replies[old]);
                        }
                        (Vec::new(), false)
                    }
                    Fault::Early(ahead) => match frames.get(at + *ahead as usize) {
                        Some(_) if at == 0 => continue,
                        Some(early) if taken.is_none() => {
                            prop_assert!(feed(&mut session, early).is_empty(), "a request out of order was answered");
                            continue;
                        }
                        _ => continue,
                    },
                };
                // Damage is noticed: only the whole request is ever answered.
                for reply in came {
                    prop_assert!(counts && sequence_of(&reply) == sequence);
                    prop_assert_eq!(taken.get_or_insert(reply.clone()), &reply, "another reply to the same request");
                }
            }
            let came = feed(&mut session, own);
            // The first greeting alone may be met with silence when it comes again: it begins the sequence.
            prop_assert!(came.len() == 1, "{} replies to request {at}", came.len());
            let reply = taken.get_or_insert(came[0].clone()).clone();
            prop_assert_eq!(&came[0], &reply);
            replies.push(reply);
        }
        let last = message(replies.last().unwrap());
        let Ok(Answer::Hash(hash)) = postcard::from_bytes::<Reply<'_>>(&last).unwrap().answer else {
            return Err(TestCaseError::fail("the last reply is no hash"));
        };
        prop_assert_eq!(hash.to_le_bytes().to_vec(), clean());
    }

    #[test]
    fn noise_does_not_wedge_it(noise in prop::collection::vec(any::<u8>(), 0..2000), first: u32) {
        let mut session = session();
        feed(&mut session, &noise);
        works(&mut session, first)?;
    }

    /// Any request at any time is answered once, whatever it names; afterwards a circuit can be sent.
    #[test]
    fn any_request_is_answered(
        asks in prop::collection::vec((0..24u8, any::<u16>(), any::<u32>(), any::<u64>(), prop::collection::vec(any::<u8>(), 0..64)), 1..40),
        built: bool,
    ) {
        let mut session = session();
        let mut sequence = 7;
        for one in script().iter().take(if built { 13 } else { 1 }) {
            ask(&mut session, sequence, one).unwrap();
            sequence += 1;
        }
        for (kind, small, middle, large, data) in &asks {
            let few = |n: u16| n % 9;
            let work = if large.is_multiple_of(3) { Work::Evaluate } else { Work::Train };
            let moments = Purpose::Moments((large % 256) as u8);
            let purposes = [Purpose::Inspect, Purpose::Train, Purpose::Accumulate, Purpose::Infer, Purpose::Moments(2), moments];
            let purpose = purposes[usize::from(small % 6)];
            let adam = Method::Adam { beta1: 0.5, beta2: f32::from_bits(*large as u32), eps: 0.0 };
            let mut bytes = [0; 64];
            let optimiser = Optimiser::new(adam, 0.125).to_bytes(&mut bytes).unwrap();
            let optimiser = if large.is_multiple_of(5) { data } else { optimiser };
            let records: Vec<u8> = data
                .chunks_exact(8)
                .flat_map(|part| [part[0] % 104, part[1] % 3, part[2] % 9, 0, part[3] % 9, 0, part[4] % 9, 0])
                .collect();
            let start = if small.is_multiple_of(7) { *middle } else { middle % 5 };
            let one = match kind {
                0 => Ask::Hello { version: *small },
                1 => Ask::Clear,
                2 => Ask::Shape(Shape::from_raw([few(*small), few(small / 9), 0, 0]).unwrap_or(Shape::SCALAR)),
                3 => Ask::Numbers(data),
                4 => Ask::Attrs(data),
                5 => Ask::Gates(data),
                6 => Ask::Gates(&records),
                7 => Ask::Objective(Goal { wire: few(*small), maximize: built }),
                8 => Ask::Plan(purpose),
                9 => Ask::Set { wire: few(*small), start, data },
                10 => Ask::SetSmall { wire: few(*small), start, data },
                11 => Ask::Get { wire: few(*small), start, count: few(small / 9), gradient: built },
                12 => Ask::Hash,
                13 => Ask::Verify(if built { start_hash() } else { *large }),
                14 => Ask::Forward,
                15 => Ask::Backward(few(*small)),
                16 => Ask::Sample(work),
                17 => Ask::Train { steps: *middle, batch: u32::from(few(*small)), seed: u64::from(*middle), optimiser },
                18 => Ask::EndBatch,
                20 => Ask::Moments { start, count: few(*small) },
                21 => Ask::SetMoments { start, data },
                22 => Ask::Progress { rest: built },
                19 => Ask::Keep { rows: if small.is_multiple_of(5) { *middle } else { middle % 9 } },
                _ if built => Ask::Row { start, small: small.is_multiple_of(2), data },
                _ => Ask::Rows { work, rows: data },
            };
            let replies = feed(&mut session, &frame(sequence, &one));
            prop_assert!(replies.len() == 1, "{} replies to {:?}", replies.len(), one);
            prop_assert_eq!(sequence_of(&replies[0]), sequence);
            sequence += 1;
        }
        works(&mut session, sequence)?;
    }
}

/// Gates that were refused leave those before them; the upload goes on.
#[test]
fn a_refused_gate_leaves_the_circuit_as_it_was() {
    let mut session = session();
    let bad: Vec<(Vec<u8>, &str)> = vec![
        ([16, 0, 90, 0, 0, 0, 0, 0].to_vec(), "an operand that is not there"),
        ([16, 9, 0, 0, 0, 0, 0, 0].to_vec(), "a shape that is not there"),
        ([255, 0, 0, 0, 0, 0, 0, 0].to_vec(), "no operation"),
        ([0, 0, 0].to_vec(), "half a record"),
    ];
    let mut sequence = 50;
    for (at, one) in script().iter().enumerate() {
        if (4..6).contains(&at) {
            for (bytes, what) in &bad {
                assert!(ask(&mut session, sequence, &Ask::Gates(bytes)).is_err(), "{what}");
                sequence += 1;
            }
            let plan = ask(&mut session, sequence, &Ask::Plan(Purpose::Train));
            assert_eq!(plan.is_err(), at < 6, "without an objective nothing trains");
            assert!(ask(&mut session, sequence + 1, &Ask::Forward).is_err(), "there is no plan yet");
            sequence += 2;
        }
        let answer = ask(&mut session, sequence, one).unwrap();
        sequence += 1;
        if *one == Ask::Hash {
            assert_eq!(answer, clean());
        }
    }
}

/// Training is refused until the params have been verified, and again once one was set.
#[test]
fn nothing_trains_unverified() {
    let mut session = session();
    let step = Ask::Sample(Work::Train);
    for (one, sequence) in script().iter().take(10).zip(1..) {
        ask(&mut session, sequence, one).unwrap();
    }
    assert_eq!(ask(&mut session, 11, &step), Err(Refusal::NotVerified(start_hash())));
    assert_eq!(ask(&mut session, 12, &Ask::Verify(1)), Err(Refusal::NotVerified(start_hash())));
    assert!(ask(&mut session, 13, &step).is_err());
    ask(&mut session, 14, &Ask::Verify(start_hash())).unwrap();
    ask(&mut session, 15, &step).unwrap();
    ask(&mut session, 16, &Ask::SetSmall { wire: 2, start: 0, data: &[2] }).unwrap();
    assert!(ask(&mut session, 17, &step).is_err());
}

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

/// A message whose bytes change is another version of the link.
#[test]
fn the_bytes_of_training() {
    assert_eq!(VERSION, 3);
    for (ask, bytes) in [
        (Ask::Plan(Purpose::Moments(2)), &[7, 4, 2][..]),
        (Ask::Train { steps: 300, batch: 4, seed: 5, optimiser: &[1, 2] }, &[15, 0xac, 2, 4, 5, 2, 1, 2]),
        (Ask::Sample(Work::Evaluate), &[16, 0]),
        (Ask::Sample(Work::Train), &[16, 1]),
        (Ask::EndBatch, &[17]),
        (Ask::Progress { rest: true }, &[18, 1]),
        (Ask::Moments { start: 300, count: 2 }, &[19, 0xac, 2, 2]),
        (Ask::SetMoments { start: 0, data: &[9] }, &[20, 0, 1, 9]),
    ] {
        let mut buffer = [0; 64];
        assert_eq!(postcard::to_slice(&ask, &mut buffer).unwrap(), bytes, "{ask:?}");
        assert_eq!(postcard::from_bytes::<Ask<'_>>(bytes).unwrap(), ask);
    }
}

/// How far a training is: steps and the batch that has begun since it was told how, loss and
/// accuracy since they were last begun anew.
#[test]
fn a_board_tells_how_far_a_training_is() {
    let mut session = session();
    let mut sequence = 100;
    let mut progress = |session: &mut Small, asks: &[Ask<'_>]| {
        let mut last = None;
        for one in asks {
            let reply = feed(session, &frame(sequence, one)).remove(0);
            sequence += 1;
            let message = message(&reply);
            match postcard::from_bytes::<Reply<'_>>(&message).unwrap().answer.unwrap() {
                Answer::Progress { steps, begun, samples, correct, sum } => {
                    last = Some((steps, begun, samples, correct, f32::from_bits(sum as u32)));
                }
                _ => last = None,
            }
        }
        last.expect("progress was asked for last")
    };
    let mut asks = script()[..13].to_vec();
    asks[6] = Ask::Plan(Purpose::Accumulate);
    // 2·1 + 1 against 9: a square of 36, three times before the first step.
    asks[7] = Ask::Train { steps: 40, batch: 3, seed: 0, optimiser: &SGD };
    let sample = Ask::Sample(Work::Train);
    asks.extend([sample, sample, Ask::Progress { rest: false }]);
    assert_eq!(progress(&mut session, &asks), (40, 2, 2, 0, 72.0));
    assert_eq!(progress(&mut session, &[sample, Ask::Progress { rest: true }]), (41, 0, 3, 0, 108.0));
    // The step: w and b moved by 0.125·12 each, so that the output is 6, and a square 9.
    assert_eq!(progress(&mut session, &[sample, Ask::Progress { rest: true }]), (41, 1, 1, 0, 9.0));
    assert_eq!(progress(&mut session, &[Ask::EndBatch, Ask::Progress { rest: false }]), (42, 0, 0, 0, 0.0));
    // A batch that has not begun has no step.
    assert_eq!(progress(&mut session, &[Ask::EndBatch, Ask::Progress { rest: false }]), (42, 0, 0, 0, 0.0));
}
