//! Registers that more than one board has, and that no crate describes.
#![allow(unsafe_code)]

#[cfg(any(feature = "mps2-an386", feature = "mps2-an505"))]
pub mod cmsdk;
pub mod stack;
#[cfg(feature = "cortex-m")]
pub mod systick;
