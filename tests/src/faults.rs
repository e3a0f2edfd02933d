//! A line that is at fault: bytes lost, doubled and damaged, frames lost and doubled, the cable out
//! for a while, all by a seed, in both directions.

use chainrule::Random;
use chainrule_cli::engine::Pipe;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::time::Duration;

/// What can happen to a frame.
const KINDS: [&str; 6] = ["a byte lost", "a byte doubled", "a bit flipped", "lost", "doubled", "the cable out"];
/// While the cable is out, up to so many frames are lost: fewer than a host asks again.
const OUT: u32 = 5;

/// How many frames met with each fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// Frames that came by, in both directions.
    pub frames: u64,
    counts: [u64; KINDS.len()],
}

impl Faults {
    /// All faults.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The count of the kind that was seldomest.
    pub fn least(&self) -> u64 {
        self.counts.into_iter().min().unwrap_or(0)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} faults in {} frames (", self.total(), self.frames)?;
        for (i, (kind, count)) in KINDS.iter().zip(self.counts).enumerate() {
            write!(f, "{}{kind}: {count}", if i > 0 { ", " } else { "" })?;
        }
        f.write_str(")")
    }
}

/// A pipe whose frames meet with faults.
pub struct Faulty<P> {
    pipe: P,
    random: Random,
    /// Of so many frames one meets with a fault of each kind.
    one_in: u32,
    patience: Duration,
    out: u32,
    faults: Faults,
    /// The beginning of a frame from the board, and whole ones to hand on.
    begun: Vec<u8>,
    ready: VecDeque<u8>,
}

impl<P: Pipe> Faulty<P> {
    /// One frame in `one_in` meets with a fault of each kind. A lost answer is asked for again after
    /// `patience`.
    pub fn new(pipe: P, seed: u64, one_in: u32, patience: Duration) -> Self {
        let random = Random::new(seed);
        let (begun, ready) = (Vec::new(), VecDeque::new());
        Faulty { pipe, random, one_in, patience, out: 0, faults: Faults::default(), begun, ready }
    }

    /// What has happened so far.
    pub fn faults(&self) -> Faults {
        self.faults
    }

    /// The pipe without faults.
    pub fn into_inner(self) -> P {
        self.pipe
    }

    /// What becomes of a frame on its way.
    fn pass(&mut self, frame: &[u8]) -> Vec<u8> {
        self.faults.frames += 1;
        let mut frame = frame.to_vec();
        let len = frame.len() as u32;
        for kind in 0..KINDS.len() {
            if self.random.below(self.one_in) > 0 || (kind == 5 && self.out > 0) {
                continue;
            }
            let at = (self.random.below(len) as usize).min(frame.len().saturating_sub(1));
            self.faults.counts[kind] += 1;
            match kind {
                0 if !frame.is_empty() => drop(frame.remove(at)),
                1 if !frame.is_empty() => frame.insert(at, frame[at]),
                2 if !frame.is_empty() => frame[at] ^= 1 << self.random.below(8),
                3 => frame.clear(),
                4 => frame.extend_from_within(..),
                _ => self.out = 1 + self.random.below(OUT),
            }
        }
        if self.out > 0 {
            self.out -= 1;
            frame.clear();
        }
        frame
    }
}

impl<P: Pipe> Pipe for Faulty<P> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let passed = self.pass(bytes);
        self.pipe.send(&passed)
    }

    fn receive(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<usize> {
        if self.ready.is_empty() {
            let mut bytes = [0; 1024];
            let n = self.pipe.receive(&mut bytes, wait)?;
            for &byte in &bytes[..n] {
                self.begun.push(byte);
                if byte == 0 {
                    let frame = std::mem::take(&mut self.begun);
                    let passed = self.pass(&frame);
                    self.ready.extend(passed);
                }
            }
        }
        let n = buffer.len().min(self.ready.len());
        for (place, byte) in buffer.iter_mut().zip(self.ready.drain(..n)) {
            *place = byte;
        }
        Ok(n)
    }

    fn patience(&self) -> Option<Duration> {
        Some(self.patience)
    }
}
