//! From a circuit to what is to be drawn of it, and from a tape to what stands on its wires.
//!
//! The weights of a layer go into the layer's box, and a constant is drawn once
//! for each of its readers, beside it.

use chainrule::{CircuitRef, Gate, Objective, Op, OpKind, RunError, Scalar, Shape, Tape, Wire};

use super::{Goal, Kind, Move, Node, Picture, Quantity, Weights};

/// What the text knows about a wire, and the circuit does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Its name.
    pub name: String,
    /// What drives it, such as `x + y`, if a person gave it its name.
    pub formula: Option<String>,
    /// Whether it is an input that holds the wanted answer.
    pub target: bool,
}

/// A picture and where each wire went in it.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// The picture.
    pub picture: Picture,
    /// For each wire its node; nothing for constants and for what a layer holds.
    nodes: Vec<Option<usize>>,
    /// For each wire that a layer holds: the layer's node, and which of its lines.
    held: Vec<Option<(usize, usize)>>,
}

/// The picture of a circuit, without values.
pub fn picture<T: Scalar>(circuit: CircuitRef<'_, T>, said: impl Fn(Wire) -> Said) -> Drawn {
    let mut drawn = Drawn {
        picture: Picture { legend: true, ..Picture::default() },
        nodes: vec![None; circuit.len()],
        held: vec![None; circuit.len()],
    };
    let mut readers = vec![0usize; circuit.len()];
    for operand in circuit.gates().iter().flat_map(|gate| circuit.operands(gate)) {
        readers[operand.index()] += 1;
    }
    let is_param = |wire: Wire| circuit.gate(wire).is_some_and(|gate| gate.op() == Op::Param);
    let mut inside = vec![false; circuit.len()];
    for gate in circuit.gates().iter().filter(|gate| gate.op().is_layer()) {
        for held in circuit.operands(gate).skip(1).filter(|&w| is_param(w) && readers[w.index()] == 1) {
            inside[held.index()] = true;
        }
    }
    for wire in circuit.wires() {
        let Some(gate) = circuit.gate(wire) else { break };
        let unread_const = gate.op() == Op::Const && readers[wire.index()] > 0;
        if !inside[wire.index()] && !unread_const {
            drawn.add(circuit, wire, gate, &said, &inside);
        }
    }
    drawn.picture.objective = circuit.objective().and_then(|objective| {
        let goal = match objective {
            Objective::Maximize(_) => Goal::Maximize,
            Objective::Minimize(_) => Goal::Minimize,
        };
        Some((drawn.nodes[objective.wire().index()]?, goal))
    });
    drawn
}

impl Drawn {
    fn add<T: Scalar>(
        &mut self,
        circuit: CircuitRef<'_, T>,
        wire: Wire,
        gate: &Gate,
        said: &impl Fn(Wire) -> Said,
        inside: &[bool],
    ) {
        let mut operands = Vec::new();
        let mut weights: Vec<Weights> = Vec::new();
        let mut layer = String::new();
        for operand in circuit.operands(gate) {
            let index = operand.index();
            if inside[index] {
                let full = said(operand).name;
                let (of, own) = full.rsplit_once('.').unwrap_or(("", &full));
                layer = of.into();
                let name = format!("{own} {}", dims(circuit.shape(operand), true));
                weights.push(Weights { name, value: None, gradient: None });
            } else if let Some(values) = circuit.const_values(operand) {
                operands.push(self.picture.nodes.len());
                self.picture.nodes.push(constant(circuit.shape(operand), values, &said(operand).name));
            } else if let Some(node) = self.nodes[index] {
                operands.push(node);
            }
        }
        let Said { name, formula, target } = said(wire);
        let kind = match gate.op() {
            Op::Label => Kind::Label,
            Op::Input if target => Kind::Label,
            Op::Input => Kind::Input,
            Op::Param => Kind::Param,
            Op::Const => Kind::Const,
            _ if weights.is_empty() => Kind::Gate,
            _ => Kind::Layer,
        };
        let index = self.picture.nodes.len();
        let mut node = match gate.op().kind() {
            OpKind::Source => Node::source(kind, &name),
            _ => Node::gate(kind, &sign(circuit, wire, gate), &name, &operands),
        };
        node.shape = dims(circuit.shape(wire), false);
        if kind == Kind::Layer {
            if !layer.is_empty() {
                node.name = layer;
            }
            for (line, held) in circuit.operands(gate).filter(|w| inside[w.index()]).enumerate() {
                self.held[held.index()] = Some((index, line));
            }
            node.weights = weights;
        } else if let Some(formula) = formula {
            let formula = formula.replace(" * ", " · ").replace('*', "·").replace('-', "−");
            node.formula = if formula.is_empty() { name } else { format!("{name} = {formula}") };
        }
        self.nodes[wire.index()] = Some(index);
        self.picture.nodes.push(node);
    }

