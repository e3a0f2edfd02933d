//! Texts and the circuits they become, texts that are refused and what is said.

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
fn params_start_as_they_are_told() {
    let text = "\
param a
param b = 2
param c[2] = [0.1, -0.2]
param d[3] = constant(0.5)
param e[1000] = uniform(-2, -1)
param g[2, 8] = uniform
layer fc = dense(1, init = zero, bias = false)
freeze = [fc, c]
maximize a + b + sum(c) + sum(d) + sum(e) + sum(g) + sum(fc(c))
";
    let circuit = lowered(&file(text), &[]);
    let start = |name: &str| &circuit.params.iter().find(|param| param.name == name).expect(name).start;
    assert_eq!((start("a"), start("b"), start("c")), (&vec![0.0], &vec![2.0], &vec![0.1, -0.2]));
    assert_eq!(start("d"), &vec![0.5; 3]);
    assert!(start("e").iter().all(|x| (-2.0..-1.0).contains(x)));
    assert!(start("g").iter().all(|x| x.abs() <= 8f64.sqrt().recip()));
    assert_eq!(start("fc.weight"), &vec![0.0; 2]);
    let frozen: Vec<_> = circuit.params.iter().filter(|param| param.frozen).map(|param| &param.name).collect();
    assert_eq!(frozen, ["c", "fc.weight"]);
    let view = circuit.view();
    assert!(view.gate(circuit.params[2].wire).is_some_and(|gate| gate.is_frozen()));
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
fn both_shapes_are_told() {
    assert_eq!(
        report("input x[4]\ninput y[3]\nf = x + y\ng = f * 2\nmaximize dot(x, y)"),
        "\
error: `+` does not take [4] and [3]
 --> a.circuit:3:7
  |
3 | f = x + y
  |     - ^ - [3]
  |     | |
  |     | here
  |     [4]
  |
  = help: the shapes must be equal; beside an operator, one can be a scalar

error: `dot` does not take [4] and [3]
 --> a.circuit:5:10
  |
5 | maximize dot(x, y)
  |          ^^^ -  - [3]
  |          |   |
  |          |   [4]
  |          here
  |
  = help: the shapes must be equal; beside an operator, one can be a scalar"
    );
}

#[test]
fn names_are_told() {
    assert_eq!(
        report("input weight\nf = wieght * 2\nf = 3\ng = h + relo(f)\nh = 1"),
        "\
error: nothing defines `wieght`
 --> a.circuit:2:5
  |
2 | f = wieght * 2
  |     ^^^^^^ unknown name
  |
  = help: did you mean `weight`?

error: `f` is defined twice
 --> a.circuit:3:1
  |
2 | f = wieght * 2
  | - the first time
3 | f = 3
  | ^ the second time
  |
  = help: each name stands for one wire; choose another name

error: there is no gate or layer `relo`
 --> a.circuit:4:9
  |
4 | g = h + relo(f)
  |         ^^^^ unknown
  |
  = help: did you mean `relu`?"
    );
    assert_eq!(
        report("g = h + 1\nh = 1"),
        "\
error: `h` is read before it is defined
 --> a.circuit:1:5
  |
1 | g = h + 1
  |     ^ read here
2 | h = 1
  | - defined here
  |
  = help: put the definition above: a gate's operands come before it"
    );
}

#[test]
fn refusals() {
    for (text, title) in [
        ("input x\nf = relo(x)", "there is no gate or layer `relo`"),
        ("input x\nf = x(3)", "there is no gate or layer `x`"),
        ("input x\nf = relu(x, 2)", "an argument too many"),
        ("input x\nf = clip(x, 1)", "the argument `hi` is missing"),
        ("input x\nf = clip(x, 2, 1)", "`clip` does not take this number"),
        ("input x\nf = dropout(x, 1)", "`dropout` does not take this number"),
        ("input x\nf = huber(x, 1, delta = 0)", "`huber` does not take this number"),
        ("input x[2]\nlayer n = layer_norm(eps = -1)\nf = n(x)", "layer `n` does not take this number"),
        ("input x[4]\nlayer g = gru(3)\nf = g(x)", "layer `g` needs two dimensions"),
        ("layer g = rnn(3, activation = sin)", "expected `tanh` or `relu`"),
        ("layer g = gru(0)", "expected a number of hidden units"),
        ("layer g = gru(3, activation = relu)", "there is no argument `activation`"),
        ("input x[2, 3]\ninput y[2, 4]\nlayer g = gru(3)\nf = g(x)\nh = g(y)", "layer `g` takes [2, 3], not [2, 4]"),
        (
            "input x[2, 3]\ninput w[4]\nf = layer_norm(x, w, w)",
            "the second argument of `layer_norm` must be [3], not [4]",
        ),
        (
            "input x[2, 3]\ninput w[3, 6]\ninput u[2, 5]\ninput b[6]\nf = gru(x, w, u, b, b)",
            "the third argument of `gru` must be [2, 6], not [2, 5]",
        ),
        ("input x\nf = last(x)", "`last` needs a vector, not a scalar"),
        ("input x\nf = leaky_relu(x, slop = 1)", "there is no argument `slop`"),
        ("input x\nf = leaky_relu(x, slope = x)", "expected a number"),
        ("layer a = dens(3)", "there is no kind of layer `dens`"),
        ("layer a = dense(0)", "expected a number of outputs"),
        ("layer a = dense(3, init = hi)", "there is no way to start `hi`"),
        ("layer a = dense(3)", "nothing uses layer `a`"),
        ("input x\nlayer a = dense(3)\nf = a(x)", "layer `a` needs a vector, not a scalar"),
        ("input x[2]\ninput y[3]\nlayer a = dense(3)\nf = a(x)\ng = a(y)", "layer `a` takes [2], not [3]"),
        ("layer a = dense(3)\nf = a + 1", "`a` is a layer, not a wire"),
        ("input x[0]", "this is no shape"),
        ("input x[70000]", "this is no shape"),
        ("input x[1,1,1,1,1]", "this is no shape"),
        ("input x[2] = [1, 2, 3]", "`x` is [2], its value is [3]"),
        ("input x = [1, [2]]", "the parts of a list differ"),
        ("input x = 1e39", "this number is too large for f32"),
        ("input x[3]\nf = x[3]", "an index outside of its wire"),
        ("input x[3]\nf = x[2..5]", "an index outside of its wire"),
        ("input x[3]\nf = x[2..2]", "a range with nothing in it"),
        ("input x[3]\nf = x[0, 1]", "more indices than dimensions"),
        ("input x[3, 3]\nf = x[0..2, 1]", "a range before another index"),
        ("input x[3]\nmaximize x", "the objective must be a scalar"),
        ("input x\nmaximize x\nminimize x", "there are two objectives"),
        ("label y : class(1)", "a label cannot have 1 classes"),
        ("label y : class(3) = 3", "label `y` has 3 classes"),
        ("input x[3]\ninput y\nf = cross_entropy(x, y)", "`cross_entropy` needs a label of 3 classes"),
        ("input x[3]\nlabel y : class(4)\nf = cross_entropy(x, y)", "`cross_entropy` has 3 logits for"),
        ("train { batch = 0 }", "expected a number of samples"),
        ("train { bach = 1 }", "there is no setting `bach`"),
        ("train { batch = 1, batch = 2 }", "`batch` is set twice"),
        ("train { batch = 1 }\ntrain { batch = 2 }", "there are two `train` blocks"),
        ("train { data = digits }", "expected a file name in quotes"),
        ("train { split = 2 }", "expected a share"),
        ("train { split = by(1) }", "expected a name"),
        ("train { optimizer = sdg(0.1) }", "there is no optimizer `sdg`"),
        ("train { optimizer = sgd() }", "the argument `lr` is missing"),
        ("train { optimizer = adam }", "there is no optimizer `adam`"),
        ("train { optimizer = sgd(0.1, 0.9) }", "an argument too many"),
        ("train { optimizer = momentum(0.1, beta = 1) }", "expected a number from 0 to below 1"),
        ("train { optimizer = adam(0.1, betta1 = 0.5) }", "there is no argument `betta1`"),
        ("train { optimizer = rmsprop(0.1, eps = -1) }", "expected a finite number that is not negative"),
        ("train { weight_decay = -0.1 }", "expected a finite number that is not negative"),
        ("train { clip = 1 }", "there is no clipping `1`"),
        ("train { clip = norm }", "expected a bound"),
        ("train { clip = value(0) }", "expected a finite number above 0"),
        ("train { schedule = linear }", "there is no schedule `linear`"),
        ("train { schedule = step }", "expected how often"),
        ("train { schedule = step(0) }", "expected a number of steps, at least 1"),
        ("train { schedule = cosine(10, 2) }", "expected a number from 0 to 1"),
        ("train { warmup = 0.5 }", "expected a number of steps, at least 1"),
        ("train { patience = 0 }", "expected a number of epochs, at least 1"),
        ("train { optimizer = sgd(0) }", "expected a finite number above 0"),
        ("train { optimizer = adam(lr = -0.1) }", "expected a finite number above 0"),
        ("train { keep = first }", "there is no epoch `first`"),
        ("input x\nfreeze = [x]", "`x` is no layer or param"),
        ("adapt { batch = 2 }", "there is no setting `batch`"),
        ("adapt { samples = 0 }", "expected a number of samples of each class"),
        ("adapt { rows = 7 }", "expected rows by a column's value"),
        ("adapt { passes = 1 }\nadapt { passes = 2 }", "there are two `adapt` blocks"),
        ("param w\nadapt { freeze = [v] }", "`v` is no layer or param"),
        ("param w\nnormalize w", "`w` is no input"),
        ("input x\nf = x + 1\nnormalize x", "`x` is read before it is normalized"),
        ("f = \"text\" + 1", "expected a wire or a number"),
        ("input x\nf = [x, 1]", "expected a number or a list"),
    ] {
        let told = report(text);
        assert!(told.starts_with(&format!("error: {title}")), "{text}: {told}");
    }
}

#[test]
fn values_from_the_command_line_are_checked() {
    let written = file("input x[2]\nlabel y : class(3)\nparam w\nq = x[0] * w\nmaximize cross_entropy([1, 2, 3], y)");
    let mut circuit = lowered(&written, &["x=[1, 2]", "y=2", "w=4"]);
    assert_eq!(circuit.params[0].start, [4.0]);
    assert!(circuit.without_value().is_empty());
    for (given, title) in [
        ("x=1", "`x` is [2], its value is a scalar"),
        ("y=3", "label `y` has 3 classes"),
        ("y=0.5", "label `y` has 3 classes"),
        ("q=1", "`q` cannot be set: a gate drives it"),
        ("z=1", "the circuit has no wire `z`"),
    ] {
        let given = read_given(given).expect("reads");
        let error = circuit.give(&given).expect_err("refused").diagnostic();
        assert_eq!(error.title, title);
    }
    let open = lowered(&written, &[]).without_value();
    let told = written.source.report(&open.iter().map(LowerError::diagnostic).collect::<Vec<_>>(), false);
    assert_eq!(
        told,
        "\
error: input `x` has no value
 --> a.circuit:1:7
  |
1 | input x[2]
  |       ^ [2]
  |
  = help: give it one on the command line: 'x=[1, 2]'

error: label `y` has no value
 --> a.circuit:2:7
  |
2 | label y : class(3)
  |       ^ a scalar
  |
  = help: give it one on the command line: 'y=1'"
    );
}

#[test]
fn splits_by_column() {
    let split = |text: &str| lowered(&file(&format!("train {{ split = {text} }}")), &[]).training;
    let column = || "subject".to_owned();
    assert_eq!(split("by(subject)").split, Holdout::Groups { column: column(), share: 0.2 });
    assert_eq!(split("by(subject, 0.5)").split, Holdout::Groups { column: column(), share: 0.5 });
    assert_eq!(split("by(subject, hold = 7)").split, Holdout::Value { column: column(), value: "7".into() });
    let steering = split("by(subject), ignore = [id, \"odd name\"]").steering();
    assert_eq!((steering.by, steering.ignore), (Some(column()), vec!["id".to_owned(), "odd name".to_owned()]));
}

#[test]
fn long_chains_lower_without_a_deep_stack() {
    let circuit = formula(&vec!["x"; 30_000].join("+"), &["x=1"]);
    assert_eq!(circuit.view().len(), 30_000);
    let told = lower::<f32>(&read_formula(&vec!["x"; 100_000].join("+")).expect("reads"), &[], None);
    let told = told.expect_err("too many gates").report(false);
    assert!(told.starts_with("error: the circuit has more than 65535 gates"), "{told}");
}

#[test]
fn a_row_of_the_data_gives_values() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/digits.circuit");
    let written = crate::text::source::read_file(folder.as_ref()).expect("reads");
    let given = [read_given("digit=7").expect("reads")];
    let mut circuit = lowered(&written, &["digit=7"]);
    circuit.take_row(1, &given).expect("there");
    assert_eq!(circuit.fields[0].value.as_ref().expect("set")[..5], [0.0, 0.0, 0.0, 12.0, 13.0]);
    assert_eq!(circuit.fields[1].value, Some(vec![7.0]));
    let told = circuit.take_row(5000, &[]).expect_err("too far").report();
    assert_eq!(told, "error: the data has no row 5000: its 1797 rows are 0 to 1796");
    let table = circuit.table(&circuit.training).expect("reads");
    let parts = circuit.training.part(&table, &mut chainrule::Random::new(1)).expect("parts");
    assert_eq!((parts.held.len(), parts.train.len()), (359, 1438));
    let bare = lowered(&file("input x = 1\nmaximize x"), &[]).take_row(0, &[]);
    assert!(bare.expect_err("no data").report().starts_with("error: no data: name a file"));
}

