//! The link between a host and a board: what they say, how it is framed, and the session that
//! answers.
//!
//! The session is bytes in and bytes out, so a board behind a serial line and a loopback in memory
//! run the same code.
//!
//! - **Frame:** a postcard message, its CRC-32 (ISO-HDLC, little-endian), COBS over both, a zero
//!   byte. A frame that does not decode or whose CRC is wrong is dropped; the next zero byte begins
//!   the next one.
//! - **Order:** each request carries a sequence number. The board does them strictly in order and
//!   ignores gaps. It keeps the replies to the last W requests and sends one again, without doing
//!   anything, when its request comes again: a lost reply costs a repetition, never a second step.
//!   The host has at most W requests under way.
//! - **Start:** `Hello` carries a version and sets the sequence; the answer tells W and what the
//!   board can hold.
//! - **Upload:** `Clear`, then shapes, numbers, attributes and gates, each checked as it comes by the
//!   builder that library users call; `Plan` divides the arena; `Set` puts weights straight to their
//!   final place; `Verify` compares their hash, and nothing trains before it has matched. Nor does it
//!   after a sample or a value was refused, until `Verify` matches again: the requests behind the
//!   refused one may be under way already, and would train from another state than the host's.
//! - **Data:** samples are set wire by wire for each step, or kept on boards that have room for them
//!   and then named by row.
//! - **Training:** `Train` says how, and from which step on; the board runs the core's own loop
//!   ([`Training`](crate::Training)) over the samples it is given. Moments are read and set by place,
//!   so that a training can be taken away and gone on with elsewhere; `Training` and `Progress` tell
//!   a host that did not begin it how and how far.
//! - **Keeping:** `Save` keeps what was learned in flash, `SaveEvery` does from time to time, before the
//!   answer to the request whose step made it due. After a reset the session goes on from there, and
//!   a host may go on without sending a circuit: `Kept` tells whose params these are.
//! - **Asides:** a board may send frames that answer nothing, between two replies: its log. Their
//!   message begins with five bytes that no reply can begin with, they have no place in the sequence,
//!   and one that is lost is not sent again. The session knows nothing of them.
//! - **Vitals:** how the machine is (stack, a counter, free memory); the session passes the question
//!   on to its [`Machine`].

mod frame;
mod keeping;
mod machine;
mod message;
mod raw;
mod read;
mod session;
mod state;
mod write;

pub use frame::{ASIDE, ASIDE_FRAME_MAX, ASIDE_MAX, Deframer, FrameError, encode_aside, encode_frame};
pub use machine::Machine;
pub use message::{
    Answer, Ask, Board, Goal, Holds, Memory, NotKept, Refusal, Reply, Request, Reset, Vitals, Why, Work,
};
pub(crate) use read::optimiser;
pub use session::Session;
pub(crate) use write::write;

/// The version of messages and frames, told in `Hello`. Changed whenever a byte of either does.
pub const VERSION: u16 = 5;

/// The greatest message with its CRC, in bytes, before COBS.
pub const MESSAGE_MAX: usize = 240;

/// The greatest frame with its zero byte: one COBS byte for each 254 begun.
pub const FRAME_MAX: usize = MESSAGE_MAX + 2;

/// The greatest payload of raw bytes in one message; the rest is for its other fields.
pub const PAYLOAD_MAX: usize = 192;
