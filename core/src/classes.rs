//! Which class a prediction stands for, and which one the label says.

use crate::gate::{Gate, Wire};
use crate::plan::Purpose;
use crate::scalar::Scalar;
use crate::tape::Tape;

impl<T: Scalar> Tape<'_, T> {
    /// The class that the objective's prediction stands for, if the objective tells classes apart
    /// ([`CircuitRef::class_gate`]): for a cross-entropy that with the highest logit (the first of
    /// equal ones), for hinge and binary cross-entropy on one number 1 where it is above 0, else 0.
    ///
    /// [`CircuitRef::class_gate`]: crate::CircuitRef::class_gate
    pub fn predicted_class(&self) -> Option<usize> {
        self.class_predicted_by(self.fixed.circuit.class_gate()?)
    }

    pub(crate) fn class_predicted_by(&self, gate: &Gate) -> Option<usize> {
        // No plan lets another wire have a prediction's memory.
        let scores = self.read_value(usize::from(gate.a))?;
        if !gate.op.tells_classes() {
            return if let [score] = scores { Some(usize::from(*score > T::ZERO)) } else { None };
        }
        let mut best = (0, *scores.first()?);
        for (class, &logit) in scores.iter().enumerate() {
            if logit > best.1 {
                best = (class, logit);
            }
        }
        Some(best.0)
    }

    /// The class that the objective's label was set to, if the objective tells classes apart; for
    /// hinge and binary cross-entropy 1 where the label is above ½, else 0.
    pub fn labelled_class(&self) -> Option<usize> {
        self.class_labelled_for(self.fixed.circuit.class_gate()?)
    }

    pub(crate) fn class_labelled_for(&self, gate: &Gate) -> Option<usize> {
        // Where nothing will go backward, a label's memory is given away when it has been read.
        let label = match self.layout.purpose {
            Purpose::Infer => self.value(Wire::at(gate.b)).ok()?,
            _ => self.read_value(usize::from(gate.b))?,
        };
        if !gate.op.tells_classes() {
            return if let [label] = label { Some(usize::from(*label > T::HALF)) } else { None };
        }
        label.first()?.to_index().map(|class| class as usize)
    }

    /// Whether the predicted class is the label's; no, if the objective tells no classes apart.
    pub fn is_right(&self) -> bool {
        let Some(gate) = self.fixed.circuit.class_gate() else { return false };
        let predicted = self.class_predicted_by(gate);
        predicted.is_some() && predicted == self.class_labelled_for(gate)
    }
}
