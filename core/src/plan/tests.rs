//! What a plan promises, on small circuits.

use super::*;
use crate::build::Circuit;
use crate::error::RunError;
use crate::shape::Shape;
use crate::tape::Tape;

#[test]
fn the_digits_network_trains_in_a_little_more_than_its_params() {
    let mut c: Circuit<f32, 16> = Circuit::new();
    let network = |c: &mut Circuit<f32, 16>| {
        let image = c.input(Shape::vector(64))?;
        let digit = c.label(10)?;
        let (w1, b1) = (c.param(Shape::matrix(64, 32))?, c.param(Shape::vector(32))?);
        let (w2, b2) = (c.param(Shape::matrix(32, 10))?, c.param(Shape::vector(10))?);
        let sixteen = c.constant(Shape::SCALAR, &[16.0])?;
        let x = c.div(image, sixteen)?;
        let z = c.dense(x, w1, b1)?;
        let h = c.relu(z)?;
        let logits = c.dense(h, w2, b2)?;
        let loss = c.cross_entropy(logits, digit)?;
        c.minimize(loss)
    };
    assert_eq!(network(&mut c), Ok(()));
    let mut slots = [Slot::EMPTY; 16];
    let view = c.view();
    let train = plan(&view, Purpose::Train, false, &mut slots);
    let Ok(layout) = train else { return assert!(train.is_ok()) };
    let bytes = layout.bytes(&view, 4);
    assert_eq!(bytes.params, 2410 * 4);
    // image (shared with x), label, z (shared with h), logits, loss with what it saves
    assert_eq!(bytes.values, (64 + 1 + 32 + 10 + 1 + 11) * 4);
    // h (shared with z), logits, loss
    assert_eq!(bytes.gradients, (32 + 10 + 1) * 4);
    assert_eq!(bytes.optimiser, 0);
    let infer = plan(&view, Purpose::Infer, true, &mut slots);
    let Ok(layout) = infer else { return assert!(infer.is_ok()) };
    // x and z live together with the label; everything later fits where they were.
    assert_eq!(layout.bytes(&view, 4).values, (64 + 1 + 32) * 4);
}

/// A circuit's scalar values by any plan are those of the plan that keeps all.
#[test]
fn reused_memory_gives_the_same_values() {
    let mut c: Circuit<f64, 64> = Circuit::new();
    let mut build = || {
        let v = c.input(Shape::vector(3))?;
        let x = c.row(v, 0)?;
        let y = c.row(v, 1)?;
        let mut seed = 7u32;
        for _ in 0..40 {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            let n = c.view().len() as u32 - 1;
            let view = c.view();
            let (Some(a), Some(b)) =
                (view.wire((1 + (seed >> 8) % n) as usize), view.wire((1 + (seed >> 16) % n) as usize))
            else {
                continue;
            };
            if seed & 4 == 0 {
                c.sub(a, b)?
            } else {
                c.max(a, b)?
            };
        }
        let last = c.view().wire(c.view().len() - 1);
        let f = c.add(x, y)?;
        let f = c.add(f, last.unwrap_or(f))?;
        c.maximize(f).map(|()| (v, f))
    };
    let Ok((v, f)) = build() else { return assert!(build().is_ok()) };
    let mut value = [0.0; 3];
    for (value, purpose) in value.iter_mut().zip([Purpose::Inspect, Purpose::Infer, Purpose::Accumulate]) {
        let mut slots = [Slot::EMPTY; 64];
        let mut arena = [0.0; 256];
        let view = c.view();
        let planned = plan(&view, purpose, true, &mut slots);
        assert!(planned.is_ok());
        let Ok(layout) = planned else { return };
        if purpose == Purpose::Infer {
            assert!(layout.arena_len() < 40, "{}", layout.arena_len());
        }
        let made = Tape::new(view, layout, &slots, &[], &mut arena);
        assert!(made.is_ok());
        let Ok(mut tape) = made else { return };
        assert!(tape.set(v, &[0.25, -1.5, 3.0]).is_ok());
        tape.forward();
        *value = tape.value(f).ok().and_then(|v| v.first()).copied().unwrap_or(f64::NAN);
    }
    let [all, reused, shared] = value;
    assert_eq!(all, reused);
    assert_eq!(all, shared);
}

#[test]
fn a_plan_of_another_circuit_with_as_many_wires_is_refused() {
    let build = |lengths: [u16; 2]| {
        let mut c: Circuit<f32, 4> = Circuit::new();
        let [a, b] = lengths.map(|length| c.input(Shape::vector(length)));
        let both = c.concat(a.ok()?, b.ok()?).ok()?;
        let sum = c.sum(both).ok()?;
        c.minimize(sum).ok()?;
        Some(c)
    };
    let (Some(one), Some(other)) = (build([3, 2]), build([2, 3])) else { return assert!(build([3, 2]).is_some()) };
    let mut slots = [Slot::EMPTY; 4];
    let planned = plan(&one.view(), Purpose::Inspect, false, &mut slots);
    let Ok(layout) = planned else { return assert!(planned.is_ok()) };
    let mut arena = [0.0; 64];
    let refused = Tape::new(other.view(), layout, &slots, &[], &mut arena).err();
    assert_eq!(refused, Some(RunError::WrongPlan));
    assert!(Tape::new(one.view(), layout, &slots, &[], &mut arena).is_ok());
}
