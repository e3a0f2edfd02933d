//! What the lesson is about: every gate with its operands, values, gradients and readers.

use chainrule::{Objective, Op, Wire};

use crate::cmd::case::Case;
use crate::cmd::figures;
use crate::engine::{Engine, Host};
use crate::text::literal::Readable;

/// One wire as forward and backward have left it.
#[derive(Clone, Debug)]
pub struct Looked<T> {
    /// What drives it.
    pub op: Op,
    /// What its gate reads.
    pub operands: Vec<Wire>,
    /// Its value.
    pub value: Vec<T>,
    /// Its gradient, if it can have one.
    pub gradient: Option<Vec<T>>,
    /// For an elementwise gate, its local gradients: by operand, by element.
    pub locals: Vec<Vec<T>>,
    /// The gates that read it and lead to the objective, each with the place among its operands.
    pub readers: Vec<(Wire, usize)>,
    /// Whether it leads to the objective.
    pub matters: bool,
}

/// A circuit run forwards and backwards, ready to be told.
#[derive(Debug)]
pub struct Lesson<'c, T> {
    /// The circuit and its names.
    pub case: &'c Case<T>,
    /// The wire to raise or to lower.
    pub objective: Objective,
    /// What was seen, by wire.
    pub looked: Vec<Looked<T>>,
    nothing: Looked<T>,
}

/// What one reader passes back to a wire.
#[derive(Clone, Copy, Debug)]
pub struct Part<T> {
    /// The gate's wire.
    pub through: Wire,
    /// The place among the gate's operands.
    pub operand: usize,
    /// Local gradient and upstream gradient, where both are one number.
    pub factors: Option<(T, T)>,
    /// What it adds to the gradient of a scalar, where that is known.
    pub product: Option<T>,
}

/// Σ local × upstream over a gate's elements; an upstream of 0 passes nothing back.
fn product<T: Readable>(locals: &[T], upstream: &[T]) -> T {
    let pairs = locals.iter().zip(upstream).filter(|(_, upstream)| **upstream != T::ZERO);
    pairs.fold(T::ZERO, |sum, (&local, &upstream)| sum + local * upstream)
}

