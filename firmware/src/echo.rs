//! A stand-in for the session: every frame is answered by itself.

/// Collects bytes up to a zero and gives them back.
pub struct Echo {
    frame: heapless::Vec<u8, 128>,
    whole: bool,
}

impl Echo {
    /// An echo that has heard nothing yet.
    pub const fn new() -> Self {
        Echo { frame: heapless::Vec::new(), whole: false }
    }

    /// Takes one byte; a zero ends the frame, which is the reply.
    pub fn receive(&mut self, byte: u8) -> Option<&[u8]> {
        if self.whole {
            self.frame.clear();
        }
        self.whole = byte == 0;
        let _ = self.frame.push(byte);
        self.whole.then_some(&self.frame)
    }
}

impl Default for Echo {
    fn default() -> Self {
        Echo::new()
    }
}
