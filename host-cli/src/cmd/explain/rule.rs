//! The local gradients of gates as people write them, in the names of the circuit.
//!
//! Words only: the numbers beside them come from the gates themselves. A gate whose gradient is
//! no product with one of its operands is told as `∂y/∂a`, and in full by `whole`.

use chainrule::Op;

/// ∂y/∂(operand `k`) of a gate, for instance `z` for the first operand of `y = x * z`. A sum is in
/// brackets, so that it can stand in a product.
pub fn local(op: Op, operands: &[&str], y: &str, k: usize) -> String {
    let (a, b) = (operands.first().copied().unwrap_or(""), operands.get(1).copied().unwrap_or(""));
    match (op, k) {
        (Op::Add, _) | (Op::Sub, 0) | (Op::Sum | Op::Reshape | Op::Concat, _) => "1".into(),
        // Nothing is left out where nothing is trained, as here.
        (Op::Dropout, _) | (Op::LayerNorm, 2) => "1".into(),
        (Op::Sub, _) | (Op::Neg, _) => "-1".into(),
        (Op::Mul | Op::Dot, 0) => b.into(),
        (Op::Mul | Op::Dot, _) => a.into(),
        (Op::Div, 0) => format!("1/{b}"),
        (Op::Div, _) => format!("-{a}/{b}²"),
        (Op::Pow, 0) => format!("{b}·{a}^({b} - 1)"),
        (Op::Pow, _) => format!("{y}·log({a})"),
        (Op::Max | Op::Min, k) => {
            let other = if k == 0 { b } else { a };
            let own = if k == 0 { a } else { b };
            let than = if op == Op::Max { '>' } else { '<' };
            format!("(1 where {own} {than} {other}, ½ where equal, else 0)")
        }
        (Op::Abs, _) => format!("sign({a})"),
        (Op::Sqrt, _) => format!("1/(2·{y})"),
        (Op::Square, _) => format!("2·{a}"),
        (Op::Recip, _) => format!("-{y}²"),
        (Op::Exp, _) => y.into(),
        (Op::Log, _) => format!("1/{a}"),
        (Op::Sin, _) => format!("cos({a})"),
        (Op::Cos, _) => format!("-sin({a})"),
        (Op::Tanh, _) => format!("(1 - {y}²)"),
        (Op::Sigmoid, _) => format!("{y}·(1 - {y})"),
        (Op::Mean, _) => format!("1/len({a})"),
        (Op::Softplus, _) => format!("sigmoid({a})"),
        (Op::Softsign, _) => format!("1/(1 + abs({a}))²"),
        (Op::LeakyRelu, _) => format!("(1 where {a} > 0, else slope)"),
        (Op::Elu, _) => format!("(1 where {a} >= 0, else {y} + alpha)"),
        (Op::Gelu, _) => format!("(Φ({a}) + {a}·φ({a}))"),
        (Op::HardSwish, _) => format!("(0 below -3, 1 above 3, else {a}/3 + 1/2)"),
        (Op::Relu, _) => format!("(1 where {a} > 0, else 0)"),
        (Op::Clip, _) => format!("(1 where {y} = {a}, else 0)"),
        (Op::Slice, _) => "(1 at what is read, else 0)".into(),
        (Op::MaxOf, _) => "(1 at the greatest, else 0)".into(),
        (Op::MaxPool, _) => "(1 at each window's greatest, else 0)".into(),
        (Op::AvgPool, _) => "1/len(window)".into(),
        (Op::GlobalAvg, _) => "1/len(plane)".into(),
        // Of each number, over the places of the window that read it.
        (Op::Conv1d | Op::Conv2d, 0) => format!("Σ {b}"),
        (Op::Conv1d | Op::Conv2d, 1) => format!("Σ {a}"),
        (Op::Conv1d | Op::Conv2d, _) => "Σ 1".into(),
        (Op::LayerNorm, 1) => format!("({a} - mean)/deviation"),
        (Op::Gru | Op::Rnn, k) => format!("Σₜ ∂{y}/∂{}", operands.get(k).copied().unwrap_or("")),
        (Op::Dense, 0) => {
            let weight = operands.get(1).copied().unwrap_or("");
            format!("{weight}ᵀ")
        }
        (Op::Dense, 1) => a.into(),
        (Op::Dense, _) => "1".into(),
        (Op::Mse, 0) => format!("2·({a} - {b})/n"),
        (Op::Mse, _) => format!("2·({b} - {a})/n"),
        (Op::Mae, 0) => format!("sign({a} - {b})/n"),
        (Op::Mae, _) => format!("sign({b} - {a})/n"),
        (Op::Huber, 0) => format!("clip({a} - {b}, ±δ)/n"),
        (Op::Huber, _) => format!("clip({b} - {a}, ±δ)/n"),
        (Op::Hinge, 0) => format!("(-{b}/n where {a}·{b} < 1, else 0)"),
        (Op::Hinge, _) => format!("(-{a}/n where {a}·{b} < 1, else 0)"),
        (Op::BinaryCrossEntropy, 1) => format!("-{a}/n"),
        (Op::SmoothCrossEntropy, 0) => format!("(softmax({a}) - smoothed one_hot({b}))"),
        (Op::CrossEntropy, 0) => format!("(softmax({a}) - one_hot({b}))"),
        (Op::BinaryCrossEntropy, 0) => format!("(sigmoid({a}) - {b})/n"),
        _ => format!("∂{y}/∂{}", operands.get(k).copied().unwrap_or("")),
    }
}

