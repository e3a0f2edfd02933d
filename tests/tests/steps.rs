//! What a training step promises: a refused one changes no bit, batches are means
//! of sums, and a fused step is what the gradients say, computed again here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chainrule::{
    Circuit, CircuitRef, Layout, Method, Noise, Objective, Op, Optimiser, Purpose, RunError, Scalar, Shape, Slot, Tape,
    Training, Wire, plan,
};
use chainrule_tests::corpus;
use chainrule_tests::run::{Number, bits, lowered, settings, trains};
use proptest::prelude::*;

/// A circuit with its plan and its memory.
struct Memory<'c, T> {
    circuit: CircuitRef<'c, T>,
    layout: Layout,
    slots: Vec<Slot>,
    arena: Vec<T>,
}

impl<'c, T: Scalar> Memory<'c, T> {
    fn new(circuit: CircuitRef<'c, T>, purpose: Purpose) -> Self {
        let mut slots = vec![Slot::EMPTY; circuit.len()];
        let layout = plan(&circuit, purpose, false, &mut slots).unwrap();
        let mut arena = vec![T::ZERO; layout.arena_len()];
        Tape::new(circuit, layout, &slots, &[], &mut arena).unwrap();
        Memory { circuit, layout, slots, arena }
    }

    fn tape(&mut self) -> Tape<'_, T> {
        Tape::resume(self.circuit, self.layout, &self.slots, &[], &mut self.arena).unwrap()
    }

    fn set(&mut self, settings: &[(Wire, Vec<T>)]) {
        settings.iter().for_each(|(wire, values)| self.tape().set(*wire, values).unwrap());
    }

    fn params(&mut self) -> Vec<(Wire, Vec<T>)> {
        let is_param = |wire: &Wire| self.circuit.gate(*wire).is_some_and(|gate| gate.op() == Op::Param);
        let wires: Vec<Wire> = self.circuit.wires().filter(is_param).collect();
        wires.into_iter().map(|wire| (wire, self.tape().value(wire).unwrap().to_vec())).collect()
    }
}

fn same_bits<T: Number>(left: &[(Wire, Vec<T>)], right: &[(Wire, Vec<T>)]) -> bool {
    let all = |params: &[(Wire, Vec<T>)]| -> Vec<u64> {
        params.iter().flat_map(|(_, values)| values.iter().map(|&x| x.to_bits())).collect()
    };
    all(left) == all(right)
}

/// A network with every kind of param: weights of one gate, weights that two
/// gates share, a bias, a vector read elementwise and a scalar; 3 inputs. A plain
/// one has two dense gates only, whose params are guarded by bounds alone.
struct Network<T> {
    circuit: Circuit<T, 32>,
    x: Wire,
    target: Wire,
    params: Vec<Wire>,
}

fn network<T: Scalar>(maximize: bool, plain: bool) -> Network<T> {
    let mut c = Circuit::new();
    let (x, target) = (c.input(Shape::vector(3)).unwrap(), c.input(Shape::vector(2)).unwrap());
    let shapes = [
        Shape::matrix(3, 4),
        Shape::vector(4),
        Shape::matrix(4, 4),
        Shape::matrix(4, 2),
        Shape::vector(2),
        Shape::vector(4),
        Shape::SCALAR,
    ];
    let p: Vec<Wire> = shapes.iter().map(|&shape| c.param(shape).unwrap()).collect();
    let mut build = || {
        let z = c.add_gate(Op::Dense, &[x, p[0], p[1]], &[])?;
        let h = c.leaky_relu(z, T::HALF)?;
        if plain {
            let out = c.dense(h, p[3], p[4])?;
            let loss = c.mse(out, target)?;
            return if maximize { c.maximize(loss) } else { c.minimize(loss) };
        }
        let h = c.mul(h, p[5])?;
        let shared = c.add_gate(Op::Dense, &[h, p[2]], &[])?;
        let shared = c.add_gate(Op::Dense, &[shared, p[2]], &[])?;
        let shared = c.mul(shared, p[6])?;
        let out = c.dense(shared, p[3], p[4])?;
        let loss = c.mse(out, target)?;
        if maximize { c.maximize(loss) } else { c.minimize(loss) }
    };
    build().unwrap();
    Network { circuit: c, x, target, params: p }
}

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

