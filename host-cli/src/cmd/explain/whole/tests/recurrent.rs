//! gru and rnn: their formulas, step by step and back.

use chainrule::{Op, Shape};

use super::notation::{Names, Value, work_out, work_out_weights};
use super::{between, engine, numbers, same, told};

const STEPS: usize = 3;
const INPUTS: usize = 2;
const HIDDEN: usize = 2;

/// Operands x, W, U, b and d with so many columns of weights, as the engine takes them.
fn operands(columns: usize) -> (Vec<Shape>, Vec<Vec<f64>>) {
    let matrix = |rows: usize, columns: usize| Shape::matrix(rows as u16, columns as u16);
    let row = Shape::vector(columns as u16);
    let shapes = vec![matrix(STEPS, INPUTS), matrix(INPUTS, columns), matrix(HIDDEN, columns), row, row];
    let values = shapes.iter().enumerate().map(|(at, shape)| numbers(shape.len(), 50 * at)).collect();
    (shapes, values)
}

/// Weights by rows, as formulas speak of them, and turned; the engine has a row an input.
fn weights(stored: &[f64], columns: usize) -> [Value; 2] {
    let turned: Vec<Vec<f64>> = stored.chunks(columns).map(<[f64]>::to_vec).collect();
    let rows = (0..columns).map(|j| turned.iter().map(|row| row[j]).collect()).collect();
    [Value::Matrix(rows), Value::Matrix(turned)]
}

/// The names that all steps have in common.
fn common(values: &[Vec<f64>], columns: usize) -> Names {
    let ([w, w_turned], [u, u_turned]) = (weights(&values[1], columns), weights(&values[2], columns));
    let (b, d) = (Value::Row(values[3].clone()), Value::Row(values[4].clone()));
    Names::from([("W", w), ("Wᵀ", w_turned), ("U", u), ("Uᵀ", u_turned), ("b", b), ("d", d)])
}

fn zeros() -> Value {
    Value::Row(vec![0.0; HIDDEN])
}

/// Sums over the steps, as they come up.
#[derive(Default)]
struct Sums([Option<Value>; 4]);

impl Sums {
    fn add(&mut self, parts: [Value; 4]) {
        for (sum, part) in self.0.iter_mut().zip(parts) {
            *sum = Some(sum.as_ref().map_or(part.clone(), |sum| sum.plus(&part)));
        }
    }

    fn same(self, gate: &str, by_engine: &[Vec<f64>]) {
        for ((sum, name), by_engine) in self.0.into_iter().zip(["W", "U", "b", "d"]).zip(by_engine) {
            same(&format!("{gate}, to {name}"), &sum.expect("has steps").by_columns(), by_engine);
        }
    }
}

#[test]
fn the_formulas_of_gru_hold() {
    let (told, columns) = (told(Op::Gru), 3 * HIDDEN);
    let (shapes, values) = operands(columns);
    let back = numbers(STEPS * HIDDEN, 300);
    let (h_engine, gradients) =
        engine(&shapes, &values, &back, |c, wires| c.gru(wires[0], wires[1], wires[2], wires[3], wires[4]).unwrap());

    let (mut h, mut all, mut steps) = (zeros(), Vec::new(), Vec::new());
    for x in values[0].chunks(INPUTS) {
        let mut names = common(&values, columns);
        names.extend([("x", Value::Row(x.to_vec())), ("h", h.clone()), ("h₋₁", h)]);
        let a = work_out(between(&told, "with a = ", " of the inputs"), &names).row();
        let c = work_out(between(&told, "and c = ", " of the state"), &names).row();
        for (at, own) in [["a_r", "c_r"], ["a_z", "c_z"], ["a_n", "c_n"]].into_iter().enumerate() {
            let part = at * HIDDEN..(at + 1) * HIDDEN;
            names.extend([(own[0], Value::Row(a[part.clone()].to_vec())), (own[1], Value::Row(c[part].to_vec()))]);
        }
        for (name, before, after) in [("r", "  r = ", ", z = "), ("z", ", z = ", ", n = "), ("n", ", n = ", ", h ← ")]
        {
            let value = work_out(between(&told, before, after), &names);
            names.insert(name, value);
        }
        h = work_out(between(&told, ", h ← ", ""), &names);
        all.extend(h.row());
        steps.push(names);
    }
    same("gru, its value", &all, &h_engine);

    let (mut sums, mut dx, mut carry) = (Sums::default(), vec![Vec::new(); STEPS], zeros());
    for (t, mut names) in steps.into_iter().enumerate().rev() {
        names.insert("e", Value::Row(back[t * HIDDEN..(t + 1) * HIDDEN].to_vec()).plus(&carry));
        for (name, before, after) in [
            ("δ_n", "to a_n: δ_n = ", ";  "),
            ("δ_z", "to a_z, c_z: δ_z = ", "\n"),
            ("δ_r", "to a_r, c_r: δ_r = ", ";  "),
            ("δ_cn", "to c_n: ", ";  "),
        ] {
            let value = work_out(between(&told, before, after), &names);
            names.insert(name, value);
        }
        let beside = |all: [&str; 3]| Value::Row(all.iter().flat_map(|name| names[name].row()).collect());
        let (delta, to_c) = (beside(["δ_r", "δ_z", "δ_n"]), beside(["δ_r", "δ_z", "δ_cn"]));
        names.extend([("δ", delta.clone()), ("what_came_to_c", to_c.clone())]);
        let words = |formula: &str| formula.replace("what came to c", "what_came_to_c");
        carry = work_out(&words(between(&told, "to h₋₁: ", "\n")), &names);
        dx[t] = work_out(between(&told, "to x: ", ";  "), &names).row();
        let to_w = work_out_weights(between(&told, "to W: Σₜ ", ";  "), &names);
        let to_u = work_out_weights(&words(between(&told, "to U: Σₜ ", ";  ")), &names);
        assert_eq!(between(&told, "to b and d: ", ""), "the sums over t");
        sums.add([to_w, to_u, delta, to_c]);
    }
    same("gru, to x", &dx.concat(), &gradients[0]);
    sums.same("gru", &gradients[1..]);
}

