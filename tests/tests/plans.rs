//! What a plan promises: where gradients are kept, and that memory used again
//! gives the same bits as memory that is kept.

use chainrule::{CircuitRef, Op, Purpose, RunError, Slot, Tape, Wire, plan};
use chainrule_tests::corpus::{self, Entry};
use chainrule_tests::run::{Number, bits, lowered, settings, trains};

/// For each wire, the bits of its value and of its gradient after the entry's
/// first case, where the plan keeps them.
type Kept = Vec<(Option<Vec<u64>>, Option<Vec<u64>>)>;

fn kept<T: Number>(entry: &Entry, case: usize, purpose: Purpose) -> (Kept, usize) {
    let lowered = lowered::<T>(entry).unwrap();
    let view = lowered.view();
    let mut slots = vec![Slot::EMPTY; view.len()];
    let layout = plan(&view, purpose, false, &mut slots).unwrap();
    // A guard behind the arena: nothing may be written there.
    let guard = T::from_f64(-77.25);
    let mut arena = vec![guard; layout.arena_len() + 16];
    let mut tape = Tape::new(view, layout, &slots, &[], &mut arena).unwrap();
    // Twice, so that what the first pass wrote over is set again and nothing old shines through.
    for _ in 0..2 {
        for (wire, values) in settings(&lowered, &entry.cases[case]).unwrap() {
            tape.set(wire, &values).unwrap();
        }
        tape.forward();
        if purpose != Purpose::Infer && view.objective().is_some() {
            tape.backward_objective().unwrap();
        }
    }
    let all = |numbers: &[T]| numbers.iter().map(|&x| bits(x)).collect::<Vec<u64>>();
    let read = |wire| {
        let value = match tape.value(wire) {
            Ok(value) => Some(all(value)),
            Err(RunError::NoValue(_)) => None,
            Err(error) => panic!("{}: {error}", entry.name),
        };
        (value, tape.gradient(wire).ok().map(all))
    };
    let kept = view.wires().map(read).collect();
    assert!(arena[layout.arena_len()..].iter().all(|&x| x == guard), "{} {purpose:?}", entry.name);
    (kept, layout.arena_len())
}

fn same_where_kept<T: Number>() {
    let (mut values, mut smaller, mut circuits) = (0, 0, 0);
    for entry in corpus::read().unwrap() {
        circuits += 1;
        let trains = trains(&lowered::<T>(&entry).unwrap());
        for case in 0..entry.cases.len() {
            let (all, most) = kept::<T>(&entry, case, Purpose::Inspect);
            assert!(all.iter().all(|(value, _)| value.is_some()), "{} keeps all", entry.name);
            let mut purposes = vec![Purpose::Infer];
            if trains {
                purposes.extend([Purpose::Train, Purpose::Accumulate]);
            }
            for purpose in purposes {
                let (some, arena) = kept::<T>(&entry, case, purpose);
                smaller += usize::from(arena < most);
                assert!(arena <= most || purpose == Purpose::Accumulate, "{} {purpose:?}", entry.name);
                for (at, ((all, gradient), (some, kept))) in all.iter().zip(&some).enumerate() {
                    let name = || format!("{} case {} {purpose:?} wire {at}", entry.name, case + 1);
                    values += usize::from(some.is_some());
                    assert!(some.is_none() || some == all, "value of {}", name());
                    let summed = purpose == Purpose::Accumulate;
                    assert!(kept.is_none() || kept == gradient || summed, "gradient of {}", name());
                }
            }
        }
    }
    assert!(
        circuits >= 100 && values > 1000 && smaller > 100,
        "{circuits} circuits, {values} values, {smaller} smaller"
    );
}

#[test]
fn memory_used_again_gives_the_same_bits_in_f32() {
    same_where_kept::<f32>();
}

#[test]
fn memory_used_again_gives_the_same_bits_in_f64() {
    same_where_kept::<f64>();
}

