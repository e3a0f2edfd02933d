//! The core takes nothing from the heap: forward, backward, training, checking,
//! climbing and answering a link are counted by an allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use chainrule::link::{Ask, MESSAGE_MAX, Request, Session, VERSION, encode_frame};
use chainrule::{Difference, Method, Optimiser, Purpose, Slot, Tape, Training, plan};
use chainrule_tests::corpus;
use chainrule_tests::run::{lowered, settings, trains};

thread_local! {
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which counts.
struct Counting;

// SAFETY: all is the system's allocator, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.with(|taken| taken.set(taken.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What work takes from the heap.
fn taken(work: impl FnOnce()) -> usize {
    let before = TAKEN.with(Cell::get);
    work();
    TAKEN.with(Cell::get) - before
}

#[test]
fn the_allocator_counts() {
    assert_eq!(taken(|| drop(vec![1])), 1);
}

#[test]
fn a_tape_takes_nothing() {
    let entries = corpus::read().unwrap();
    let (mut tapes, mut steps) = (0, 0);
    for entry in &entries {
        let lowered = lowered::<f32>(entry).unwrap();
        let settings = settings(&lowered, &entry.cases[0]).unwrap();
        let view = lowered.view();
        let mut slots = vec![Slot::EMPTY; view.len()];
        let trained = [Purpose::Train, Purpose::Accumulate, Purpose::Moments(2)];
        let purposes =
            [Purpose::Inspect, Purpose::Infer].into_iter().chain(trained.into_iter().filter(|_| trains(&lowered)));
        for purpose in purposes {
            let mut arena = vec![0.0; 2 << 20];
            let count = taken(|| {
                let layout = plan(&view, purpose, false, &mut slots).unwrap();
                let mut tape = Tape::new(view, layout, &slots, &[], &mut arena).unwrap();
                settings.iter().for_each(|(wire, values)| tape.set(*wire, values).unwrap());
                tape.forward();
                match purpose {
                    Purpose::Inspect if view.objective().is_some() => {
                        tape.backward_objective().unwrap();
                        assert_eq!(tape.walk().count(), view.len());
                        let (wire, _) = settings[0];
                        let objective = view.objective().unwrap().wire();
                        // Labels cannot be nudged; what matters is that trying takes nothing.
                        let _ = tape.numeric_gradient(objective, wire, 0, 1e-3, Difference::Central);
                        let _ = tape.climb_step(1e-6, None, &[]);
                    }
                    Purpose::Train => {
                        steps += 1;
                        let _ = tape.train_step(1e-6);
                    }
                    Purpose::Accumulate => {
                        steps += 1;
                        tape.begin_batch().unwrap();
                        tape.accumulate().unwrap();
                        let _ = tape.end_batch(1e-6, 1);
                    }
                    Purpose::Moments(_) => {
                        steps += 1;
                        let adam = Method::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 };
                        let _ = Training::new(Optimiser::new(adam, 1e-6), 1).sample(&mut tape);
                    }
                    _ => {}
                }
                tape.params_hash();
            });
            tapes += 1;
            assert_eq!(count, 0, "{} {purpose:?}", entry.name);
        }
    }
    assert!(tapes >= 200 && steps >= 20, "{tapes} tapes, {steps} steps");
}

#[test]
fn a_session_takes_nothing() {
    let mut session: Session<f32, [f32; 64], [f32; 8], 8, 8, 4, 4, 2> = Session::new([0.0; 64], [0.0; 8]);
    let gates: Vec<u8> = [[2, 0, 0, 0, 0, 0, 0, 0], [35, 0, 0, 0, 0, 0, 0, 0]].concat();
    let asks = [
        Ask::Hello { version: VERSION },
        Ask::Clear,
        Ask::Shape(chainrule::Shape::SCALAR),
        Ask::Gates(&gates),
        Ask::Objective(chainrule::link::Goal { wire: 1, maximize: false }),
        Ask::Plan(Purpose::Train),
        Ask::Set { wire: 0, start: 0, data: &[0, 0, 128, 63] },
        Ask::Verify(0),
        Ask::Forward,
        Ask::Get { wire: 1, start: 0, count: 1, gradient: false },
        Ask::Hash,
    ];
    for (sequence, &ask) in asks.iter().enumerate() {
        let (mut frame, mut scratch) = (heapless::Vec::new(), [0; MESSAGE_MAX]);
        encode_frame(&Request { sequence: sequence as u32, ask }, &mut scratch, &mut frame).unwrap();
        let mut answers = 0;
        let count = taken(|| answers = frame.iter().filter(|byte| session.receive(**byte).is_some()).count());
        assert_eq!((count, answers), (0, 1), "{ask:?}");
    }
}
