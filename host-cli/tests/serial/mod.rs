//! Serial devices, as tests have them: pseudo-terminals, with an emulated board behind them or nothing.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use chainrule_cli::board::emulator::Emulator;
use chainrule_cli::board::{Image, table};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// A serial device: our end, the other end so that it stays, and its path. No program that is started
/// meanwhile has our end too, so that the device is gone when we let go of it.
pub fn device() -> (File, OwnedFd, String) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let path = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let theirs = ioctl_tiocgptpeer(&ours, flags).unwrap();
    // A line, and nothing that answers what it hears with an echo.
    let mut mode = tcgetattr(&theirs).unwrap();
    mode.make_raw();
    tcsetattr(&theirs, OptionalActions::Now, &mode).unwrap();
    (ours.into(), theirs, path)
}

/// A board behind a serial device of this path.
pub struct Bridged(pub String, pub Plugged);

/// The board is plugged in for as long as this is held.
pub struct Plugged {
    _emulator: Emulator,
    _open: OwnedFd,
    is_cut: Arc<AtomicBool>,
}

impl Plugged {
    /// Nothing comes from the board any more, and nothing that it is sent arrives.
    #[allow(dead_code)] // not in every test
    pub fn halt(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }
}

/// An emulated board behind a serial device.
pub fn bridged(name: &str) -> Bridged {
    let board = table::find(name).unwrap();
    let image = Image::of(board).build(&mut |_| ()).unwrap();
    let mut emulator = Emulator::start(board, &image, false, &[]).unwrap();
    let (ours, open, path) = device();
    let is_cut = Arc::new(AtomicBool::new(false));
    // Both ways end with the emulator or with the last who has the device open, and with them our end.
    let (from, to) = (emulator.line().try_clone().unwrap(), ours.try_clone().unwrap());
    carry(from, to, is_cut.clone());
    carry(ours, emulator.line().try_clone().unwrap(), is_cut.clone());
    Bridged(path, Plugged { _emulator: emulator, _open: open, is_cut })
}

/// Carries bytes for as long as there are two ends; once it is cut, they are lost on the way.
fn carry(mut from: impl Read + Send + 'static, mut to: impl Write + Send + 'static, is_cut: Arc<AtomicBool>) {
    thread::spawn(move || {
        let mut bytes = [0; 256];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if !is_cut.load(Ordering::Relaxed) && to.write_all(&bytes[..count]).is_err() {
                return;
            }
        }
    });
}
