//! What can go wrong when something is kept or brought back.

use crate::build::NotTaken;
use crate::error::{BuildError, RunError};
use core::fmt;
use embedded_storage::nor_flash::NorFlashErrorKind;

/// Why nothing was kept, or not brought back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum KeepError {
    /// The flash refused, or could not read what is there.
    Flash(NorFlashErrorKind),
    /// The range is not on the flash's erase boundaries or has no room for two slots, or the flash
    /// writes or reads in pieces that do not divide 64 bytes.
    Unfit,
    /// The state needs so many bytes of a slot, and it has so many.
    NoRoom(u32, u32),
    /// There is no whole state.
    Nothing,
    /// The state is of another circuit or for another purpose; its fingerprint.
    OtherCircuit(u64),
    /// The state is of numbers of so many bytes.
    OtherScalar(u8),
    /// What was written reads differently: the flash is worn out. The state before is still there.
    Worn,
    /// A slot that was whole does not read as it says.
    Damaged,
    /// The circuit does not fit into the one it is to be loaded into; at which gate.
    Build(u16, BuildError),
    /// The tape refused.
    Run(RunError),
}

impl fmt::Display for KeepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            KeepError::Flash(kind) => write!(f, "the flash refused: {kind}"),
            KeepError::Unfit => f.write_str("the range of flash does not hold two slots"),
            KeepError::NoRoom(needed, had) => write!(f, "the state needs {needed} bytes of a slot of {had}"),
            KeepError::Nothing => f.write_str("nothing is kept"),
            KeepError::OtherCircuit(print) => write!(f, "what is kept is of another circuit ({print:016x})"),
            KeepError::OtherScalar(bytes) => write!(f, "what is kept is in numbers of {bytes} bytes"),
            KeepError::Worn => f.write_str("the flash does not hold what was written"),
            KeepError::Damaged => f.write_str("what was kept does not read as it says"),
            KeepError::Build(gate, error) => write!(f, "gate {gate} of what is kept: {error}"),
            KeepError::Run(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for KeepError {}

impl From<RunError> for KeepError {
    fn from(error: RunError) -> Self {
        KeepError::Run(error)
    }
}

impl From<NotTaken> for KeepError {
    fn from(error: NotTaken) -> Self {
        match error {
            NotTaken::NoRecord => KeepError::Damaged,
            NotTaken::Build(error) => error.into(),
        }
    }
}

/// At gate 0; who loads a circuit says at which.
impl From<BuildError> for KeepError {
    fn from(error: BuildError) -> Self {
        KeepError::Build(0, error)
    }
}
