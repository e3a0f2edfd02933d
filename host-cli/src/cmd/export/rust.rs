//! The source file: statics for the tables and the weights, a checked circuit, a plan for each use.
//!
//! Everything that can be wrong is found when the file is compiled: records, shapes, plans. The compiler
//! interprets the planner then, which takes it half a minute for a circuit of a thousand scalar gates.

use std::collections::BTreeMap;
use std::fmt::Write;

use chainrule::{
    Clip, Gate, Layout, Method, Objective, Op, ParamsHash, PlanError, Purpose, Schedule, Slot, Wire, plan,
};

use crate::cmd::figures::counted;
use crate::lower::{Lowered, Param, Training, optimisers};
use crate::text::literal::Readable;

/// The widest line of a table.
const WIDTH: usize = 98;

/// The file of a circuit whose params are as [`Lowered::params`] says. `command` is what made it.
///
/// # Errors
/// The circuit cannot be planned.
pub fn write<T: Readable>(
    lowered: &Lowered<T>,
    file: &str,
    command: &str,
    inference: bool,
) -> Result<String, PlanError> {
    let is_frozen = |param: &Param<T>| inference || param.frozen;
    let (frozen, trained): (Vec<_>, Vec<_>) = lowered.params.iter().partition(|param| is_frozen(param));
    let trains = !trained.is_empty() && lowered.objective().is_some();
    let way = lowered.training.optimiser.purpose(lowered.training.batch);
    let names = constants(lowered);
    let stem = constant(file.split('.').next().unwrap_or("model")).to_lowercase();
    let module = stem.as_str();

    let mut text = String::new();
    head(&mut text, lowered, &names, (file, command, module), (&frozen, &trained), trains.then_some(way));
    tables(&mut text, lowered, inference);
    weights(&mut text, &names, &frozen, &trained);
    circuit(&mut text, lowered);
    let count = lowered.view().len();
    let _ = write!(text, "{}", PLANNED.replace("{n}", &count.to_string()).replace("{T}", T::NAME));
    let size = |purpose| arena(lowered, purpose);
    tape(&mut text, T::NAME, "Infer", "infer", "to look at what it says; forward only", size(Purpose::Infer)?, count);
    if trains {
        // Written as it is spelled: `Train`, `Accumulate`, `Moments(2)`.
        let name = format!("{way:?}");
        let what =
            if way == Purpose::Train { "that trains sample by sample" } else { "that trains as [`TRAINING`] says" };
        tape(&mut text, T::NAME, &name, "train", what, size(way)?, count);
        training(&mut text, &lowered.training);
    }
    filled(&mut text, &names, &trained);
    wires(&mut text, lowered, &names);
    Ok(text)
}

/// Planning on the host finds what would fail in the firmware's compiler.
fn arena<T: Readable>(lowered: &Lowered<T>, purpose: Purpose) -> Result<Layout, PlanError> {
    let view = lowered.view();
    plan(&view, purpose, true, &mut vec![Slot::EMPTY; view.len()])
}

fn head<T: Readable>(
    text: &mut String,
    lowered: &Lowered<T>,
    names: &Names,
    (file, command, module): (&str, &str, &str),
    (frozen, trained): (&[&Param<T>], &[&Param<T>]),
    way: Option<Purpose>,
) {
    let count = |params: &[&Param<T>]| params.iter().map(|param| param.start.len()).sum::<usize>();
    let (gates, frozen, trained) = (lowered.view().len(), count(frozen), count(trained));
    let _ = write!(
        text,
        "//! `{file}` for flash: {gates} gates, {frozen} frozen weights, {trained} that start in RAM.\n\
         //!\n\
         //! Written by `{command}`; write it again rather than change it.\n\
         //!\n\
         //! ```ignore\n\
         //! mod {module};\n\
         //!\n"
    );
    let word = |wire: Option<Wire>| wire.and_then(|wire| names.get(&wire)).map_or("X", String::as_str);
    let input = word(lowered.fields.iter().map(|field| field.wire).find(|&wire| Some(wire) != label(lowered)));
    match way {
        None => {
            let _ = write!(
                text,
                "//! let mut arena = [0.0; {module}::INFER_LEN];\n\
                 //! let mut tape = {module}::infer(&mut arena)?;\n\
                 //! tape.set({module}::wire::{input}, &sample)?;\n\
                 //! tape.forward();\n"
            );
        }
        Some(way) => {
            let label = word(label(lowered));
            let step = match way {
                Purpose::Train => "//! training.sample(&mut tape)?; // or, smaller: tape.train_step(0.01)?;\n",
                _ => "//! training.sample(&mut tape)?; // the last of a batch makes the step\n",
            };
            let _ = write!(
                text,
                "//! let mut arena = [0.0; {module}::TRAIN_LEN];\n\
                 //! let mut tape = {module}::train(&mut arena)?;\n\
                 //! let mut training = {module}::TRAINING;\n\
                 //! tape.set({module}::wire::{input}, &sample)?;\n\
                 //! tape.set({module}::wire::{label}, &[1.0])?;\n{step}"
            );
        }
    }
    let objective = if lowered.objective().is_some() { "Objective, " } else { "" };
    let _ = write!(
        text,
        "//! ```\n\
         // A program uses some of this.\n\
         #![allow(dead_code, clippy::approx_constant, long_running_const_eval)]\n\n\
         use chainrule::{{CircuitRef, Gate, Layout, {objective}Purpose, RunError, Shape, Slot, Tape, Wire}};\n\n"
    );
}