/// Inspection has a gradient for all but constants and labels; inference none;
/// training where something trained lies upstream, and none for the weights that
/// a single dense gate updates, nor where it becomes an operand's in its place.
#[test]
fn gradients_are_kept_where_they_are_needed() {
    let (mut fused, mut turned) = (0, 0);
    for entry in corpus::read().unwrap() {
        let lowered = lowered::<f32>(&entry).unwrap();
        let view = lowered.view();
        let gradient = |purpose| -> Vec<bool> {
            let (kept, _) = kept::<f32>(&entry, 0, purpose);
            kept.iter().map(|(_, gradient)| gradient.is_some()).collect()
        };
        let inspect = gradient(Purpose::Inspect);
        for (wire, has) in view.wires().zip(&inspect) {
            let source = matches!(view.gate(wire).unwrap().op(), Op::Const | Op::Label);
            assert_eq!(*has, !source, "{} wire {}", entry.name, wire.index());
        }
        assert!(gradient(Purpose::Infer).iter().all(|has| !has), "{}", entry.name);
        if !trains(&lowered) {
            continue;
        }
        let mut needs = vec![false; view.len()];
        for wire in view.wires() {
            let gate = view.gate(wire).unwrap();
            needs[wire.index()] = gate.is_trained() || view.operands(gate).any(|operand| needs[operand.index()]);
        }
        let scalars = |wire: usize| (0..=wire).all(|at| view.shape(view.wire(at).unwrap()).is_scalar());
        for (purpose, has) in
            [(Purpose::Train, gradient(Purpose::Train)), (Purpose::Accumulate, gradient(Purpose::Accumulate))]
        {
            for wire in view.wires() {
                let readers: Vec<_> =
                    view.gates().iter().filter(|gate| view.operands(gate).any(|operand| operand == wire)).collect();
                let by_its_gate = purpose == Purpose::Train
                    && view.gate(wire).unwrap().is_trained()
                    && matches!(readers.as_slice(), [gate] if gate.op().has_weights() && view.operand(gate, 0) != Some(wire));
                fused += usize::from(by_its_gate);
                let given_away = gives_away(&view, wire, &needs)
                    && !scalars(view.operand(view.gate(wire).unwrap(), 0).unwrap().index());
                turned += usize::from(given_away);
                let expected = needs[wire.index()] && !by_its_gate && !given_away;
                // A circuit's scalar beginning has its gradients beside its values, needed or not.
                let free = scalars(wire.index());
                let name = format!("{} {purpose:?} wire {}", entry.name, wire.index());
                assert!(has[wire.index()] == expected || free, "{name}: {} kept, {expected} needed", has[wire.index()]);
            }
        }
    }
    assert!(fused >= 10, "only {fused} weights are updated by their gate");
    assert!(turned >= 10, "only {turned} gradients are turned into those of operands in place");
}

/// Whether a gate's gradient becomes its operand's in its place: where its local gradient follows from its
/// own value, or is 1, and no other gate passes anything back to that operand.
fn gives_away(view: &CircuitRef<'_, f32>, wire: Wire, needs: &[bool]) -> bool {
    let gate = view.gate(wire).unwrap();
    if !matches!(gate.op(), Op::Relu | Op::Sigmoid | Op::Tanh | Op::Reshape) {
        return false;
    }
    let operand = view.operand(gate, 0).unwrap();
    let reads = view.gates().iter().flat_map(|gate| view.operands(gate)).filter(|&read| read == operand).count();
    let ends = view.objective().is_some_and(|objective| [wire, operand].contains(&objective.wire()));
    reads == 1 && needs[operand.index()] && !view.gate(operand).unwrap().op().is_source() && !ends
}

