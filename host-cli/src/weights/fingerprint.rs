//! What a circuit computes, as text with a hash: the gates with their operands and constants, but
//! not the names of wires, what is frozen, or the values of params.

use super::error::Kind;
use crate::lower::Lowered;
use crate::text::literal::Readable;
use chainrule::{Objective, Op};
use std::fmt::Write;

/// A circuit as lines, one a wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    lines: Vec<String>,
}

impl Fingerprint {
    /// Of this circuit.
    pub fn of<T: Readable>(lowered: &Lowered<T>) -> Fingerprint {
        let circuit = lowered.view();
        let mut lines: Vec<String> = Vec::with_capacity(circuit.len() + 2);
        for wire in circuit.wires() {
            let Some(gate) = circuit.gate(wire) else { continue };
            let mut line = format!("{} {}", wire.index(), gate.op().name());
            for size in circuit.shape(wire).dims() {
                let _ = write!(line, " [{size}]");
            }
            for operand in circuit.operands(gate) {
                let _ = write!(line, " {}", operand.index());
            }
            let numbers = circuit.const_values(wire).unwrap_or_else(|| circuit.attribute_values(wire));
            if !numbers.is_empty() {
                let _ = write!(line, " {numbers:?}");
            }
            if let Some((start, rows)) = circuit.slice_rows(wire).filter(|_| gate.op() == Op::Slice) {
                let _ = write!(line, " {start}..{}", start + rows);
            }
            if let Some(classes) = circuit.classes(wire) {
                let _ = write!(line, " class({classes})");
            }
            lines.push(line);
        }
        if !circuit.attrs().is_empty() {
            lines.push(format!("attributes {:?}", circuit.attrs()));
        }
        match circuit.objective() {
            Some(Objective::Maximize(wire)) => lines.push(format!("maximize {}", wire.index())),
            Some(Objective::Minimize(wire)) => lines.push(format!("minimize {}", wire.index())),
            None => {}
        }
        Fingerprint { lines }
    }

    /// FNV-1a (Fowler, Noll and Vo) with 64 bits over the lines.
    pub fn hash(&self) -> u64 {
        let bytes = self.lines.iter().flat_map(|line| line.bytes().chain([b'\n']));
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// What a file's metadata says.
    pub fn with_params(&self, params_hash: u64, scalar: &str) -> String {
        let head = format!("circuit {:016x}\nparams {params_hash:016x}\nscalar {scalar}\n", self.hash());
        head + &self.lines.join("\n")
    }

    /// Whether a file's metadata is of this circuit.
    ///
    /// # Errors
    /// The first line that differs.
    pub fn compare(&self, told: &str) -> Result<(), Kind> {
        let mut lines = told.lines();
        let hash = lines.find_map(|line| line.strip_prefix("circuit ")).unwrap_or("");
        let own = format!("{:016x}", self.hash());
        if hash == own {
            return Ok(());
        }
        let theirs: Vec<&str> =
            lines.filter(|line| !line.starts_with("params ") && !line.starts_with("scalar ")).collect();
        let most = theirs.len().max(self.lines.len());
        let line = |line: Option<&str>| line.unwrap_or("nothing").to_owned();
        let differs = (0..most)
            .map(|i| (line(theirs.get(i).copied()), line(self.lines.get(i).map(String::as_str))))
            .find(|(there, here)| there != here);
        Err(Kind::Circuit { here: own, there: hash.to_owned(), differs })
    }
}