impl<'c, T: Readable> Lesson<'c, T> {
    /// Walks over a host's gates, after forward and backward.
    ///
    /// # Errors
    /// What the tape says.
    pub fn look(
        case: &'c Case<T>,
        objective: Objective,
        host: &mut Host<'_, T>,
    ) -> Result<Lesson<'c, T>, chainrule::RunError> {
        let tape = host.tape()?;
        let mut looked: Vec<Looked<T>> = Vec::with_capacity(tape.circuit().len());
        for seen in tape.walk() {
            let operands: Vec<Wire> = seen.operands.iter().copied().flatten().collect();
            let locals = |k| (0..seen.value.len()).map_while(|i| seen.local(k, i)).collect();
            let gradient = tape.gradient(seen.wire).ok().map(<[T]>::to_vec);
            looked.push(Looked {
                op: seen.op,
                locals: (0..operands.len()).map(locals).collect(),
                operands,
                value: seen.value.to_vec(),
                gradient,
                readers: Vec::new(),
                matters: seen.wire == objective.wire(),
            });
        }
        let nothing = Looked {
            op: Op::Const,
            operands: Vec::new(),
            value: Vec::new(),
            gradient: None,
            locals: Vec::new(),
            readers: Vec::new(),
            matters: false,
        };
        let mut lesson = Lesson { case, objective, looked, nothing };
        lesson.find_readers();
        Ok(lesson)
    }

    /// Last gate first: what a gate that matters reads matters too.
    fn find_readers(&mut self) {
        let wires: Vec<Wire> = self.case.lowered.view().wires().collect();
        for &wire in wires.iter().rev() {
            let gate = self.of(wire);
            if !gate.matters {
                continue;
            }
            for (k, operand) in gate.operands.clone().into_iter().enumerate().rev() {
                if let Some(operand) = self.looked.get_mut(operand.index()) {
                    operand.matters = true;
                    operand.readers.push((wire, k));
                }
            }
        }
        self.looked.iter_mut().for_each(|gate| gate.readers.reverse());
    }

    /// Takes values and gradients from the engine that the circuit runs on.
    ///
    /// # Errors
    /// What the engine says.
    pub fn take_from(&mut self, engine: &mut dyn Engine<T>) -> Result<(), crate::engine::EngineError> {
        for wire in self.case.lowered.view().wires() {
            let value = engine.value(wire)?;
            let known = self.looked.get(wire.index()).is_some_and(|gate| gate.gradient.is_some());
            let gradient = if known { engine.gradient(wire)? } else { None };
            if let Some(gate) = self.looked.get_mut(wire.index()) {
                (gate.value, gate.gradient) = (value, gradient);
            }
        }
        Ok(())
    }

    /// What was seen of a wire.
    pub fn of(&self, wire: Wire) -> &Looked<T> {
        self.looked.get(wire.index()).unwrap_or(&self.nothing)
    }

    /// The objective's value.
    pub fn value(&self) -> T {
        self.of(self.objective.wire()).value.first().copied().unwrap_or(T::NAN)
    }

    /// A wire's name.
    pub fn name(&self, wire: Wire) -> &'c str {
        self.case.lowered.name(wire)
    }

    /// `∂f/∂x`
    pub fn symbol(&self, wire: Wire) -> String {
        format!("∂{}/∂{}", self.name(self.objective.wire()), self.name(wire))
    }

    /// A wire's gradient, if it is one number.
    pub fn slope(&self, wire: Wire) -> Option<T> {
        match self.of(wire).gradient.as_deref() {
            Some(&[slope]) => Some(slope),
            _ => None,
        }
    }

    /// What a wire's readers pass back to it; of many the largest, as far as they are known.
    pub fn largest_parts(&self, wire: Wire, most: usize) -> Vec<Part<T>> {
        let parts: Vec<Part<T>> = self.parts(wire).collect();
        let sizes: Vec<T> = parts.iter().map(|part| part.product.unwrap_or(T::ZERO)).collect();
        let mut told = figures::strongest(&sizes, most);
        if parts.len() <= most {
            told.sort_unstable();
        }
        told.into_iter().filter_map(|at| parts.get(at).copied()).collect()
    }

    /// What a wire's readers pass back to it.
    pub fn parts(&self, wire: Wire) -> impl Iterator<Item = Part<T>> {
        let scalar = self.of(wire).value.len() == 1;
        self.of(wire).readers.iter().map(move |&(through, operand)| {
            let locals = self.of(through).locals.get(operand).map(Vec::as_slice).unwrap_or_default();
            let upstream = self.of(through).gradient.as_deref().unwrap_or_default();
            let factors = match (locals, upstream) {
                (&[local], &[upstream]) => Some((local, upstream)),
                _ => None,
            };
            let known = scalar && !locals.is_empty();
            Part { through, operand, factors, product: known.then(|| product(locals, upstream)) }
        })
    }

    /// A wire's numbers, in short.
    pub fn numbers(&self, wire: Wire, values: &[T]) -> String {
        figures::numbers(&self.case.dims(wire), &self.case.in_order(wire, values.to_vec()), figures::short)
    }

    /// A gate's formula with its operands' numbers put in, where they are few enough to read.
    pub fn numbers_in(&self, wire: Wire) -> Option<String> {
        let gate = self.of(wire);
        let few = |operand: &Wire| self.of(*operand).value.len() <= figures::WRITTEN_OUT;
        // A layer's weights do not stand in its formula.
        let written = if gate.op.is_layer() { 1 } else { gate.operands.len() };
        if gate.operands.is_empty() || !gate.operands.iter().take(written).all(few) {
            return None;
        }
        let infix = matches!(gate.op, Op::Add | Op::Sub | Op::Mul | Op::Div);
        Some(self.case.lowered.formula_with(wire, |k, operand| {
            let number = self.numbers(operand, &self.of(operand).value);
            let tight = (infix && k == 1) || matches!(gate.op, Op::Pow | Op::Neg);
            if tight && number.starts_with('-') { format!("({number})") } else { number }
        }))
    }
}
