//! What a training step promises: a refused one changes no bit, and a fused step is what the gradients
//! say, computed again here (`fused`); batches are means of sums, and what dropout leaves out passes
//! nothing (`batches`).

mod batches;
mod fused;
mod lanes;

use chainrule::{Circuit, CircuitRef, Layout, Op, Purpose, Scalar, Shape, Slot, Tape, Wire, plan};
use chainrule_tests::run::Number;

/// A circuit with its plan and its memory.
struct Memory<'c, T> {
    circuit: CircuitRef<'c, T>,
    layout: Layout,
    slots: Vec<Slot>,
    arena: Vec<T>,
}

impl<'c, T: Scalar> Memory<'c, T> {
    fn new(circuit: CircuitRef<'c, T>, purpose: Purpose) -> Self {
        let mut slots = vec![Slot::EMPTY; circuit.len()];
        let layout = plan(&circuit, purpose, false, &mut slots).unwrap();
        let mut arena = vec![T::ZERO; layout.arena_len()];
        Tape::new(circuit, layout, &slots, &[], &mut arena).unwrap();
        Memory { circuit, layout, slots, arena }
    }

    fn tape(&mut self) -> Tape<'_, T> {
        Tape::resume(self.circuit, self.layout, &self.slots, &[], &mut self.arena).unwrap()
    }

    fn set(&mut self, settings: &[(Wire, Vec<T>)]) {
        settings.iter().for_each(|(wire, values)| self.tape().set(*wire, values).unwrap());
    }

    fn params(&mut self) -> Vec<(Wire, Vec<T>)> {
        let is_param = |wire: &Wire| self.circuit.gate(*wire).is_some_and(|gate| gate.op() == Op::Param);
        let wires: Vec<Wire> = self.circuit.wires().filter(is_param).collect();
        wires.into_iter().map(|wire| (wire, self.tape().value(wire).unwrap().to_vec())).collect()
    }
}

fn same_bits<T: Number>(left: &[(Wire, Vec<T>)], right: &[(Wire, Vec<T>)]) -> bool {
    let all = |params: &[(Wire, Vec<T>)]| -> Vec<u64> {
        params.iter().flat_map(|(_, values)| values.iter().map(|&x| x.to_bits())).collect()
    };
    all(left) == all(right)
}

/// A network with every kind of param: weights of one gate, weights that two
/// gates share, a bias, a vector read elementwise and a scalar; 3 inputs. A plain
/// one has two dense gates only, whose params are guarded by bounds alone.
struct Network<T> {
    circuit: Circuit<T, 32>,
    x: Wire,
    target: Wire,
    params: Vec<Wire>,
}

fn network<T: Scalar>(maximize: bool, plain: bool) -> Network<T> {
    let mut c = Circuit::new();
    let (x, target) = (c.input(Shape::vector(3)).unwrap(), c.input(Shape::vector(2)).unwrap());
    let shapes = [
        Shape::matrix(3, 4),
        Shape::vector(4),
        Shape::matrix(4, 4),
        Shape::matrix(4, 2),
        Shape::vector(2),
        Shape::vector(4),
        Shape::SCALAR,
    ];
    let p: Vec<Wire> = shapes.iter().map(|&shape| c.param(shape).unwrap()).collect();
    let mut build = || {
        let z = c.add_gate(Op::Dense, &[x, p[0], p[1]], &[])?;
        let h = c.leaky_relu(z, T::HALF)?;
        if plain {
            let out = c.dense(h, p[3], p[4])?;
            let loss = c.mse(out, target)?;
            return if maximize { c.maximize(loss) } else { c.minimize(loss) };
        }
        let h = c.mul(h, p[5])?;
        let shared = c.add_gate(Op::Dense, &[h, p[2]], &[])?;
        let shared = c.add_gate(Op::Dense, &[shared, p[2]], &[])?;
        let shared = c.mul(shared, p[6])?;
        let out = c.dense(shared, p[3], p[4])?;
        let loss = c.mse(out, target)?;
        if maximize { c.maximize(loss) } else { c.minimize(loss) }
    };
    build().unwrap();
    Network { circuit: c, x, target, params: p }
}
