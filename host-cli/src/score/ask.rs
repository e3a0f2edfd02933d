//! Rows through an engine, forward only: what some wires are for each of them.

use chainrule::{CircuitRef, Op, Purpose, Slot, Tape, Wire, plan};

use crate::data::Table;
use crate::engine::{At, Engine, EngineError, OpenError, Side, Stage, open};
use crate::lower::Lowered;
use crate::text::literal::Readable;

/// The part of a circuit that `wire` needs: all up to its gate, without objective.
pub fn up_to<T: Readable>(lowered: &Lowered<T>, wire: Wire) -> CircuitRef<'_, T> {
    let view = lowered.view();
    let gates = view.gates().get(..=wire.index()).unwrap_or(view.gates());
    // A beginning of a circuit that was checked is one.
    CircuitRef::new(gates, view.shapes(), view.numbers(), view.attrs()).unwrap_or(view)
}

/// The plan that takes the least memory and still has these wires at the end.
fn purpose<T: Readable>(circuit: &CircuitRef<'_, T>, wires: &[Wire]) -> Purpose {
    let keeps = |purpose: &Purpose| {
        let mut slots = vec![Slot::EMPTY; circuit.len()];
        let Ok(layout) = plan(circuit, *purpose, false, &mut slots) else { return false };
        let mut arena = vec![T::ZERO; layout.arena_len()];
        let tape = Tape::new(*circuit, layout, &slots, &[], &mut arena);
        tape.is_ok_and(|tape| wires.iter().all(|&wire| tape.value(wire).is_ok()))
    };
    [Purpose::Infer, Purpose::Train].into_iter().find(keeps).unwrap_or(Purpose::Inspect)
}

/// Opens an engine that has the circuit's params and leaves these wires readable.
///
/// # Errors
/// What opening says, and the engine.
pub fn open_for<'c, 'a, T: Readable>(
    lowered: &Lowered<T>,
    circuit: CircuitRef<'c, T>,
    wires: &[Wire],
    at: impl Into<At<'a>>,
    told: &mut dyn FnMut(Stage<'_>),
) -> Result<Box<dyn Engine<T> + 'c>, OpenError> {
    let mut engine = open(at, circuit, purpose(&circuit, wires), told)?;
    for param in lowered.params.iter().filter(|param| param.wire.index() < circuit.len()) {
        engine.set(param.wire, 0, &param.start)?;
    }
    engine.ready()?;
    Ok(engine)
}

/// The inputs and labels of a circuit that a table of these fields fills.
pub fn fed<T: Readable>(lowered: &Lowered<T>, circuit: &CircuitRef<'_, T>, table: &Table<T>) -> Vec<(Wire, usize)> {
    let there = |wire: Wire| circuit.gate(wire).is_some_and(|gate| matches!(gate.op(), Op::Input | Op::Label));
    let wire = |name: &str| lowered.fields.iter().find(|field| field.name == name).map(|field| field.wire);
    let fields = table.fields().iter().enumerate();
    fields.filter_map(|(at, field)| Some((wire(&field.name).filter(|&wire| there(wire))?, at))).collect()
}

/// What `wires` are for a row.
///
/// # Errors
/// The engine's.
pub fn ask<T: Readable>(
    engine: &mut dyn Engine<T>,
    fed: &[(Wire, usize)],
    table: &Table<T>,
    row: usize,
    wires: &[Wire],
) -> Result<Vec<Vec<T>>, EngineError> {
    for &(wire, field) in fed {
        engine.set(wire, 0, table.values(field, row))?;
    }
    engine.forward()?;
    let looks: Vec<(Wire, Side)> = wires.iter().map(|&wire| (wire, Side::Value)).collect();
    Ok(engine.look(&looks)?.into_iter().map(Option::unwrap_or_default).collect())
}
