//! The application in this process, with recorded movements for a sensor: what the board must say.

use standalone::Seen;
use standalone::recorded::replay;

#[path = "../../target/windows.rs"]
mod windows;

fn main() {
    let done = replay(&windows::WINDOWS, &mut |said| match said {
        Ok(Seen { class, taught: Some(label), steps }) => println!("{class} taught {label}, {steps} steps"),
        Ok(Seen { class, .. }) => println!("{class}"),
        Err(hash) => println!("{hash:016x}"),
    });
    assert!(done.is_ok());
}
