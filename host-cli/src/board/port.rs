//! Bytes to and from a board: one type for the emulator and for a serial device.

use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serialport::SerialPort;

use super::elf::Contents;
use super::emulator::{COUNTED, Emulator};
use super::trace::Trace;
use super::{Board, BoardError, Image, table};
use crate::engine::Pipe;

/// The speed of the firmware's serial line.
const BAUD: u32 = 115_200;

/// How long a board may take no byte before what is sent is given up. Asking again is the line's
/// business; a board that has died must not hold its host for ever.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long an emulator that tells each instruction may take for an answer; if it ends, that is seen at once.
const TRACED: Duration = Duration::from_secs(600);

/// A byte stream to a board. Reading waits for a byte no longer than the time-out.
pub struct Port {
    name: String,
    way: Way,
    image: Option<PathBuf>,
}

enum Way {
    Emulated(Emulator),
    Serial(Box<dyn SerialPort>),
}

/// Whether an emulated processor's instructions are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count<'a> {
    /// They are not.
    #[default]
    No,
    /// Its own counter counts them exactly; it is slower.
    Exactly,
    /// By function; it is much slower.
    ByFunction(&'a Trace),
}

/// What is under way while a port opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening<'a> {
    /// The compiler says something about this image.
    Building(&'a str, &'a str),
    /// The emulator starts as this board.
    Starting(&'a str),
}

/// Whether `on` names a serial device; otherwise it is the name of a board.
pub fn is_device(on: &str) -> bool {
    on.contains(['/', '\\']) || on.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("com"))
}

impl Port {
    /// Opens a board by its name, building its image unless one is given, or a serial device by its
    /// path.
    ///
    /// # Errors
    /// Any [`BoardError`] but [`BoardError::Silent`]: nothing has been said yet.
    pub fn open(
        on: &str,
        f64: bool,
        image: Option<&Path>,
        count: Count<'_>,
        progress: &mut dyn FnMut(Opening<'_>),
    ) -> Result<Self, BoardError> {
        if is_device(on) {
            return Self::device(on);
        }
        let board = table::find(on).map_err(|error| match error {
            BoardError::Unknown { name, nearest, .. } => BoardError::Unknown { name, nearest, or_port: true },
            error => error,
        })?;
        let built = Image { f64, ..Image::of(board) };
        let name = built.name();
        let path = match image {
            Some(path) => {
                Contents::read_for(board, path)?;
                path.to_owned()
            }
            None => built.build(&mut |line| progress(Opening::Building(&name, line)))?,
        };
        progress(Opening::Starting(on));
        let mut port = Port::from(match count {
            Count::No => Emulator::start(built.board, &path, false, &[])?,
            Count::Exactly => Emulator::start(built.board, &path, false, &COUNTED)?,
            Count::ByFunction(trace) => Emulator::traced(built.board, &path, trace)?,
        });
        port.image = Some(path);
        Ok(port)
    }

    /// Opens a serial device.
    ///
    /// # Errors
    /// [`BoardError::NoPort`], [`BoardError::NoDevice`], [`BoardError::Permission`] or [`BoardError::Port`].
    pub fn device(path: &str) -> Result<Self, BoardError> {
        use io::ErrorKind::{NotFound, PermissionDenied};
        let no_device = || BoardError::NoDevice { path: path.to_owned() };
        if std::fs::metadata(path).is_ok_and(|there| !there.file_type().is_char_device()) {
            return Err(no_device());
        }
        let port = serialport::new(path, BAUD).timeout(Duration::from_secs(1)).open();
        let port = port.map_err(|error| match error.kind {
            serialport::ErrorKind::Io(PermissionDenied) => {
                BoardError::Permission { path: path.to_owned(), group: group(path) }
            }
            serialport::ErrorKind::NoDevice | serialport::ErrorKind::Io(NotFound) if !Path::new(path).exists() => {
                let others = serialport::available_ports().unwrap_or_default();
                let others = others.into_iter().map(|port| port.port_name).collect();
                BoardError::NoPort { path: path.to_owned(), others }
            }
            // What the system calls a device that is no line, such as /dev/null.
            _ if error.description == "Not a typewriter" => no_device(),
            _ => BoardError::Port { path: path.to_owned(), reason: error.description },
        })?;
        Ok(Port { name: path.to_owned(), way: Way::Serial(port), image: None })
    }

    /// The board's name or the device's path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The board, where it is known before it is asked.
    pub fn board(&self) -> Option<&'static Board> {
        match &self.way {
            Way::Emulated(emulator) => Some(emulator.board()),
            Way::Serial(_) => None,
        }
    }

