//! A circuit with all its values, ready to run: what every verb but `train` begins with.

use chainrule::{Objective, Op, Purpose, RunError, Wire};

use super::Failure;
use super::progress::Progress;
use crate::args::Circuit;
use crate::data::columns::Role;
use crate::engine::{self, At, Engine, EngineError};
use crate::lower::{Lowered, Param, RowsError, lower};
use crate::text::literal::Readable;
use crate::text::{Diagnostic, Source, SourceError, Span};

/// A circuit with all its values.
#[derive(Debug)]
pub struct Case<T> {
    /// The circuit, its names and its values.
    pub lowered: Lowered<T>,
    source: Source,
}

impl<T: Readable> Case<T> {
    /// Reads the text, the values and the row of data that the command line names.
    ///
    /// # Errors
    /// [`Failure::Source`] for texts that are wrong and inputs without a value; [`Failure::Rows`].
    pub fn read(circuit: &Circuit) -> Result<Case<T>, Failure> {
        let (written, given) = circuit.read()?;
        let mut lowered = lower::<T>(&written, &given, None)?;
        if let Some(row) = circuit.row {
            lowered.take_row(row, &given).map_err(|error| match error {
                RowsError::NoData => Failure::Refused(format!(
                    "--row {row}: the circuit names no data; write into its file: train {{ data = \"…\" }}"
                )),
                error => error.into(),
            })?;
        }
        let open: Vec<Diagnostic> = lowered.without_value().iter().map(|error| error.diagnostic()).collect();
        if !open.is_empty() {
            return Err(SourceError::Text { source: written.source, errors: open }.into());
        }
        Ok(Case { lowered, source: written.source })
    }

    /// The objective.
    ///
    /// # Errors
    /// [`Failure::Source`] if there is none, or if it is a constant.
    pub fn objective(&self) -> Result<Objective, Failure> {
        let refuse = |title: &str, at: Span, label: &str, help: String| {
            let errors = vec![Diagnostic::new(title, at, label).help(help)];
            Err(SourceError::Text { source: self.source.clone(), errors }.into())
        };
        let view = self.lowered.view();
        let Some(objective) = self.lowered.objective() else {
            let end = self.source.text.trim_end().len();
            let last = view.wires().rev().find(|&wire| view.shape(wire).is_scalar());
            let last = last.map_or("f", |wire| self.lowered.name(wire));
            let help = format!("name the wire to raise or to lower: `maximize {last}` or `minimize {last}`");
            return refuse("the circuit has no objective", Span::new(end, end), "ends without one", help);
        };
        if view.gate(objective.wire()).is_some_and(|gate| matches!(gate.op(), Op::Const | Op::Label)) {
            let at = self.lowered.span(objective.wire());
            let help = "write a formula with inputs, such as `(x + y) * z`".to_owned();
            return refuse("the objective is a constant", at, "nothing moves it", help);
        }
        Ok(objective)
    }

