//! Noise, damaged, lost, repeated and old frames neither stop a session nor make it do anything twice.

use crate::{Small, WINDOW, ask, clean, feed, frame, message, script, sequence_of, session, start_hash};
use chainrule::link::{Answer, Ask, Goal, Reply, Work};
use chainrule::{Method, Op, Optimiser, Purpose, Shape};
use proptest::prelude::*;

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
            // Every operation, and numbers that none has.
            let codes = Op::ALL.iter().map(|op| op.code()).max().unwrap() + 2;
            let records: Vec<u8> = data
                .chunks_exact(8)
                .flat_map(|part| [part[0] % codes, part[1] % 3, part[2] % 9, 0, part[3] % 9, 0, part[4] % 9, 0])
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
