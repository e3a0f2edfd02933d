//! An image that misbehaves when it is told to, for tests of what happens then.

/// A word on the line, between two frames, and what it does.
pub struct Mischief {
    last: [u8; 8],
}

impl Mischief {
    /// Nothing is heard yet.
    pub const fn new() -> Self {
        Mischief { last: [0; 8] }
    }

    /// Hears a byte of the line. The words are too long to come in a frame by chance.
    #[allow(clippy::panic)]
    pub fn hear(&mut self, byte: u8) {
        let [_, a, b, c, d, e, f, g] = self.last;
        self.last = [a, b, c, d, e, f, g, byte];
        match &self.last {
            b"!panic!\0" => panic!("as it was told to"),
            b"!hangs!\0" => hang(),
            b"!fault!\0" => fault(),
            _ => {}
        }
    }
}

fn hang() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// An instruction that no processor knows: an address where nothing is could be read on the emulated
/// microbit.
#[cfg(feature = "cortex-m")]
fn fault() {
    cortex_m::asm::udf();
}

#[cfg(not(feature = "cortex-m"))]
#[allow(unsafe_code)]
fn fault() {
    // SAFETY: nothing is there; the processor says so, which is what is wanted.
    unsafe { (0xffff_fff0 as *const u32).read_volatile() };
}
