//! In which functions an emulated processor does its instructions.
//!
//! The emulator tells every instruction in a line of its own, where its complaints go. Those count that
//! belong to a circuit's work: whatever runs from the call of a function of the core that walks a circuit
//! until the link goes on. Some of a session's own instructions are counted by the board as work too;
//! they are in no function of these.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use object::{Object, ObjectSymbol, SymbolKind};

use super::BoardError;

/// Makes the emulator tell every instruction.
const TOLD: [&str; 4] = ["-accel", "tcg,one-insn-per-tb=on", "-d", "exec,nochain"];
/// What runs outside of work only, and long: most of what a board does while samples come in.
const UNTOLD: [&str; 6] = ["chainrule_firmware::tell", "link::frame", "link::raw", "link::read", "crc", "Reset"];

/// Instructions by function, there once the emulator has ended.
pub type Trace = Rc<RefCell<BTreeMap<String, u64>>>;

/// The functions of an image.
pub struct Functions {
    /// Where each begins, ascending.
    starts: Vec<u32>,
    functions: Vec<Function>,
}

struct Function {
    name: String,
    length: u32,
    kind: Kind,
}

/// What a function is for a trace.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It walks a circuit, for a session.
    Work,
    /// It is the session's or the firmware's around it, which have work done.
    Link,
    /// Any other.
    Other,
}

impl Function {
    fn new(symbol: &str, length: u32) -> Self {
        let name = told(symbol);
        let of = |module: &str| name.contains(module);
        let kind = if of("chainrule::link::") || of("chainrule_firmware::") {
            Kind::Link
        } else if of("::Walks>::walk_")
            || of("tape::Tape<") && name.ends_with("_between")
            || name.ends_with("::end_batch")
        {
            Kind::Work
        } else {
            Kind::Other
        };
        Function { name, length, kind }
    }
}

impl Functions {
    /// Reads them from an image.
    ///
    /// # Errors
    /// [`BoardError::Image`].
    pub fn of(image: &Path) -> Result<Self, BoardError> {
        let failed = |said: String| BoardError::Image { image: image.to_owned(), said };
        let bytes = std::fs::read(image).map_err(|error| failed(error.to_string()))?;
        let file = object::File::parse(&*bytes).map_err(|error| failed(error.to_string()))?;
        let symbols = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
        // The lowest bit says that it is Thumb code.
        let found = symbols.filter_map(|symbol| {
            Some((symbol.address() as u32 & !1, Function::new(symbol.name().ok()?, symbol.size() as u32)))
        });
        let found: BTreeMap<u32, Function> = found.collect();
        let (starts, functions) = found.into_iter().unzip();
        Ok(Functions { starts, functions })
    }

    /// What the emulator is to be told so that it tells their instructions.
    pub fn options(&self) -> Vec<String> {
        let told = |(_, function): &(&u32, &Function)| !UNTOLD.iter().any(|part| function.name.contains(part));
        let places = self.starts.iter().zip(&self.functions).filter(told);
        let ranges: Vec<_> =
            places.map(|(&start, function)| format!("{start:#x}..{:#x}", start + function.length - 1)).collect();
        let mut options: Vec<_> = TOLD.map(str::to_owned).into();
        options.extend(["-dfilter".to_owned(), ranges.join(",")]);
        options
    }

    fn at(&self, address: u32) -> Option<usize> {
        self.starts.partition_point(|&start| start <= address).checked_sub(1)
    }

    /// Counts what the emulator tells until it ends.
    pub fn count(&self, told: impl Read) -> BTreeMap<String, u64> {
        let mut counts = vec![0u64; self.functions.len()];
        let (mut lines, mut line, mut working) = (BufReader::new(told), Vec::new(), false);
        while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if let Some(at) = address(&line).and_then(|address| self.at(address)) {
                working = match self.functions[at].kind {
                    Kind::Work => true,
                    Kind::Link => false,
                    Kind::Other => working,
                };
                counts[at] += u64::from(working);
            }
            line.clear();
        }
        let mut sum = BTreeMap::new();
        for (function, count) in self.functions.iter().zip(counts).filter(|&(_, count)| count > 0) {
            *sum.entry(function.name.clone()).or_default() += count;
        }
        sum
    }
}

/// A symbol's name as its source has it.
fn told(symbol: &str) -> String {
    if symbol.starts_with("OUTLINED_FUNCTION") {
        return "pieces that the compiler shares between functions".to_owned();
    }
    format!("{:#}", rustc_demangle::demangle(symbol))
}

/// The program counter in `Trace 0: 0x7f… [cs_base/pc/flags/cflags] name`.
fn address(line: &[u8]) -> Option<u32> {
    let line = std::str::from_utf8(line).ok()?.strip_prefix("Trace ")?;
    let pc = line.split_once('[')?.1.split('/').nth(1)?;
    u64::from_str_radix(pc, 16).ok().map(|pc| pc as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_below_a_work_counts_until_the_link_goes_on() {
        let names = ["chainrule::link::session::run", "<chainrule::tape::Tape<f32>>::sample_between", "memcpy", "crc"];
        let functions = names.iter().map(|name| Function::new(name, 0x100)).collect();
        let functions = Functions { starts: vec![0x100, 0x200, 0x300, 0x400], functions };
        // The session, a copy of its own, the work, a copy in it, the work, the session, a copy.
        let pcs = [0x100, 0x300, 0x102, 0x200, 0x202, 0x300, 0x302, 0x204, 0x104, 0x300];
        let told: String = pcs.map(|pc| format!("Trace 0: 0x7f00 [00800408/{pc:016x}/0/0] name\n")).concat();
        let counts = functions.count(format!("a complaint\n{told}").as_bytes());
        let counts: Vec<_> = counts.iter().map(|(name, &count)| (name.as_str(), count)).collect();
        assert_eq!(counts, [("<chainrule::tape::Tape<f32>>::sample_between", 3), ("memcpy", 2)]);
        assert_eq!(functions.options().last().unwrap(), "0x100..0x1ff,0x200..0x2ff,0x300..0x3ff");
    }
}