    /// How long reading waits for a byte.
    ///
    /// # Errors
    /// The system's.
    pub fn set_timeout(&mut self, timeout: Duration) -> io::Result<()> {
        match &mut self.way {
            Way::Emulated(emulator) => emulator.line().set_read_timeout(Some(timeout)),
            Way::Serial(port) => port.set_timeout(timeout).map_err(io::Error::from),
        }
    }

    /// The image that runs there, where that is known.
    pub fn image(&self) -> Option<&Path> {
        self.image.as_deref()
    }

    /// What to tell the user when nothing has answered.
    pub fn silent(&self) -> BoardError {
        BoardError::Silent { name: self.name.clone(), serial: self.board().is_none() }
    }
}

impl From<Emulator> for Port {
    fn from(emulator: Emulator) -> Self {
        Port { name: emulator.board().name.to_owned(), way: Way::Emulated(emulator), image: None }
    }
}

/// The name of the group that a device belongs to.
fn group(path: &str) -> Option<String> {
    let id = std::fs::metadata(path).ok()?.gid().to_string();
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    groups.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        (parts.nth(1)? == id).then(|| name.to_owned())
    })
}

impl Read for Port {
    /// Reads what has arrived. A time-out is [`io::ErrorKind::TimedOut`]; an emulator that
    /// has stopped is [`io::ErrorKind::Other`] around a [`BoardError`].
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match &mut self.way {
            Way::Serial(port) => match read(port, bytes) {
                // A device that has something to say and then says nothing has hung up.
                Ok(0) if !bytes.is_empty() => Err(gone(&self.name, &io::ErrorKind::UnexpectedEof.into())),
                Err(error) if !is_late(&error) => Err(gone(&self.name, &error)),
                other => other,
            },
            Way::Emulated(emulator) => match read(emulator.line(), bytes) {
                Ok(0) if !bytes.is_empty() => Err(io::Error::other(emulator.stopped())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::ErrorKind::TimedOut.into()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    Err(io::Error::other(emulator.stopped()))
                }
                other => other,
            },
        }
    }
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.way {
            Way::Serial(port) => match port.write(bytes) {
                Err(error) if !is_late(&error) => Err(gone(&self.name, &error)),
                other => other,
            },
            Way::Emulated(emulator) => match emulator.line().write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(io::Error::other(emulator.stopped())),
                other => other,
            },
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.way {
            Way::Serial(port) => port.flush(),
            Way::Emulated(emulator) => emulator.line().flush(),
        }
    }
}

/// Reads what has arrived; a signal in between (a window that changes its size, a machine that
/// slept) is no end of it.
pub(super) fn read(line: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match line.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Whether bytes only did not come or go in time.
fn is_late(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

/// That a serial device went away.
fn gone(path: &str, error: &io::Error) -> io::Error {
    io::Error::other(BoardError::Gone { path: path.to_owned(), reason: error.to_string() })
}

/// Sends bytes; those that are not taken in time are lost, as on any line.
fn offer(line: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    match line.write_all(bytes) {
        Err(error) if is_late(&error) => Ok(()),
        other => other,
    }
}

impl Pipe for Port {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.way {
            Way::Emulated(emulator) => emulator.line().set_write_timeout(Some(PATIENCE))?,
            Way::Serial(port) => port.set_timeout(PATIENCE)?,
        }
        offer(self, bytes)
    }

    fn receive(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<usize> {
        self.set_timeout(wait)?;
        match self.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(0),
            other => other,
        }
    }

    fn patience(&self) -> Option<Duration> {
        match &self.way {
            Way::Emulated(emulator) if emulator.is_traced() => Some(TRACED),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{offer, read};
    use std::io::{self, Read};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    #[test]
    fn a_signal_does_not_break_a_line() {
        struct Signalled(u8);
        impl Read for Signalled {
            fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
                self.0 += 1;
                if self.0 < 3 { Err(io::ErrorKind::Interrupted.into()) } else { (&b"ok"[..]).read(bytes) }
            }
        }
        let mut bytes = [0; 4];
        assert_eq!(read(&mut Signalled(0), &mut bytes).unwrap(), 2);
        assert_eq!(&bytes, b"ok\0\0");
    }

    #[test]
    fn a_board_that_takes_nothing_does_not_hold_its_host() {
        let (mut host, board) = UnixStream::pair().unwrap();
        host.set_write_timeout(Some(Duration::from_millis(1))).unwrap();
        // More than any system keeps for a reader that does not come.
        for _ in 0..64 {
            offer(&mut host, &[0; 1 << 20]).unwrap();
        }
        drop(board);
        assert!(offer(&mut host, &[0]).is_err(), "a line that is gone is no slow line");
    }
}
