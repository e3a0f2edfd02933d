//! What a session keeps, and goes on from after a reset: another session on the same flash.

use super::{SGD, frame, message, script};
use chainrule::keep::{KeepError, Keeper, Kept};
use chainrule::link::{Answer, Ask, Machine, Memory, Refusal, Reply, Session, VERSION, Work};
use chainrule::{Method, Op, Optimiser, Purpose, Scalar, Shape, Tape};
use chainrule_tests::flash::Flash;

type Small = Session<f32, Vec<f32>, Vec<f32>, 16, 16, 8, 8, 4>;
type Chip = Flash<1, 8, 256>;

/// A machine that keeps; `fed` counts how often a watchdog would be fed.
struct Board {
    keeper: Keeper<Chip>,
    fed: u32,
}

impl Board {
    fn new(flash: Chip) -> Board {
        Board { keeper: Keeper::new(flash, 0..2048).unwrap(), fed: 0 }
    }
}

impl Machine for Board {
    fn between_gates(&mut self) {
        self.fed += 1;
    }

    fn save<T: Scalar>(&mut self, tape: &Tape<'_, T>, steps: u32, own: &[u8]) -> Result<Kept, KeepError> {
        self.keeper.save(tape, steps, own, &mut || self.fed += 1)
    }

    fn kept(&self) -> Option<Kept> {
        self.keeper.newest()
    }
}

/// What a board answers, as far as it is looked at.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Told {
    Hash(u64),
    Memory(Memory),
    Other,
}

struct Host {
    session: Box<Small>,
    board: Board,
    sequence: u32,
}

impl Host {
    fn new(flash: Chip) -> Host {
        let session = Box::new(Session::new(vec![0.0; 256], vec![0.0; 32]));
        Host { session, board: Board::new(flash), sequence: 50 }
    }

    fn try_ask(&mut self, ask: Ask<'_>) -> Result<Told, Refusal> {
        self.sequence += 1;
        let bytes = frame(self.sequence, &ask);
        let replies =
            bytes.iter().filter_map(|&byte| self.session.receive_on(byte, &mut self.board).map(<[u8]>::to_vec));
        let reply = message(&replies.last().expect("an answer"));
        postcard::from_bytes::<Reply<'_>>(&reply).unwrap().answer.map(|answer| match answer {
            Answer::Hash(hash) => Told::Hash(hash),
            Answer::Kept(memory) => Told::Memory(memory),
            Answer::Ran { refused, .. } => {
                assert_eq!(refused, None);
                Told::Other
            }
            _ => Told::Other,
        })
    }

    fn ask(&mut self, ask: Ask<'_>) -> Told {
        self.try_ask(ask).unwrap_or_else(|refusal| panic!("{ask:?}: {refusal:?}"))
    }

    fn memory(&mut self, ask: Ask<'_>) -> Memory {
        let Told::Memory(memory) = self.ask(ask) else { panic!("no memory") };
        memory
    }

    /// The params, after so many samples.
    fn train(&mut self, samples: usize) -> u64 {
        for i in 0..samples {
            self.ask(Ask::SetSmall { wire: 0, start: 0, data: &[1 + i as u8 % 3] });
            self.ask(Ask::SetSmall { wire: 1, start: 0, data: &[9 - i as u8 % 2] });
            self.ask(Ask::Sample(Work::Train));
        }
        let Told::Hash(hash) = self.ask(Ask::Hash) else { panic!("no hash") };
        hash
    }

    /// The same chip after a reset: a session that has heard nothing, which goes on by itself.
    fn reset(self) -> (Host, Result<u32, KeepError>) {
        let mut host = Host::new(self.board.keeper.into_flash());
        let brought = host.session.bring_back(&mut host.board.keeper);
        (host, brought)
    }
}

/// A board that holds the circuit of `script`, ready to train by these rules.
fn ready(purpose: Purpose, batch: u32, optimiser: &[u8]) -> Host {
    let mut host = Host::new(Flash::new(8, true));
    for ask in &script()[..11] {
        host.ask(match ask {
            Ask::Plan(_) => Ask::Plan(purpose),
            Ask::Train { .. } => Ask::Train { steps: 0, batch, seed: 5, optimiser },
            ask => *ask,
        });
    }
    host
}