#[test]
fn a_normalized_input_is_two_gates_and_two_frozen_params() {
    let text = "input x[2] = [7, 12]\nnormalize x\nparam w = 3\nmaximize sum(w * x)\n";
    let mut circuit = lowered(&file(text), &[]);
    let start = |circuit: &Lowered<f64>| circuit.params.iter().map(|p| (p.name.clone(), p.frozen)).collect::<Vec<_>>();
    let frozen = [("x.mean", true), ("x.deviation", true), ("w", false)];
    assert_eq!(start(&circuit), frozen.map(|(name, frozen)| (name.to_owned(), frozen)));
    assert_eq!(run(&circuit).pop().expect("a wire").1, 3.0 * (7.0 + 12.0), "0 and 1 until they are fitted");
    circuit.params[0].start = vec![1.0, 2.0];
    circuit.params[1].start = vec![3.0, 5.0];
    assert_eq!(run(&circuit).pop().expect("a wire").1, 3.0 * (2.0 + 2.0));
    // From outside, `x` is the input.
    circuit.give(&read_given("x=[1, 2]").expect("reads")).expect("is set");
    assert_eq!(run(&circuit).pop().expect("a wire").1, 0.0);
}

#[test]
fn an_adapt_block_goes_on_from_the_train_block() {
    let blocks = "train { data = \"a.csv\", optimizer = sgd(0.5), seed = 3, ignore = [id], freeze = [w] }\n\
                  adapt { rows = where(subject = 7), samples = 2, passes = 30, seed = 4, freeze = [c] }\n";
    let mut circuit = lowered(&file(&format!("param w = 2\nparam c = 1\nminimize w * c\n{blocks}")), &[]);
    let adapting = circuit.adapting.clone().expect("has one");
    assert_eq!((adapting.samples, adapting.passes), (2, 30));
    assert_eq!(adapting.rows, Some(Pick { column: "subject".into(), value: "7".into() }));
    let training = &adapting.training;
    assert_eq!(
        (training.seed, &training.ignore, &training.data),
        (4, &vec!["id".to_owned()], &Some("some/a.csv".into()))
    );
    assert_eq!(training.optimiser.rate, 0.5);
    let frozen = |circuit: &Lowered<f64>| -> Vec<bool> {
        let view = circuit.view();
        assert!(circuit.params.iter().all(|p| view.gate(p.wire).is_some_and(|gate| gate.is_frozen() == p.frozen)));
        circuit.params.iter().map(|param| param.frozen).collect()
    };
    assert_eq!(frozen(&circuit), [true, false], "as the train block says");
    circuit.freeze(&adapting.freeze).expect("is there");
    assert_eq!(frozen(&circuit), [false, true], "each block for its own");
}

