//! What can go wrong on the way to a board, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use super::BOARDS;

/// Why a board cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoardError {
    /// There is no board of this name.
    Unknown {
        /// What was asked for.
        name: String,
        /// The board whose name is nearest to it.
        nearest: Option<&'static str>,
        /// Whether a serial device would do as well.
        or_port: bool,
    },
    /// The sources of the firmware are not where they should be.
    NoFirmware {
        /// Where they were looked for.
        folder: PathBuf,
    },
    /// No compiler here can build for the board's processor.
    NoCompiler {
        /// The compiler's name for that processor.
        target: &'static str,
    },
    /// The compiler did not accept the firmware.
    Build {
        /// The image that was asked for.
        image: String,
        /// The last lines that the compiler said.
        said: String,
    },
    /// The emulator is not installed.
    NoEmulator {
        /// Its program.
        program: &'static str,
    },
    /// The emulator did not start, or stopped.
    Emulator {
        /// The board it was to be.
        board: &'static str,
        /// What it said last.
        said: String,
    },
    /// An image is none, or cannot be read.
    Image {
        /// The image.
        image: PathBuf,
        /// Why.
        said: String,
    },
    /// An image is of another board.
    OtherBoard {
        /// The image.
        image: PathBuf,
        /// The board that it was to be for.
        board: &'static str,
        /// How one can tell.
        why: String,
    },
    /// The log of an image cannot be read.
    Log {
        /// The image.
        image: PathBuf,
        /// Why.
        said: String,
    },
    /// The serial device is not there.
    NoPort {
        /// The device that was asked for.
        path: String,
        /// Those that are there.
        others: Vec<String>,
    },
    /// The serial device may not be opened by this user.
    Permission {
        /// The device.
        path: String,
        /// The group whose members may, where the device names one.
        group: Option<String>,
    },
    /// What has this name is no serial device.
    NoDevice {
        /// What was asked for.
        path: String,
    },
    /// The serial device cannot be opened.
    Port {
        /// The device.
        path: String,
        /// The system's reason.
        reason: String,
    },
    /// The serial device went away while it was in use.
    Gone {
        /// The device.
        path: String,
        /// The system's reason.
        reason: String,
    },
    /// Nothing answers.
    Silent {
        /// The board or device.
        name: String,
        /// Whether it is a serial device, not the emulator.
        serial: bool,
    },
}

impl fmt::Display for BoardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BoardError::Unknown { name, nearest, or_port } => {
                write!(f, "there is no board {name:?}")?;
                if let Some(nearest) = nearest {
                    write!(f, "; did you mean {nearest}?")?;
                }
                f.write_str("\n  boards:")?;
                for board in &BOARDS {
                    write!(f, " {}", board.name)?;
                }
                f.write_str(if *or_port { "\n  or a serial device, such as /dev/ttyACM0" } else { "" })
            }
            BoardError::NoFirmware { folder } => write!(
                f,
                "the firmware's sources are not in {}\n  run this from a checkout of the \
                 repository, or set CHAINRULE_FIRMWARE to its firmware folder",
                folder.display()
            ),
            BoardError::NoCompiler { target } => write!(
                f,
                "no compiler here builds for {target}\n  run: rustup target add {target}\n  \
                 or, in the repository: tests/setup"
            ),
            BoardError::Build { image, said } => {
                write!(f, "the image {image} does not build; the compiler's last words:\n{said}")
            }
            BoardError::NoEmulator { program } => write!(
                f,
                "the emulator {program} is not installed\n  run, in the repository: tests/setup\n  \
                 or install it: {}",
                match *program {
                    "qemu-system-arm" => {
                        "apt install qemu-system-arm, dnf install qemu-system-arm, brew install qemu"
                    }
                    _ => {
                        "apt install qemu-system-misc, dnf install qemu-system-riscv, brew install qemu"
                    }
                }
            ),
            BoardError::Emulator { board, said } if said.is_empty() => {
                write!(f, "the emulated {board} stopped: its firmware reset the processor")
            }
            BoardError::Emulator { board, said } => {
                write!(f, "the emulated {board} stopped:\n{said}")
            }
            BoardError::Image { image, said } => {
                write!(f, "{} cannot be read as an image (ELF, 32 bits): {said}", image.display())
            }
            BoardError::OtherBoard { image, board, why } => write!(
                f,
                "{} is no image for {board}: {why}\n  name the board that it was built for, or leave out --image \
                 to have one built here",
                image.display()
            ),
            BoardError::Log { image, said } => {
                write!(f, "the log of {} cannot be read: {said}", image.display())
            }
            BoardError::NoPort { path, others } if others.is_empty() => write!(
                f,
                "there is no {path}, nor any other serial device\n  is the board plugged in, \
                 with a cable that carries data?"
            ),
            BoardError::NoPort { path, others } => {
                write!(f, "there is no {path}\n  serial devices: {}", others.join(" "))
            }
            BoardError::Permission { path, group } => write!(
                f,
                "you may not open {path}\n  join the group it belongs to and log in again: \
                 sudo usermod -aG {} $USER\n  or let everybody: put this line into \
                 /etc/udev/rules.d/70-boards.rules and plug the board in again\n  \
                 SUBSYSTEM==\"tty\", ATTRS{{idVendor}}==\"0d28|0483\", MODE=\"0666\"",
                group.as_deref().unwrap_or("dialout")
            ),
            BoardError::NoDevice { path } => write!(
                f,
                "{path} is no serial device\n  `chainrule boards` lists the ports that there are, and the boards that are emulated"
            ),
            BoardError::Port { path, reason } => write!(
                f,
                "{path} cannot be opened: {reason}\n  does another program have it open, \
                 a serial monitor for example?"
            ),
            BoardError::Gone { path, reason } => write!(
                f,
                "{path} went away ({reason}): was the board unplugged?\n  what it kept in its flash \
                 (`train --keep-every`) is there when it is back: `pull` fetches it"
            ),
            BoardError::Silent { name, serial: true } => write!(
                f,
                "nothing answers at {name}\n  is the firmware on the board (its light blinks once \
                 a second)? is this the board's device? press its reset button and try again"
            ),
            BoardError::Silent { name, serial: false } => {
                write!(f, "the emulated {name} does not answer")
            }
        }
    }
}

impl std::error::Error for BoardError {}
