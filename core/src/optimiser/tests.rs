//! Sequences derived by hand. The objective is x·w, so that x is the gradient of w, and w begins
//! at 0 unless said otherwise.

extern crate std;

use super::*;
use crate::{Circuit, Shape, Slot, Training, plan};
use std::vec::Vec;

/// The param after each step, `batch` gradients a step.
fn path(optimiser: Optimiser<f64>, raise: bool, start: f64, batch: u32, gradients: &[f64]) -> Vec<f64> {
    let mut c: Circuit<f64, 4> = Circuit::new();
    let (x, w) = (c.input(Shape::SCALAR).unwrap(), c.param(Shape::SCALAR).unwrap());
    let y = c.mul(x, w).unwrap();
    if raise { c.maximize(y) } else { c.minimize(y) }.unwrap();
    let mut training = Training::new(optimiser, batch);
    let (mut slots, mut arena) = ([Slot::EMPTY; 4], [0.0; 16]);
    let layout = plan(&c.view(), training.purpose(), false, &mut slots).unwrap();
    let mut tape = Tape::new(c.view(), layout, &slots, &[], &mut arena).unwrap();
    tape.set(w, &[start]).unwrap();
    let mut path = Vec::new();
    for &gradient in gradients {
        tape.set(x, &[gradient]).unwrap();
        if training.sample(&mut tape).unwrap().stepped {
            path.push(tape.value(w).unwrap()[0]);
        }
    }
    if training.end_batch(&mut tape).unwrap() {
        path.push(tape.value(w).unwrap()[0]);
    }
    path
}

fn near(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    let fine = got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 4e-15);
    assert!(fine, "{got:?} is not {expected:?}");
}

#[test]
fn momentum() {
    // m = 1, 3/2, 7/4 and then, without a gradient, 7/8.
    let optimiser = Optimiser::new(Method::Momentum { beta: 0.5 }, 2.0);
    assert_eq!(path(optimiser, false, 0.0, 1, &[1.0, 1.0, 1.0, 0.0]), [-2.0, -5.0, -8.5, -10.25]);
    assert_eq!(path(optimiser, true, 0.0, 1, &[1.0, 1.0]), [2.0, 5.0]);
}

#[test]
fn nesterov() {
    // g + m/2 with the same m: 3/2, 7/4, 15/8, 7/16.
    let optimiser = Optimiser::new(Method::Nesterov { beta: 0.5 }, 1.0);
    assert_eq!(path(optimiser, false, 0.0, 1, &[1.0, 1.0, 1.0, 0.0]), [-1.5, -3.25, -5.125, -5.5625]);
}

#[test]
fn adam() {
    // g = 5, 1 with β₁ = β₂ = ½ and ε = ½. First m̂ = 5, v̂ = 25: the step is 5/5.5 = 10/11. Then
    // m̂ = (5/4 + 1/2) / (3/4) = 7/3 and v̂ = (25/4 + 1/2) / (3/4) = 9: it is (7/3) / (7/2) = 2/3.
    let method = Method::Adam { beta1: 0.5, beta2: 0.5, eps: 0.5 };
    let (first, second) = (-10.0 / 11.0, -10.0 / 11.0 - 2.0 / 3.0);
    near(&path(Optimiser::new(method, 1.0), false, 0.0, 1, &[5.0, 1.0]), &[first, second]);
    near(&path(Optimiser::new(method, 1.0), true, 0.0, 1, &[5.0, 1.0]), &[-first, -second]);
}

#[test]
fn decay_beside_adam_and_within_it() {
    // AdamW at rate 1/2, λ = 1/4: w = 8 shrinks by 1/8 to 7, then by Adam's step for g = 5, 5/11.
    let (beta1, beta2, eps) = (0.5, 0.5, 0.5);
    let mut optimiser = Optimiser::new(Method::AdamW { beta1, beta2, eps }, 0.5);
    optimiser.weight_decay = 0.25;
    near(&path(optimiser, false, 8.0, 1, &[5.0]), &[7.0 - 5.0 / 11.0]);
    near(&path(optimiser, true, 8.0, 1, &[5.0]), &[7.0 + 5.0 / 11.0]);
    // Adam's gradient is 5 + 8/4 = 7 then: the step is 7 / 7.5 / 2 = 7/15.
    optimiser.method = Method::Adam { beta1, beta2, eps };
    near(&path(optimiser, false, 8.0, 1, &[5.0]), &[8.0 - 7.0 / 15.0]);
}

#[test]
fn rmsprop() {
    // g = 2, 4 with α = ½, ε = 1: v = 2, 9; steps 2/(√2 + 1) = 2(√2 − 1) and 4/4 = 1.
    let optimiser = Optimiser::new(Method::RmsProp { alpha: 0.5, eps: 1.0 }, 1.0);
    let first = 2.0 - 2.0 * core::f64::consts::SQRT_2;
    near(&path(optimiser, false, 0.0, 1, &[2.0, 4.0]), &[first, first - 1.0]);
}

