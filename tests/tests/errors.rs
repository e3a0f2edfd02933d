//! Every error of the core is provoked through its public functions, and every
//! variant in its sources has a provocation here: a new one without a test fails.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use chainrule::link::{
    Ask, Deframer, FRAME_MAX, Goal, MESSAGE_MAX, Refusal, Reply, Request, Session, VERSION, Work, encode_frame,
};
use chainrule::{
    BuildError, Circuit, CircuitRef, Gate, Layout, NotAShape, Op, ParamsHash, Purpose, RunError, Shape, Slot, Tape,
    Wire, plan,
};

/// The variants of an enum as its source file lists them.
fn variants(file: &str, name: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src").join(file);
    let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let start = source.find(&format!("pub enum {name} {{")).unwrap_or_else(|| panic!("no enum {name} in {file}"));
    let body = &source[start..start + source[start..].find("\n}").unwrap()];
    // Variants stand at one indentation; fields and docs do not begin with a capital there.
    let variant = |line: &str| {
        let line = line.strip_prefix("    ").filter(|line| line.starts_with(char::is_uppercase))?;
        Some(line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned())
    };
    body.lines().filter_map(variant).collect()
}

/// Holds what was provoked against what there is.
fn all_provoked<E: Debug + std::fmt::Display>(file: &str, name: &str, provoked: Vec<(&str, E)>) {
    let mut seen = BTreeSet::new();
    for (variant, error) in provoked {
        let shown = format!("{error:?}");
        let own = shown.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        assert_eq!(own, variant, "the provocation of {name}::{variant} gave {shown}");
        assert!(!error.to_string().is_empty(), "{shown} has no words");
        seen.insert(own.to_owned());
    }
    let all = variants(file, name);
    assert!(all.len() > 1, "only {all:?} in {name}");
    assert_eq!(seen, all, "variants of {name} and their provocations");
}

/// A wire that no small circuit has.
fn far_wire() -> Wire {
    let mut far: Circuit<f32, 64> = Circuit::new();
    (0..50).map(|_| far.input(Shape::SCALAR).unwrap()).last().unwrap()
}

fn record(op: Op, [shape, a, b, c]: [u8; 4]) -> Gate {
    Gate::from_bytes([op.code(), shape, a, 0, b, 0, c, 0]).unwrap()
}

/// What is refused over planes [2, 4, 4] with weights for a 3 × 3 kernel and 4 outputs.
fn over_planes(build: fn(&mut Circuit<f32, 4>, Wire, Wire) -> Result<Wire, BuildError>) -> BuildError {
    let mut circuit = Circuit::new();
    let x = circuit.input(Shape::new(&[2, 4, 4]).unwrap()).unwrap();
    let w = circuit.param(Shape::new(&[2, 3, 3, 4]).unwrap()).unwrap();
    let error = build(&mut circuit, x, w).unwrap_err();
    assert!(circuit.view().attrs().is_empty() && circuit.view().len() == 2, "{error:?} changed the circuit");
    circuit.conv2d(x, w, None, [1, 1, 1]).expect("a refused call leaves a circuit that goes on");
    error
}

