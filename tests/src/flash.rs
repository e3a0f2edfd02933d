//! A NOR flash that enforces the rules of real ones and loses its power when told.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// What the operation at which the power goes leaves behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// Nothing was done yet.
    Before,
    /// The first half of the bytes was written, or of the sector erased.
    Half,
    /// Each bit was changed or not.
    Torn,
    /// It was done, and nothing after it.
    After,
}

impl Cut {
    /// All kinds.
    pub const ALL: [Cut; 4] = [Cut::Before, Cut::Half, Cut::Torn, Cut::After];
}

/// A flash that is read by `READ` bytes, written by `WRITE` and erased by `ERASE`.
///
/// With `checked` it keeps a check code for each written unit, as the STM32L4 does for each double
/// word: a unit that was torn is an error when it is read.
#[derive(Clone)]
pub struct Flash<const READ: usize, const WRITE: usize, const ERASE: usize> {
    bytes: Vec<u8>,
    /// Whether a unit has been written since its sector was erased, or was torn.
    written: Vec<bool>,
    broken: Vec<bool>,
    checked: bool,
    /// Units written and sectors erased so far.
    pub operations: usize,
    cut: Option<(usize, Cut)>,
    dead: bool,
    noise: u64,
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> Flash<READ, WRITE, ERASE> {
    /// A flash full of what an earlier owner left there.
    pub fn new(sectors: usize, checked: bool) -> Self {
        let len = sectors * ERASE;
        let mut flash = Flash {
            bytes: vec![0; len],
            written: vec![true; len / WRITE],
            broken: vec![false; len / WRITE],
            checked,
            operations: 0,
            cut: None,
            dead: false,
            noise: 0x9e37_79b9_7f4a_7c15,
        };
        for at in 0..len {
            flash.bytes[at] = flash.noise() as u8;
        }
        flash
    }

    fn noise(&mut self) -> u64 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 7;
        self.noise ^= self.noise << 17;
        self.noise
    }

    /// The power goes at this operation from here on, the first being 0.
    pub fn cut_at(&mut self, operation: usize, cut: Cut) {
        (self.operations, self.cut) = (0, Some((operation, cut)));
        self.noise ^= (operation as u64 + 1) << 20 | (cut as u64 + 1);
    }

    /// The power comes back, and stays.
    pub fn power_on(&mut self) {
        (self.operations, self.cut, self.dead) = (0, None, false);
    }

    /// What the power does to the next operation.
    fn next(&mut self) -> Option<Cut> {
        let operation = self.operations;
        self.operations += 1;
        let cut = self.cut.filter(|(at, _)| *at == operation).map(|(_, cut)| cut);
        self.dead |= cut.is_some();
        cut
    }

    fn write_unit(&mut self, unit: usize, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        let cut = self.next();
        if cut == Some(Cut::Before) {
            return Err(NorFlashErrorKind::Other);
        }
        assert!(!self.written[unit], "unit {unit} is written twice between two erases");
        self.written[unit] = true;
        for (i, &byte) in bytes.iter().enumerate() {
            let mask = match cut {
                Some(Cut::Half) if 2 * i >= bytes.len() => 0xff,
                Some(Cut::Torn) => byte | self.noise() as u8,
                _ => byte,
            };
            self.bytes[unit * WRITE + i] &= mask;
        }
        self.broken[unit] = matches!(cut, Some(Cut::Half | Cut::Torn));
        if cut.is_some() { Err(NorFlashErrorKind::Other) } else { Ok(()) }
    }

    fn erase_sector(&mut self, sector: usize) -> Result<(), NorFlashErrorKind> {
        let cut = self.next();
        if cut == Some(Cut::Before) {
            return Err(NorFlashErrorKind::Other);
        }
        for unit in sector * ERASE / WRITE..(sector + 1) * ERASE / WRITE {
            let half = 2 * (unit * WRITE % ERASE) >= ERASE;
            for at in unit * WRITE..(unit + 1) * WRITE {
                match cut {
                    Some(Cut::Half) if half => {}
                    Some(Cut::Torn) => self.bytes[at] |= self.noise() as u8,
                    _ => self.bytes[at] = 0xff,
                }
            }
            // Half erased is not erased: it must not be written to.
            self.written[unit] = matches!(cut, Some(Cut::Half | Cut::Torn));
            self.broken[unit] = match cut {
                Some(Cut::Half) => half && self.broken[unit],
                Some(Cut::Torn) => self.noise().is_multiple_of(2),
                _ => false,
            };
        }
        if cut.is_some() { Err(NorFlashErrorKind::Other) } else { Ok(()) }
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ErrorType for Flash<READ, WRITE, ERASE> {
    type Error = NorFlashErrorKind;
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ReadNorFlash for Flash<READ, WRITE, ERASE> {
    const READ_SIZE: usize = READ;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        let range = offset as usize..offset as usize + bytes.len();
        let units = range.start / WRITE..range.end.div_ceil(WRITE);
        if self.dead || self.checked && self.broken[units].iter().any(|&broken| broken) {
            return Err(NorFlashErrorKind::Other);
        }
        bytes.copy_from_slice(&self.bytes[range]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> NorFlash for Flash<READ, WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        (from as usize / ERASE..to as usize / ERASE)
            .try_for_each(|sector| if self.dead { Err(NorFlashErrorKind::Other) } else { self.erase_sector(sector) })
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        bytes.chunks(WRITE).enumerate().try_for_each(|(i, unit)| {
            if self.dead { Err(NorFlashErrorKind::Other) } else { self.write_unit(offset as usize / WRITE + i, unit) }
        })
    }
}