#[cfg(test)]
mod tests {
    use chainrule::{Op, Purpose};

    use super::local;
    use crate::args::Circuit;
    use crate::cmd::case::Case;
    use crate::cmd::explain::lesson::Lesson;
    use crate::cmd::progress::Progress;
    use crate::engine::{Engine, Host};

    fn case(circuit: &str, values: &[(&str, f64)]) -> Case<f64> {
        let named = values.iter().filter(|(name, _)| circuit.contains(name));
        let values = named.map(|(name, x)| format!("{name}={x:?}")).collect();
        Case::read(&Circuit { circuit: circuit.to_owned(), values, row: None }).expect("reads")
    }

    fn run<'c>(case: &'c Case<f64>) -> Host<'c, f64> {
        let mut host = Host::new(case.lowered.view(), Purpose::Inspect).expect("fits");
        case.set_all(&mut host, &mut Progress::new()).expect("sets");
        host.forward().expect("runs");
        host
    }

    /// A rule is a formula; with numbers put in, it must be what its gate passes back.
    #[test]
    fn rules_are_true() {
        let gates =
            ["A + B", "A - B", "A * B", "A / B", "A ^ B", "-A", "sqrt(A)", "square(A)", "recip(A)", "exp(A)", "log(A)"];
        let more = ["sin(A)", "cos(A)", "tanh(A)", "sigmoid(A)", "softplus(A)", "softsign(A)"];
        let (a, b) = (("A", 0.7), ("B", 1.3));
        for text in gates.iter().chain(&more) {
            let gate = case(text, &[a, b]);
            let objective = gate.objective().expect("has one");
            let mut host = run(&gate);
            host.backward(objective.wire()).expect("runs");
            let lesson = Lesson::look(&gate, objective, &mut host).expect("looks");
            for (k, locals) in lesson.of(objective.wire()).locals.iter().enumerate() {
                let rule = lesson.rule(objective.wire(), k);
                assert!(!rule.contains('∂'), "{text} has no rule");
                let rule = case(&rule.replace('·', "*").replace('²', "^2"), &[a, b, ("f", lesson.value())]);
                let value = rule.lowered.objective().expect("has one").wire();
                let told = run(&rule).value(value).expect("is kept")[0];
                assert!(
                    (told - locals[0]).abs() < 1e-14 * told.abs(),
                    "{text}, operand {k}: {told}, not {}",
                    locals[0]
                );
            }
        }
    }

    #[test]
    fn a_gate_without_a_rule_is_told_by_its_symbol() {
        assert_eq!(local(Op::Softmax, &["x"], "s", 0), "∂s/∂x");
    }
}
