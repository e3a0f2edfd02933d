//! Texts that are refused, and what is said.

use super::*;

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
        ("train { optimizer = sgd(-1) }", "expected a finite number that is not negative"),
        ("train { optimizer = adam(lr = -0.1) }", "expected a finite number that is not negative"),
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

/// Where the count is right and the brackets are not, it is the brackets that are told.
#[test]
fn how_a_value_is_nested_is_told() {
    for (shape, given, expected) in [
        ("[1, 1]", "x=[0.5]", ("[1]", "the right count, in other lists than its shape has", "[[1]]")),
        ("[1]", "x=0.5", ("a scalar", "the right count, in other lists than its shape has", "[1]")),
        ("", "x=[0.5]", ("[1]", "the right count, in other lists than its shape has", "1")),
        ("[2, 2]", "x=[1, 2, 3, 4]", ("[4]", "the right count, in other lists than its shape has", "[[1, 2], [3, 4]]")),
        ("[3, 2]", "x=[[1, 2, 3], [4, 5, 6]]", ("[2, 3]", "the right count", "[[1, 2], [3, 4], …]")),
        (
            "[2, 3, 4]",
            "x=1",
            ("a scalar", "1 value, 24 needed", "[[[1, 2, …], [5, 6, …], …], [[13, 14, …], [17, 18, …], …]]"),
        ),
        ("[64]", "x=[1, 2]", ("[2]", "2 values, 64 needed", "[1, 2, …]")),
    ] {
        let written = file(&format!("input x{shape}\nmaximize sum(x)"));
        let given = read_given(given).expect("reads");
        let error = lowered(&written, &[]).give(&given).expect_err("refused").diagnostic();
        let told = given.source.report(&[error], false);
        let (value, label, example) = expected;
        let words = [&format!("its value is {value}\n"), label, &format!("its numbers stand like this: `{example}`")];
        assert!(words.iter().all(|words| told.contains(*words)), "{told}");
    }
}
