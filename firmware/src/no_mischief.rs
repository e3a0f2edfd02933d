//! An image that behaves: the words of `mischief.rs` do nothing.

/// Hears nothing.
#[derive(Default)]
pub struct Mischief;

impl Mischief {
    /// Whatever is heard, nothing happens.
    #[inline(always)]
    pub fn hear(&mut self, _: u8) {}
}
