//! The formulas of gates that are more than one product: what they compute, and for each operand what
//! they pass back, in the letters that papers use.

use chainrule::{Op, Wire};

use super::lesson::Lesson;
use crate::cmd::figures::{listed, short};
use crate::text::literal::Readable;

/// Rows of a normalised wire, or logits, whose numbers are told.
const FEW: usize = 6;

/// What a gate computes from x (its weights W and b) or a and b, then what it passes back where g came
/// back to it; nothing for a gate whose row in the walk says it all.
fn formulas(op: Op) -> &'static [&'static str] {
    match op {
        Op::Gelu => &["y = x·Φ(x), Φ the normal distribution, φ its density", "to x: (Φ(x) + x·φ(x))·g"],
        Op::GeluTanh => &[
            "y = x·(1 + t)/2, t = tanh(u), u = √(2/π)·(x + 0.044715·x³)",
            "to x: ((1 + t)/2 + x/2·(1 - t²)·√(2/π)·(1 + 0.134145·x²))·g",
        ],
        Op::LeakyRelu => &["y = x where x > 0, else slope·x (slope = 0.01 unless told)"],
        Op::Elu => &["y = x where x >= 0, else alpha·(exp(x) - 1) (alpha = 1 unless told)"],
        Op::Softplus => &["y = log(1 + exp(x))"],
        Op::Softsign => &["y = x/(1 + abs(x))"],
        Op::HardSwish => &["y = x·clip(x + 3, 0, 6)/6"],
        Op::Dense => &["yⱼ = bⱼ + Σᵢ Wⱼᵢ·xᵢ", "to x: Σⱼ Wⱼᵢ·gⱼ, as Wᵀ × g;  to W: xᵢ·gⱼ;  to b: gⱼ"],
        Op::Conv1d => &[
            "y[o, t] = b[o] + Σ W[o, c, k]·x[c, p], p = stride·t + k - padding, beyond the ends 0",
            "to x[c, p]: Σ W[o, c, k]·g[o, t] over every t and k that met p",
            "to W[o, c, k]: Σₜ x[c, p]·g[o, t];  to b[o]: Σₜ g[o, t]",
        ],
        Op::Conv2d => &[
            "y[o, i, j] = b[o] + Σ W[o, c, k, l]·x[c, p, q], p = stride·i + k - padding, q alike from j and l",
            "to x[c, p, q]: Σ W[o, c, k, l]·g[o, i, j] over all windows that met (p, q)",
            "to W[o, c, k, l]: Σ x[c, p, q]·g[o, i, j] over all i, j;  to b[o]: Σ g[o, i, j]",
        ],
        Op::MaxPool => &[
            "yⱼ = the greatest x of window j",
            "to x: the sum of gⱼ over the windows whose greatest it is (of equal ones the first), else 0",
        ],
        Op::AvgPool => &[
            "yⱼ = Σ x of window j / n, n the size of the window, padding counted as 0",
            "to x: the sum of gⱼ/n over the windows that it lies in",
        ],
        Op::GlobalAvg => &["y = Σ x of a plane / n, n the size of the plane", "to x: g/n of its plane"],
        Op::Softmax => &["yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ)", "to x: yᵢ·(gᵢ - Σⱼ gⱼ·yⱼ)"],
        Op::LogSoftmax => &["yᵢ = xᵢ - log Σⱼ exp(xⱼ)", "to x: gᵢ - exp(yᵢ)·Σⱼ gⱼ"],
        Op::LayerNorm => &[
            "y = W·x̂ + b, x̂ = (x - mean)/deviation, deviation = √(variance + eps), a row at a time",
            "to x: (u - mean of u - x̂·mean of u·x̂)/deviation, u = W·g;  to W: x̂·g;  to b: g",
        ],
        Op::Gru => &[
            "from h = 0, for each step t in turn, with a = W·x + b of the inputs and c = U·h + d of the state:",
            "  r = sigmoid(a_r + c_r), z = sigmoid(a_z + c_z), n = tanh(a_n + r·c_n), h ← (1 - z)·n + z·h",
            "back from the last step, e what comes back to its h, and h₋₁ the state before it:",
            "  to a_n: δ_n = e·(1 - z)·(1 - n²);  to a_z, c_z: δ_z = e·(h₋₁ - n)·z·(1 - z)",
            "  to a_r, c_r: δ_r = δ_n·c_n·r·(1 - r);  to c_n: δ_n·r;  to h₋₁: e·z + Uᵀ × what came to c",
            "to x: Wᵀ × δ;  to W: Σₜ δ·x;  to U: Σₜ (what came to c)·h₋₁;  to b and d: the sums over t",
        ],
        Op::Rnn => &[
            "from h = 0, for each step t in turn: h ← tanh(W·x + b + U·h + d), or relu of it",
            "back from the last step, e what comes back to its h: δ = e·(1 - h²), for relu e where h > 0, else 0",
            "to h of the step before: Uᵀ × δ;  to x: Wᵀ × δ;  to W: Σₜ δ·x;  to U: Σₜ δ·h₋₁;  to b and d: Σₜ δ",
        ],
        Op::Mse => &["y = Σ (a - b)²/n", "to a: 2·(a - b)/n·g"],
        Op::Mae => &["y = Σ abs(a - b)/n", "to a: sign(a - b)/n·g"],
        Op::Huber => &[
            "y = Σ r²/2 / n with r = a - b, where abs(r) > δ of δ·(abs(r) - δ/2) (δ = 1 unless told)",
            "to a: clip(a - b, ±δ)/n·g",
        ],
        Op::Hinge => &["y = Σ max(0, 1 - a·b)/n", "to a: -b/n·g where a·b < 1, else 0;  to b: -a/n·g there"],
        Op::CrossEntropy => &["y = -log softmax(a) of the class", "to a: (softmax(a) - one_hot(class))·g"],
        Op::SmoothCrossEntropy => &[
            "y = -Σⱼ qⱼ·log softmax(a)ⱼ, q = (1 - smoothing)·one_hot(class) + smoothing/(number of classes)",
            "to a: (softmax(a) - q)·g",
        ],
        Op::BinaryCrossEntropy => {
            &["y = -Σ (b·log s + (1 - b)·log(1 - s))/n, s = sigmoid(a)", "to a: (sigmoid(a) - b)/n·g;  to b: -a/n·g"]
        }
        _ => &[],
    }
}