#[test]
fn build_errors() {
    type Small = Circuit<f32, 4, 2, 3, 2>;
    let vector = Shape::vector(3);
    let with = |build: &dyn Fn(&mut Small) -> Result<(), BuildError>| {
        let mut circuit = Small::new();
        let x = circuit.input(Shape::SCALAR).unwrap();
        circuit.input(vector).unwrap();
        let before = (circuit.view().len(), circuit.view().shapes().len(), circuit.view().numbers().len());
        let error = build(&mut circuit).unwrap_err();
        let after = (circuit.view().len(), circuit.view().shapes().len(), circuit.view().numbers().len());
        assert_eq!(before, after, "{error:?} changed the circuit");
        circuit.neg(x).expect("a refused call leaves a circuit that goes on");
        error
    };
    let x = |circuit: &Small| circuit.view().wire(0).unwrap();
    let v = |circuit: &Small| circuit.view().wire(1).unwrap();
    let full = {
        let mut circuit = Small::new();
        (0..4).for_each(|_| assert!(circuit.input(Shape::SCALAR).is_ok()));
        circuit.input(Shape::SCALAR).unwrap_err()
    };
    let shapes = {
        let mut circuit = Small::new();
        (1..4).for_each(|n| assert!(circuit.input(Shape::vector(n)).is_ok()));
        circuit.input(Shape::vector(9)).unwrap_err()
    };
    all_provoked(
        "error.rs",
        "BuildError",
        vec![
            ("GatesFull", full),
            ("ShapesFull", shapes),
            ("NumbersFull", with(&|c| c.constant(vector, &[1.0, 2.0, 3.0]).map(drop))),
            ("AttributesFull", with(&|c| c.push_attrs(&[1, 2, 3]))),
            ("UnknownWire", with(&|c| c.add(x(c), far_wire()).map(drop))),
            ("BadRecord", with(&|c| c.add_gate(Op::Clip, &[x(c)], &[]).map(drop))),
            ("BadRecord", with(&|c| c.push_record(record(Op::Input, [9, 0, 0, 0])).map(drop))),
            ("ShapeMismatch", with(&|c| c.mse(x(c), v(c)).map(drop))),
            ("NotAVector", with(&|c| c.row(x(c), 0).map(drop))),
            ("NotAScalar", with(&|c| c.maximize(v(c)))),
            ("NoSuchRows", with(&|c| c.slice(v(c), 1, 4).map(drop))),
            ("WrongLength", with(&|c| c.constant(vector, &[1.0]).map(drop))),
            ("BadBounds", with(&|c| c.clip(x(c), 1.0, 0.0).map(drop))),
            ("BadBounds", with(&|c| c.leaky_relu(x(c), f32::NAN).map(drop))),
            ("BadClasses", with(&|c| c.label(1).map(drop))),
            ("NotALabel", with(&|c| c.cross_entropy(v(c), x(c)).map(drop))),
            ("BadBounds", with(&|c| c.dropout(x(c), 1.0).map(drop))),
            ("BadBounds", with(&|c| c.huber(x(c), x(c), 0.0).map(drop))),
            ("WrongShape", with(&|c| c.layer_norm(v(c), v(c), x(c), 0.5).map(drop))),
            ("ShapeMismatch", with(&|c| c.reshape(v(c), Shape::vector(4)).map(drop))),
            ("ShapeMismatch", over_planes(|c, x, w| c.conv2d(x, w, Some(x), [1, 0, 1]))),
            ("BadRecord", with(&|c| c.add_gate(Op::MaxPool, &[v(c)], &[]).map(drop))),
            ("AttributesFull", with(&|c| c.max_pool(v(c), [2, 2, 0]).map(drop))),
            ("WrongRank", over_planes(|c, _, w| c.max_pool(w, [2, 2, 0]))),
            ("WrongRank", with(&|c| c.global_avg(v(c)).map(drop))),
            ("WrongRank", over_planes(|c, x, w| c.conv1d(x, w, None, [1, 0, 1]))),
            ("BadWindow", over_planes(|c, x, _| c.max_pool(x, [5, 1, 0]))),
            ("BadWindow", over_planes(|c, x, _| c.avg_pool(x, [2, 1, 2]))),
            ("BadWindow", over_planes(|c, x, w| c.conv2d(x, w, None, [0, 0, 1]))),
            ("BadGroups", over_planes(|c, x, w| c.conv2d(x, w, None, [1, 0, 3]))),
            ("BadGroups", over_planes(|c, x, w| c.conv2d(x, w, None, [1, 0, 0]))),
            ("WrongWeights", over_planes(|c, x, w| c.conv2d(x, w, None, [1, 0, 2]))),
            ("WrongWeights", over_planes(|c, x, _| c.conv2d(x, x, None, [1, 0, 1]))),
            ("NotAParam", with(&|c| c.set_frozen(x(c), true))),
        ],
    );
}

