//! What a slot's payload holds, in its order: the caller's own bytes, the circuit's tables and gates,
//! its params, the optimiser's moments; written from a tape, read into a circuit and into a tape.

use super::slot::{Header, fingerprint, params, params_len};
use super::stream::{Reader, Writer};
use super::{KeepError, Keeper};
use crate::build::{Circuit, Table};
use crate::plan::{Layout, Purpose};
use crate::scalar::Scalar;
use crate::tape::Tape;
use core::ops::Range;
use embedded_storage::nor_flash::NorFlash;

impl<F: NorFlash> Keeper<F> {
    /// The header of the newest state, and where its payload is.
    fn open<T: Scalar>(&mut self, header: &mut Header) -> Result<Range<u32>, KeepError> {
        let (slot, _) = self.newest.ok_or(KeepError::Nothing)?;
        self.header(slot, header)?;
        if usize::from(header.scalar()) != T::BYTES {
            return Err(KeepError::OtherScalar(header.scalar()));
        }
        self.payload(slot, header)
    }

    /// The caller's own bytes, put to the front of `own`; how many.
    ///
    /// # Errors
    /// [`KeepError::Nothing`], [`KeepError::NoRoom`] if there are more, [`KeepError::OtherScalar`],
    /// [`KeepError::Flash`].
    pub fn load_own<T: Scalar>(&mut self, own: &mut [u8]) -> Result<usize, KeepError> {
        let mut header = Header::NONE;
        let Range { start, end } = self.open::<T>(&mut header)?;
        let mut reader = Reader::new(&mut self.flash, start, end);
        let len = usize::from(header.own());
        let had = own.len() as u32;
        reader.take_into(own.get_mut(..len).ok_or(KeepError::NoRoom(len as u32, had))?);
        reader.all_there().map(|()| len)
    }

    /// Builds the circuit that is kept, through the same checks as any other, and tells its purpose.
    ///
    /// # Errors
    /// [`KeepError::Nothing`], [`KeepError::OtherScalar`], [`KeepError::Build`], [`KeepError::Damaged`],
    /// [`KeepError::Flash`]; the circuit is empty then.
    #[inline(never)]
    pub fn load_circuit<
        T: Scalar,
        const GATES: usize,
        const NUMBERS: usize,
        const SHAPES: usize,
        const ATTRS: usize,
    >(
        &mut self,
        circuit: &mut Circuit<T, GATES, NUMBERS, SHAPES, ATTRS>,
    ) -> Result<Purpose, KeepError> {
        circuit.clear();
        let mut built = self.build(circuit);
        if let Err(KeepError::Build(at, _)) = &mut built {
            *at = circuit.view().len() as u16;
        }
        if built.is_err() {
            circuit.clear();
        }
        built
    }

    fn build<T: Scalar, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize>(
        &mut self,
        circuit: &mut Circuit<T, GATES, NUMBERS, SHAPES, ATTRS>,
    ) -> Result<Purpose, KeepError> {
        let mut header = Header::NONE;
        let Range { start, end } = self.open::<T>(&mut header)?;
        let mut reader = Reader::new(&mut self.flash, start, end);
        let built = Self::build_from(&header, &mut reader, circuit);
        // Zeros that were read for what could not be may have been refused.
        reader.all_there().and(built)
    }

    fn build_from<T: Scalar, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize>(
        header: &Header,
        reader: &mut Reader<'_, F>,
        circuit: &mut Circuit<T, GATES, NUMBERS, SHAPES, ATTRS>,
    ) -> Result<Purpose, KeepError> {
        reader.skip(header.own().into());
        let tables = [
            (Table::Shapes, header.shapes().into()),
            (Table::Attrs, header.attrs()),
            (Table::Numbers, header.numbers()),
            (Table::Gates, header.gates()),
        ];
        for (table, count) in tables {
            for _ in 0..count {
                let mut bytes = [0; 8];
                reader.take_into(bytes.get_mut(..table.width::<T>()).unwrap_or_default());
                circuit.push_bytes(table, bytes)?;
            }
        }
        if let Some((wire, maximize)) = header.objective() {
            let wire = circuit.view().wire(usize::from(wire)).ok_or(KeepError::Damaged)?;
            if maximize { circuit.maximize(wire) } else { circuit.minimize(wire) }?;
        }
        if fingerprint(&circuit.view(), header.purpose()) != header.fingerprint() {
            return Err(KeepError::Damaged);
        }
        Ok(header.purpose())
    }

    /// Brings the newest state back into a tape of its circuit and purpose; the steps that it had
    /// learned in.
    ///
    /// # Errors
    /// [`KeepError::Nothing`], [`KeepError::OtherCircuit`], [`KeepError::OtherScalar`] before the tape
    /// is touched; [`KeepError::Flash`], [`KeepError::Run`], after which its params are worth nothing.
    pub fn load<T: Scalar>(&mut self, tape: &mut Tape<'_, T>) -> Result<u32, KeepError> {
        let circuit = tape.circuit();
        let mut header = Header::NONE;
        let Range { start, end } = self.open::<T>(&mut header)?;
        let mut reader = Reader::new(&mut self.flash, start, end);
        let moments = moments(tape.layout());
        let same = fingerprint(&circuit, tape.layout().purpose()) == header.fingerprint();
        if !same
            || params_len(&circuit, tape.fixed.slots) != header.params()
            || moments.len() as u32 != header.moments()
        {
            return Err(KeepError::OtherCircuit(header.fingerprint()));
        }
        let numbers = u32::from(header.scalar()) * (header.params() + header.moments());
        reader.skip(header.payload().unwrap_or(0).saturating_sub(numbers));
        for wire in params(&circuit, tape.fixed.slots) {
            for i in 0..circuit.len_at(wire.index()) {
                tape.set_from(wire, i, &[reader.take_number()])?;
            }
        }
        for place in tape.arena.get_mut(moments).unwrap_or_default() {
            *place = reader.take_number();
        }
        reader.all_there().map(|()| header.steps())
    }
}

/// Where the optimiser's moments lie in the arena: behind the sums of the batch, which are nothing
/// between two steps.
pub(super) fn moments(layout: &Layout) -> Range<usize> {
    layout.optimiser.1 as usize..layout.arena as usize
}

pub(super) fn write_state<F: NorFlash, T: Scalar>(writer: &mut Writer<'_, F>, tape: &Tape<'_, T>, own: &[u8]) {
    let circuit = tape.circuit();
    writer.push(own);
    for shape in circuit.shapes() {
        for dim in shape.to_raw() {
            writer.push(&dim.to_le_bytes());
        }
    }
    for attr in circuit.attrs() {
        writer.push(&attr.to_le_bytes());
    }
    for &x in circuit.numbers() {
        writer.push_number(x);
    }
    for gate in circuit.gates() {
        writer.push(&gate.to_bytes());
    }
    for wire in params(&circuit, tape.fixed.slots) {
        for &x in tape.read_value(wire.index()).unwrap_or_default() {
            writer.push_number(x);
        }
    }
    for &x in tape.arena.get(moments(tape.layout())).unwrap_or_default() {
        writer.push_number(x);
    }
}
