//! What host and board say to each other.

use crate::circuit::Objective;
use crate::error::{BuildError, PlanError, RunError};
use crate::keep::Kept;
use crate::plan::Purpose;
use crate::shape::Shape;
use serde::{Deserialize, Serialize};

/// A request with its place in the sequence.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Request<'a> {
    /// One more than the request before.
    pub sequence: u32,
    /// What is asked.
    #[serde(borrow)]
    pub ask: Ask<'a>,
}

/// What a host asks. Raw bytes are little-endian: numbers of the board's scalar, 16-bit rows,
/// records of gates.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Ask<'a> {
    /// Who is there? Begins the sequence at this request.
    Hello {
        /// [`VERSION`](super::VERSION) of the host.
        version: u16,
    },
    /// Forget the circuit, its weights and the rows that are kept.
    Clear,
    /// The next shape of the table.
    Shape(Shape),
    /// More numbers of the table.
    Numbers(&'a [u8]),
    /// More attributes of the table, 16 bits each.
    Attrs(&'a [u8]),
    /// More gates, eight bytes each. Those before a refused one stay, and the refusal names it.
    Gates(&'a [u8]),
    /// The wire to raise or lower.
    Objective(Goal),
    /// Divide the memory; all inputs and params become zero.
    Plan(Purpose),
    /// Set elements of an input, label or param from `start` on.
    Set {
        /// The wire.
        wire: u16,
        /// Its first element to set.
        start: u32,
        /// The numbers.
        data: &'a [u8],
    },
    /// As `Set`, for whole numbers 0 to 255, one byte each.
    SetSmall {
        /// The wire.
        wire: u16,
        /// Its first element to set.
        start: u32,
        /// The numbers.
        data: &'a [u8],
    },
    /// Some elements of a wire's value or gradient.
    Get {
        /// The wire.
        wire: u16,
        /// Its first element.
        start: u32,
        /// How many.
        count: u16,
        /// Its gradient instead of its value.
        gradient: bool,
    },
    /// The hash over all params.
    Hash,
    /// Compare the hash over all params; until it matched, nothing trains. A refused `Set`, `Sample`,
    /// `Rows`, `EndBatch` or `SetMoments` takes that back.
    Verify(u64),
    /// Fill the values.
    Forward,
    /// Fill the gradients of this wire.
    Backward(u16),
    /// How to train from here on; the params and moments stay as they are. `Plan` forgets it.
    Train {
        /// Steps that were made before, as when a training is resumed.
        steps: u32,
        /// Samples a step, at least 1.
        batch: u32,
        /// What dropout draws from.
        seed: u64,
        /// The optimiser, as [`Optimiser::to_bytes`](crate::Optimiser::to_bytes) gives it.
        optimiser: &'a [u8],
    },
    /// Train on the sample that the inputs hold, or only look at its loss.
    Sample(Work),
    /// End a batch before it is full; nothing happens if none has begun.
    EndBatch,
    /// How far is the training?
    Progress {
        /// Begin the running loss and accuracy anew.
        rest: bool,
    },
    /// Some of the optimiser's moments.
    Moments {
        /// Place of the first among all of them.
        start: u32,
        /// How many.
        count: u16,
    },
    /// Set moments from place `start` among all of them on.
    SetMoments {
        /// Place of the first.
        start: u32,
        /// The numbers.
        data: &'a [u8],
    },
    /// Make room for rows to keep; the answer is refused if they do not fit.
    Keep {
        /// How many rows.
        rows: u32,
    },
    /// Numbers of the rows to keep, from place `start` of all of them on. A row is the values of
    /// all inputs and labels in the order of their wires.
    Row {
        /// Place among all kept numbers.
        start: u32,
        /// Whether they are whole numbers 0 to 255, one byte each.
        small: bool,
        /// The numbers.
        data: &'a [u8],
    },
    /// `Sample` for each of these kept rows in this order, 16 bits each.
    Rows {
        /// What to do with each.
        work: Work,
        /// The rows.
        rows: &'a [u8],
    },
    /// How is the machine?
    Vitals {
        /// Forget afterwards what was, and measure from here on.
        anew: bool,
    },
    /// Which circuit and which params are there? A board keeps both until `Clear`, whoever asks.
    Holds,
    /// Keep what was learned, in flash.
    Save,
    /// Do so by yourself whenever so many steps were made since the last time; 0: only when asked.
    SaveEvery(u32),
    /// What is kept?
    Kept,
    /// How does it train? The bytes of the answer are how often it keeps (32 bits), and of the last
    /// `Train` the batch (32 bits), the seed (64 bits) and the optimiser; the batch is 0 if there was none.
    Training,
}

/// The wire to raise or lower.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Goal {
    /// The wire.
    pub wire: u16,
    /// Raise it, not lower it.
    pub maximize: bool,
}

/// What to do with a sample.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Work {
    /// Forward only.
    Evaluate,
    /// Train as `Ask::Train` says: when the batch is full, a step is made.
    Train,
}

/// A reply with the sequence number of its request.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Reply<'a> {
    /// That of the request.
    pub sequence: u32,
    /// The answer, or why there is none.
    #[serde(borrow)]
    pub answer: Result<Answer<'a>, Refusal>,
}