impl<T: Readable> Lesson<'_, T> {
    /// Every sort of gate that has formulas of its own: its name with the wires it drives, the formulas,
    /// and of each of these wires the numbers that the formulas speak of.
    pub fn wholes(&self) -> Vec<(String, Vec<String>)> {
        let mut sorts: Vec<(Op, Vec<Wire>)> = Vec::new();
        for wire in self.case.lowered.view().wires() {
            let op = self.of(wire).op;
            if formulas(op).is_empty() || !self.of(wire).matters {
                continue;
            }
            match sorts.iter_mut().find(|(known, _)| *known == op) {
                Some((_, wires)) => wires.push(wire),
                None => sorts.push((op, vec![wire])),
            }
        }
        let told = |(op, wires): (Op, Vec<Wire>)| {
            let names: Vec<&str> = wires.iter().take(FEW).map(|&wire| self.name(wire)).collect();
            let more = if wires.len() > FEW { ", …" } else { "" };
            let numbers = wires.iter().take(FEW).filter_map(|&wire| self.numbers_of_whole(wire));
            let lines = formulas(op).iter().map(|&line| line.to_owned()).chain(numbers).collect();
            (format!("{} ({}{more})", op.name(), names.join(", ")), lines)
        };
        sorts.into_iter().map(told).collect()
    }

    /// What stands in a gate's formulas and on no row of the walk.
    fn numbers_of_whole(&self, wire: Wire) -> Option<String> {
        let gate = self.of(wire);
        let operand = *gate.operands.first()?;
        let x: Vec<f64> = self.of(operand).value.iter().map(|x| x.to_f64()).collect();
        match gate.op {
            Op::LayerNorm => {
                let row = *self.case.dims(operand).last()?;
                if row == 0 || x.len() / row > FEW {
                    return None;
                }
                let told = x.chunks_exact(row).map(|row| {
                    let mean = row.iter().sum::<f64>() / row.len() as f64;
                    let square = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / row.len() as f64;
                    format!("mean {}, variance {}", short(T::from_f64(mean)), short(T::from_f64(square)))
                });
                Some(format!("{}: {}", self.name(wire), listed(&told.collect::<Vec<_>>())))
            }
            // The greatest is taken off first, so that nothing overflows.
            Op::CrossEntropy | Op::SmoothCrossEntropy if x.len() <= FEW => {
                let greatest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = x.iter().map(|x| (x - greatest).exp()).sum();
                let shares: Vec<T> = x.iter().map(|x| T::from_f64((x - greatest).exp() / sum)).collect();
                Some(format!(
                    "{}: softmax({}) = {}",
                    self.name(wire),
                    self.name(operand),
                    self.numbers(operand, &shares)
                ))
            }
            _ => None,
        }
    }

    /// What a reader passes back to a wire, with the numbers of tensors put in, where they are few:
    /// `(softmax([1, 2]) - one_hot(0)) × 1`.
    pub fn rule_in_numbers(&self, reader: Wire, k: usize) -> Option<String> {
        let gate = self.of(reader);
        let upstream = gate.gradient.as_deref().filter(|upstream| upstream.len() <= FEW)?;
        let upstream = self.numbers(reader, upstream);
        let upstream = if upstream.starts_with('-') { format!("({upstream})") } else { upstream };
        if let Some(locals) = gate.locals.get(k).filter(|locals| !locals.is_empty()) {
            return (locals.len() <= FEW).then(|| format!("{} × {upstream}", self.numbers(reader, locals)));
        }
        let says_it_all =
            matches!(gate.op, Op::Dot | Op::Sum | Op::Mean | Op::Dense | Op::Mse | Op::Mae | Op::Huber | Op::Hinge)
                || matches!(gate.op, Op::CrossEntropy | Op::SmoothCrossEntropy | Op::BinaryCrossEntropy);
        if !says_it_all {
            return None;
        }
        // What is too long to write out leaves a mark, so that a rule that speaks of it is not told.
        let operands: Vec<String> = gate
            .operands
            .iter()
            .map(|&operand| {
                let values = &self.of(operand).value;
                let numbers = if values.len() <= FEW { self.numbers(operand, values) } else { "∂".into() };
                if numbers.starts_with('-') { format!("({numbers})") } else { numbers }
            })
            .collect();
        let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
        let rule = super::rule::local(gate.op, &operands, "∂", k);
        let n = self.of(*gate.operands.first()?).value.len();
        let rule = rule.replace("/n", &if n == 1 { String::new() } else { format!("/{n}") });
        (!rule.contains('∂')).then(|| format!("{rule} × {upstream}"))
    }
}

#[cfg(test)]
mod tests;
