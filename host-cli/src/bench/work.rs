//! The work that a circuit asks for, whoever does it: its multiply-adds, and the rows of weights that
//! a dense gate may leave out.

use crate::engine::{Engine, EngineError};
use chainrule::{CircuitRef, Op, Wire};

/// Multiply-adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mac {
    /// Of forward.
    pub forward: u64,
    /// Of forward and backward; the fused update is backward's way to the weights.
    pub both: u64,
    /// Of the step that ends a batch: one for each number that it trains.
    pub end: u64,
}

impl Mac {
    /// Counts those of dense, dot, convolutions and recurrent layers for one sample, a window at a margin
    /// as one inside; elementwise work counts nothing, nor what a way back finds a second time.
    pub fn of<T: Copy>(view: &CircuitRef<'_, T>) -> Mac {
        let (mut mac, mut trained) = (Mac::default(), vec![false; view.len()]);
        for wire in view.wires() {
            let Some(gate) = view.gate(wire) else { continue };
            let is_trained = |n| view.operand(gate, n).is_some_and(|wire: Wire| trained[wire.index()]);
            let passes = |n| u64::from(is_trained(n));
            let len = |n| view.operand(gate, n).map_or(0, |wire| view.shape(wire).len() as u64);
            let first =
                |n| view.operand(gate, n).and_then(|wire| view.shape(wire).dims().first().copied()).unwrap_or(0);
            let last = |n| view.operand(gate, n).and_then(|wire| view.shape(wire).dims().last().copied()).unwrap_or(1);
            let upstream = view.operands(gate).any(|wire| trained[wire.index()]);
            let (products, back) = match gate.op() {
                Op::Dense => {
                    let products = view.shape(wire).len() as u64 * u64::from(first(1));
                    (products, products * (passes(0) + passes(1)))
                }
                Op::Dot => (len(0), len(0) * (passes(0) + passes(1))),
                // Weights are `[in / groups, …kernel, out]`: each output meets those of its own.
                Op::Conv1d | Op::Conv2d => {
                    let products = view.shape(wire).len() as u64 * (len(1) / u64::from(last(1)));
                    (products, products * (passes(0) + passes(1)))
                }
                // At the first step there is no past to read, nor a step before it to carry to.
                Op::Gru | Op::Rnn => {
                    let steps = u64::from(first(0));
                    let (now, past) = (steps * len(1), steps.saturating_sub(1) * len(2));
                    (now + past, now * (passes(0) + passes(1)) + past * (u64::from(upstream) + passes(2)))
                }
                _ => (0, 0),
            };
            mac.forward += products;
            mac.both += products + back;
            mac.end += if gate.is_trained() { view.shape(wire).len() as u64 } else { 0 };
            trained[wire.index()] = gate.is_trained() || upstream;
        }
        mac
    }
}

/// How many rows of weights dense gates had, and how many of them met an input that is not ±0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// All.
    pub all: u64,
    /// Those that count.
    pub active: u64,
}

impl Rows {
    /// Adds those of the values that an engine holds.
    pub fn add<T: chainrule::Scalar>(
        &mut self,
        view: &CircuitRef<'_, T>,
        engine: &mut dyn Engine<T>,
    ) -> Result<(), EngineError> {
        for gate in view.gates().iter().filter(|gate| gate.op() == Op::Dense) {
            let Some(input) = view.operand(gate, 0) else { continue };
            let values = engine.value(input)?;
            self.all += values.len() as u64;
            self.active += values.iter().filter(|x| **x != T::ZERO).count() as u64;
        }
        Ok(())
    }

    /// The share that counts; nothing where there is no dense gate.
    pub fn share(&self) -> Option<f64> {
        (self.all > 0).then(|| self.active as f64 / self.all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::Mac;
    use crate::lower::lower;
    use crate::text::Source;
    use crate::text::parse::{Form, parse};
    use crate::text::source::Written;
    use chainrule::{BuildError, Circuit, Shape};

    /// By hand: 64·32 + 32·10 forward; 32·10 back to the hidden layer, none to the image; the update
    /// of every weight.
    #[test]
    fn digits_by_hand() -> Result<(), BuildError> {
        let mut circuit = Circuit::<f32, 16>::new();
        let image = circuit.input(Shape::vector(64))?;
        let (w1, b1) = (circuit.param(Shape::matrix(64, 32))?, circuit.param(Shape::vector(32))?);
        let (w2, b2) = (circuit.param(Shape::matrix(32, 10))?, circuit.param(Shape::vector(10))?);
        let z = circuit.dense(image, w1, b1)?;
        let h = circuit.relu(z)?;
        circuit.dense(h, w2, b2)?;
        assert_eq!(Mac::of(&circuit.view()), Mac { forward: 2368, both: 2368 + 320 + 2368, end: 2410 });
        Ok(())
    }

    /// By hand: 8 planes of 8 × 8, each position by 9 weights of 1 plane; then, depthwise, 8 planes of
    /// 6 × 6 by 9 weights of their own. No way back to the image.
    #[test]
    fn convolutions_by_hand() {
        let text = "input x[1, 8, 8]\nlayer a = conv2d(8, 3, padding = 1)\nlayer b = conv2d(8, 3, groups = 8)\n\
                    f = sum(b(a(x)))\nminimize f";
        let (a, b) = (8 * 64 * 9, 8 * 36 * 9);
        assert_eq!(of(text), Mac { forward: a + b, both: (a + b) + (a + 2 * b), end: 72 + 8 + 72 + 8 });
    }

    /// By hand: 5 steps of 2 numbers to 3 columns a unit, and from the second on, of 4 units to them.
    /// Back: both weights, and what each step but the first carries to the one before; none to x.
    #[test]
    fn recurrent_layers_by_hand() {
        for (layer, columns) in [("gru", 3 * 4), ("rnn", 4)] {
            let text = format!("input x[5, 2]\nlayer g = {layer}(4)\nf = sum(last(g(x)))\nminimize f");
            let (now, past) = (5 * 2 * columns, 4 * 4 * columns);
            let end = (2 + 4 + 2) * columns;
            assert_eq!(of(&text), Mac { forward: now + past, both: (now + past) + (now + 2 * past), end }, "{layer}");
        }
    }

    fn of(text: &str) -> Mac {
        let (form, source) = (Form::File, Source::new("a.circuit", text));
        let document = parse(text, form).expect("is text of ours");
        let written = Written { source, document, form, folder: "".into() };
        Mac::of(&lower::<f32>(&written, &[], None).expect("is a circuit").view())
    }
}
