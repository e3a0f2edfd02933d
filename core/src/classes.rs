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
        self.class_predicted_by(self.fixed.circuit.class_gate()?, 0)
    }

    fn class_predicted_by(&self, gate: &Gate, lane: usize) -> Option<usize> {
        // No plan lets another wire have a prediction's memory.
        let scores = self.read_lane(lane, usize::from(gate.a))?;
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
        self.class_labelled_for(self.fixed.circuit.class_gate()?, 0)
    }

    fn class_labelled_for(&self, gate: &Gate, lane: usize) -> Option<usize> {
        // Where nothing will go backward, a label's memory is given away when it has been read.
        let label = match self.layout.purpose {
            Purpose::Infer => self.value(Wire::at(gate.b)).ok()?,
            _ => self.read_lane(lane, usize::from(gate.b))?,
        };
        if !gate.op.tells_classes() {
            return if let [label] = label { Some(usize::from(*label > T::HALF)) } else { None };
        }
        label.first()?.to_index().map(|class| class as usize)
    }

    /// Whether the predicted class is the label's; no, if the objective tells no classes apart.
    pub fn is_right(&self) -> bool {
        self.is_right_in_lane(0)
    }

    /// [`Tape::is_right`] of one of several samples that were walked together.
    pub fn is_right_in_lane(&self, lane: usize) -> bool {
        self.fixed.circuit.class_gate().is_some_and(|gate| self.agrees(gate, lane))
    }

    fn agrees(&self, gate: &Gate, lane: usize) -> bool {
        let predicted = self.class_predicted_by(gate, lane);
        predicted.is_some() && predicted == self.class_labelled_for(gate, lane)
    }

    /// How many of so many samples that were walked together have the right class.
    pub(crate) fn count_right(&self, samples: u32) -> u32 {
        let Some(gate) = self.fixed.circuit.class_gate() else { return 0 };
        (0..samples as usize).map(|lane| u32::from(self.agrees(gate, lane))).sum()
    }
}
