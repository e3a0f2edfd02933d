//! The local gradients of gates as people write them, in the names of the circuit.
//!
//! Words only: the numbers beside them come from the gates themselves. A gate that is missing here is
//! told as `∂y/∂a`.

use chainrule::Op;

/// ∂y/∂(operand `k`) of a gate, for instance `z` for the first operand of `y = x * z`. A sum is in
/// brackets, so that it can stand in a product.
pub fn local(op: Op, operands: &[&str], y: &str, k: usize) -> String {
    let (a, b) = (operands.first().copied().unwrap_or(""), operands.get(1).copied().unwrap_or(""));
    match (op, k) {
        (Op::Add, _) | (Op::Sub, 0) | (Op::Sum, _) => "1".into(),
        (Op::Sub, _) | (Op::Neg, _) => "-1".into(),
        (Op::Mul | Op::Dot, 0) => b.into(),
        (Op::Mul | Op::Dot, _) => a.into(),
        (Op::Div, 0) => format!("1/{b}"),
        (Op::Div, _) => format!("-{a}/{b}²"),
        (Op::Pow, 0) => format!("{b}·{a}^({b} - 1)"),
        (Op::Pow, _) => format!("{y}·log({a})"),
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
        (Op::Dense, 0) => {
            let weight = operands.get(1).copied().unwrap_or("");
            format!("{weight}ᵀ")
        }
        (Op::Dense, 1) => a.into(),
        (Op::Dense, _) => "1".into(),
        (Op::Mse, 0) => format!("2·({a} - {b})/n"),
        (Op::Mse, _) => format!("2·({b} - {a})/n"),
        (Op::CrossEntropy, 0) => format!("(softmax({a}) - one_hot({b}))"),
        (Op::BinaryCrossEntropy, 0) => format!("(sigmoid({a}) - {b})/n"),
        _ => format!("∂{y}/∂{}", operands.get(k).copied().unwrap_or("")),
    }
}

#[cfg(test)]
mod tests {
    use super::local;
    use chainrule::Op;

    /// Each rule that is a formula of its own, worked out with numbers, is what the gate passes back.
    #[test]
    fn the_seeds_gates() {
        assert_eq!(local(Op::Mul, &["q", "z"], "f", 0), "z");
        assert_eq!(local(Op::Mul, &["q", "z"], "f", 1), "q");
        assert_eq!(local(Op::Add, &["x", "y"], "q", 1), "1");
        assert_eq!(local(Op::Sigmoid, &["n"], "s", 0), "s·(1 - s)");
        assert_eq!(local(Op::Max, &["x", "y"], "m", 1), "∂m/∂y");
    }
}
