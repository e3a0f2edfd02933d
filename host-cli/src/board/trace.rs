//! In which functions an emulated processor does its instructions.
//!
//! The emulator tells every instruction in a line of its own, where its complaints go. Those count that
//! belong to a circuit's work: whatever runs from the call of a function of the core that walks a circuit
//! until the link goes on, but for interrupts. A board's own counter counts too what its session does between
//! the two readings.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

use super::BoardError;

/// Makes the emulator tell every instruction.
const TOLD: [&str; 4] = ["-accel", "tcg,one-insn-per-tb=on", "-d", "exec,nochain"];
/// What runs outside of work only, and often: so much less has to be told while samples come in.
const UNTOLD: [&str; 6] = ["chainrule_firmware::tell", "link::frame", "link::raw", "link::read", "crc", "Reset"];

/// Lines of what else it says that are kept, the last ones.
const SAID: usize = 20;

/// Instructions by function, there once the emulator has ended.
pub type Trace = Rc<RefCell<BTreeMap<String, u64>>>;

/// What an emulator told until it ended.
#[derive(Debug, Default)]
pub struct Told {
    /// Instructions by function.
    pub counts: BTreeMap<String, u64>,
    /// The end of whatever else it said.
    pub said: String,
}

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
    /// It runs when something outside of the processor wants it to.
    Interrupt,
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
        let vectors = file.section_by_name(".vector_table").and_then(|section| section.data().ok()).unwrap_or_default();
        let vectors: Vec<u32> = vectors.as_chunks().0.iter().map(|&word| u32::from_le_bytes(word) & !1).collect();
        let symbols = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
        // The lowest bit says that it is Thumb code.
        let mut found = BTreeMap::<u32, Function>::new();
        for symbol in symbols {
            let (Ok(name), start) = (symbol.name(), symbol.address() as u32 & !1) else { continue };
            let function = Function::new(name, symbol.size() as u32);
            // Where one piece of code does for several functions, one that the source names stands for all.
            if found.get(&start).is_none_or(|known| !known.name.contains("::") && function.name.contains("::")) {
                found.insert(start, function);
            }
        }
        // The first two are where the stack begins, and what runs first.
        for start in vectors.into_iter().skip(2) {
            found.entry(start).and_modify(|function| function.kind = Kind::Interrupt);
        }
        if !found.values().any(|function| function.kind == Kind::Work) {
            return Err(failed("it has no symbols of functions that walk a circuit".to_owned()));
        }
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
    pub fn count(&self, told: impl Read) -> Told {
        let mut counts = vec![0u64; self.functions.len()];
        let (mut lines, mut line, mut said) = (BufReader::new(told), Vec::new(), VecDeque::new());
        // The function told last, and whether what runs is work.
        let (mut now, mut working) = (None, false);
        while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            match event(&line) {
                Event::Done(address) => {
                    if let Some(at) = self.at(address) {
                        let kind = self.functions[at].kind;
                        // Work goes on behind an interrupt; the boards' handlers call no other functions.
                        if kind != Kind::Interrupt {
                            working = kind == Kind::Work || working && kind == Kind::Other;
                            counts[at] += u64::from(working);
                        }
                        now = Some(at);
                    }
                }
                // An interrupt came before it; it will be told again.
                Event::NotDone(address) => {
                    if let Some(at) = self.at(address).filter(|&at| working && now == Some(at)) {
                        counts[at] = counts[at].saturating_sub(1);
                    }
                }
                Event::Other => {
                    said.push_back(String::from_utf8_lossy(&line).into_owned());
                    if said.len() > SAID {
                        said.pop_front();
                    }
                }
            }
            line.clear();
        }
        let mut sum = BTreeMap::new();
        for (function, count) in self.functions.iter().zip(counts).filter(|&(_, count)| count > 0) {
            *sum.entry(function.name.clone()).or_default() += count;
        }
        Told { counts: sum, said: said.into_iter().collect() }
    }
}

/// A symbol's name as its source has it.
fn told(symbol: &str) -> String {
    if symbol.starts_with("OUTLINED_FUNCTION") {
        return "pieces that the compiler shares between functions".to_owned();
    }
    format!("{:#}", rustc_demangle::demangle(symbol))
}

/// What a line of the emulator's tells.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    /// The instruction at this address is done.
    Done(u32),
    /// It was not, after all.
    NotDone(u32),
    Other,
}

/// The program counter in `Trace 0: 0x7f… [cs_base/pc/flags/cflags] name`, and in `Stopped execution of TB chain
/// before 0x7f… [pc] name`.
fn event(line: &[u8]) -> Event {
    let read = || {
        let line = std::str::from_utf8(line).ok()?;
        let place = line.split_once('[')?.1.split_once(']')?.0;
        let number = |digits| u64::from_str_radix(digits, 16).ok().map(|address| address as u32);
        if line.starts_with("Trace ") {
            Some(Event::Done(number(place.split('/').nth(1)?)?))
        } else if line.starts_with("Stopped execution") {
            Some(Event::NotDone(number(place)?))
        } else {
            None
        }
    };
    read().unwrap_or(Event::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions() -> Functions {
        let names = [
            "chainrule::link::session::run",
            "<chainrule::tape::Tape<f32>>::sample_between",
            "memcpy",
            "crc",
            "SysTick",
        ];
        let mut functions: Vec<_> = names.iter().map(|name| Function::new(name, 0x100)).collect();
        functions[4].kind = Kind::Interrupt;
        Functions { starts: vec![0x100, 0x200, 0x300, 0x400, 0x500], functions }
    }

    fn done(pc: u32) -> String {
        format!("Trace 0: 0x7f00 [00800408/{pc:016x}/0/0] name\n")
    }

    fn counted(told: &str) -> Vec<(String, u64)> {
        functions().count(told.as_bytes()).counts.into_iter().collect()
    }

    const WORK: &str = "<chainrule::tape::Tape<f32>>::sample_between";

    #[test]
    fn what_runs_below_a_work_counts_until_the_link_goes_on() {
        // The session, a copy of its own, the work, a copy in it, the work, the session, a copy.
        let told = [0x100, 0x300, 0x102, 0x200, 0x202, 0x300, 0x302, 0x204, 0x104, 0x300].map(done).concat();
        assert_eq!(counted(&told), [(WORK.to_owned(), 3), ("memcpy".to_owned(), 2)]);
        assert_eq!(functions().options().last().unwrap(), "0x100..0x1ff,0x200..0x2ff,0x300..0x3ff,0x500..0x5ff");
    }

    #[test]
    fn an_interrupt_does_not_count_nor_an_instruction_twice() {
        let stopped = "Stopped execution of TB chain before 0x7f00 [0000000000000202] name\n";
        let before = [0x200, 0x202].map(done).concat();
        // The handler; then the work goes on, and is interrupted once more where it calls.
        let after = [0x500, 0x502, 0x202, 0x500, 0x502, 0x300, 0x204].map(done).concat();
        let told = format!("{before}{stopped}{after}");
        assert_eq!(counted(&told), [(WORK.to_owned(), 3), ("memcpy".to_owned(), 1)]);
    }

    #[test]
    fn what_else_the_emulator_says_is_kept() {
        let told = functions().count(format!("no such property\n{}no more\n", done(0x200)).as_bytes());
        assert_eq!((told.counts.len(), told.said.as_str()), (1, "no such property\nno more\n"));
    }
}
