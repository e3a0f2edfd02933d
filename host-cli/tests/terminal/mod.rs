//! A terminal with a program on it, read as a person reads it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serialport::{SerialPort, TTYPort};

/// Even a machine with much to do draws within this time, an image built before included.
const PATIENCE: Duration = Duration::from_secs(400);

/// `stty` at a terminal.
pub fn stty(path: &str, arguments: &[&str]) -> String {
    let out = Command::new("stty").args(["-F", path]).args(arguments).output().expect("stty runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("is text")
}

/// A terminal with `monitor` on it.
pub struct Terminal {
    ours: TTYPort,
    pub path: String,
    /// Keeps the terminal when `monitor` is gone.
    _theirs: TTYPort,
    child: Child,
    screen: vt100::Parser,
    /// Whether there was a picture, instead of what the terminal showed before.
    was_taken: bool,
    pub before: String,
}

impl Terminal {
    pub fn with(arguments: &[&str]) -> Terminal {
        Terminal::of(Command::new(env!("CARGO_BIN_EXE_chainrule")).arg("monitor").args(arguments))
    }

    pub fn of(command: &mut Command) -> Terminal {
        let (mut ours, theirs) = TTYPort::pair().expect("has terminals");
        let path = theirs.name().expect("has a path");
        stty(&path, &["sane", "cols", "110", "rows", "30"]);
        let before = stty(&path, &["-g"]);
        let open = || -> File { OpenOptions::new().read(true).write(true).open(&path).expect("opens") };
        let child = command
            .env("TERM", "xterm-256color")
            .stdin(open())
            .stdout(open())
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs");
        ours.set_timeout(Duration::from_millis(50)).expect("waits");
        let screen = vt100::Parser::new(30, 110, 0);
        Terminal { ours, path, _theirs: theirs, child, screen, was_taken: false, before }
    }

    /// Takes what was written; tells whether there was something.
    fn reads(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let count = self.ours.read(&mut buffer).unwrap_or(0);
        // One by one: a short run takes the screen and gives it back within one reading.
        for byte in buffer[..count].chunks(1) {
            self.screen.process(byte);
            self.was_taken |= self.screen.screen().alternate_screen();
        }
        count > 0
    }

    pub fn shows(&self) -> String {
        self.screen.screen().contents()
    }

    /// Reads until these words are there.
    pub fn until(&mut self, words: &str) {
        self.until_it(|shown| shown.contains(words), words);
    }

    pub fn until_it(&mut self, shows: impl Fn(&str) -> bool, what: &str) {
        let begun = Instant::now();
        while !shows(&self.shows()) {
            assert!(begun.elapsed() < PATIENCE, "no `{what}` on\n{}", self.shows());
            self.reads();
        }
    }

    pub fn press(&mut self, key: &str) {
        self.ours.write_all(key.as_bytes()).expect("presses");
    }

    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(kill.expect("kill runs").success());
    }

    /// Waits for the end; gives the exit code and what was complained of.
    pub fn ends(&mut self) -> (Option<i32>, String) {
        let begun = Instant::now();
        loop {
            self.reads();
            if let Some(status) = self.child.try_wait().expect("waits") {
                // What it said last may be under way still.
                while self.reads() {}
                let mut said = String::new();
                self.child.stderr.take().expect("is piped").read_to_string(&mut said).expect("is text");
                return (status.code(), said);
            }
            assert!(begun.elapsed() < PATIENCE, "does not end:\n{}", self.shows());
        }
    }

    /// There was a picture, and the terminal is as it was before it.
    pub fn is_as_before(&self) {
        assert_eq!(stty(&self.path, &["-g"]), self.before);
        assert!(self.was_taken && !self.screen.screen().alternate_screen() && !self.screen.screen().hide_cursor());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
