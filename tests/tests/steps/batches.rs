//! Batches are means of sums, backward may be asked for again, and dropout draws by seed and sample.

use chainrule::{Circuit, Method, Noise, Optimiser, Purpose, RunError, Shape, Training, Wire};
use chainrule_tests::corpus;
use chainrule_tests::run::{bits, lowered, settings};

use super::{Memory, network, same_bits};

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
