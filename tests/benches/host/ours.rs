//! The works through the public API: nothing of a circuit is known when this is compiled.

use std::path::Path;

use chainrule::{Purpose, Slot, Tape, plan};
use chainrule_cli::engine::sample_wires;
use chainrule_cli::text::literal::Readable;
use chainrule_tests::run::begun;

use super::{Counter, STEPS};

/// f = (x + y)·z and its gradients.
pub fn seed(count: Counter) -> Vec<f64> {
    steps::<f64>(count, "seed", &[], None)
}

/// 64-32-10 on images without a zero.
pub fn digits(count: Counter) -> Vec<f64> {
    steps::<f32>(count, "digits-dense", &rows("digits-dense.csv"), Some(0.05))
}

/// 2-16-16-1, tanh and mean square.
pub fn moons(count: Counter) -> Vec<f64> {
    steps::<f64>(count, "moons", &rows("moons.csv"), Some(0.05))
}

/// A thousand gates and their gradients.
pub fn scalar1000(count: Counter) -> Vec<f64> {
    steps::<f64>(count, "scalar1000", &[], None)
}

/// Steps of the circuit, each on the next of these rows of inputs; without a rate, gradients at the
/// values of the text. What is trained in the end, or its gradients.
fn steps<T: Readable>(count: Counter, name: &str, rows: &[Vec<T>], rate: Option<T>) -> Vec<f64> {
    let lowered = begun::<T>(name).expect("it is a circuit");
    let view = lowered.view();
    let purpose = if rate.is_some() { Purpose::Train } else { Purpose::Inspect };
    let mut slots = vec![Slot::EMPTY; view.len()];
    let layout = plan(&view, purpose, false, &mut slots).expect("it has an objective");
    let mut arena = vec![T::ZERO; layout.roomy_arena_len()];
    let mut tape = Tape::new(view, layout, &slots, &[], &mut arena).expect("it fits");
    let params = lowered.params.iter().map(|param| (param.wire, param.start.as_slice()));
    for (wire, values) in params.chain(lowered.fields.iter().filter_map(|f| Some((f.wire, f.value.as_deref()?)))) {
        tape.set(wire, values).expect("it is settable");
    }
    let objective = lowered.objective().expect("it has an objective").wire();
    for step in 0..STEPS {
        if let Some(mut row) = rows.get(step % rows.len().max(1)).map(Vec::as_slice) {
            for wire in sample_wires(&view) {
                let (values, rest) = row.split_at(view.shape(wire).len());
                tape.set(wire, values).expect("it is an input");
                row = rest;
            }
        }
        count(&mut || match rate {
            Some(rate) => drop(tape.train_step(rate).expect("it is finite")),
            None => {
                tape.forward();
                tape.backward(objective).expect("it has a gradient");
            }
        });
    }
    let params = lowered.params.iter().map(|param| param.wire);
    let told: Vec<&[T]> = match rate {
        Some(_) => params.filter_map(|wire| tape.value(wire).ok()).collect(),
        None => params.chain(sample_wires(&view)).filter_map(|wire| tape.gradient(wire).ok()).collect(),
    };
    told.into_iter().flatten().map(|number| number.to_f64()).collect()
}

/// The first rows of a file of data, without its head.
pub fn rows<T: Readable>(file: &str) -> Vec<Vec<T>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(file);
    let text = std::fs::read_to_string(path).expect("the data is there");
    let number = |word: &str| T::from_f64(word.parse().expect("a number"));
    text.lines().skip(1).take(STEPS).map(|line| line.split(',').map(number).collect()).collect()
}
