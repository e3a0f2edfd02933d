//! Log records: bytes that a firmware wrote become lines, with the texts that its image kept.

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use defmt_decoder::{DecodeError, Frame, Table};

use super::{BoardError, Image, port, table};
use crate::engine::{BoardFacts, Heard};

/// One record of a board's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// How much it matters: `info`, `warn` and so on; nothing for plain text.
    pub level: Option<&'static str>,
    /// What it says.
    pub text: String,
}

impl Record {
    fn of(frame: &Frame<'_>) -> Record {
        Record { level: frame.level().map(|level| level.as_str()), text: frame.display_message().to_string() }
    }
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

    /// The record in the bytes up to a zero, unless they were damaged.
    pub fn record(&self, bytes: &[u8]) -> Option<Record> {
        let mut decoder = self.0.new_stream_decoder();
        decoder.received(bytes);
        decoder.decode().ok().map(|frame| Record::of(&frame))
    }

    /// Hands over each record until the bytes end. A damaged record is left out.
    pub fn follow(&self, mut bytes: impl Read, each: &mut dyn FnMut(Record)) {
        let mut decoder = self.0.new_stream_decoder();
        let mut buffer = [0; 256];
        while let Ok(count @ 1..) = port::read(&mut bytes, &mut buffer) {
            decoder.received(&buffer[..count]);
            loop {
                match decoder.decode() {
                    Ok(frame) => each(Record::of(&frame)),
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

/// A log that comes over the link: lines, once it is known whose it is.
pub struct Decoded {
    image: Option<PathBuf>,
    name: String,
    texts: Option<Texts>,
    waiting: Vec<u8>,
    each: Box<dyn FnMut(String)>,
}

impl Decoded {
    /// Hands over each line of the log of this image; without one, of the image that is built here
    /// for the board that answers.
    pub fn new(image: Option<PathBuf>, each: Box<dyn FnMut(String)>) -> Decoded {
        Decoded { image, name: String::new(), texts: None, waiting: Vec::new(), each }
    }

    /// Takes what the board lets be known.
    pub fn hear(&mut self, heard: Heard<'_>) {
        match heard {
            Heard::Board(facts) => {
                self.name.clone_from(&facts.name);
                match self.texts_of(facts) {
                    Ok(texts) => self.texts = Some(texts),
                    Err(why) => (self.each)(format!("{}: its log cannot be read: {why}", self.name)),
                }
            }
            Heard::Aside(bytes) => self.waiting.extend(bytes),
        }
        let Some(texts) = &self.texts else { return };
        while let Some(end) = self.waiting.iter().position(|&byte| byte == 0) {
            let bytes: Vec<u8> = self.waiting.drain(..=end).collect();
            if let Some(record) = texts.record(&bytes) {
                (self.each)(format!("{}: {record}", self.name));
            }
        }
    }

    fn texts_of(&self, facts: &BoardFacts) -> Result<Texts, String> {
        let told = |error: BoardError| error.to_string();
        if let Some(image) = &self.image {
            return Texts::of(image).map_err(told);
        }
        let board = table::find(&facts.name).map_err(told)?;
        let image = Image { f64: facts.scalar == 8, ..Image::of(board) };
        let path = image.path().map_err(told)?;
        if !path.exists() {
            return Err(format!(
                "its texts are in the image, which is not built here\n  name it: --image FILE; or build it: --on {}",
                board.name
            ));
        }
        Texts::of(&path).map_err(told)
    }
}
