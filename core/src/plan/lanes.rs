//! Which circuits can walk several samples of a batch together, each in a lane of its own.
//!
//! A lane is one sample's values and gradients; those of one wire lie side by side, lane after lane.
//! Params and the sums of their gradients are there once. Where a small network costs more to walk than to
//! compute, finding a gate's numbers once for four samples is most of what can be saved.
//!
//! It changes no bit: each param is read by one gate, which adds the lanes' gradients in the order of
//! their samples, as it would if it were walked once for each.

use super::layout::{Purpose, Slot};
use super::mark::{NEEDS, SHARES_BACK};
use super::{bits, readers};
use crate::circuit::{CircuitRef, at};
use crate::gate::{Gate, NONE};
use crate::op::Op;

/// As many samples are walked together at most.
pub const LANES: u32 = 4;

/// Whether all gates of a circuit are of the sorts that [`hot`](crate::hot) does, their operands where it
/// finds them: layers of an activation's and a dense gate's each, scaled inputs, one loss.
#[inline(never)]
pub(super) const fn may_have_lanes<T: Copy>(
    circuit: &CircuitRef<'_, T>,
    purpose: Purpose,
    in_flash: bool,
    pairs: usize,
    slots: &[Slot],
) -> bool {
    let mut i = pairs;
    while let Some(gate) = at(circuit.gates, i) {
        let needs = bits(slots, i) & NEEDS != 0;
        let fine = match gate.op {
            Op::Input | Op::Label => true,
            Op::Param => readers(slots, i) == 1 && !(in_flash && gate.is_frozen()),
            Op::Const => circuit.len_at(i) == 1,
            Op::Mul | Op::Div => !needs && varies(circuit, gate.a) && is(circuit, gate.b, Op::Const),
            Op::Relu | Op::Sigmoid | Op::Tanh => {
                varies(circuit, gate.a) && (!needs || bits(slots, i) & SHARES_BACK != 0)
            }
            Op::Dense => varies(circuit, gate.a) && has_weights(circuit, gate),
            Op::Mse | Op::CrossEntropy => match circuit.objective {
                Some(objective) => {
                    let from_outside = is(circuit, gate.b, Op::Input) || is(circuit, gate.b, Op::Label);
                    needs && objective.wire().index() == i && varies(circuit, gate.a) && from_outside
                }
                None => false,
            },
            _ => false,
        };
        if !fine {
            return false;
        }
        i += 1;
    }
    pairs == 0 && purpose.sums()
}

/// Whether all gates with weights are dense gates that read one of the values.
pub(super) const fn reads_values<T: Copy>(circuit: &CircuitRef<'_, T>, pairs: usize) -> bool {
    let mut i = pairs;
    while let Some(gate) = at(circuit.gates, i) {
        let reads_value = matches!(gate.op, Op::Dense) && gate.a as usize >= pairs && varies(circuit, gate.a);
        if gate.op.has_weights() && !reads_value {
            return false;
        }
        i += 1;
    }
    true
}

#[inline(never)]
const fn is<T: Copy>(circuit: &CircuitRef<'_, T>, wire: u16, op: Op) -> bool {
    match at(circuit.gates, wire as usize) {
        Some(gate) => gate.op.code() == op.code(),
        None => false,
    }
}

/// Whether a wire has a value for each sample.
#[inline(never)]
const fn varies<T: Copy>(circuit: &CircuitRef<'_, T>, wire: u16) -> bool {
    !is(circuit, wire, Op::Param) && !is(circuit, wire, Op::Const)
}

/// Whether a dense gate's weights and bias are params, and their sums lie one behind the other.
const fn has_weights<T: Copy>(circuit: &CircuitRef<'_, T>, gate: &Gate) -> bool {
    let (Some(weight), bias) = (at(circuit.gates, gate.b as usize), at(circuit.gates, gate.c as usize)) else {
        return false;
    };
    let follows = match bias {
        _ if gate.c == NONE => true,
        Some(bias) => matches!(bias.op, Op::Param) && (bias.is_frozen() || weight.is_trained() && gate.c == gate.b + 1),
        None => false,
    };
    matches!(weight.op, Op::Param) && follows
}
