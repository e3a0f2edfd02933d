//! The emulator's process: a board whose serial line is a socket of ours.
//!
//! The emulator must never outlive this program, not even when that is killed. A small
//! shell stands between the two: it starts the emulator and waits at a socket, its
//! lifeline, whose other end only this program holds. When that end closes, for whatever
//! reason, the shell kills the emulator. No signal is caught for it and no port number
//! or file is taken.

use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use super::trace::{Functions, Told, Trace};
use super::{Board, BoardError};

/// Tells the emulator that an instruction takes 1024 ns, and that time goes by with nothing else.
pub(super) const COUNTED: [&str; 2] = ["-icount", "shift=10,align=off,sleep=off"];

/// Descriptors of the shell: 0 the lifeline, 1 the serial line, 2 the log. Those of the
/// emulator: 0 the serial line, 1 the log, 2 the lifeline, where its complaints go.
const SHELL: &str = r#"
exec 3<&0
"$@" 0<&1 1>&2 2>&3 3<&- &
exec 1>&- 2>&-
read -r _
kill -9 $!
wait
"#;

/// An emulated board; it ends when this is dropped.
pub struct Emulator {
    board: &'static Board,
    shell: Child,
    lifeline: UnixStream,
    line: UnixStream,
    log: Option<UnixStream>,
    trace: Option<(Trace, JoinHandle<Told>)>,
    /// What it said beside its trace.
    said: String,
}

impl Emulator {
    /// Starts `image` on the emulated board; with `log`, its log records can be read.
    /// `extra` goes to the emulator as it is.
    ///
    /// # Errors
    /// [`BoardError::NoEmulator`], or [`BoardError::Emulator`] when no process can be had.
    pub fn start(board: &'static Board, image: &Path, log: bool, extra: &[&str]) -> Result<Self, BoardError> {
        if !is_installed(board.emulator) {
            return Err(BoardError::NoEmulator { program: board.emulator });
        }
        Self::spawn(board, image, log, extra)
            .map_err(|error| BoardError::Emulator { board: board.name, said: error.to_string() })
    }

    fn spawn(board: &'static Board, image: &Path, log: bool, extra: &[&str]) -> io::Result<Self> {
        let (lifeline, shells_lifeline) = UnixStream::pair()?;
        let (line, emulators_line) = UnixStream::pair()?;
        let (log_end, log_output) = if log {
            let (ours, theirs) = UnixStream::pair()?;
            (Some(ours), Stdio::from(OwnedFd::from(theirs)))
        } else {
            (None, Stdio::null())
        };

        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", SHELL, "sh", board.emulator]).args(board.machine);
        shell.args(["-nodefaults", "-nic", "none", "-display", "none", "-monitor", "none"]);
        // A firmware that resets its processor has panicked: that ends it.
        shell.arg("-no-reboot");
        shell.args(["-chardev", "socket,id=line,fd=0", "-serial", "chardev:line"]);
        if log {
            shell.args(["-chardev", "socket,id=log,fd=1"]);
            shell.args(["-semihosting-config", "enable=on,target=native,chardev=log"]);
        }
        shell.arg("-kernel").arg(image).args(extra);
        // Its own group: a Ctrl-C at the terminal ends us, and we end it.
        shell.process_group(0);
        let shell = shell
            .stdin(OwnedFd::from(shells_lifeline))
            .stdout(OwnedFd::from(emulators_line))
            .stderr(log_output)
            .spawn()?;
        Ok(Emulator { board, shell, lifeline, line, log: log_end, trace: None, said: String::new() })
    }

    /// Starts `image` so that `trace` holds its instructions by function when it has ended.
    ///
    /// # Errors
    /// As [`Emulator::start`], and [`BoardError::Image`].
    pub fn traced(board: &'static Board, image: &Path, trace: &Trace) -> Result<Self, BoardError> {
        let functions = Functions::of(image)?;
        let options = functions.options();
        let options: Vec<_> = COUNTED.into_iter().chain(options.iter().map(String::as_str)).collect();
        let mut emulator = Self::start(board, image, false, &options)?;
        let told = emulator.lifeline.try_clone();
        let told = told.map_err(|error| BoardError::Emulator { board: board.name, said: error.to_string() })?;
        emulator.trace = Some((trace.clone(), std::thread::spawn(move || functions.count(told))));
        Ok(emulator)
    }

    /// Whether it tells each instruction, and is that slow.
    pub fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    /// The board that is emulated.
    pub fn board(&self) -> &'static Board {
        self.board
    }

    /// The serial line.
    pub fn line(&mut self) -> &mut UnixStream {
        &mut self.line
    }

    /// The bytes of the firmware's log, once.
    pub fn take_log(&mut self) -> Option<UnixStream> {
        self.log.take()
    }

    /// Ends the emulator; so does dropping it.
    pub fn stop(&mut self) {
        // What the emulator has told can still be read.
        let _ = self.lifeline.shutdown(Shutdown::Write);
        let _ = self.shell.wait();
        let _ = self.lifeline.shutdown(Shutdown::Read);
        if let Some((trace, counting)) = self.trace.take() {
            let Told { counts, said } = counting.join().unwrap_or_default();
            trace.replace(counts);
            self.said = said;
        }
    }

    /// Why the line went dead, by the emulator's own words.
    pub fn stopped(&mut self) -> BoardError {
        if self.is_traced() {
            self.stop();
            return BoardError::Emulator { board: self.board.name, said: self.said.trim_end().to_owned() };
        }
        let mut said = Vec::new();
        let _ = self.lifeline.set_read_timeout(Some(Duration::from_millis(100)));
        // Ends at the time-out: the shell still holds the other end.
        let _ = self.lifeline.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said).trim_end().to_owned();
        BoardError::Emulator { board: self.board.name, said }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether there is such a program.
pub fn is_installed(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}