#[test]
fn freezing_by_layer_by_param_and_all_weights() {
    let text = "input x[2] = [1, 2]\nnormalize x\nlayer fc1 = dense(3)\nlayer fc2 = dense(1)\nparam free = 1\n\
                minimize free * sum(fc2(fc1(x)))\n";
    let frozen = |told: &str| -> Vec<String> {
        let mut circuit = lowered(&file(text), &[]);
        circuit.freeze_told(told).expect("is there");
        circuit.params.iter().filter(|param| param.frozen).map(|param| param.name.clone()).collect()
    };
    let scale = ["x.mean", "x.deviation"];
    let and = |more: &[&str]| -> Vec<String> { scale.iter().chain(more).map(ToString::to_string).collect() };
    assert_eq!(frozen(""), and(&[]));
    let mut found = frozen("fc1, fc2.bias");
    found.sort();
    let mut wanted = and(&["fc1.weight", "fc1.bias", "fc2.bias"]);
    wanted.sort();
    assert_eq!(found, wanted);
    let only_biases: Vec<String> = frozen("weights");
    assert!(!only_biases.iter().any(|name| name.ends_with("bias")), "{only_biases:?}");
    assert!(["free", "fc1.weight", "fc2.weight"].iter().all(|name| only_biases.contains(&(*name).to_owned())));
    let told = lowered(&file(text), &[]).freeze_told("fc1,fc3").expect_err("none").report(false);
    assert_eq!(
        told,
        "\
error: `fc3` is no layer or param
 --> --freeze:1:5
  |
1 | fc1,fc3
  |     ^^^ cannot be frozen
  |
  = help: did you mean `fc1`?"
    );
    // A statement holds whatever is told.
    let mut circuit = lowered(&file(&format!("{text}freeze = [free]\n")), &[]);
    circuit.freeze_told("fc1").expect("is there");
    assert!(circuit.params.iter().any(|param| param.name == "free" && param.frozen));
}

