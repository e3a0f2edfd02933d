//! The fused step: refused, it changes no bit; done, it is what the gradients say, computed again here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chainrule::{Circuit, CircuitRef, Objective, Op, Purpose, RunError, Shape, Wire};
use chainrule_tests::corpus;
use chainrule_tests::run::{Number, lowered, settings, trains};
use proptest::prelude::*;

use super::{Memory, network, same_bits};

/// Numbers of all sizes, those that no arithmetic survives among them.
fn wild() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -2.0..2.0f64,
        1 => Just(0.0),
        1 => prop_oneof![Just(1e19), Just(-1e25), Just(3e38), Just(1e-40), Just(1e150), Just(1e300)],
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(f64::NAN)],
    ]
}

/// One step, or a batch of two, on numbers that may be anything but for the
/// params, which are finite.
fn try_step<T: Number>(
    purpose: Purpose,
    numbers: &[f64],
    rate: f64,
    (maximize, plain): (bool, bool),
) -> Result<(), String> {
    let network = network::<T>(maximize, plain);
    let mut memory = Memory::new(network.circuit.view(), purpose);
    let mut numbers = numbers.iter().copied().cycle();
    let mut settings = Vec::new();
    for &param in &network.params {
        let count = network.circuit.view().shape(param).len();
        let finite = |x: f64| Some(T::from_f64(x)).filter(|x| x.is_finite()).unwrap_or(T::ONE);
        settings.push((param, numbers.by_ref().take(count).map(finite).collect::<Vec<T>>()));
    }
    for wire in [network.x, network.target] {
        let count = network.circuit.view().shape(wire).len();
        settings.push((wire, numbers.by_ref().take(count).map(T::from_f64).collect()));
    }
    memory.set(&settings);
    let before = memory.params();
    let rate = T::from_f64(rate);
    let mut tape = memory.tape();
    let done = match purpose {
        Purpose::Train => tape.train_step(rate).map(drop),
        _ => {
            tape.begin_batch().unwrap();
            tape.accumulate().unwrap();
            tape.set(network.x, &settings.iter().find(|(wire, _)| *wire == network.x).unwrap().1).unwrap();
            tape.accumulate().unwrap();
            tape.end_batch(rate, 2)
        }
    };
    let after = memory.params();
    match done {
        Ok(()) if after.iter().all(|(_, values)| values.iter().all(|x| x.is_finite())) => Ok(()),
        Ok(()) => Err(format!("a step was done and left {after:?}")),
        Err(RunError::NotFinite(_) | RunError::BadRate) if same_bits(&before, &after) => Ok(()),
        Err(error) => Err(format!("refused with {error:?}, params {before:?} became {after:?}")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_step_is_done_in_finite_numbers_or_changes_no_bit(
        numbers in prop::collection::vec(wild(), 4..60),
        rate in prop_oneof![4 => -1.0..1.0f64, 1 => wild()],
        kind: (bool, bool),
    ) {
        for purpose in [Purpose::Train, Purpose::Accumulate] {
            try_step::<f32>(purpose, &numbers, rate, kind).map_err(TestCaseError::fail)?;
            try_step::<f64>(purpose, &numbers, rate, kind).map_err(TestCaseError::fail)?;
        }
    }
}

/// A dense gate alone, whose bounds can be computed by hand.
fn bound(x: [f32; 2], w: [f32; 2], target: f32, rate: f32) -> (Result<(), RunError>, bool) {
    let mut c: Circuit<f32, 8> = Circuit::new();
    let (input, weight) = (c.input(Shape::vector(2)).unwrap(), c.param(Shape::matrix(2, 1)).unwrap());
    let bias = c.param(Shape::vector(1)).unwrap();
    let goal = c.input(Shape::vector(1)).unwrap();
    let out = c.dense(input, weight, bias).unwrap();
    let loss = c.mse(out, goal).unwrap();
    c.minimize(loss).unwrap();
    let mut memory = Memory::new(c.view(), Purpose::Train);
    memory.set(&[(input, x.to_vec()), (weight, w.to_vec()), (goal, vec![target])]);
    let before = memory.params();
    let done = memory.tape().train_step(rate).map(drop);
    let changed = !same_bits(&before, &memory.params());
    (done, changed)
}

#[test]
fn the_bounds_are_where_they_are_said_to_be() {
    let bound_at = 2f32.powi(100);
    // δ = 2 (0 − target); (rate · 1) · δ is the update.
    assert_eq!(bound([1.0, 0.0], [0.0; 2], -bound_at / 4.0, 1.0), (Ok(()), true));
    let (refused, changed) = bound([1.0, 0.0], [0.0; 2], -bound_at / 2.0, 1.0);
    assert!(matches!(refused, Err(RunError::NotFinite(_))) && !changed);
    // The bias alone passes its bound: x is small.
    let (refused, changed) = bound([1e-10, 0.0], [0.0; 2], -bound_at / 2.0, 1.0);
    assert!(matches!(refused, Err(RunError::NotFinite(_))) && !changed);
    // A great input has no bound of its own: what counts is the update.
    assert_eq!(bound([2.0 * bound_at, 0.0], [0.0; 2], -0.5 / bound_at, 1.0), (Ok(()), true));
    // NaN in one element only, and not the largest.
    for x in [[f32::NAN, 1.0], [1.0, f32::NAN], [f32::INFINITY, 0.0], [0.0, f32::NEG_INFINITY]] {
        let (refused, changed) = bound(x, [0.5, 0.25], 1.0, 0.1);
        assert!(matches!(refused, Err(RunError::NotFinite(_))) && !changed, "{x:?}");
    }
    assert_eq!(bound([1.0, 2.0], [0.5, 0.25], 1.0, f32::NAN), (Err(RunError::BadRate), false));
}

/// What a step does to each param, computed from the gradients of a plan that
/// keeps them all, in the order that is written down: a dense gate's own weights
/// by w −= (rate·x)·δ where x ≠ 0, its bias by b −= rate·δ, last gate first; then
/// all other params by w −= rate·g.
fn by_hand<T: Number>(memory: &mut Memory<'_, T>, rate: T) -> Vec<(Wire, Vec<T>)> {
    let circuit = memory.circuit;
    let Objective::Minimize(objective) = circuit.objective().unwrap() else {
        return by_hand_towards(memory, -rate, circuit.objective().unwrap().wire());
    };
    by_hand_towards(memory, rate, objective)
}

fn by_hand_towards<T: Number>(memory: &mut Memory<'_, T>, rate: T, objective: Wire) -> Vec<(Wire, Vec<T>)> {
    let circuit = memory.circuit;
    let mut params = memory.params();
    let mut tape = memory.tape();
    tape.forward();
    tape.backward(objective).unwrap();
    let readers = |wire: Wire| {
        circuit.gates().iter().flat_map(|gate| circuit.operands(gate)).filter(|read| *read == wire).count()
    };
    for (wire, values) in &mut params {
        let gate = circuit.gate(*wire).unwrap();
        if gate.is_frozen() {
            continue;
        }
        let reader = circuit.wires().find(|reader| {
            let gate = circuit.gate(*reader).unwrap();
            gate.op().has_weights() && circuit.operands(gate).skip(1).any(|operand| operand == *wire)
        });
        match reader.filter(|_| readers(*wire) == 1) {
            Some(reader) => {
                let layer = circuit.gate(reader).unwrap();
                let delta = tape.gradient(reader).unwrap();
                let x = tape.value(circuit.operand(layer, 0).unwrap()).unwrap();
                if layer.op() != Op::Dense {
                    convolved(&circuit, reader, circuit.operand(layer, 1) == Some(*wire), (x, delta), rate, values);
                } else if circuit.operand(layer, 1) == Some(*wire) {
                    for (row, &x) in values.chunks_mut(delta.len()).zip(x).filter(|(_, x)| **x != T::ZERO) {
                        let scale = rate * x;
                        row.iter_mut().zip(delta).for_each(|(w, &d)| *w -= scale * d);
                    }
                } else {
                    values.iter_mut().zip(delta).for_each(|(b, &d)| *b -= rate * d);
                }
            }
            None => {
                let gradient = tape.gradient(*wire).unwrap();
                values.iter_mut().zip(gradient).for_each(|(w, &g)| *w -= rate * g);
            }
        }
    }
    params
}

/// The same for a convolution: position by position, w −= (rate·x)·δ where x ≠ 0 for each element of
/// x that the position sees, weights [in / groups, kernel…, out]; or b −= rate·δ.
fn convolved<T: Number>(
    circuit: &CircuitRef<'_, T>,
    reader: Wire,
    weights: bool,
    (x, delta): (&[T], &[T]),
    rate: T,
    values: &mut [T],
) {
    let gate = circuit.gate(reader).unwrap();
    let &[stride, padding, groups] = circuit.integers(gate) else { panic!("three whole numbers") };
    let sizes = |wire: Wire| circuit.shape(wire).dims().iter().map(|&size| i64::from(size)).collect::<Vec<i64>>();
    // A length is a plane of height 1.
    let plane = |sizes: &[i64]| if let [height, width] = *sizes { [height, width] } else { [1, sizes[0]] };
    let (weight, input, output) =
        (sizes(circuit.operand(gate, 1).unwrap()), sizes(circuit.operand(gate, 0).unwrap()), sizes(reader));
    let flat = input.len() == 2;
    let (share, outputs) = (weight[0], output[0]);
    let [tall, wide] = plane(&weight[1..weight.len() - 1]);
    let ([height, width], [rows, columns]) = (plane(&input[1..]), plane(&output[1..]));
    let (s, p, per_group) = (i64::from(stride), i64::from(padding), outputs / i64::from(groups));
    let (down, above) = if flat { (1, 0) } else { (s, p) };
    for position in 0..rows * columns {
        for o in 0..outputs {
            let d = delta[(o * rows * columns + position) as usize];
            if !weights {
                values[o as usize] -= rate * d;
                continue;
            }
            for (c, ky, kx) in (0..share * tall * wide).map(|k| (k / (tall * wide), k / wide % tall, k % wide)) {
                let (y, at) = (position / columns * down + ky - above, position % columns * s + kx - p);
                if (0..height).contains(&y) && (0..width).contains(&at) {
                    let x = x[(((o / per_group * share + c) * height + y) * width + at) as usize];
                    let w = &mut values[(((c * tall + ky) * wide + kx) * outputs + o) as usize];
                    if x != T::ZERO {
                        *w -= (rate * x) * d;
                    }
                }
            }
        }
    }
}

fn steps_by_hand<T: Number>() {
    let mut circuits = 0;
    for entry in corpus::read().unwrap() {
        let lowered = lowered::<T>(&entry).unwrap();
        if !trains(&lowered) {
            continue;
        }
        circuits += 1;
        for case in &entry.cases {
            let settings = settings(&lowered, case).unwrap();
            let mut train = Memory::new(lowered.view(), Purpose::Train);
            let mut inspect = Memory::new(lowered.view(), Purpose::Inspect);
            train.set(&settings);
            inspect.set(&settings);
            for step in 0..3 {
                let rate = T::from_f64(1e-4);
                let expected = by_hand(&mut inspect, rate);
                // Inputs may have been written over.
                train.set(
                    &settings.iter().filter(|(wire, _)| !is_param(&lowered.view(), *wire)).cloned().collect::<Vec<_>>(),
                );
                train.tape().train_step(rate).unwrap();
                assert!(same_bits(&expected, &train.params()), "{} case {} step {step}", entry.name, case.number);
                inspect.set(&expected);
            }
        }
    }
    assert!(circuits >= 10, "only {circuits} circuits train");
}

fn is_param<T: Copy>(circuit: &CircuitRef<'_, T>, wire: Wire) -> bool {
    circuit.gate(wire).is_some_and(|gate| gate.op() == Op::Param)
}

#[test]
fn a_fused_step_is_what_the_gradients_say() {
    steps_by_hand::<f32>();
    steps_by_hand::<f64>();
}

/// No call of this file's kind panics, whatever the numbers: they are values.
#[test]
fn nothing_panics_on_wild_numbers() {
    let wild = [f64::NAN, f64::INFINITY, -f64::INFINITY, f64::MAX, f64::MIN_POSITIVE, -0.0];
    for &x in &wild {
        for &rate in &wild {
            let done =
                catch_unwind(AssertUnwindSafe(|| try_step::<f64>(Purpose::Train, &[x, 1.0, x], rate, (false, true))));
            assert_eq!(done.unwrap(), Ok(()), "{x} {rate}");
        }
    }
}