#[test]
fn a_training_goes_on_after_a_reset_with_its_moments() {
    let adam = Optimiser::<f32>::new(Method::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 }, 0.01);
    let mut bytes = [0; 64];
    let adam_bytes = adam.to_bytes(&mut bytes).unwrap();
    let cases: [(Purpose, u32, &[u8]); 3] =
        [(Purpose::Train, 1, &SGD), (Purpose::Accumulate, 3, &SGD), (adam.purpose(2), 2, adam_bytes)];
    for (purpose, batch, optimiser) in cases {
        let mut whole = ready(purpose, batch, optimiser);
        let expected = [whole.train(6), whole.train(6)];

        let mut host = ready(purpose, batch, optimiser);
        assert_eq!(host.memory(Ask::Kept), Memory { kept: None, steps: 0, every: 0, missed: false });
        assert_eq!(host.train(6), expected[0]);
        let saved = host.memory(Ask::Save).kept.unwrap();
        assert_eq!((saved.steps, saved.counter), (6 / batch, 1));
        host.train(6);
        let (mut host, brought) = host.reset();
        assert_eq!(brought, Ok(6 / batch));
        host.ask(Ask::Hello { version: VERSION });
        assert_eq!(host.memory(Ask::Kept).kept, Some(saved));
        assert_eq!(host.train(0), expected[0], "{purpose:?}");
        assert_eq!(host.train(6), expected[1], "{purpose:?}");
    }
}

#[test]
fn a_board_keeps_by_itself_between_two_batches() {
    let mut host = ready(Purpose::Accumulate, 2, &SGD);
    assert_eq!(host.memory(Ask::SaveEvery(2)).every, 2);
    let kept: Vec<_> = (0..10)
        .map(|_| {
            host.train(1);
            host.memory(Ask::Kept).kept.map(|kept| kept.steps)
        })
        .collect();
    assert_eq!(kept, [None, None, None, Some(2), Some(2), Some(2), Some(2), Some(4), Some(4), Some(4)]);
    // How often to keep is kept too.
    let (mut host, brought) = host.reset();
    assert_eq!(brought, Ok(4));
    host.ask(Ask::Hello { version: VERSION });
    host.train(4);
    assert_eq!(host.memory(Ask::Kept).kept.unwrap().steps, 6);
    assert!(host.board.fed > 0, "nothing was fed between gates");
}

#[test]
fn half_an_upload_is_not_kept_and_no_flash_is_told() {
    let mut host = ready(Purpose::Train, 1, &SGD);
    host.ask(Ask::SetSmall { wire: 2, start: 0, data: &[7] });
    assert!(matches!(host.try_ask(Ask::Save), Err(Refusal::NotVerified(_))));
    assert_eq!(host.reset().1, Err(KeepError::Nothing));

    let mut session = super::session();
    for (sequence, ask) in script()[..11].iter().enumerate() {
        super::ask(&mut session, sequence as u32, ask).unwrap();
    }
    let refused = super::ask(&mut session, 11, &Ask::Save).unwrap_err();
    assert_eq!(refused, Refusal::NotKept(chainrule::link::NotKept::NoFlash));
}

#[test]
fn a_state_too_large_for_the_flash_leaves_what_was_kept() {
    let mut host = ready(Purpose::Train, 1, &SGD);
    host.train(2);
    let kept = host.memory(Ask::Save).kept;
    // A param of 250 numbers does not fit into half of 2 KB.
    let weights = [Op::Param.code(), 0, 0, 0, 0, 0, 0, 0];
    let asks = [Ask::Clear, Ask::Shape(Shape::vector(250)), Ask::Gates(&weights), Ask::Plan(Purpose::Infer)];
    for ask in asks {
        host.ask(ask);
    }
    let mut hash = chainrule::ParamsHash::new();
    hash.add(&[0.0f32; 250]);
    host.ask(Ask::Verify(hash.finish()));
    assert!(matches!(host.try_ask(Ask::Save), Err(Refusal::NotKept(chainrule::link::NotKept::NoRoom(1025.., 1024)))));
    assert_eq!(host.memory(Ask::Kept).kept, kept);
    assert!(host.memory(Ask::Kept).missed);
}