fn label<T: Readable>(lowered: &Lowered<T>) -> Option<Wire> {
    let is_label = |wire: &Wire| lowered.kind(*wire) == "label";
    lowered.view().wires().find(is_label)
}

fn tables<T: Readable>(text: &mut String, lowered: &Lowered<T>, inference: bool) {
    let view = lowered.view();
    let _ = writeln!(text, "#[rustfmt::skip]\nstatic GATES: [Gate; {}] = [", view.len());
    for wire in view.wires() {
        let Some(gate) = view.gate(wire) else { continue };
        let mut bytes = gate.to_bytes();
        if inference && gate.op() == Op::Param {
            bytes[4] = 1; // frozen, by the record's table
        }
        debug_assert!(Gate::from_bytes(bytes).is_some());
        let _ = writeln!(text, "    gate({bytes:?}), // {}", lowered.name(wire));
    }
    let _ = writeln!(text, "];\n\n#[rustfmt::skip]\nstatic SHAPES: [Shape; {}] = [", view.shapes().len());
    for shape in view.shapes() {
        let _ = writeln!(text, "    shape(&{shape}),");
    }
    text.push_str("];\n\n");
    numbers(text, "NUMBERS", view.numbers());
    table(text, "ATTRS", "u16", &view.attrs().iter().map(u16::to_string).collect::<Vec<_>>());
}

fn weights<T: Readable>(text: &mut String, names: &Names, frozen: &[&Param<T>], trained: &[&Param<T>]) {
    let whose: Vec<&str> = frozen.iter().map(|param| param.name.as_str()).collect();
    let all: Vec<T> = frozen.iter().flat_map(|param| param.start.iter().copied()).collect();
    let what = if whose.is_empty() { "none".to_owned() } else { whose.join(", ") };
    let _ = writeln!(text, "/// The frozen weights, in the order of their wires: {what}.");
    numbers(text, "FROZEN", &all);
    for param in trained {
        let _ = writeln!(text, "/// Where `{}` starts.", param.name);
        numbers(text, &format!("START_{}", names[&param.wire]), &param.start);
    }
    let mut hash = ParamsHash::new();
    let mut params: Vec<&Param<T>> = frozen.iter().chain(trained).copied().collect();
    params.sort_by_key(|param| param.wire);
    params.iter().for_each(|param| hash.add(&param.start));
    let _ = writeln!(
        text,
        "/// What `Tape::params_hash` gives before the first step.\npub const PARAMS_HASH: u64 = 0x{:016x};\n",
        hash.finish()
    );
}

fn circuit<T: Readable>(text: &mut String, lowered: &Lowered<T>) {
    let _ = write!(
        text,
        "/// A circuit in flash.\n\
         pub type Circuit = CircuitRef<'static, {}>;\n\n\
         /// The circuit, checked at compile time.\n\
         pub const CIRCUIT: Circuit = match CircuitRef::new(&GATES, &SHAPES, &NUMBERS, &ATTRS) {{\n",
        T::NAME
    );
    match lowered.objective() {
        None => text.push_str("    Ok(circuit) => circuit,\n"),
        Some(objective) => {
            let goal = match objective {
                Objective::Maximize(_) => "Maximize",
                Objective::Minimize(_) => "Minimize",
            };
            let _ = write!(
                text,
                "    Ok(circuit) => match circuit.wire({}) {{\n        \
                     Some(wire) => match circuit.with_objective(Objective::{goal}(wire)) {{\n            \
                         Ok(circuit) => circuit,\n            \
                         Err(_) => panic!(\"not an objective\"),\n        \
                     }},\n        \
                     None => panic!(\"no such wire\"),\n    \
                 }},\n",
                objective.wire().index()
            );
        }
    }
    text.push_str("    Err(_) => panic!(\"not a circuit\"),\n};\n\n");
}

