//! The emulator's monitor, as tests ask it.

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

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
