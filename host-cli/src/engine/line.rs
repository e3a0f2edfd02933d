//! The line: the host's side of the link, with its window, its time-outs and its retries.

use super::EngineError;
use super::facts::BoardFacts;
use chainrule::link::{ASIDE, Answer, Ask, Deframer, FRAME_MAX, MESSAGE_MAX, Refusal, Reply, Request, encode_frame};
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

/// Bytes to a board and back.
pub trait Pipe {
    /// Sends all of these bytes.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Waits for bytes, not longer than `wait`; 0 if none came.
    fn receive(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<usize>;

    /// How long to wait for an answer before asking again, where the pipe knows better than a cable
    /// to any board.
    fn patience(&self) -> Option<Duration> {
        None
    }
}

impl<P: Pipe + ?Sized> Pipe for &mut P {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        (**self).send(bytes)
    }

    fn receive(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<usize> {
        (**self).receive(buffer, wait)
    }

    fn patience(&self) -> Option<Duration> {
        (**self).patience()
    }
}

/// How long the oldest request may go unanswered before everything under way is sent again.
const PATIENCE: Duration = Duration::from_millis(1500);
const TRIES: u32 = 20;
/// A board that has just been switched on hears nothing until its serial line is on: greet it often.
const HELLO_PATIENCE: Duration = Duration::from_millis(120);
const HELLO_TRIES: u32 = 40;

/// What a board lets be known beside its answers.
#[derive(Clone, Copy, Debug)]
pub enum Heard<'a> {
    /// Who it is; once, when it has been greeted.
    Board(&'a BoardFacts),
    /// Bytes that answer nothing: its log. They may come before the greeting is answered.
    Aside(&'a [u8]),
}

/// Hears what a board lets be known.
pub type Listener = Box<dyn FnMut(Heard<'_>)>;

/// What a line has carried since the board was greeted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// Requests that were sent.
    pub requests: u64,
    /// Requests that were sent again, for want of an answer.
    pub again: u64,
    /// Frames that came damaged.
    pub damaged: u64,
}

/// The line: frames out, replies in order.
pub(super) struct Line<P> {
    pipe: P,
    pub(super) traffic: Traffic,
    listener: Option<Listener>,
    deframer: Deframer,
    pending: VecDeque<u8>,
    next: u32,
    window: usize,
    under_way: VecDeque<(u32, heapless::Vec<u8, FRAME_MAX>)>,
    patience: Duration,
    tries: u32,
}

/// What becomes of an answer.
pub(super) type Take<'t> = &'t mut dyn FnMut(Result<Answer<'_>, Refusal>) -> Result<(), EngineError>;

impl<P: Pipe> Line<P> {
    /// A line on which nothing has been said; what it hears aside goes to the listener.
    pub(super) fn new(pipe: P, listener: Option<Listener>) -> Line<P> {
        // A fresh place for the sequence, so that nothing of an earlier host is mistaken for ours.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let next = now.as_nanos() as u32 ^ std::process::id().rotate_left(16);
        let patience = pipe.patience().map_or(HELLO_PATIENCE, |patience| patience.min(HELLO_PATIENCE));
        Line {
            pipe,
            traffic: Traffic::default(),
            listener,
            deframer: Deframer::new(),
            pending: VecDeque::new(),
            next,
            window: 1,
            under_way: VecDeque::new(),
            patience,
            tries: HELLO_TRIES,
        }
    }

    /// From here on the board answers: it is told to the listener, and given more time.
    pub(super) fn is_there(&mut self, facts: &BoardFacts, window: usize) {
        // A board that was not awake yet is no fault of the line.
        self.traffic = Traffic::default();
        self.window = window.max(1);
        (self.patience, self.tries) = (self.pipe.patience().unwrap_or(PATIENCE), TRIES);
        if let Some(listener) = &mut self.listener {
            listener(Heard::Board(facts));
        }
    }

    /// Sends a request, after waiting for the oldest one if the window is full.
    pub(super) fn post(&mut self, ask: &Ask<'_>, take: Take<'_>) -> Result<(), EngineError> {
        while self.under_way.len() >= self.window {
            self.wait(take)?;
        }
        let (mut frame, mut scratch) = (heapless::Vec::new(), [0; MESSAGE_MAX]);
        let request = Request { sequence: self.next, ask: *ask };
        encode_frame(&request, &mut scratch, &mut frame).map_err(|error| EngineError::Line(error.to_string()))?;
        self.pipe.send(&frame).map_err(line)?;
        self.traffic.requests += 1;
        self.under_way.push_back((self.next, frame));
        self.next = self.next.wrapping_add(1);
        Ok(())
    }

    /// Waits for all replies that are under way; the first error is told once they are in.
    pub(super) fn drain(&mut self, take: Take<'_>) -> Result<(), EngineError> {
        let mut result = Ok(());
        while !self.under_way.is_empty() {
            let one = self.wait(take);
            if matches!(one, Err(EngineError::Silent { .. } | EngineError::Line(_))) {
                self.under_way.clear();
                return one;
            }
            result = result.and(one);
        }
        result
    }

    /// Waits for the reply to the oldest request, sending everything under way again when it takes
    /// too long.
    fn wait(&mut self, take: Take<'_>) -> Result<(), EngineError> {
        let Some(&(wanted, _)) = self.under_way.front() else { return Ok(()) };
        let (mut tries, mut since) = (1, Instant::now());
        let mut buffer = [0; 1024];
        loop {
            while let Some(byte) = self.pending.pop_front() {
                let message = match self.deframer.feed(byte) {
                    Ok(Some(message)) => message,
                    Ok(None) => continue,
                    Err(_) => {
                        self.traffic.damaged += 1;
                        continue;
                    }
                };
                if let Some(bytes) = message.strip_prefix(&ASIDE) {
                    if let Some(listener) = &mut self.listener {
                        listener(Heard::Aside(bytes));
                    }
                    continue;
                }
                let Ok((reply, [])) = postcard::take_from_bytes::<Reply<'_>>(message) else { continue };
                if reply.sequence == wanted {
                    self.under_way.pop_front();
                    return take(reply.answer);
                }
            }
            let left = self.patience.saturating_sub(since.elapsed());
            if left.is_zero() {
                if tries == self.tries {
                    return Err(EngineError::Silent { tries });
                }
                (tries, since) = (tries + 1, Instant::now());
                for (_, frame) in &self.under_way {
                    self.pipe.send(frame).map_err(line)?;
                    self.traffic.again += 1;
                }
            }
            let n = self.pipe.receive(&mut buffer, left.max(Duration::from_millis(1))).map_err(line)?;
            self.pending.extend(&buffer[..n]);
        }
    }

    pub(super) fn one(&mut self, ask: &Ask<'_>, take: Take<'_>) -> Result<(), EngineError> {
        self.post(ask, &mut done)?;
        self.drain(take)
    }
}

/// Takes any answer for good.
pub(super) fn done(answer: Result<Answer<'_>, Refusal>) -> Result<(), EngineError> {
    answer.map(|_| ()).map_err(refused)
}

pub(super) fn refused(refusal: Refusal) -> EngineError {
    match refusal {
        Refusal::Run(error) => EngineError::Run(error),
        Refusal::Plan(error) => EngineError::Plan(error),
        refusal => EngineError::Refused(refusal),
    }
}

fn line(error: io::Error) -> EngineError {
    EngineError::Line(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Loopback;
    use chainrule::link::{ASIDE_FRAME_MAX, VERSION, encode_aside};
    use std::cell::RefCell;
    use std::rc::Rc;

    /// A loopback that says something aside before each answer, each time one byte longer.
    struct Chatty(Loopback<f32>, u8);

    impl Pipe for Chatty {
        fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.0.send(bytes)
        }

        fn receive(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<usize> {
            let said: Vec<u8> = (0..self.1 % 33).map(|i| i.wrapping_mul(85)).collect();
            self.1 += 1;
            let mut frame = [0; ASIDE_FRAME_MAX];
            let frame = encode_aside(&said, &mut frame);
            let (aside, rest) = buffer.split_at_mut(frame.len());
            aside.copy_from_slice(frame);
            Ok(frame.len() + self.0.receive(rest, wait)?)
        }
    }

    #[test]
    fn what_is_said_aside_is_heard_and_disturbs_no_answer() {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let all = heard.clone();
        let listener = Box::new(move |what: Heard<'_>| {
            if let Heard::Aside(bytes) = what {
                all.borrow_mut().push(bytes.to_vec());
            }
        });
        let mut line = Line::new(Chatty(Loopback::new(), 0), Some(listener as Listener));
        line.one(&Ask::Hello { version: VERSION }, &mut done).unwrap();
        for _ in 0..60 {
            let mut answered = 0;
            line.one(&Ask::Clear, &mut |answer| {
                answered += 1;
                done(answer)
            })
            .unwrap();
            assert_eq!(answered, 1);
        }
        let lengths: Vec<usize> = heard.borrow().iter().map(Vec::len).collect();
        assert_eq!(lengths, (0..61).map(|i| i % 33).collect::<Vec<usize>>());
        assert_eq!(heard.borrow()[40], [0, 85, 170, 255, 84, 169, 254]);
    }
}
