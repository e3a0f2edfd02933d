//! Waiting for a part of the chip, but not for ever: a sensor that holds its bus must not stop the board.

/// Looks up to so many times; nothing if what it looks for was not there by then.
pub fn within<R>(looks: u32, mut look: impl FnMut() -> Option<R>) -> Option<R> {
    (0..looks).find_map(|_| look())
}
