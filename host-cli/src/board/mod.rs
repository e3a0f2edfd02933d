//! Where else than on the host a circuit can run: boards, their images, and the way to them.
//!
//! | file | owns |
//! |---|---|
//! | [`table`] | one row a board: processor, memory, emulator |
//! | [`budget`] | what each board's firmware has room for, and what it takes itself |
//! | [`image`] | building a board's firmware |
//! | [`elf`] | what an image holds: bytes for flash, and its RAM |
//! | [`files`] | an image as ELF, HEX or UF2 |
//! | [`emulator`] | the emulator's process, which never outlives this one |
//! | [`trace`] | in which functions an emulated processor does its instructions |
//! | [`port`] | bytes to and from a board, emulated or at a serial device |
//! | [`log`] | a firmware's log records, decoded |
//! | [`error`] | what can go wrong on the way, and what to do about it |

pub mod budget;
pub mod elf;
pub mod emulator;
pub mod error;
pub mod files;
pub mod image;
pub mod log;
pub mod port;
pub mod table;
pub mod trace;

pub use budget::Budget;
pub use error::BoardError;
pub use image::Image;
pub use port::{Count, Port};
pub use table::{BOARDS, Board};