/// Each sample's gradients by a plan that keeps them; summed in order, divided
/// by the batch's own size.
#[test]
fn a_batch_is_the_mean_of_its_own_samples() {
    let network = network::<f64>(false, false);
    let view = network.circuit.view();
    let (mut inspect, mut train) = (Memory::new(view, Purpose::Inspect), Memory::new(view, Purpose::Accumulate));
    let number = |k: usize| ((k * 37 + 11) % 64) as f64 / 32.0 - 1.0;
    let params: Vec<(Wire, Vec<f64>)> = network
        .params
        .iter()
        .map(|&wire| (wire, (0..view.shape(wire).len()).map(|k| number(k + wire.index())).collect()))
        .collect();
    inspect.set(&params);
    train.set(&params);
    let sample = |row: usize| {
        let x: Vec<f64> = (0..3).map(|k| number(100 + row * 5 + k)).collect();
        let target: Vec<f64> = (0..2).map(|k| number(200 + row * 5 + k)).collect();
        [(network.x, x), (network.target, target)]
    };
    // The second batch is smaller, as the last one of an epoch is.
    for batch in [&[0usize, 1, 2, 3][..], &[4, 5, 6, 7], &[8, 9]] {
        let mut sums: Vec<Vec<f64>> = network.params.iter().map(|&wire| vec![0.0; view.shape(wire).len()]).collect();
        train.tape().begin_batch().unwrap();
        for &row in batch {
            inspect.set(&sample(row));
            let mut tape = inspect.tape();
            tape.forward();
            tape.backward_objective().unwrap();
            for (sum, &wire) in sums.iter_mut().zip(&network.params) {
                sum.iter_mut().zip(tape.gradient(wire).unwrap()).for_each(|(sum, &g)| *sum += g);
            }
            train.set(&sample(row));
            let loss = train.tape().accumulate().unwrap();
            assert_eq!(loss.to_bits(), inspect.tape().objective_value().unwrap().to_bits());
        }
        let rate = 0.125;
        let expected: Vec<(Wire, Vec<f64>)> = inspect
            .params()
            .into_iter()
            .zip(&sums)
            .map(|((wire, values), sum)| {
                let moved = values.iter().zip(sum).map(|(w, sum)| w - rate / batch.len() as f64 * sum);
                (wire, moved.collect())
            })
            .collect();
        train.tape().end_batch(rate, batch.len() as u32).unwrap();
        for ((wire, expected), (_, got)) in expected.iter().zip(train.params()) {
            let shared = *wire == network.params[2];
            for (expected, got) in expected.iter().zip(&got) {
                // Where two gates read a param, its sum goes on from what the other passed back.
                let near = if shared { (expected - got).abs() < 1e-14 } else { expected.to_bits() == got.to_bits() };
                assert!(near, "{wire:?}: {got} is not {expected}");
            }
        }
        let moved = train.params();
        inspect.set(&moved);
    }
    assert_eq!(train.tape().end_batch(0.1, 0), Err(RunError::EmptyBatch));
}

/// Gradients accumulate over samples only when asked: a batch begun anew forgets.
#[test]
fn a_batch_begun_anew_forgets_the_last() {
    let network = network::<f32>(false, false);
    let mut memory = Memory::new(network.circuit.view(), Purpose::Accumulate);
    let ones = |wire: Wire| (wire, vec![0.5; network.circuit.view().shape(wire).len()]);
    let start: Vec<_> = network.params.iter().chain([&network.x, &network.target]).map(|&wire| ones(wire)).collect();
    let mut once = |forgotten: usize| {
        memory.set(&start);
        for _ in 0..forgotten {
            memory.tape().begin_batch().unwrap();
            memory.tape().accumulate().unwrap();
            memory.set(&start);
        }
        memory.tape().begin_batch().unwrap();
        memory.tape().accumulate().unwrap();
        memory.tape().end_batch(0.25, 1).unwrap();
        memory.params()
    };
    let (plain, after_others) = (once(0), once(3));
    assert!(same_bits(&plain, &after_others));
}

