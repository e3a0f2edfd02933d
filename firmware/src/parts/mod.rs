//! Registers that more than one board has, and that no crate describes.
#![allow(unsafe_code)]

#[cfg(any(feature = "mps2-an386", feature = "mps2-an505"))]
pub mod cmsdk;
pub mod last_words;
#[cfg(any(feature = "mps2-an386", feature = "mps2-an505"))]
pub mod mps2;
#[cfg(feature = "microbit")]
pub mod nvmc;
pub mod ram_flash;
pub mod stack;
#[cfg(feature = "b-l475e-iot01a")]
pub mod stm32l4_flash;
#[cfg(feature = "cortex-m")]
pub mod systick;
