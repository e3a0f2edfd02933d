//! Texts and the circuits they become.

use chainrule::{Clip, Method, Objective, Op, Optimiser, Purpose, Schedule, Shape, Slot, Tape, plan};

use super::*;
use crate::data::columns::Role;
use crate::text::parse::{Form, parse};
use crate::text::report::Source;
use crate::text::source::{Written, read_formula, read_given};

fn file(text: &str) -> Written {
    let document = parse(text, Form::File).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
    Written { source: Source::new("a.circuit", text), document, form: Form::File, folder: "some".into() }
}

fn lowered(written: &Written, given: &[&str]) -> Lowered<f64> {
    let given: Vec<_> = given.iter().map(|text| read_given(text).expect("reads")).collect();
    lower(written, &given, None).unwrap_or_else(|error| panic!("{}", error.report(false)))
}

fn formula(text: &str, given: &[&str]) -> Lowered<f64> {
    lowered(&read_formula(text).unwrap_or_else(|error| panic!("{}", error.report(false))), given)
}

fn report(text: &str) -> String {
    lower::<f32>(&file(text), &[], None).expect_err("should be refused").report(false)
}

fn names(circuit: &Lowered<f64>) -> Vec<&str> {
    circuit.names().collect()
}

/// All values and the gradients of the objective.
fn run(circuit: &Lowered<f64>) -> Vec<(String, f64, f64)> {
    let view = circuit.view();
    let mut slots = vec![Slot::EMPTY; view.len()];
    let layout = plan(&view, Purpose::Inspect, false, &mut slots).expect("fits");
    let mut arena = vec![0.0; layout.arena_len()];
    let mut tape = Tape::new(view, layout, &slots, &[], &mut arena).expect("fits");
    for field in &circuit.fields {
        tape.set(field.wire, field.value.as_deref().expect("has a value")).expect("is set");
    }
    for param in &circuit.params {
        tape.set(param.wire, &param.start).expect("is set");
    }
    tape.forward();
    tape.backward_objective().expect("has an objective");
    let scalars = view.wires().filter(|wire| view.shape(*wire).is_scalar());
    let told = |wire| {
        let gradient = tape.gradient(wire).map_or(f64::NAN, |gradient| gradient[0]);
        (circuit.name(wire).to_owned(), tape.value(wire).expect("is kept")[0], gradient)
    };
    scalars.map(told).collect()
}

mod planes;
mod refusals;
mod training;

#[test]
fn the_seed_from_a_formula() {
    let circuit = formula("(x + y) * z", &["x=-2", "y=5", "z=-4"]);
    let expected = [("x", -2.0, -4.0), ("y", 5.0, -4.0), ("z", -4.0, 3.0), ("f.1", 3.0, -4.0), ("f", -12.0, 1.0)];
    assert_eq!(run(&circuit), expected.map(|(name, value, gradient)| (name.to_owned(), value, gradient)));
    let f = circuit.wire("f").expect("there");
    assert_eq!(circuit.formula(f), "f.1 * z");
    assert_eq!(circuit.objective(), Some(Objective::Maximize(f)));
}

#[test]
fn a_formula_may_define_wires_on_the_way() {
    let circuit = formula("q = x*y; r = q + x; f = r + q*r", &["x=3", "y=2"]);
    assert_eq!(names(&circuit), ["x", "y", "q", "r", "f.1", "f"]);
    let gradients: Vec<f64> = run(&circuit).iter().map(|(_, _, gradient)| *gradient).collect();
    assert_eq!(gradients[..2], [39.0, 48.0]);
    // A name `f` in the formula leaves another one for its last gate.
    assert_eq!(names(&formula("f * 2", &["f=1"])), ["f", "2", "f2"]);
}

#[test]
fn constants_are_shared_and_named_as_written() {
    let circuit = formula("-2 * x + x^2 + 2 + 2.0 + c", &["x=1", "c=0"]);
    assert_eq!(names(&circuit), ["x", "c", "-2", "f.1", "2", "f.2", "f.3", "f.4", "f.5", "f"]);
    let circuit = lowered(&file("c = 3\ninput x = 1\nd = c\nmaximize x * d * 3"), &[]);
    assert_eq!(names(&circuit), ["c", "x", "objective.1", "3", "objective"]);
    assert_eq!(circuit.wire("d"), circuit.wire("c"));
}