#[test]
fn steps_as_the_block_says_them() {
    let block = |text: &str| {
        let circuit: Lowered<f64> = lowered(&file(&format!("input x\ntrain {{ {text} }}")), &[]);
        circuit.training
    };
    let adamw = block("weight_decay = 0.5, optimizer = adamw(0.1, 0.8), clip = norm(1.0), warmup = 3");
    assert_eq!(adamw.optimiser.method, Method::AdamW { beta1: 0.8, beta2: 0.999, eps: 1e-8 });
    // The setting stands over the optimiser's own decay, wherever it stands.
    assert_eq!((adamw.optimiser.rate, adamw.optimiser.weight_decay), (0.1, 0.5));
    assert_eq!((adamw.optimiser.clip, adamw.optimiser.warmup), (Clip::Norm(1.0), 3));
    for (text, same) in [
        ("momentum(0.1)", "momentum(lr = 0.1, beta = 0.9)"),
        ("nesterov(0.1, 0.5)", "nesterov(beta = 0.5, lr = 0.1)"),
        ("adam(0.1)", "adam(lr = 0.1, beta1 = 0.9, beta2 = 0.999, eps = 1e-8)"),
        ("adamw(0.1)", "adamw(lr = 0.1, weight_decay = 0.01)"),
        ("rmsprop(0.1)", "rmsprop(0.1, alpha = 0.99, eps = 1e-8)"),
    ] {
        let of = |text: &str| block(&format!("optimizer = {text}")).optimiser;
        assert_eq!(of(text), of(same), "{text}");
        // What is told of it reads back.
        assert_eq!(of(&optimisers::written(&of(text))), of(text));
    }
    let schedules = [
        ("constant", Schedule::Constant),
        ("step(100)", Schedule::Step { every: 100, factor: 0.1 }),
        ("step(every = 7, factor = 0.5)", Schedule::Step { every: 7, factor: 0.5 }),
        ("cosine", Schedule::Cosine { steps: 0, floor: 0.0 }),
        ("cosine(300, floor = 0.25)", Schedule::Cosine { steps: 300, floor: 0.25 }),
    ];
    for (text, schedule) in schedules {
        assert_eq!(block(&format!("schedule = {text}")).optimiser.schedule, schedule);
    }
    let extras = optimisers::extras(&block("clip = value(0.5), schedule = cosine(9), weight_decay = 2").optimiser);
    let extras: Vec<(&str, &str)> = extras.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let expected = [("weight_decay", "2"), ("clip", "value(0.5)"), ("schedule", "cosine(steps = 9, floor = 0)")];
    assert_eq!(extras, expected);
    let kept = block("patience = 4, keep = best");
    assert_eq!((kept.patience, kept.keep), (Some(4), Keep::Best));
}
