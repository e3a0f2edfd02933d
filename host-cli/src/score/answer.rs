//! Which wire of a circuit answers, and to which question.
//!
//! The answer is what the objective's loss looks at:
//!
//! | loss | the answer | right where |
//! |---|---|---|
//! | cross_entropy | a class: the highest logit, the first of equal ones | it is the label |
//! | binary_cross_entropy of one number | 1 where the logit is above 0, else 0 | the label is on that side of ½ |
//! | hinge of one number | 1 where it is above 0, else −1 | the label has that sign |
//! | mse and other losses | numbers | there are errors instead: mae, rmse, r² |
//!
//! With mse of one number, labels may still mean two sides: if the data has only 0 and 1, and both,
//! ½ parts them; if it has only −1 and 1, and both, 0 does. Then there is an accuracy as well.
//!
//! An objective of several terms answers by the loss that is one of them; without a loss, the
//! circuit's last wire that nothing reads answers with numbers.

use chainrule::{CircuitRef, Gate, Op, OpKind, Scalar, Wire};

use crate::data::columns::Role;
use crate::lower::Lowered;
use crate::text::literal::Readable;

/// What a circuit is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Which of so many classes.
    Class(usize),
    /// On which of two sides.
    Side(Sides),
    /// How much.
    Number,
}

/// Two sides, and what parts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// 0 and 1, by a logit above 0.
    Logit,
    /// −1 and 1, by the sign.
    Sign,
    /// 0 and 1, by ½.
    Half,
}

impl Sides {
    /// The labels of the two.
    pub fn names(self) -> [&'static str; 2] {
        if self == Sides::Sign { ["-1", "1"] } else { ["0", "1"] }
    }

    /// The side of an answer: 0 or 1.
    pub fn told<T: Scalar>(self, answer: T) -> usize {
        usize::from(answer > if self == Sides::Half { T::HALF } else { T::ZERO })
    }

    /// The side of a label: 0 or 1.
    pub fn is<T: Scalar>(label: T) -> usize {
        usize::from(label > T::HALF)
    }

    /// The sides that the labels of a loss without classes mean, if they mean any.
    pub fn of<T: Scalar>(labels: impl Iterator<Item = T> + Clone) -> Option<Sides> {
        let both = |low: T| {
            let has = |side: T| labels.clone().any(|label| label == side);
            has(low) && has(T::ONE) && labels.clone().all(|label| label == low || label == T::ONE)
        };
        if both(T::ZERO) {
            Some(Sides::Half)
        } else if both(-T::ONE) {
            Some(Sides::Sign)
        } else {
            None
        }
    }
}

/// Where a circuit's answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The wire that answers.
    pub wire: Wire,
    /// The place among the fields of the label that it should be, if a label is compared as it is.
    pub label: Option<usize>,
    /// What it was asked.
    pub asks: Asks,
}

impl Answer {
    /// The answer of a circuit; nothing if it has no gates.
    pub fn of<T: Readable>(lowered: &Lowered<T>) -> Option<Answer> {
        let circuit = lowered.view();
        let Some(loss) = circuit.class_gate().or_else(|| loss(&circuit)) else {
            let read = |wire: Wire| circuit.wires().any(|reader| reads(&circuit, reader, wire));
            let is_gate = |wire: Wire| circuit.gate(wire).is_some_and(|gate| gate.op().kind() != OpKind::Source);
            let wire = circuit.wires().rev().find(|&wire| is_gate(wire) && !read(wire))?;
            return Some(Answer { wire, label: None, asks: Asks::Number });
        };
        let [first, second] = [circuit.operand(loss, 0)?, circuit.operand(loss, 1)?];
        let label = |wire| {
            lowered
                .fields
                .iter()
                .position(|field| field.wire == wire)
                .filter(|&at| lowered.fields.get(at).is_some_and(|field| field.role != Role::Input))
        };
        // mse(y, p) is as good as mse(p, y).
        let (wire, label) = match (label(first), label(second)) {
            (Some(at), None) => (second, Some(at)),
            (_, second) => (first, second),
        };
        let shape = circuit.shape(wire);
        let asks = match loss.op() {
            Op::Hinge if shape.len() == 1 => Asks::Side(Sides::Sign),
            Op::BinaryCrossEntropy if shape.len() == 1 => Asks::Side(Sides::Logit),
            _ => match label.and_then(|at| lowered.fields.get(at)).map(|field| field.role) {
                Some(Role::Class(classes)) => Asks::Class(classes),
                _ => Asks::Number,
            },
        };
        Some(Answer { wire, label, asks })
    }
}

fn reads<T: Copy>(circuit: &CircuitRef<'_, T>, reader: Wire, wire: Wire) -> bool {
    circuit.gate(reader).is_some_and(|gate| circuit.operands(gate).any(|operand| operand == wire))
}

/// The last loss upstream of the objective; without an objective, the last of the circuit.
fn loss<'c, T: Copy>(circuit: &CircuitRef<'c, T>) -> Option<&'c Gate> {
    let mut upstream = vec![circuit.objective().is_none(); circuit.len()];
    if let Some(objective) = circuit.objective() {
        upstream[objective.wire().index()] = true;
    }
    for wire in circuit.wires().rev() {
        let Some(gate) = circuit.gate(wire).filter(|_| upstream[wire.index()]) else { continue };
        if gate.op().kind() == OpKind::Loss {
            return Some(gate);
        }
        for operand in circuit.operands(gate) {
            upstream[operand.index()] = true;
        }
    }
    None
}

/// The class of the highest score, the first of equal ones.
pub fn highest<T: Scalar>(scores: &[T]) -> usize {
    let mut best = 0;
    for (class, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = class;
        }
    }
    best
}

/// softmax(scores), in f64: eˢ⁻ᵐ / Σ eˢ⁻ᵐ with m the greatest score.
pub fn probabilities<T: Scalar>(scores: &[T]) -> Vec<f64> {
    let greatest = scores.iter().map(|score| score.to_f64()).fold(f64::NEG_INFINITY, f64::max);
    let raised: Vec<f64> = scores.iter().map(|score| Scalar::exp(score.to_f64() - greatest)).collect();
    let sum: f64 = raised.iter().sum();
    raised.iter().map(|one| one / sum).collect()
}

/// sigmoid(logit), in f64.
pub fn probability<T: Scalar>(logit: T) -> f64 {
    let raised = Scalar::exp(-logit.to_f64().abs());
    if logit.to_f64() >= 0.0 { 1.0 / (1.0 + raised) } else { raised / (1.0 + raised) }
}