#[test]
fn shapes_of_a_formula_come_from_its_values() {
    let circuit = formula("sum(x[1..3] * w) + m[1, 0]", &["x=[1, 2, 3]", "w=[10, 20]", "m=[[1, 2], [3, 4]]"]);
    let f = run(&circuit).pop().expect("a wire");
    assert_eq!((f.0.as_str(), f.1), ("f", 2.0 * 10.0 + 3.0 * 20.0 + 3.0));
    let x1 = circuit.wire("f.1").expect("there");
    assert_eq!(circuit.formula(x1), "x[1..3]");
}

#[test]
fn the_digits_of_the_design() {
    let text = "\
input  image[64]
label  digit : class(10)
layer  fc1 = dense(32, init = he)
layer  fc2 = dense(10, init = xavier)
h      = relu(fc1(image / 16))
logits = fc2(h)
minimize cross_entropy(logits, digit)
train {
  data      = \"digits.csv\"
  split     = 0.2
  optimizer = sgd(lr = 0.05)
  batch     = 1
  epochs    = 30
  seed      = 7
}
";
    let circuit = lowered(&file(text), &[]);
    assert_eq!(
        names(&circuit),
        [
            "image",
            "digit",
            "16",
            "h.1",
            "fc1.weight",
            "fc1.bias",
            "h.2",
            "h",
            "fc2.weight",
            "fc2.bias",
            "logits",
            "loss"
        ]
    );
    let shapes: Vec<_> = circuit.params.iter().map(|param| (param.name.as_str(), param.shape.as_slice())).collect();
    assert_eq!(
        shapes,
        [
            ("fc1.weight", &[32, 64][..]),
            ("fc1.bias", &[32][..]),
            ("fc2.weight", &[10, 32][..]),
            ("fc2.bias", &[10][..])
        ]
    );
    assert_eq!(circuit.view().shape(circuit.params[0].wire), Shape::matrix(64, 32));
    // He: normal with deviation √(2/64).
    let weight = &circuit.params[0].start;
    let square: f64 = weight.iter().map(|w| w * w).sum::<f64>() / weight.len() as f64;
    assert!((square - 2.0 / 64.0).abs() < 0.003, "{square}");
    assert!(circuit.params[1].start.iter().all(|bias| *bias == 0.0));
    assert_eq!(circuit.training.data.as_deref(), Some("some/digits.csv".as_ref()));
    assert_eq!(circuit.training.split, Holdout::Rows(0.2));
    assert_eq!(circuit.training.optimiser, Optimiser::new(Method::Sgd, 0.05));
    assert_eq!((circuit.training.epochs, circuit.training.seed), (30, 7));
    let roles: Vec<Role> = circuit.columns().iter().map(|field| field.role).collect();
    assert_eq!(roles, [Role::Input, Role::Class(10)]);
    assert_eq!(circuit.without_value().len(), 2);
    let h = circuit.wire("h.2").expect("there");
    assert_eq!(circuit.formula(h), "fc1(h.1)");
    let again: Lowered<f64> = lower(&file(text), &[], Some(8)).expect("lowers");
    assert_ne!(again.params[0].start, circuit.params[0].start);
}

#[test]
fn weights_turn_between_file_and_core() {
    let text = "input x[3]\nlayer fc = dense(2)\nmaximize sum(fc(x))";
    let circuit = lowered(&file(text), &[]);
    let weight = &circuit.params[0];
    let in_core = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]; // [in, out] = [3, 2]
    let in_file = weight.to_file(&in_core);
    assert_eq!(in_file, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]); // [out, in] = [2, 3]
    assert_eq!(weight.from_file(&in_file), in_core);
}

