//! What a training is told: data, splits, steps, what is normalized, frozen and adapted.

use super::*;

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