    /// Writes on the wires what the tape holds after forward; a wire that it
    /// has no value for stays bare.
    pub fn read_values<T: Scalar>(&mut self, tape: &Tape<'_, T>) {
        for wire in tape.circuit().wires() {
            let value = tape.value(wire).ok().map(|v| quantity(tape.circuit().shape(wire), v));
            if let Some((node, line)) = self.held[wire.index()] {
                self.picture.nodes[node].weights[line].value = value;
            } else if let Some(node) = self.nodes[wire.index()] {
                self.picture.nodes[node].value = value;
            }
        }
    }

    /// Walks backward from `from`, gate by gate, and keeps each move and the
    /// gradients at the end.
    ///
    /// # Errors
    /// As [`Tape::begin_backward`].
    pub fn walk_backward<T: Scalar>(&mut self, tape: &mut Tape<'_, T>, from: Wire) -> Result<(), RunError> {
        let circuit = tape.circuit();
        let mut upstream = vec![false; circuit.len()];
        upstream[from.index()] = true;
        tape.begin_backward(from, false)?;
        self.picture.moves.clear();
        for index in (0..=from.index()).rev() {
            let Some(gate) = circuit.wire(index).and_then(|wire| circuit.gate(wire)) else { break };
            if !upstream[index] {
                continue;
            }
            circuit.operands(gate).for_each(|operand| upstream[operand.index()] = true);
            tape.backward_gates(index, index + 1);
            let Some(node) = self.nodes[index].filter(|_| !gate.op().is_source()) else { continue };
            let mut gradients: Vec<(usize, Quantity)> = Vec::new();
            for operand in circuit.operands(gate) {
                let gradient = tape.gradient(operand).ok();
                let Some(gradient) = gradient.map(|g| quantity(circuit.shape(operand), g)) else {
                    continue;
                };
                if let Some(changed) = self.nodes[operand.index()]
                    && gradients.iter().all(|(before, _)| *before != changed)
                {
                    gradients.push((changed, gradient));
                }
            }
            self.picture.moves.push(Move { gate: node, gradients });
        }
        for wire in circuit.wires() {
            let gradient = tape.gradient(wire).ok().map(|g| quantity(circuit.shape(wire), g));
            if let Some((node, line)) = self.held[wire.index()] {
                self.picture.nodes[node].weights[line].gradient = gradient;
            } else if let Some(node) = self.nodes[wire.index()] {
                self.picture.nodes[node].gradient = gradient;
            }
        }
        Ok(())
    }
}

/// A number as it is, a tensor by its Euclidean norm.
fn quantity<T: Scalar>(shape: Shape, values: &[T]) -> Quantity {
    match values {
        [value] if shape.is_scalar() => Quantity::Number(value.to_f64()),
        _ => Quantity::Norm(values.iter().map(|v| v.to_f64() * v.to_f64()).sum::<f64>().sqrt()),
    }
}

fn constant<T: Scalar>(shape: Shape, values: &[T], name: &str) -> Node {
    let mut node = Node::source(Kind::Const, name);
    node.symbol = match values {
        [value] if shape.is_scalar() => super::letters::number(value.to_f64()),
        values if values.len() <= 3 => {
            let values: Vec<String> = values.iter().map(|v| super::letters::number(v.to_f64())).collect();
            format!("[{}]", values.join(", "))
        }
        _ => format!("const {}", dims(shape, false)),
    };
    node
}

/// `[64]`; nothing for a scalar. A weight's begins with its outputs, as text and
/// model files write it.
fn dims(shape: Shape, turned: bool) -> String {
    if shape.is_scalar() {
        return String::new();
    }
    let mut dims: Vec<String> = shape.dims().iter().map(ToString::to_string).collect();
    if turned {
        dims.rotate_right(1);
    }
    format!("[{}]", dims.join(", "))
}