#[test]
fn every_operation_can_be_called() {
    let vectors = ["dot", "dense", "cross_entropy", "layer_norm", "gru", "rnn"];
    let planes = ["reshape", "concat", "conv1d", "conv2d", "max_pool", "avg_pool", "global_avg"];
    for op in Op::ALL.iter().filter(|op| !op.is_source() && **op != Op::Slice) {
        let name = op.name();
        let text = match (name, op.kind()) {
            (name, _) if vectors.contains(&name) || planes.contains(&name) => continue,
            ("dropout", _) => "dropout(x, 0.2)".to_owned(),
            ("clip", _) => "clip(x, -1, hi = 1)".to_owned(),
            (_, chainrule::OpKind::Binary | chainrule::OpKind::Loss) => format!("{name}(x, y)"),
            _ => format!("{name}(x)"),
        };
        formula(&text, &["x=1"]);
    }
    formula("dot(x, x)", &["x=[1, 2]"]);
    formula("sum(dense(x, w))", &["x=[1, 2]", "w=[[1], [2]]"]);
    formula("sum(dense(x, w, bias = b))", &["x=[1, 2]", "w=[[1], [2]]", "b=[1]"]);
    lowered(&file("label y : class(2) = 1\ninput x[2]\nminimize cross_entropy(x, y)"), &[]);
    for text in [
        "concat(x, y, z)",
        "conv1d(reshape(x, 1, 1), reshape(y, 1, 1, 1))",
        "conv2d(reshape(x, 1, 1, 1), reshape(y, 1, 1, 1, 1), reshape(z, 1))",
        "max_pool(reshape(x, 1, 1), 1)",
        "avg_pool(reshape(x, 1, 1, 1), size = 1, stride = 2)",
        "global_avg(reshape(x, 1, 1))",
    ] {
        formula(&format!("sum({text}) + x + y + z"), &["x=1", "y=2", "z=3"]);
    }
    lowered(&file("label y : class(2) = 1\ninput x[2]\nminimize cross_entropy(x, y, smoothing = 0.1)"), &[]);
    formula("sum(layer_norm(x, x, x, eps = 0.5))", &["x=[1, 2]"]);
    let weights = ["x=[[1], [2]]", "u=[[1, 2, 3]]", "w=[[1, 2, 3]]", "b=[1, 2, 3]"];
    formula("sum(last(gru(x, u, w, b, b)))", &weights);
    let weights = ["x=[[1], [2]]", "u=[[1]]", "b=[1]"];
    let rnn = formula("sum(rnn(x, u, u, b, b, activation = relu))", &weights);
    assert_eq!(rnn.formula(rnn.wire("f.1").expect("there")), "rnn(x, u, u, b, b, activation = relu)");
}

#[test]
fn layers_of_sequences_are_written_back_and_start_as_in_pytorch() {
    let text = "input x[4, 2]\nlayer n = layer_norm()\nlayer g = gru(16)\nlayer r = rnn(4, init = he)\n\
                h = g(n(x))\nk = r(h)\nmaximize sum(dropout(last(k), 0.25))\n";
    let circuit = lowered(&file(text), &[]);
    let name = |name: &str| circuit.formula(circuit.wire(name).expect("there"));
    assert_eq!((name("h"), name("h.1"), name("k")), ("g(h.1)".into(), "n(x)".into(), "r(h)".into()));
    assert_eq!((name("objective.1"), name("objective.2")), ("k[3]".into(), "dropout(objective.1, 0.25)".into()));
    let params = circuit.params.iter().map(|param| (param.name.as_str(), param.shape.as_slice()));
    let wanted: [(&str, &[usize]); 10] = [
        ("n.weight", &[2]),
        ("n.bias", &[2]),
        ("g.weight_ih", &[48, 2]),
        ("g.weight_hh", &[48, 16]),
        ("g.bias_ih", &[48]),
        ("g.bias_hh", &[48]),
        ("r.weight_ih", &[4, 16]),
        ("r.weight_hh", &[4, 4]),
        ("r.bias_ih", &[4]),
        ("r.bias_hh", &[4]),
    ];
    assert!(params.eq(wanted), "{:?}", circuit.params);
    let start = |at: usize| circuit.params[at].start.as_slice();
    assert_eq!((start(0), start(1)), (&[1.0, 1.0][..], &[0.0, 0.0][..]));
    for at in 2..6 {
        let largest = start(at).iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        assert!((0.2..=0.25).contains(&largest), "{largest} is not of ±1/√16");
    }
    assert!(start(6).iter().all(|x| *x != 0.0) && start(8) == [0.0; 4]);
}

#[test]
fn long_chains_lower_without_a_deep_stack() {
    let circuit = formula(&vec!["x"; 30_000].join("+"), &["x=1"]);
    assert_eq!(circuit.view().len(), 30_000);
    let told = lower::<f32>(&read_formula(&vec!["x"; 100_000].join("+")).expect("reads"), &[], None);
    let told = told.expect_err("too many gates").report(false);
    assert!(told.starts_with("error: the circuit has more than 65535 gates"), "{told}");
}