#[test]
fn the_formulas_of_rnn_hold() {
    let told = told(Op::Rnn);
    let (shapes, values) = operands(HIDDEN);
    let back = numbers(STEPS * HIDDEN, 300);
    for relu in [false, true] {
        let (h_engine, gradients) = engine(&shapes, &values, &back, |c, wires| {
            c.rnn([wires[0], wires[1], wires[2], wires[3], wires[4]], relu).unwrap()
        });
        let step = between(&told, "in turn: h ← ", ", or relu of it");
        let step = if relu { step.replace("tanh(", "relu(") } else { step.to_owned() };
        let (mut h, mut all, mut steps) = (zeros(), Vec::new(), Vec::new());
        for x in values[0].chunks(INPUTS) {
            let mut names = common(&values, HIDDEN);
            names.extend([("x", Value::Row(x.to_vec())), ("h", h.clone()), ("h₋₁", h)]);
            h = work_out(&step, &names);
            // From here on, h is that of this step.
            names.insert("h", h.clone());
            all.extend(h.row());
            steps.push(names);
        }
        same("rnn, its value", &all, &h_engine);
        assert!(!relu || all.contains(&0.0) && all.iter().any(|h| *h > 0.0), "both sides of the kink: {all:?}");

        let (mut sums, mut dx, mut carry) = (Sums::default(), vec![Vec::new(); STEPS], zeros());
        for (t, mut names) in steps.into_iter().enumerate().rev() {
            names.insert("e", Value::Row(back[t * HIDDEN..(t + 1) * HIDDEN].to_vec()).plus(&carry));
            let delta = if relu {
                let above = work_out(between(&told, "for relu ", " where h > 0"), &names).row();
                let below: f64 = between(&told, "where h > 0, else ", "").parse().expect("is a number");
                let h = names["h"].row();
                Value::Row(h.iter().zip(above).map(|(h, above)| if *h > 0.0 { above } else { below }).collect())
            } else {
                work_out(between(&told, "its h: δ = ", ", for relu"), &names)
            };
            names.insert("δ", delta);
            carry = work_out(between(&told, "to h of the step before: ", ";  "), &names);
            dx[t] = work_out(between(&told, "to x: ", ";  "), &names).row();
            let to_w = work_out_weights(between(&told, "to W: Σₜ ", ";  "), &names);
            let to_u = work_out_weights(between(&told, "to U: Σₜ ", ";  "), &names);
            let to_bias = work_out(between(&told, "to b and d: Σₜ ", ""), &names);
            sums.add([to_w, to_u, to_bias.clone(), to_bias]);
        }
        same("rnn, to x", &dx.concat(), &gradients[0]);
        sums.same("rnn", &gradients[1..]);
    }
}
