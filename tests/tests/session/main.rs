//! The link's session: what it refuses, tells and how its messages are written; on a bad line
//! (`faults`), what it keeps (`keeping`), and against the engines that do without a link (`engines`).

mod engines;
mod faults;
mod keeping;

use chainrule::link::{
    Answer, Ask, Deframer, Goal, MESSAGE_MAX, Refusal, Reply, Request, Session, VERSION, Work, encode_frame,
};
use chainrule::{Method, Op, Optimiser, Purpose, Shape, Training};

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

/// A message whose bytes change is another version of the link.
#[test]
fn the_bytes_of_training() {
    assert_eq!(VERSION, 5);
    for (ask, bytes) in [
        (Ask::Plan(Purpose::Moments(2)), &[7, 4, 2][..]),
        (Ask::Train { steps: 300, batch: 4, seed: 5, optimiser: &[1, 2] }, &[15, 0xac, 2, 4, 5, 2, 1, 2]),
        (Ask::Sample(Work::Evaluate), &[16, 0]),
        (Ask::Sample(Work::Train), &[16, 1]),
        (Ask::EndBatch, &[17]),
        (Ask::Progress { rest: true }, &[18, 1]),
        (Ask::Moments { start: 300, count: 2 }, &[19, 0xac, 2, 2]),
        (Ask::SetMoments { start: 0, data: &[9] }, &[20, 0, 1, 9]),
        (Ask::Holds, &[25]),
        (Ask::Save, &[26]),
        (Ask::SaveEvery(300), &[27, 0xac, 2]),
        (Ask::Kept, &[28]),
        (Ask::Training, &[29]),
    ] {
        let mut buffer = [0; 64];
        assert_eq!(postcard::to_slice(&ask, &mut buffer).unwrap(), bytes, "{ask:?}");
        assert_eq!(postcard::from_bytes::<Ask<'_>>(bytes).unwrap(), ask);
    }
}

/// A board says how it was told to train, and that nobody told it after a plan.
#[test]
fn a_board_tells_how_it_trains() {
    let mut session = session();
    let mut tells = |asks: &[Ask<'_>], first: u32| {
        let last = asks.iter().zip(first..).map(|(one, at)| feed(&mut session, &frame(at, one)).remove(0)).last();
        let message = message(&last.expect("is asked"));
        match postcard::from_bytes::<Reply<'_>>(&message).expect("is a reply").answer {
            Ok(Answer::Data(bytes)) => bytes.to_vec(),
            other => panic!("{other:?}"),
        }
    };
    let untold = tells(&[&script()[..7], &[Ask::Training]].concat(), 100);
    assert_eq!(untold[..8], [0; 8]);
    let told = Ask::Train { steps: 40, batch: 259, seed: 0x0807_0605_0403_0201, optimiser: &SGD };
    let every_batch_and_seed = [2, 1, 0, 0, 3, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    assert_eq!(tells(&[told, Ask::SaveEvery(258), Ask::Training], 108), [&every_batch_and_seed[..], &SGD[..]].concat());
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