    /// Opens the engine and gives it all values.
    ///
    /// # Errors
    /// What opening says; [`Failure::Refused`] if a value is refused.
    pub fn open<'a>(&self, at: impl Into<At<'a>>) -> Result<Box<dyn Engine<T> + '_>, Failure> {
        let mut progress = Progress::new();
        let mut engine = engine::open(at, self.lowered.view(), Purpose::Inspect, &mut |stage| progress.stage(stage))?;
        self.set_all(&mut *engine, &mut progress)?;
        Ok(engine)
    }

    /// Gives an engine all values.
    ///
    /// # Errors
    /// As [`Case::open`].
    pub fn set_all(&self, engine: &mut (dyn Engine<T> + '_), progress: &mut Progress) -> Result<(), Failure> {
        let all: Vec<(Wire, &[T])> = self.settable().collect();
        for (i, &(wire, values)) in all.iter().enumerate() {
            progress.tell("sending the values", Some(i as f64 / all.len() as f64));
            engine.set(wire, 0, values).map_err(|error| self.named(error))?;
        }
        Ok(())
    }

    /// Inputs, labels and params with their values, in the order of the text.
    pub fn settable(&self) -> impl Iterator<Item = (Wire, &[T])> {
        let fields = self.lowered.fields.iter().map(|fed| (fed.wire, fed.value.as_deref().unwrap_or_default()));
        fields.chain(self.lowered.params.iter().map(|param| (param.wire, param.start.as_slice())))
    }

    /// Inputs and params: what can move, labels apart.
    pub fn movable(&self) -> Vec<Wire> {
        let inputs = self.lowered.fields.iter().filter(|fed| fed.role == Role::Input).map(|fed| fed.wire);
        inputs.chain(self.lowered.params.iter().map(|param| param.wire)).collect()
    }

    /// Whether training and climbing leave a wire alone by the text's word.
    pub fn is_frozen(&self, wire: Wire) -> bool {
        self.param(wire).is_some_and(|param| param.frozen)
    }

    /// A wire's dimensions as text and model files have them: a layer's weight is `[out, in]` there.
    pub fn dims(&self, wire: Wire) -> Vec<usize> {
        match self.param(wire) {
            Some(param) => param.shape.clone(),
            None => self.lowered.view().shape(wire).dims().iter().map(|&size| usize::from(size)).collect(),
        }
    }

    /// A wire's numbers in the order of [`Case::dims`].
    pub fn in_order(&self, wire: Wire, values: Vec<T>) -> Vec<T> {
        match self.param(wire) {
            Some(param) if param.transposed => param.to_file(&values),
            _ => values,
        }
    }

    /// The place of the core's element `index` in the order of [`Case::dims`].
    pub fn place(&self, wire: Wire, index: usize) -> usize {
        match self.param(wire).map(|param| (param.transposed, param.shape.as_slice())) {
            Some((true, &[outputs, ref rest @ ..])) => {
                (index % outputs) * rest.iter().product::<usize>() + index / outputs
            }
            _ => index,
        }
    }

    /// An element by its name: `x`, `w[2]`, `fc1.weight[3, 5]`; `place` as in [`Case::dims`].
    pub fn element(&self, wire: Wire, place: usize) -> String {
        let dims = self.dims(wire);
        let mut rest = place;
        let mut at: Vec<String> = Vec::new();
        for &size in dims.iter().rev() {
            at.push((rest % size.max(1)).to_string());
            rest /= size.max(1);
        }
        at.reverse();
        let name = self.lowered.name(wire);
        if at.is_empty() { name.to_owned() } else { format!("{name}[{}]", at.join(", ")) }
    }

    fn param(&self, wire: Wire) -> Option<&Param<T>> {
        // In the order of their wires.
        let at = self.lowered.params.binary_search_by_key(&wire, |param| param.wire).ok()?;
        self.lowered.params.get(at)
    }

    /// An engine's error with the names of its wires.
    pub fn named(&self, error: EngineError) -> Failure {
        let name = |wire: u16| {
            let wire = self.lowered.view().wire(usize::from(wire));
            wire.map_or_else(|| "?".to_owned(), |wire| self.lowered.name(wire).to_owned())
        };
        match error {
            EngineError::Run(RunError::NotFinite(wire)) => Failure::Refused(format!(
                "the step would leave the finite numbers at `{}`, so it was not made; take a smaller step",
                name(wire)
            )),
            EngineError::Run(RunError::NotAClass(wire)) => {
                Failure::Refused(format!("the value of label `{}` is not one of its classes", name(wire)))
            }
            EngineError::Run(RunError::NotAScalar(wire)) => {
                Failure::Refused(format!("`{}` is not a scalar, so no gradient starts there", name(wire)))
            }
            error => Failure::Engine(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Case;
    use crate::args::Circuit;

    /// What the core keeps as `[in, out]` is named and told as `[out, in]`.
    #[test]
    fn weights_as_in_the_text() {
        let circuit = "../tests/corpus/layer-dense.circuit".to_owned();
        let case = Case::<f32>::read(&Circuit { circuit, values: vec!["x=[1, 2, 3]".to_owned()], row: None });
        let case = case.expect("reads");
        let weight = case.lowered.wire("fc.weight").expect("is there");
        assert_eq!(case.dims(weight), [2, 3]);
        // In the core's order: input 0 to outputs 0 and 1, then input 1.
        let told = case.in_order(weight, vec![0.0, 0.1, 1.0, 1.1, 2.0, 2.1]);
        assert_eq!(told, [0.0, 1.0, 2.0, 0.1, 1.1, 2.1]);
        let names: Vec<String> = (0..6).map(|index| case.element(weight, case.place(weight, index))).collect();
        assert_eq!(names[..3], ["fc.weight[0, 0]", "fc.weight[1, 0]", "fc.weight[0, 1]"]);
        let places: Vec<usize> = (0..6).map(|index| case.place(weight, index)).collect();
        assert_eq!(places, [0, 3, 1, 4, 2, 5]);
    }
}
