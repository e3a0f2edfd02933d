//! Each gate is told, and what is told of the recurrent ones and of convolutions is so: their formulas
//! are read as they stand there, worked out in numbers, and held to the engine.

mod convolutions;
mod notation;
mod recurrent;

use chainrule::{Circuit, Op, OpKind, Purpose, Shape, Wire};

use super::formulas;
use crate::cmd::explain::rule::local;
use crate::engine::{Engine, Host};

/// No gate is told by a symbol alone.
#[test]
fn every_gate_has_a_rule_or_formulas() {
    for op in (0..=u8::MAX).filter_map(Op::from_code).filter(|op| op.kind() != OpKind::Source) {
        let rule = local(op, &["a", "b", "c"], "y", 0);
        assert!(!rule.contains('∂') || formulas(op).len() > 1, "{}: {rule}", op.name());
    }
}

/// What stands between two words of a formula.
fn between<'t>(told: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = told.split_once(before).unwrap_or_else(|| panic!("no `{before}` in\n{told}"));
    if after.is_empty() {
        return rest.lines().next().unwrap_or_default();
    }
    rest.split_once(after).unwrap_or_else(|| panic!("no `{after}` behind `{before}` in\n{told}")).0
}

/// The formulas of a gate, line by line.
fn told(op: Op) -> String {
    formulas(op).join("\n")
}

/// Numbers of both signs, none like another.
fn numbers(count: usize, first: usize) -> Vec<f64> {
    (0..count).map(|at| (((first + at) * 37 + 11) % 64) as f64 / 32.0 - 0.97).collect()
}

/// What a gate gives to operands of these shapes, and what comes back to each where these numbers came
/// back to it: as the engine does it.
fn engine(
    shapes: &[Shape],
    values: &[Vec<f64>],
    back: &[f64],
    gate: impl Fn(&mut Circuit<f64, 16, 16, 16, 32>, &[Wire]) -> Wire,
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut circuit = Circuit::new();
    let operands: Vec<Wire> = shapes.iter().map(|&shape| circuit.param(shape).expect("fits")).collect();
    let y = gate(&mut circuit, &operands);
    let count = u16::try_from(back.len()).expect("is small");
    let weights = circuit.input(Shape::vector(count)).expect("fits");
    let flat = circuit.reshape(y, Shape::vector(count)).expect("has as many numbers");
    let objective = circuit.dot(flat, weights).expect("fits");
    circuit.maximize(objective).expect("is a scalar");
    let mut host = Host::new(circuit.view(), Purpose::Inspect).expect("has a plan");
    for (&wire, values) in operands.iter().zip(values) {
        host.set(wire, 0, values).expect("is as long");
    }
    host.set(weights, 0, back).expect("is as long");
    host.forward().expect("runs");
    host.backward(objective).expect("runs");
    let gradients = operands.iter().map(|&wire| host.gradient(wire).expect("runs").expect("has one"));
    let gradients = gradients.collect();
    (host.value(y).expect("runs"), gradients)
}

/// The same numbers, but for their rounding.
fn same(what: &str, by_formula: &[f64], by_engine: &[f64]) {
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * (1.0 + b.abs());
    assert_eq!(by_formula.len(), by_engine.len(), "{what}");
    assert!(by_formula.iter().zip(by_engine).all(near), "{what}: {by_formula:?}, and the engine has {by_engine:?}");
    assert!(by_engine.iter().any(|number| number.abs() > 1e-3), "{what} shows nothing");
}
