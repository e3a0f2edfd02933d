//! The works that callgrind counts: circuits through the public API, and the same by hand in loops
//! whose lengths the compiler knows.

use std::hint::black_box;
use std::path::Path;

use chainrule::{Purpose, Slot, Tape, plan};
use chainrule_cli::engine::sample_wires;
use chainrule_cli::lower::{Lowered, lower};
use chainrule_cli::text::literal::Readable;
use chainrule_cli::text::source;

/// Steps of a work.
pub const STEPS: usize = 100;

/// What callgrind counts.
#[inline(never)]
#[unsafe(no_mangle)]
fn chainrule_counted(work: &mut dyn FnMut()) {
    work();
}

/// A circuit of `tests`, with the params that seed 1 begins with.
pub fn circuit<T: Readable>(name: &str) -> Lowered<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name).with_extension("circuit");
    let written = source::read(&path.display().to_string()).expect("the circuit is there");
    lower(&written, &[], Some(1)).expect("it is a circuit")
}

/// Steps of the circuit, each on the next of these rows of inputs; without a rate, gradients at the
/// values of the text.
fn ours<T: Readable>(name: &str, rows: &[Vec<T>], rate: Option<T>) {
    let lowered = circuit::<T>(name);
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
        chainrule_counted(&mut || match rate {
            Some(rate) => drop(tape.train_step(rate).expect("it is finite")),
            None => {
                tape.forward();
                tape.backward(objective).expect("it has a gradient");
            }
        });
    }
}

/// The rows of a file of data, without its head.
fn rows<T: Readable>(file: &str) -> Vec<Vec<T>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(file);
    let text = std::fs::read_to_string(path).expect("the data is there");
    let number = |word: &str| T::from_f64(word.parse().expect("a number"));
    text.lines().skip(1).take(STEPS).map(|line| line.split(',').map(number).collect()).collect()
}

/// f = (x + y)·z and its gradients, by hand.
fn seed_by_hand() {
    let mut inputs = [-2.0f64, 5.0, -4.0];
    for _ in 0..STEPS {
        chainrule_counted(&mut || {
            let [x, y, z] = *black_box(&mut inputs);
            let q = x + y;
            black_box((q * z, [z, z, q]));
        });
    }
}