#[test]
fn clipping() {
    let mut optimiser = Optimiser::new(Method::Sgd, 0.5);
    optimiser.clip = Clip::Value(2.0);
    // Of the mean over a batch, not of each sample's gradient.
    assert_eq!(path(optimiser, false, 0.0, 2, &[8.0, -6.0, 8.0, 0.0, -100.0]), [-0.5, -1.5, -0.5]);
    optimiser.clip = Clip::Norm(2.0);
    assert_eq!(path(optimiser, false, 0.0, 2, &[8.0, -6.0, 8.0, 0.0, -128.0]), [-0.5, -1.5, -0.5]);
    assert_eq!(path(optimiser, true, 0.0, 1, &[8.0, -1.0]), [1.0, 0.5]);
}

#[test]
fn decay_of_plain_descent_comes_after_clipping() {
    let mut optimiser = Optimiser::new(Method::Sgd, 0.5);
    (optimiser.clip, optimiser.weight_decay) = (Clip::Value(1.0), 0.25);
    // g = 1 + 8/4 = 3, then 1 + 6.5/4.
    assert_eq!(path(optimiser, false, 8.0, 1, &[100.0, 100.0]), [6.5, 6.5 - 0.5 * (1.0 + 6.5 / 4.0)]);
}

#[test]
fn a_refused_step_changes_no_moment() {
    let mut c: Circuit<f32, 8> = Circuit::new();
    let x = c.input(Shape::vector(2)).unwrap();
    let (a, w) = (c.param(Shape::SCALAR).unwrap(), c.param(Shape::vector(2)).unwrap());
    let scaled = c.mul(w, a).unwrap();
    let y = c.dot(x, scaled).unwrap();
    c.minimize(y).unwrap();
    let adam = Method::Adam { beta1: 0.9f32, beta2: 0.999, eps: 1e-8 };
    let mut training = Training::new(Optimiser::new(adam, 0.125), 1);
    let (mut slots, mut arena) = ([Slot::EMPTY; 8], [0.0; 64]);
    let layout = plan(&c.view(), training.purpose(), false, &mut slots).unwrap();
    let mut tape = Tape::new(c.view(), layout, &slots, &[], &mut arena).unwrap();
    tape.set(a, &[1.0]).unwrap();
    tape.set(w, &[0.5, -0.5]).unwrap();
    let state = |tape: &Tape<'_, f32>| {
        let mut all = tape.moments().to_vec();
        all.extend_from_slice(tape.value(a).unwrap());
        all.extend_from_slice(tape.value(w).unwrap());
        all
    };
    tape.set(x, &[1.0, 2.0]).unwrap();
    training.sample(&mut tape).unwrap();
    assert_eq!(tape.moments().len(), 6);
    // In the order of the wires: a's gradient was 1·0.5 − 2·0.5, those of w were 1 and 2.
    let expected = [-0.5f32, 1.0, 2.0].map(|g| (1.0 - 0.9f32) * g);
    assert_eq!(tape.moments()[..3], expected);
    let before = state(&tape);
    // Finite gradients whose squares are not: v would become infinite.
    tape.set(x, &[1.0, 1e25]).unwrap();
    assert!(matches!(training.sample(&mut tape), Err(RunError::NotFinite(_))));
    assert_eq!((state(&tape), training.steps(), training.begun()), (before, 1, 0));
    // Moments can be put back from a place on, and not beyond their end.
    assert_eq!(tape.set_moments(5, &[1.0, 1.0]), Err(RunError::NotPlanned));
    tape.set_moments(4, &[7.0, 7.0]).unwrap();
    assert_eq!(tape.moments()[4..], [7.0, 7.0]);
}

/// The link's version changes when one of these bytes does.
#[test]
#[cfg(feature = "link")]
fn the_bytes_of_an_optimiser() {
    let adam = Method::AdamW { beta1: 0.5, beta2: 0.75, eps: 0.125 };
    let mut optimiser = Optimiser::new(adam, 2.0f32);
    optimiser.weight_decay = 1.0;
    optimiser.clip = Clip::Norm(4.0);
    optimiser.schedule = Schedule::Cosine { steps: 300, floor: 0.0 };
    optimiser.warmup = 5;
    let number = |x: f32| x.to_le_bytes().to_vec();
    let expected = [
        std::vec![4],
        number(0.5),
        number(0.75),
        number(0.125),
        number(2.0),
        number(1.0),
        std::vec![1],
        number(4.0),
        std::vec![2, 0xac, 2],
        number(0.0),
        std::vec![5],
    ]
    .concat();
    let mut bytes = [0; 64];
    assert_eq!(optimiser.to_bytes(&mut bytes), Some(&expected[..]));
    assert_eq!(Optimiser::from_bytes(&expected), Some(optimiser));
    for broken in [&expected[1..], &expected[..expected.len() - 1], &[expected.as_slice(), &[0]].concat()] {
        assert_eq!(Optimiser::<f32>::from_bytes(broken), None);
    }
    assert_eq!(optimiser.to_bytes(&mut bytes[..20]), None);
}
