//! Log records: bytes that a firmware wrote become lines, with the texts that its image kept.

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::thread::{self, JoinHandle};

use defmt_decoder::{DecodeError, Table};

use super::BoardError;

/// One record of a board's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// How much it matters: `info`, `warn` and so on; nothing for plain text.
    pub level: Option<&'static str>,
    /// What it says.
    pub text: String,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:5} {}", self.level.unwrap_or(""), self.text)
    }
}

/// The texts of an image's records; the board sends only their numbers.
pub struct Texts(Table);

impl Texts {
    /// Those of an image.
    ///
    /// # Errors
    /// [`BoardError::Log`] when the image holds none.
    pub fn of(image: &Path) -> Result<Texts, BoardError> {
        let failed = |said: String| BoardError::Log { image: image.to_owned(), said };
        let bytes = fs::read(image).map_err(|error| failed(error.to_string()))?;
        let table = Table::parse(&bytes).map_err(|error| failed(error.to_string()))?;
        table.map(Texts).ok_or_else(|| failed("it holds no texts of records".to_owned()))
    }

    /// Hands over each record until the bytes end. A damaged record is left out.
    pub fn follow(&self, mut bytes: impl Read, each: &mut dyn FnMut(Record)) {
        let mut decoder = self.0.new_stream_decoder();
        let mut buffer = [0; 256];
        while let Ok(count @ 1..) = bytes.read(&mut buffer) {
            decoder.received(&buffer[..count]);
            loop {
                match decoder.decode() {
                    Ok(frame) => each(Record {
                        level: frame.level().map(|level| level.as_str()),
                        text: frame.display_message().to_string(),
                    }),
                    Err(DecodeError::Malformed) if self.0.encoding().can_recover() => {}
                    Err(DecodeError::Malformed) => return,
                    Err(DecodeError::UnexpectedEof) => break,
                }
            }
        }
    }

    /// The same in a thread of its own, which ends with the bytes.
    pub fn follow_aside(
        self,
        bytes: impl Read + Send + 'static,
        mut each: impl FnMut(Record) + Send + 'static,
    ) -> JoinHandle<()> {
        thread::spawn(move || self.follow(bytes, &mut each))
    }
}