/// The regions add up to the arena, and count for a board what a host counts.
#[test]
fn the_regions_are_all_there_is() {
    for entry in corpus::read().unwrap() {
        let (narrow, wide) = (lowered::<f32>(&entry).unwrap(), lowered::<f64>(&entry).unwrap());
        let mut slots = vec![Slot::EMPTY; narrow.view().len()];
        let mut purposes = vec![Purpose::Inspect, Purpose::Infer];
        if trains(&narrow) {
            purposes.extend([Purpose::Train, Purpose::Accumulate]);
        }
        for purpose in purposes {
            let layout = plan(&narrow.view(), purpose, false, &mut slots).unwrap();
            let bytes = layout.bytes(&narrow.view(), 4);
            let arena = bytes.params + bytes.values + bytes.gradients + bytes.optimiser;
            // Infer has no gradients; the pairs' second halves are gradients otherwise.
            assert_eq!(arena, 4 * layout.arena_len(), "{} {purpose:?} {bytes:?}", entry.name);
            let layout = plan(&wide.view(), purpose, false, &mut slots).unwrap();
            let double = layout.bytes(&wide.view(), 8);
            assert_eq!((double.params, double.values), (2 * bytes.params, 2 * bytes.values), "{}", entry.name);
        }
    }
}

/// Frozen params read from flash give the bits of frozen params in RAM, and take
/// none of it.
#[test]
fn frozen_params_in_flash_give_the_same_bits() {
    let mut circuits = 0;
    for entry in corpus::read().unwrap() {
        let mut lowered = lowered::<f32>(&entry).unwrap();
        if lowered.params.is_empty() {
            continue;
        }
        circuits += 1;
        // Every other param is frozen.
        let params: Vec<_> = lowered.params.iter().map(|param| param.wire).collect();
        for &wire in params.iter().step_by(2) {
            lowered.circuit.set_frozen(wire, true).unwrap();
        }
        let settings = settings(&lowered, &entry.cases[0]).unwrap();
        let view = lowered.view();
        let is_frozen = |wire| view.gate(wire).unwrap().is_frozen();
        let mut flash: Vec<_> = settings.iter().filter(|(wire, _)| is_frozen(*wire)).collect();
        flash.sort_by_key(|(wire, _)| *wire);
        let flash: Vec<f32> = flash.into_iter().flat_map(|(_, values)| values.clone()).collect();
        for purpose in [Purpose::Inspect, Purpose::Infer, Purpose::Accumulate, Purpose::Train] {
            let shown = |in_flash: bool| {
                let mut slots = vec![Slot::EMPTY; view.len()];
                let layout = plan(&view, purpose, in_flash, &mut slots).unwrap();
                assert_eq!(layout.frozen_len(), if in_flash { flash.len() } else { 0 });
                let mut arena = vec![0.0; layout.arena_len()];
                let frozen = if in_flash { flash.as_slice() } else { &[] };
                let mut tape = Tape::new(view, layout, &slots, frozen, &mut arena).unwrap();
                for (wire, values) in settings.iter().filter(|(wire, _)| !(in_flash && is_frozen(*wire))) {
                    tape.set(*wire, values).unwrap();
                }
                tape.forward();
                if purpose != Purpose::Infer {
                    // A circuit whose only param is frozen has nothing to train.
                    let _ = tape.backward_objective();
                }
                let numbers = |numbers: &[f32]| numbers.iter().map(|&x| bits(x)).collect::<Vec<u64>>();
                let read = |wire| (tape.value(wire).ok().map(numbers), tape.gradient(wire).ok().map(numbers));
                let all: Vec<_> = view.wires().map(read).collect();
                (all, layout.arena_len())
            };
            let ((in_ram, ram), (in_flash, less)) = (shown(false), shown(true));
            assert!(less <= ram, "{} {purpose:?}", entry.name);
            for (at, (ours, theirs)) in in_ram.iter().zip(&in_flash).enumerate() {
                assert_eq!(ours.0, theirs.0, "{} {purpose:?} value of wire {at}", entry.name);
                // A frozen param in flash has no place for a gradient but in inspection.
                assert!(ours.1 == theirs.1 || theirs.1.is_none(), "{} {purpose:?} gradient of wire {at}", entry.name);
            }
        }
    }
    assert!(circuits >= 10, "only {circuits} circuits have params");
}
