//! The same works in loops whose lengths the compiler knows, or gate by gate, as a person writes them.

use std::hint::black_box;

use chainrule_tests::run::begun;

use super::ours::rows;
use super::{Counter, STEPS};

include!(concat!(env!("OUT_DIR"), "/scalar1000.rs"));

/// f = (x + y)·z and its gradients.
pub fn seed(count: Counter) -> Vec<f64> {
    let mut inputs = [-2.0f64, 5.0, -4.0];
    let mut gradients = [0.0; 3];
    for _ in 0..STEPS {
        count(&mut || {
            let [x, y, z] = *black_box(&mut inputs);
            let q = x + y;
            (_, gradients) = black_box((q * z, [z, z, q]));
        });
    }
    gradients.into()
}

/// A thousand gates and their gradients, in straight-line code that `build.rs` writes.
pub fn scalar1000(count: Counter) -> Vec<f64> {
    let lowered = begun::<f64>("scalar1000").expect("it is a circuit");
    let starts: Vec<f64> = lowered.params.iter().map(|param| param.start[0]).collect();
    let mut starts = starts.try_into().expect("16 params");
    let mut gradients = [0.0; 16];
    for _ in 0..STEPS {
        count(&mut || gradients = black_box(scalar1000_straight(*black_box(&mut starts))));
    }
    gradients.into()
}

/// y += a·x. Inlined it would be unrolled before the compiler looks for vectors, and none would be made.
#[inline(never)]
fn add_scaled<const N: usize>(y: &mut [f32; N], a: f32, x: &[f32; N]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

/// 64-32-10, relu, cross-entropy and the step, in loops that the compiler knows the lengths of.
pub fn digits(count: Counter) -> Vec<f64> {
    let lowered = begun::<f32>("digits-dense").expect("it is a circuit");
    let start = |n: usize| lowered.params[n].start.as_slice();
    let (mut w1, mut b1) = ([[0.0f32; 32]; 64], [0.0f32; 32]);
    let (mut w2, mut b2) = ([[0.0f32; 10]; 32], [0.0f32; 10]);
    w1.as_flattened_mut().copy_from_slice(start(0));
    w2.as_flattened_mut().copy_from_slice(start(2));
    for row in rows::<f32>("digits-dense.csv") {
        count(&mut || {
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
    [w1.as_flattened(), &b1, w2.as_flattened(), &b2].concat().into_iter().map(f64::from).collect()
}

/// 2-16-16-1, tanh, mean square and the step, in loops that the compiler knows the lengths of.
pub fn moons(count: Counter) -> Vec<f64> {
    let lowered = begun::<f64>("moons").expect("it is a circuit");
    let start = |n: usize| lowered.params[n].start.as_slice();
    let (mut w1, mut b1) = ([[0.0f64; 16]; 2], [0.0f64; 16]);
    let (mut w2, mut b2) = ([[0.0f64; 16]; 16], [0.0f64; 16]);
    let (mut w3, mut b3) = ([0.0f64; 16], 0.0f64);
    w1.as_flattened_mut().copy_from_slice(start(0));
    w2.as_flattened_mut().copy_from_slice(start(2));
    w3.copy_from_slice(start(4));
    for row in rows::<f64>("moons.csv") {
        count(&mut || {
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
    [w1.as_flattened(), &b1, w2.as_flattened(), &b2, &w3, &[b3]].concat()
}