#[test]
fn a_second_backward_gives_the_same_bits() {
    let mut circuits = 0;
    for entry in corpus::read().unwrap() {
        let lowered = lowered::<f32>(&entry).unwrap();
        let Some(objective) = lowered.objective() else { continue };
        circuits += 1;
        let mut memory = Memory::new(lowered.view(), Purpose::Inspect);
        memory.set(&settings(&lowered, &entry.cases[0]).unwrap());
        let mut tape = memory.tape();
        tape.forward();
        let mut gradients = || -> Vec<u64> {
            tape.backward(objective.wire()).unwrap();
            let all = lowered.view().wires().filter_map(|wire| tape.gradient(wire).ok().map(<[f32]>::to_vec));
            all.flatten().map(bits).collect()
        };
        let (first, second) = (gradients(), gradients());
        assert_eq!(first, second, "{}", entry.name);
    }
    assert!(circuits >= 100, "only {circuits} circuits");
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

/// f = w · dropout(x, ½) with x all ones: the gradient of w is the mask, the value of f its sum.
fn dropping() -> (Circuit<f32, 8>, Wire, Wire) {
    let mut circuit = Circuit::new();
    let x = circuit.input(Shape::vector(40)).unwrap();
    let w = circuit.param(Shape::vector(40)).unwrap();
    let y = circuit.dropout(x, 0.5).unwrap();
    let f = circuit.dot(y, w).unwrap();
    circuit.maximize(f).unwrap();
    (circuit, x, w)
}

#[test]
fn dropout_draws_by_seed_and_sample_and_not_outside_of_training() {
    let (circuit, x, w) = dropping();
    let masks = |seed: u64, batch: u32, from: u32, count: u32| {
        let steps = Training::new(Optimiser::new(Method::Sgd, 0.0), batch).with_seed(seed).after(from);
        let mut memory = Memory::new(circuit.view(), steps.purpose());
        memory.set(&[(w, vec![1.0; 40])]);
        let mut training = steps;
        let one = |_| {
            memory.set(&[(x, vec![1.0; 40])]);
            let objective = training.sample(&mut memory.tape()).unwrap().objective;
            memory.set(&[(x, vec![1.0; 40])]);
            memory.tape().forward();
            assert_eq!(memory.tape().objective_value(), Ok(40.0), "nothing is left out when nothing is trained");
            objective
        };
        (0..count).map(one).collect::<Vec<f32>>()
    };
    let all = masks(7, 1, 0, 12);
    assert!(all.iter().all(|sum| (10.0..70.0).contains(sum) && sum % 2.0 == 0.0), "{all:?}");
    assert!(all.iter().any(|sum| *sum != all[0]));
    assert_eq!(masks(7, 1, 0, 12), all);
    assert_eq!(masks(7, 1, 5, 7), all[5..], "a training that goes on");
    assert_eq!(masks(7, 4, 0, 12), all, "whatever the batch");
    assert_ne!(masks(8, 1, 0, 12), all);
}

/// What is left out is a branch not taken, in both directions.
#[test]
fn what_dropout_leaves_out_passes_nothing() {
    let (circuit, x, w) = dropping();
    let mut memory = Memory::new(circuit.view(), Purpose::Inspect);
    memory.set(&[(x, vec![1.0; 40]), (w, vec![1.0; 40])]);
    let noise = Some(Noise { seed: 3, sample: 0 });
    let run = |memory: &mut Memory<f32>| {
        let mut tape = memory.tape();
        tape.set_noise(noise);
        tape.forward();
        tape.backward_objective().unwrap();
        (tape.objective_value().unwrap(), tape.gradient(x).unwrap().to_vec(), tape.gradient(w).unwrap().to_vec())
    };
    let (value, _, mask) = run(&mut memory);
    assert!(mask.iter().all(|&m| m == 0.0 || m == 2.0) && value == mask.iter().sum::<f32>());
    // Infinities where something is left out change nothing.
    let at_dropped = |number: f32| mask.iter().map(|&m| if m == 0.0 { number } else { 1.0 }).collect::<Vec<f32>>();
    memory.set(&[(x, at_dropped(f32::INFINITY))]);
    assert_eq!(run(&mut memory).0, value);
    memory.set(&[(x, at_dropped(f32::NAN)), (w, at_dropped(1e30))]);
    assert_eq!(run(&mut memory), (value, mask.clone(), mask));
}

/// A gate with a first part of its way back finds in it what it found before.
#[test]
fn backward_twice_changes_nothing() {
    for name in ["layer-gru", "layer-rnn", "layer-norm-rows", "motions"] {
        let entry = corpus::read().unwrap().into_iter().find(|entry| entry.name == name).unwrap();
        let lowered = lowered::<f32>(&entry).unwrap();
        let mut memory = Memory::new(lowered.view(), Purpose::Inspect);
        if name == "motions" {
            memory.set(&lowered.params.iter().map(|param| (param.wire, param.start.clone())).collect::<Vec<_>>());
        } else {
            memory.set(&settings(&lowered, &entry.cases[0]).unwrap());
        }
        memory.tape().forward();
        let mut gradients = || {
            memory.tape().backward_objective().unwrap();
            let gradient = |wire: Wire| memory.tape().gradient(wire).map(<[f32]>::to_vec).ok();
            lowered.view().wires().filter_map(gradient).flatten().map(bits).collect::<Vec<_>>()
        };
        let first = gradients();
        assert!(first.iter().any(|bits| *bits != 0));
        assert_eq!(gradients(), first, "{name}");
    }
}
