//! The application on the emulated b-l475e-iot01a, with recorded movements for a sensor.
#![no_std]
#![no_main]

use semihosting::io::Write;
use semihosting::{io, process};
use standalone::Seen;
use standalone::recorded::replay;

#[path = "../../target/windows.rs"]
mod windows;

#[cortex_m_rt::entry]
fn main() -> ! {
    let Ok(mut out) = io::stdout() else { process::exit(2) };
    let done = replay(&windows::WINDOWS, &mut |said| {
        let _ = match said {
            Ok(Seen { class, taught: Some(label), steps }) => writeln!(out, "{class} taught {label}, {steps} steps"),
            Ok(Seen { class, .. }) => writeln!(out, "{class}"),
            Err(hash) => writeln!(out, "{hash:016x}"),
        };
    });
    process::exit(if done.is_ok() { 0 } else { 1 })
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    process::exit(3)
}
