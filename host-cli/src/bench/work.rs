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
    /// Counts those of dense and dot gates for one sample; elementwise work counts nothing.
    pub fn of<T: Copy>(view: &CircuitRef<'_, T>) -> Mac {
        let (mut mac, mut trained) = (Mac::default(), vec![false; view.len()]);
        for wire in view.wires() {
            let Some(gate) = view.gate(wire) else { continue };
            let is_trained = |n| view.operand(gate, n).is_some_and(|wire: Wire| trained[wire.index()]);
            let passes = |n| u64::from(is_trained(n));
            let (products, back) = match gate.op() {
                Op::Dense => {
                    let inputs = view.operand(gate, 1).and_then(|weights| view.shape(weights).dims().first().copied());
                    let products = view.shape(wire).len() as u64 * u64::from(inputs.unwrap_or(0));
                    (products, products * (passes(0) + passes(1)))
                }
                Op::Dot => {
                    let products = view.operand(gate, 0).map_or(0, |wire| view.shape(wire).len() as u64);
                    (products, products * (passes(0) + passes(1)))
                }
                _ => (0, 0),
            };
            mac.forward += products;
            mac.both += products + back;
            mac.end += if gate.is_trained() { view.shape(wire).len() as u64 } else { 0 };
            let upstream = view.operands(gate).any(|wire| trained[wire.index()]);
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
}