#[test]
fn plan_errors() {
    let provoke = |build: fn(&mut Circuit<f32, 4>) -> Result<Wire, BuildError>, purpose, slots: usize| {
        let mut circuit = Circuit::new();
        build(&mut circuit).unwrap();
        plan(&circuit.view(), purpose, false, &mut vec![Slot::EMPTY; slots]).unwrap_err()
    };
    let scalar = |circuit: &mut Circuit<f32, 4>| circuit.param(Shape::SCALAR);
    let huge = |circuit: &mut Circuit<f32, 4>| circuit.input(Shape::new(&[32768, 32768, 2]).unwrap());
    all_provoked(
        "error.rs",
        "PlanError",
        vec![
            ("SlotsFull", provoke(scalar, Purpose::Inspect, 0)),
            ("NoObjective", provoke(scalar, Purpose::Train, 1)),
            ("TooLarge", provoke(huge, Purpose::Inspect, 1)),
        ],
    );
}

/// w·x + b from one param, one frozen param and an input, lowered; and a vector.
struct Line {
    circuit: Circuit<f32, 16>,
    w: Wire,
    x: Wire,
    label: Wire,
    v: Wire,
    product: Wire,
    squared: Wire,
}

fn line() -> Result<Line, BuildError> {
    let mut circuit = Circuit::new();
    let v = circuit.input(Shape::vector(3))?;
    let w = circuit.param(Shape::SCALAR)?;
    let b = circuit.frozen_param(Shape::vector(2))?;
    let x = circuit.input(Shape::SCALAR)?;
    let label = circuit.label(3)?;
    let product = circuit.mul(w, x)?;
    let sum = circuit.sum(v)?;
    let negative = circuit.neg(product)?;
    let squared = circuit.square(negative)?;
    let f = circuit.add(squared, sum)?;
    circuit.sum(b)?;
    circuit.minimize(f)?;
    Ok(Line { circuit, w, x, label, v, product, squared })
}