/// y += a·x. Inlined it would be unrolled before the compiler looks for vectors, and none would be made.
#[inline(never)]
fn add_scaled<const N: usize>(y: &mut [f32; N], a: f32, x: &[f32; N]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

/// 64-32-10, relu, cross-entropy and the step, in loops that the compiler knows the lengths of.
fn digits_by_hand() {
    let lowered = circuit::<f32>("bench/digits-dense");
    let start = |n: usize| lowered.params[n].start.as_slice();
    let (mut w1, mut b1) = ([[0.0f32; 32]; 64], [0.0f32; 32]);
    let (mut w2, mut b2) = ([[0.0f32; 10]; 32], [0.0f32; 10]);
    w1.as_flattened_mut().copy_from_slice(start(0));
    w2.as_flattened_mut().copy_from_slice(start(2));
    for row in rows::<f32>("digits-dense.csv") {
        chainrule_counted(&mut || {
            let row = black_box(&row);
            let label = row[64] as usize;
            let mut x = [0.0f32; 64];
            x.iter_mut().zip(row).for_each(|(x, pixel)| *x = pixel / 16.0);
            let mut h = b1;
            for (x, w) in x.iter().zip(&w1) {
                add_scaled(&mut h, *x, w);
            }
            h.iter_mut().for_each(|h| *h = h.max(0.0));
            let mut z = b2;
            for (h, w) in h.iter().zip(&w2) {
                z.iter_mut().zip(w).for_each(|(z, w)| *z += h * w);
            }
            let most = z.iter().fold(f32::NEG_INFINITY, |most, &z| most.max(z));
            let mut d = z.map(|z| (z - most).exp());
            let sum: f32 = d.iter().sum();
            d.iter_mut().for_each(|d| *d /= sum);
            d[label] -= 1.0;
            let mut dh = [0.0f32; 32];
            for ((dh, h), w) in dh.iter_mut().zip(&h).zip(&mut w2) {
                *dh = if *h > 0.0 { w.iter().zip(&d).map(|(w, d)| w * d).sum() } else { 0.0 };
                let step = 0.05 * h;
                w.iter_mut().zip(&d).for_each(|(w, d)| *w -= step * d);
            }
            b2.iter_mut().zip(&d).for_each(|(b, d)| *b -= 0.05 * d);
            for (x, w) in x.iter().zip(&mut w1) {
                add_scaled(w, -0.05 * x, &dh);
            }
            b1.iter_mut().zip(&dh).for_each(|(b, d)| *b -= 0.05 * d);
        });
    }
    black_box((w1, b1, w2, b2));
}

/// 2-16-16-1, tanh, mean square and the step, in loops that the compiler knows the lengths of.
fn moons_by_hand() {
    let lowered = circuit::<f64>("corpus/moons");
    let start = |n: usize| lowered.params[n].start.as_slice();
    let (mut w1, mut b1) = ([[0.0f64; 16]; 2], [0.0f64; 16]);
    let (mut w2, mut b2) = ([[0.0f64; 16]; 16], [0.0f64; 16]);
    let (mut w3, mut b3) = ([0.0f64; 16], 0.0f64);
    w1.as_flattened_mut().copy_from_slice(start(0));
    w2.as_flattened_mut().copy_from_slice(start(2));
    w3.copy_from_slice(start(4));
    for row in rows::<f64>("moons.csv") {
        chainrule_counted(&mut || {
            let row = black_box(&row);
            let (mut h1, mut h2) = (b1, b2);
            for (x, w) in row.iter().zip(&w1) {
                h1.iter_mut().zip(w).for_each(|(h, w)| *h += x * w);
            }
            h1.iter_mut().for_each(|h| *h = h.tanh());
            for (x, w) in h1.iter().zip(&w2) {
                h2.iter_mut().zip(w).for_each(|(h, w)| *h += x * w);
            }
            h2.iter_mut().for_each(|h| *h = h.tanh());
            let y = h2.iter().zip(&w3).map(|(h, w)| h * w).sum::<f64>() + b3;
            let step = 0.05 * 2.0 * (y - row[2]);
            let mut d2 = [0.0f64; 16];
            for ((d, h), w) in d2.iter_mut().zip(&h2).zip(&mut w3) {
                *d = step * *w * (1.0 - h * h);
                *w -= step * h;
            }
            b3 -= step;
            let mut d1 = [0.0f64; 16];
            for ((d, h), w) in d1.iter_mut().zip(&h1).zip(&mut w2) {
                *d = w.iter().zip(&d2).map(|(w, d)| w * d).sum::<f64>() * (1.0 - h * h);
                w.iter_mut().zip(&d2).for_each(|(w, d)| *w -= h * d);
            }
            b2.iter_mut().zip(&d2).for_each(|(b, d)| *b -= d);
            for (x, w) in row.iter().zip(&mut w1) {
                w.iter_mut().zip(&d1).for_each(|(w, d)| *w -= x * d);
            }
            b1.iter_mut().zip(&d1).for_each(|(b, d)| *b -= d);
        });
    }
    black_box((w1, b1, w2, b2, w3, b3));
}

/// Does a work; whether there is one of this name.
pub fn work(name: &str) -> bool {
    match name {
        "seed f64, gradient" => ours::<f64>("corpus/seed", &[], None),
        "digits-dense f32, step" => ours::<f32>("bench/digits-dense", &rows("digits-dense.csv"), Some(0.05)),
        "moons f64, step" => ours::<f64>("corpus/moons", &rows("moons.csv"), Some(0.05)),
        "scalar1000 f64, gradient" => ours::<f64>("corpus/scalar1000", &[], None),
        "seed by hand" => seed_by_hand(),
        "digits by hand" => digits_by_hand(),
        "moons by hand" => moons_by_hand(),
        _ => return false,
    }
    true
}
