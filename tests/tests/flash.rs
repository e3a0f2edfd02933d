//! A circuit in flash: gates, plan and frozen params are statics, checked when this file is compiled.

use chainrule::{Bytes, Circuit, CircuitRef, Gate, Layout, Objective, Purpose, Scalar, Shape, Slot, Tape, plan};

const fn gate(bytes: [u8; 8]) -> Gate {
    match Gate::from_bytes(bytes) {
        Some(gate) => gate,
        None => panic!("no such operation"),
    }
}

/// x `[2]`; frozen W `[2, 3]`; frozen b `[3]`; h = relu(x W + b); v `[3]`; y = v · h; t; mse(y, t)
static GATES: [Gate; 9] = [
    gate([0, 0, 0, 0, 0, 0, 0, 0]),
    gate([2, 1, 0, 0, 1, 0, 0, 0]),
    gate([2, 2, 0, 0, 1, 0, 0, 0]),
    gate([65, 2, 0, 0, 1, 0, 2, 0]),
    gate([43, 2, 3, 0, 0xff, 0xff, 0xff, 0xff]),
    gate([2, 2, 0, 0, 0, 0, 0, 0]),
    gate([64, 3, 5, 0, 4, 0, 0xff, 0xff]),
    gate([0, 3, 0, 0, 0, 0, 0, 0]),
    gate([96, 3, 6, 0, 7, 0, 0xff, 0xff]),
];
// In the order in which a builder meets them.
static SHAPES: [Shape; 4] = [Shape::vector(2), Shape::matrix(2, 3), Shape::vector(3), Shape::SCALAR];
static FROZEN: [f32; 9] = [0.5, -0.25, 1.0, -1.0, 0.75, 0.125, 0.0, 0.5, -0.5];

const CIRCUIT: CircuitRef<'static, f32> = match CircuitRef::new(&GATES, &SHAPES, &[], &[]) {
    Ok(circuit) => match circuit.wire(8) {
        Some(loss) => match circuit.with_objective(Objective::Minimize(loss)) {
            Ok(circuit) => circuit,
            Err(_) => panic!("not an objective"),
        },
        None => panic!("no such wire"),
    },
    Err(_) => panic!("not a circuit"),
};

const PLAN: (Layout, [Slot; 9]) = {
    let mut slots = [Slot::EMPTY; 9];
    match plan(&CIRCUIT, Purpose::Train, true, &mut slots) {
        Ok(layout) => (layout, slots),
        Err(_) => panic!("not to be planned"),
    }
};
static SLOTS: [Slot; 9] = PLAN.1;
/// Known before anything runs, so that an array can be that long.
const ARENA: usize = PLAN.0.arena_len();
const BYTES: Bytes = PLAN.0.bytes(&CIRCUIT, f32::BYTES);

#[test]
fn a_circuit_in_flash_trains_its_last_layer_to_the_bits_of_one_built_at_run_time() {
    let mut arena = [0.0f32; ARENA];
    let mut flash = Tape::new(CIRCUIT, PLAN.0, &SLOTS, &FROZEN, &mut arena).unwrap();

    let mut circuit: Circuit<f32, 9> = Circuit::new();
    let x = circuit.input(Shape::vector(2)).unwrap();
    let w = circuit.frozen_param(Shape::matrix(2, 3)).unwrap();
    let b = circuit.frozen_param(Shape::vector(3)).unwrap();
    let z = circuit.dense(x, w, b).unwrap();
    let h = circuit.relu(z).unwrap();
    let v = circuit.param(Shape::vector(3)).unwrap();
    let y = circuit.dot(v, h).unwrap();
    let t = circuit.input(Shape::SCALAR).unwrap();
    let loss = circuit.mse(y, t).unwrap();
    circuit.minimize(loss).unwrap();
    assert_eq!(circuit.view().gates(), CIRCUIT.gates());
    let mut slots = [Slot::EMPTY; 9];
    let layout = plan(&circuit.view(), Purpose::Train, false, &mut slots).unwrap();
    let mut arena = [0.0f32; 64];
    let mut built = Tape::new(circuit.view(), layout, &slots, &[], &mut arena).unwrap();
    built.set(w, &FROZEN[..6]).unwrap();
    built.set(b, &FROZEN[6..]).unwrap();

    for step in 0..50 {
        let sample = [(step % 7) as f32 / 4.0 - 0.5, (step % 5) as f32 / 2.0 - 1.0];
        for tape in [&mut flash, &mut built] {
            tape.set(x, &sample).unwrap();
            tape.set(t, &[sample[0] - sample[1]]).unwrap();
        }
        assert_eq!(flash.train_step(0.05).unwrap().to_bits(), built.train_step(0.05).unwrap().to_bits());
    }
    assert_eq!(flash.value(v).unwrap(), built.value(v).unwrap());
    assert!(flash.value(v).unwrap().iter().any(|&w| w != 0.0));
    assert_eq!(flash.params_hash(), built.params_hash());
    // Frozen weights take no RAM in flash, and nothing upstream of them has a gradient.
    assert_eq!((BYTES.params, BYTES.frozen), (3 * 4, 9 * 4));
    assert!(flash.gradient(x).is_err() && flash.gradient(h).is_err());
    assert!(flash.set(w, &FROZEN[..6]).is_err());
}