/// What a board answers.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[repr(u8)] // Which it is, is one byte; else it would be hidden in the eight of an `Option<u64>`.
#[non_exhaustive]
pub enum Answer<'a> {
    /// To `Hello`.
    Board(Board<'a>),
    /// Done.
    Done,
    /// To `Plan`: how many numbers of the arena the circuit takes.
    Planned(u32),
    /// Raw bytes: numbers, or what `Training` says.
    Data(&'a [u8]),
    /// To `Hash`.
    Hash(u64),
    /// To `Sample` and `Rows`: each sample's objective, raw; of how many the class was right; and
    /// if one was refused, why. Those before it were done.
    Ran {
        /// The objective's value for each sample, raw.
        losses: &'a [u8],
        /// Samples whose predicted class was the label's.
        correct: u16,
        /// Why the sample after those was refused.
        refused: Option<RunError>,
    },
    /// To `Progress`.
    Progress {
        /// Steps that were made.
        steps: u32,
        /// Samples of the batch that has begun.
        begun: u32,
        /// Samples since the running loss began.
        samples: u32,
        /// How many of them had the right class.
        correct: u32,
        /// The sum of their objectives (the bits of a number).
        sum: u64,
    },
    /// To `Vitals`.
    Vitals(Vitals),
    /// To `Holds`.
    Holds(Holds),
    /// To `Save`, `SaveEvery` and `Kept`.
    Kept(Memory),
}

/// What a board holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Holds {
    /// [`fingerprint`](crate::keep::fingerprint) of the circuit for this purpose.
    pub circuit: u64,
    /// What its memory is planned for.
    pub purpose: Purpose,
    /// The hash over all params.
    pub params: u64,
    /// Whether they have been verified, so that it trains.
    pub verified: bool,
}

/// What a board keeps, and what it has learned since.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Memory {
    /// The newest whole state in flash.
    pub kept: Option<Kept>,
    /// Steps that were made.
    pub steps: u32,
    /// Kept whenever so many steps were made; 0: only when asked.
    pub every: u32,
    /// The last try to keep something failed.
    pub missed: bool,
}

/// Why nothing was kept. What was kept before still is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum NotKept {
    /// The board has no flash for it.
    NoFlash,
    /// So many bytes are needed, and a slot has so many.
    NoRoom(u32, u32),
    /// The flash refused, or does not hold what was written.
    Failed,
}

/// Why a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Why {
    /// It panicked, at this line.
    Panic,
    /// The processor could not go on, at this address.
    Fault,
    /// It hung, and the watchdog ended it.
    Watchdog,
}

/// How the run before ended, if it ended badly.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reset {
    /// Why.
    pub why: Why,
    /// A line or an address.
    pub at: u32,
}

/// How a board's processor is; what it cannot tell is nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Vitals {
    /// What a counter of instructions, cycles or ticks counted during work.
    pub counted: Option<u64>,
    /// What it counts while nothing is done between its two readings.
    pub nothing: u32,
    /// Pieces of work that were counted.
    pub works: u32,
    /// The greatest stack, in bytes.
    pub stack: Option<u32>,
    /// The greatest stack below the session, in bytes: what work took for itself.
    pub work_stack: Option<u32>,
    /// Bytes of RAM that nothing has used.
    pub free: Option<u32>,
    /// How the run before ended, if it ended badly.
    pub reset: Option<Reset>,
}

/// What a board is and can hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Board<'a> {
    /// Its version of the link.
    pub version: u16,
    /// Its name.
    pub name: &'a str,
    /// Bytes of a number: 4 or 8.
    pub scalar: u8,
    /// Requests that may be under way.
    pub window: u8,
    /// Gates it can hold.
    pub gates: u32,
    /// Shapes it can hold.
    pub shapes: u16,
    /// Numbers it can hold in the circuit's table.
    pub numbers: u32,
    /// Attributes it can hold in the circuit's table.
    pub attrs: u32,
    /// Numbers of the arena for params, values and gradients.
    pub arena: u32,
    /// Numbers of the memory for rows to keep.
    pub rows: u32,
}

/// Why a request was not done. Nothing has changed then, but for what `Gates` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Refusal {
    /// The board speaks another version of the link.
    Version(u16),
    /// There is no planned circuit yet.
    NoCircuit,
    /// Raw bytes that are no whole numbers, or a record with an unknown operation.
    Malformed,
    /// A gate, shape, number or attribute was refused; the number of gates there were.
    Build(u16, BuildError),
    /// The memory could not be planned.
    Plan(PlanError),
    /// The tape refused.
    Run(RunError),
    /// The weights have not been verified, or their hash is this one.
    NotVerified(u64),
    /// More numbers are needed than the board has: needed, and had.
    NoRoom(u32, u32),
    /// Nothing was kept.
    NotKept(NotKept),
    /// A row that is not kept.
    NoSuchRow(u16),
    /// The message cannot be answered within one frame, or asks for what this version does not do.
    Unsupported,
}

impl From<RunError> for Refusal {
    fn from(error: RunError) -> Refusal {
        match error {
            RunError::ArenaTooSmall(needed) => Refusal::NoRoom(needed as u32, 0),
            error => Refusal::Run(error),
        }
    }
}

// The objective's goal is the builder's; this keeps the two words for it from drifting apart.
impl From<Objective> for Goal {
    fn from(objective: Objective) -> Goal {
        Goal { wire: objective.wire().raw(), maximize: matches!(objective, Objective::Maximize(_)) }
    }
}