fn on_line(purpose: Purpose, work: impl Fn(&Line, &mut Tape<'_, f32>) -> Result<(), RunError>) -> RunError {
    let line = line().unwrap();
    let view = line.circuit.view();
    let mut slots = [Slot::EMPTY; 16];
    let layout = plan(&view, purpose, true, &mut slots).unwrap();
    let mut arena = vec![0.0; layout.arena_len()];
    let mut tape = Tape::new(view, layout, &slots, &[0.0; 2], &mut arena).unwrap();
    work(&line, &mut tape).unwrap_err()
}

fn new_tape(circuit: CircuitRef<'_, f32>, layout: Layout, slots: &[Slot], frozen: &[f32], arena: usize) -> RunError {
    Tape::new(circuit, layout, slots, frozen, &mut vec![0.0; arena]).unwrap_err()
}

#[test]
fn run_errors() {
    use Purpose::{Accumulate, Infer, Inspect, Train};
    let line = line().unwrap();
    let view = line.circuit.view();
    let mut slots = [Slot::EMPTY; 16];
    let layout = plan(&view, Inspect, true, &mut slots).unwrap();
    let len = layout.arena_len();
    let mut other: Circuit<f32, 4> = Circuit::new();
    other.input(Shape::SCALAR).unwrap();
    let mut aimless: Circuit<f32, 4> = Circuit::new();
    let lone = aimless.input(Shape::SCALAR).unwrap();
    aimless.neg(lone).unwrap();
    let mut aimless_slots = [Slot::EMPTY; 4];
    let aimless_layout = plan(&aimless.view(), Inspect, false, &mut aimless_slots).unwrap();
    let mut aimless_arena = [0.0; 8];
    let aimless_tape = Tape::new(aimless.view(), aimless_layout, &aimless_slots, &[], &mut aimless_arena).unwrap();
    all_provoked(
        "error.rs",
        "RunError",
        vec![
            ("ArenaTooSmall", new_tape(view, layout, &slots, &[0.0; 2], len - 1)),
            ("FrozenTooShort", new_tape(view, layout, &slots, &[0.0; 1], len)),
            ("WrongPlan", new_tape(other.view(), layout, &slots, &[0.0; 2], len)),
            ("UnknownWire", on_line(Inspect, |_, tape| tape.value(far_wire()).map(drop))),
            ("WrongLength", on_line(Inspect, |line, tape| tape.set(line.v, &[1.0, 2.0]))),
            ("WrongLength", on_line(Inspect, |line, tape| tape.set_from(line.v, usize::MAX, &[1.0, 2.0]))),
            ("NotSettable", on_line(Inspect, |line, tape| tape.set(line.product, &[1.0]))),
            ("NotAClass", on_line(Inspect, |line, tape| tape.set(line.label, &[3.0]))),
            ("NotAClass", on_line(Inspect, |line, tape| tape.set(line.label, &[0.5]))),
            ("NotAClass", on_line(Inspect, |line, tape| tape.set(line.label, &[f32::NAN]))),
            ("NotAScalar", on_line(Inspect, |line, tape| tape.backward(line.v))),
            ("NoGradient", on_line(Train, |line, tape| tape.gradient(line.x).map(drop))),
            ("NoGradient", on_line(Inspect, |line, tape| tape.gradient(line.label).map(drop))),
            ("NoValue", on_line(Infer, |line, tape| tape.value(line.squared).map(drop))),
            ("NoObjective", aimless_tape.objective_value().unwrap_err()),
            ("NotPlanned", on_line(Inspect, |_, tape| tape.train_step(0.1).map(drop))),
            ("NotPlanned", on_line(Train, |_, tape| tape.begin_batch())),
            ("NotPlanned", on_line(Train, |_, tape| tape.climb_step(0.1, None, &[]).map(drop))),
            ("EmptyBatch", on_line(Accumulate, |_, tape| tape.end_batch(0.1, 0))),
            (
                "NotFinite",
                on_line(Train, |line, tape| {
                    tape.set(line.w, &[1.0])?;
                    tape.set(line.x, &[f32::INFINITY])?;
                    tape.train_step(0.1).map(drop)
                }),
            ),
            ("BadRate", on_line(Train, |_, tape| tape.train_step(f32::NAN).map(drop))),
            ("BadRate", on_line(Accumulate, |_, tape| tape.end_batch(f32::INFINITY, 1))),
        ],
    );
}

/// A session that was told these things in order; what it refused last.
fn refusal(asks: &[Ask<'_>]) -> Refusal {
    let mut session: Session<f32, [f32; 64], [f32; 4], 16, 8, 4, 4, 2> = Session::new([0.0; 64], [0.0; 4]);
    let mut last = None;
    for (sequence, &ask) in asks.iter().enumerate() {
        let (mut frame, mut scratch) = (heapless::Vec::new(), [0; MESSAGE_MAX]);
        encode_frame(&Request { sequence: sequence as u32, ask }, &mut scratch, &mut frame).unwrap();
        let answer = frame.iter().filter_map(|&byte| session.receive(byte).map(<[u8]>::to_vec)).last();
        let mut deframer = Deframer::new();
        let answer = answer.expect("an answer to every request");
        for byte in answer {
            if let Some(message) = deframer.feed(byte).unwrap() {
                let (reply, _) = postcard::take_from_bytes::<Reply<'_>>(message).unwrap();
                last = reply.answer.err();
            }
        }
    }
    last.expect("a refusal")
}

#[test]
fn refusals() {
    let hello = Ask::Hello { version: VERSION };
    let weight = record(Op::Param, [0, 0, 0, 0]).to_bytes();
    let squared = record(Op::Square, [0, 0, 0, 0]).to_bytes();
    let gates: Vec<u8> = [weight, squared].concat();
    let goal = Goal { wire: 1, maximize: false };
    let planned = [
        hello,
        Ask::Clear,
        Ask::Shape(Shape::SCALAR),
        Ask::Gates(&gates),
        Ask::Objective(goal),
        Ask::Plan(Purpose::Train),
    ];
    let after = |ask| refusal(&[&planned[..], &[ask]].concat());
    let rows = [0; 98];
    let mut unset = ParamsHash::new();
    unset.add(&[0.0f32]);
    let unset = unset.finish();
    let shown = [
        ("Version", refusal(&[Ask::Hello { version: VERSION + 1 }])),
        ("NoCircuit", refusal(&[hello, Ask::Forward])),
        ("Malformed", refusal(&[hello, Ask::Gates(&[1, 2, 3])])),
        ("Malformed", refusal(&[hello, Ask::Gates(&[200, 0, 0, 0, 0, 0, 0, 0])])),
        ("Malformed", refusal(&[hello, Ask::Numbers(&[1, 2, 3])])),
        ("Malformed", after(Ask::Train { steps: 0, batch: 0, seed: 0, optimiser: &[0; 12] })),
        ("Malformed", after(Ask::Train { steps: 0, batch: 1, seed: 0, optimiser: &[9] })),
        ("Build", refusal(&[hello, Ask::Gates(&weight)])),
        ("Plan", refusal(&[hello, Ask::Shape(Shape::SCALAR), Ask::Gates(&weight), Ask::Plan(Purpose::Train)])),
        ("Run", after(Ask::Backward(7))),
        ("Run", after(Ask::SetMoments { start: 0, data: &[0; 4] })),
        ("NotVerified", after(Ask::Sample(Work::Train))),
        ("NotVerified", after(Ask::Verify(1))),
        ("NoRoom", refusal(&[hello, Ask::Shape(Shape::vector(65)), Ask::Gates(&weight), Ask::Plan(Purpose::Inspect)])),
        ("NoSuchRow", after(Ask::Rows { work: Work::Evaluate, rows: &[0, 0] })),
        ("NotKept", refusal(&[&planned[..], &[Ask::Verify(unset), Ask::Save]].concat())),
        ("Unsupported", after(Ask::Rows { work: Work::Evaluate, rows: &rows })),
    ];
    // A refusal is told in words by whoever asked; here its name will do.
    struct Named(Refusal);
    impl Debug for Named {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl std::fmt::Display for Named {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{:?}", self.0)
        }
    }
    let shown = shown.into_iter().map(|(name, refusal)| (name, Named(refusal))).collect();
    all_provoked("link/message.rs", "Refusal", shown);
}

#[test]
fn frame_errors() {
    let (mut frame, mut scratch) = (heapless::Vec::new(), [0; MESSAGE_MAX]);
    let request = Request { sequence: 0, ask: Ask::Numbers(&[0; 300]) };
    let too_long = encode_frame(&request, &mut scratch, &mut frame).unwrap_err();
    assert!(frame.is_empty());
    let fed = |bytes: &[u8]| {
        let mut deframer = Deframer::new();
        bytes.iter().find_map(|&byte| deframer.feed(byte).err()).unwrap()
    };
    encode_frame(&Request { sequence: 0, ask: Ask::Forward }, &mut scratch, &mut frame).unwrap();
    let mut damaged = frame.clone();
    damaged[2] ^= 1;
    let provoked = vec![
        ("TooLong", too_long),
        ("TooLong", fed(&[[1; FRAME_MAX + 9].as_slice(), &[0]].concat())),
        ("Broken", fed(&[9, 1, 0])),
        ("BadCrc", fed(&damaged)),
    ];
    all_provoked("link/frame.rs", "FrameError", provoked);
}

#[test]
fn shapes_that_are_none() {
    assert_eq!(Shape::try_from([0, 3, 0, 0]), Err(NotAShape));
    assert!(!NotAShape.to_string().is_empty());
    assert_eq!(Shape::new(&[1, 2, 3, 4, 5]), None);
}