/// What stands in a gate's box.
fn sign<T: Scalar>(circuit: CircuitRef<'_, T>, wire: Wire, gate: &Gate) -> String {
    match gate.op() {
        Op::Add => "+".into(),
        Op::Sub | Op::Neg => "−".into(),
        Op::Mul => "×".into(),
        Op::Div => "÷".into(),
        Op::Pow => "^".into(),
        Op::Square => "x²".into(),
        Op::Sqrt => "√".into(),
        Op::Recip => "1/x".into(),
        Op::Abs => "|x|".into(),
        Op::Slice => match circuit.slice_rows(wire) {
            Some((start, 1)) => format!("[{start}]"),
            Some((start, rows)) => format!("[{start}..{}]", start + rows),
            None => gate.op().name().into(),
        },
        Op::Dense => {
            let from = circuit.operand(gate, 0).map_or(0, |x| circuit.shape(x).len());
            format!("dense {from} → {}", circuit.shape(wire).len())
        }
        Op::Conv1d | Op::Conv2d => {
            let from = circuit.operand(gate, 0).map_or(0, |x| circuit.shape(x).first());
            let kernel = circuit.operand(gate, 1).map(|weight| circuit.shape(weight));
            let kernel = kernel.iter().flat_map(|shape| shape.dims().iter().skip(1).take(shape.rank() - 2));
            let kernel: Vec<String> = kernel.map(ToString::to_string).collect();
            format!("conv {}, {from} → {}", kernel.join("×"), circuit.shape(wire).first())
        }
        Op::MaxPool | Op::AvgPool => {
            let size = circuit.integers(gate).first().copied().unwrap_or(0);
            format!("{} {size}", gate.op().name())
        }
        op @ (Op::Gru | Op::Rnn) => {
            let from = circuit.operand(gate, 0).map_or(0, |x| circuit.shape(x).last());
            format!("{} {from} → {}", op.name(), circuit.shape(wire).last())
        }
        Op::LayerNorm => format!("layer_norm {}", circuit.shape(wire).last()),
        op => {
            let numbers = circuit.attribute_values(wire).iter();
            let numbers: Vec<String> = numbers.map(|v| super::letters::number(v.to_f64())).collect();
            if numbers.is_empty() { op.name().into() } else { format!("{}({})", op.name(), numbers.join(", ")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use chainrule::{Circuit, Purpose, Slot, plan};

    use super::*;

    #[test]
    fn a_shared_wire_is_told_move_by_move() {
        let mut circuit = Circuit::<f64, 8>::new();
        let x = circuit.input(Shape::SCALAR).unwrap();
        let y = circuit.input(Shape::SCALAR).unwrap();
        let q = circuit.mul(x, y).unwrap();
        let r = circuit.add(q, x).unwrap();
        let p = circuit.mul(q, r).unwrap();
        let f = circuit.add(r, p).unwrap();
        circuit.maximize(f).unwrap();
        let mut slots = [Slot::EMPTY; 8];
        let layout = plan(&circuit.view(), Purpose::Inspect, false, &mut slots).unwrap();
        let mut arena = [0.0; 64];
        let mut tape = Tape::new(circuit.view(), layout, &slots, &[], &mut arena).unwrap();
        tape.set(x, &[3.0]).unwrap();
        tape.set(y, &[2.0]).unwrap();
        tape.forward();
        let mut drawn = picture(circuit.view(), |_| Said::default());
        drawn.read_values(&tape);
        drawn.walk_backward(&mut tape, f).unwrap();
        let (nodes, moves) = (&drawn.picture.nodes, &drawn.picture.moves);
        assert_eq!(nodes[5].value, Some(Quantity::Number(63.0)));
        assert_eq!(nodes[0].gradient, Some(Quantity::Number(39.0)));
        assert_eq!(nodes[1].gradient, Some(Quantity::Number(48.0)));
        assert_eq!(moves.iter().map(|m| m.gate).collect::<Vec<_>>(), [5, 4, 3, 2]);
        let x: Vec<_> = moves.iter().flat_map(|m| &m.gradients).filter(|g| g.0 == 0).collect();
        assert_eq!(x, [&(0, Quantity::Number(7.0)), &(0, Quantity::Number(39.0))]);
    }

    #[test]
    fn a_layer_holds_its_weights_and_each_reader_has_its_constant() {
        let mut circuit = Circuit::<f32, 16>::new();
        let x = circuit.input(Shape::vector(4)).unwrap();
        let two = circuit.constant(Shape::SCALAR, &[2.0]).unwrap();
        let scaled = circuit.mul(x, two).unwrap();
        let weight = circuit.param(Shape::matrix(4, 3)).unwrap();
        let bias = circuit.param(Shape::vector(3)).unwrap();
        let h = circuit.dense(scaled, weight, bias).unwrap();
        let sum = circuit.sum(h).unwrap();
        let f = circuit.div(sum, two).unwrap();
        circuit.minimize(f).unwrap();
        let said = |wire: Wire| Said {
            name: ["x", "2", "f.1", "fc.weight", "fc.bias", "h", "f.2", "f"][wire.index()].into(),
            formula: (wire == f).then(|| "sum(h) / 2".into()),
            target: false,
        };
        let picture = picture(circuit.view(), said).picture;
        assert!(picture.check().is_ok());
        let count = |kind: Kind| picture.nodes.iter().filter(|node| node.kind == kind).count();
        assert_eq!((count(Kind::Const), count(Kind::Param), count(Kind::Layer)), (2, 0, 1));
        let layer = picture.nodes.iter().find(|node| node.kind == Kind::Layer).unwrap();
        assert_eq!((layer.name.as_str(), layer.symbol.as_str()), ("fc", "dense 4 → 3"));
        assert_eq!(layer.weights[0].name, "weight [3, 4]");
        let (end, goal) = picture.objective.unwrap();
        assert_eq!((picture.nodes[end].formula.as_str(), goal), ("f = sum(h) / 2", Goal::Minimize));
    }
}
