//! Numbers from the command line, kept as text until the scalar is known, so
//! that they are rounded once.

use std::fmt;
use std::str::FromStr;

use crate::text::literal::Readable;

/// A finite number as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(String);

/// Text that is no finite number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANumber;

impl fmt::Display for NotANumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a finite number such as 0.001 or 1e-3")
    }
}

impl std::error::Error for NotANumber {}

impl FromStr for Number {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let number: f64 = text.trim().parse().map_err(|_| NotANumber)?;
        if number.is_finite() { Ok(Number(text.trim().to_owned())) } else { Err(NotANumber) }
    }
}

/// A learning rate: not negative, since `maximize` and `minimize` say which way a step goes.
///
/// # Errors
/// What was expected.
pub fn rate(text: &str) -> Result<Number, String> {
    let wanted = || "expected a finite number that is not negative, such as 0.001 or 1e-3".to_owned();
    let number: Number = text.parse().map_err(|_| wanted())?;
    if number.read::<f64>() >= 0.0 { Ok(number) } else { Err(wanted()) }
}

/// A whole number from 1 on.
///
/// # Errors
/// What was expected.
pub fn from_one<N: TryFrom<u64>>(text: &str) -> Result<N, String> {
    let wanted = "expected a whole number, 1 or more, such as 100";
    let number: u64 = text.trim().parse().ok().filter(|number| *number > 0).ok_or(wanted)?;
    N::try_from(number).map_err(|_| "that is more than can be counted here".to_owned())
}

impl Number {
    /// The number in the scalar in use; infinite if it is too large for that.
    pub fn read<T: Readable>(&self) -> T {
        self.0.parse().unwrap_or(T::NAN)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