const PLANNED: &str = "\
const fn gate(bytes: [u8; 8]) -> Gate {
    match Gate::from_bytes(bytes) {
        Some(gate) => gate,
        None => panic!(\"no such operation\"),
    }
}

const fn shape(dims: &[u16]) -> Shape {
    match Shape::new(dims) {
        Some(shape) => shape,
        None => panic!(\"not a shape\"),
    }
}

const fn planned(purpose: Purpose) -> (Layout, [Slot; {n}]) {
    let mut slots = [Slot::EMPTY; {n}];
    match chainrule::plan(&CIRCUIT, purpose, true, &mut slots) {
        Ok(layout) => (layout, slots),
        Err(_) => panic!(\"cannot be planned\"),
    }
}
";

fn tape(text: &mut String, scalar: &str, purpose: &str, name: &str, what: &str, layout: Layout, gates: usize) {
    let upper = name.to_uppercase();
    let _ = write!(
        text,
        "\nconst {upper}: (Layout, [Slot; {gates}]) = planned(Purpose::{purpose});\n\
         static {upper}_SLOTS: [Slot; {gates}] = {upper}.1;\n\n\
         /// The numbers of the arena that [`{name}`] takes: {numbers}.\n\
         pub const {upper}_LEN: usize = {upper}.0.arena_len();\n\n\
         /// A tape {what}.\n\
         ///\n\
         /// # Errors\n\
         /// [`RunError::ArenaTooSmall`].\n\
         pub fn {name}(arena: &mut [{scalar}]) -> Result<Tape<'_, {scalar}>, RunError> {{\n    \
             filled(Tape::new(CIRCUIT, {upper}.0, &{upper}_SLOTS, &FROZEN, arena)?)\n\
         }}\n",
        numbers = layout.arena_len()
    );
}

/// How it trains, as a constant.
fn training<T: Readable>(text: &mut String, training: &Training<T>) {
    let optimiser = &training.optimiser;
    let method = match optimiser.method {
        Method::Momentum { beta } => format!("Momentum {{ beta: {beta:?} }}"),
        Method::Nesterov { beta } => format!("Nesterov {{ beta: {beta:?} }}"),
        Method::Adam { beta1, beta2, eps } => format!("Adam {{ beta1: {beta1:?}, beta2: {beta2:?}, eps: {eps:?} }}"),
        Method::AdamW { beta1, beta2, eps } => format!("AdamW {{ beta1: {beta1:?}, beta2: {beta2:?}, eps: {eps:?} }}"),
        Method::RmsProp { alpha, eps } => format!("RmsProp {{ alpha: {alpha:?}, eps: {eps:?} }}"),
        _ => "Sgd".to_owned(),
    };
    let mut settings = Vec::new();
    if optimiser.weight_decay != T::ZERO {
        settings.push(format!("weight_decay = {:?}", optimiser.weight_decay));
    }
    match optimiser.clip {
        Clip::Norm(bound) => settings.push(format!("clip = chainrule::Clip::Norm({bound:?})")),
        Clip::Value(bound) => settings.push(format!("clip = chainrule::Clip::Value({bound:?})")),
        _ => {}
    }
    match optimiser.schedule {
        Schedule::Step { every, factor } => {
            settings.push(format!("schedule = chainrule::Schedule::Step {{ every: {every}, factor: {factor:?} }}"));
        }
        Schedule::Cosine { steps, floor } => {
            settings.push(format!("schedule = chainrule::Schedule::Cosine {{ steps: {steps}, floor: {floor:?} }}"));
        }
        _ => {}
    }
    if optimiser.warmup > 0 {
        settings.push(format!("warmup = {}", optimiser.warmup));
    }
    let binding = if settings.is_empty() { "" } else { "mut " };
    let settings: String = settings.iter().map(|setting| format!("    optimiser.{setting};\n")).collect();
    let (batch, seed) = (training.batch, training.seed);
    let _ = write!(
        text,
        "\n/// How it trains, as its text says: {}, {} a step. It counts samples and steps;\n\
         /// a program takes a copy of its own.\n\
         #[rustfmt::skip]\n\
         pub const TRAINING: chainrule::Training<{}> = {{\n    \
             let {binding}optimiser = chainrule::Optimiser::new(chainrule::Method::{method}, {:?});\n\
             {settings}    chainrule::Training::new(optimiser, {batch}).with_seed({seed})\n\
         }};\n",
        optimisers::written(optimiser),
        counted(batch as usize, "sample"),
        T::NAME,
        optimiser.rate,
    );
}

fn filled<T: Readable>(text: &mut String, names: &Names, trained: &[&Param<T>]) {
    let scalar = T::NAME;
    let binding = if trained.is_empty() { "tape" } else { "mut tape" };
    let _ = write!(
        text,
        "\n/// Puts the weights that train to where they start.\n\
         fn filled({binding}: Tape<'_, {scalar}>) -> Result<Tape<'_, {scalar}>, RunError> {{\n"
    );
    for param in trained {
        let name = &names[&param.wire];
        let _ = writeln!(text, "    tape.set(wire::{name}, &START_{name})?;");
    }
    text.push_str("    Ok(tape)\n}\n");
}

fn wires<T: Readable>(text: &mut String, lowered: &Lowered<T>, names: &Names) {
    text.push_str("\n/// The wires, by their names in the text.\npub mod wire {\n    use super::Wire;\n\n");
    let view = lowered.view();
    for (&wire, word) in names {
        let (shape, kind, name) = (view.shape(wire), lowered.kind(wire), lowered.name(wire));
        let shape = if shape.is_scalar() { String::new() } else { format!(", `{shape}`") };
        let _ = writeln!(text, "    /// `{name}`: {kind}{shape}.");
        let _ = writeln!(text, "    pub const {word}: Wire = at({});", wire.index());
    }
    text.push_str(
        "\n    const fn at(index: usize) -> Wire {\n        match super::CIRCUIT.wire(index) {\n            \
         Some(wire) => wire,\n            None => panic!(\"no such wire\"),\n        }\n    }\n}\n",
    );
}

/// The constants that stand for wires.
type Names = BTreeMap<Wire, String>;

/// A constant for each wire that the text names; two names that differ only in signs get numbers.
fn constants<T: Readable>(lowered: &Lowered<T>) -> Names {
    let view = lowered.view();
    let mut names = Names::new();
    for wire in view.wires() {
        let name = lowered.name(wire);
        let from_place = name.rsplit_once('.').is_some_and(|(_, last)| last.bytes().all(|byte| byte.is_ascii_digit()));
        let is_const = view.gate(wire).is_some_and(|gate| gate.op() == Op::Const);
        if name.is_empty() || from_place || is_const {
            continue;
        }
        let word = constant(name);
        let is_taken = names.values().any(|taken| *taken == word);
        names.insert(wire, if is_taken { format!("{word}_{}", wire.index()) } else { word });
    }
    names
}

/// `fc1.weight` → `FC1_WEIGHT`.
fn constant(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let word: String = name.chars().map(letter).collect();
    let begins = word.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins { word } else { format!("W{word}") }
}

fn numbers<T: Readable>(text: &mut String, name: &str, values: &[T]) {
    let word = |&x: &T| match x {
        _ if x.is_nan() => format!("{}::NAN", T::NAME),
        _ if !x.is_finite() && x > T::ZERO => format!("{}::INFINITY", T::NAME),
        _ if !x.is_finite() => format!("{}::NEG_INFINITY", T::NAME),
        _ => format!("{x:?}"),
    };
    table(text, name, T::NAME, &values.iter().map(word).collect::<Vec<_>>());
}

/// A static array, many to a line.
fn table(text: &mut String, name: &str, kind: &str, words: &[String]) {
    if words.is_empty() {
        let _ = writeln!(text, "static {name}: [{kind}; 0] = [];\n");
        return;
    }
    let _ = write!(text, "#[rustfmt::skip]\nstatic {name}: [{kind}; {}] = [", words.len());
    let mut column = WIDTH;
    for word in words {
        if column + word.len() + 2 > WIDTH {
            text.push_str("\n   ");
            column = 3;
        }
        let _ = write!(text, " {word},");
        column += word.len() + 2;
    }
    text.push_str("\n];\n\n");
}
