//! A network in flash says what it sees, then trains its last layer on a Cortex-M0 without atomics.
//!
//! `model.rs` is what `chainrule export last-layer.circuit --weights W.safetensors --rust` writes; the
//! test puts it into `target`, where no repository looks.
#![no_std]
#![no_main]

#[path = "../target/model.rs"]
mod model;

use chainrule::{RunError, Tape};
use semihosting::io::Write;
use semihosting::{io, process};

/// Steps of training.
const STEPS: u32 = 40;

#[cortex_m_rt::entry]
fn main() -> ! {
    process::exit(if work().is_ok() { 0 } else { 1 })
}

fn work() -> Result<(), RunError> {
    // On the stack, as large as the larger of the two plans; a `static` cell serves as well.
    let mut arena = [0.0; model::TRAIN_LEN];
    let mut tape = model::infer(&mut arena)?;
    sample(&mut tape, 0)?;
    tape.forward();
    tell("logits", tape.value(model::wire::LOGITS)?.iter().map(|x| x.to_bits()));

    let mut tape = model::train(&mut arena)?;
    let mut loss = 0.0;
    for step in 0..STEPS {
        sample(&mut tape, step)?;
        loss = tape.train_step(0.05)?;
    }
    let hash = tape.params_hash();
    tell("loss", [loss.to_bits()].into_iter());
    tell("hash", [(hash >> 32) as u32, hash as u32].into_iter());
    Ok(())
}

/// Stripes that move, and the class they shall have; a firmware of yours reads its sensor here.
fn sample(tape: &mut Tape<'_, f32>, step: u32) -> Result<(), RunError> {
    let mut image = [0.0; 64];
    for (i, pixel) in image.iter_mut().enumerate() {
        *pixel = ((i as u32 * 7 + step * 13) % 17) as f32;
    }
    tape.set(model::wire::IMAGE, &image)?;
    tape.set(model::wire::DIGIT, &[(step % 10) as f32])
}

/// A line: a name and words in hexadecimal, without the machinery of formatting.
fn tell(name: &str, words: impl Iterator<Item = u32>) {
    let Ok(mut out) = io::stdout() else { return };
    let _ = out.write_all(name.as_bytes());
    for word in words {
        let mut digits = *b" 00000000";
        for (place, shift) in digits.iter_mut().skip(1).zip((0..8).rev()) {
            let digit = (word >> (4 * shift)) as u8 & 15;
            *place = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        }
        let _ = out.write_all(&digits);
    }
    let _ = out.write_all(b"\n");
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    process::exit(2)
}
