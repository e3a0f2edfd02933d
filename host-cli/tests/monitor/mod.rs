//! The emulator's sockets, as tests ask them: its monitor, and pins.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A socket of the emulator that is asked line by line.
pub struct Socket(PathBuf, Option<BufReader<UnixStream>>);

impl Socket {
    /// Not there yet; the emulator makes it.
    pub fn new(what: &str) -> Socket {
        Socket(std::env::temp_dir().join(format!("chainrule-{what}-{}", std::process::id())), None)
    }

    /// The option by which the emulator makes it.
    pub fn option(&self) -> String {
        format!("unix:{},server=on,wait=off", self.0.display())
    }

    /// The first line of answer that begins with `start`.
    pub fn ask(&mut self, line: &str, start: &str) -> String {
        let path = &self.0;
        let stream = self.1.get_or_insert_with(|| {
            let tried = Instant::now();
            loop {
                match UnixStream::connect(path) {
                    Ok(stream) => return BufReader::new(stream),
                    Err(error) if tried.elapsed().as_secs() > 20 => panic!("{error}"),
                    Err(_) => sleep(Duration::from_millis(20)),
                }
            }
        });
        stream.get_mut().set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        writeln!(stream.get_mut(), "{line}").unwrap();
        loop {
            let mut answer = String::new();
            assert!(stream.read_line(&mut answer).unwrap() > 0, "{line}");
            assert!(!answer.starts_with("{\"error\"") && !answer.starts_with("FAIL"), "{line}: {answer}");
            if answer.starts_with(start) {
                return answer;
            }
        }
    }
}

/// The emulator's monitor (QMP).
pub struct Monitor(Socket, bool);

impl Monitor {
    /// As [`Socket::new`].
    pub fn new(what: &str) -> Monitor {
        Monitor(Socket::new(what), false)
    }

    /// As [`Socket::option`], behind `-qmp`.
    pub fn option(&self) -> String {
        self.0.option()
    }

    /// Has it do something that takes no arguments.
    #[allow(dead_code)] // not every test does
    pub fn execute(&mut self, command: &str) {
        self.ask(&format!("{{\"execute\":\"{command}\"}}"));
    }

    /// Words of the machine's memory.
    pub fn words(&mut self, address: u32, count: usize) -> Vec<u32> {
        let line = format!("xp /{count}wx {address:#x}");
        let told = self
            .ask(&format!("{{\"execute\":\"human-monitor-command\",\"arguments\":{{\"command-line\":\"{line}\"}}}}"));
        let words = told.split("0x").skip(1).map(|word| u32::from_str_radix(&word[..8], 16).unwrap());
        let words: Vec<u32> = words.collect();
        assert_eq!(words.len(), count, "{told}");
        words
    }

    fn ask(&mut self, line: &str) -> String {
        // It takes no other command before this one.
        if !std::mem::replace(&mut self.1, true) {
            self.0.ask("{\"execute\":\"qmp_capabilities\"}", "{\"return\"");
        }
        self.0.ask(line, "{\"return\"")
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
