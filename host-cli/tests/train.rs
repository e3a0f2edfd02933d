//! Training from the command line's side: real data, the same bits on every engine, weights that
//! come back, and bad input that is refused before anything is lost.

use std::fs;
use std::path::Path;

use calling::{chainrule, put, told};
use folder::Folder;

mod calling;
mod folder;

/// A file of the shared tests.
fn shared(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests").join(path).display().to_string()
}

/// The names of a folder's files, sorted.
fn names(folder: &Folder) -> Vec<String> {
    let files = fs::read_dir(folder.file("")).expect("is there");
    let mut names: Vec<String> =
        files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// y is 2x + 1, and a class says whether x is above 0.
const LINE: &str = "x,y,side\n-2,-3,0\n-1,-1,0\n0,1,0\n1,3,1\n2,5,1\n3,7,1\n";
const FIT: &str = "input x\nlabel y\nparam a = 0\nparam b = 0\nminimize mse(a * x + b, y)\n";
const BLOCK: &str = "train {\ndata = \"line.csv\"\noptimizer = sgd(lr = 0.05)\nepochs = 200\nignore = [side]\n}\n";

/// A folder with a line to fit.
fn line() -> (Folder, String) {
    let folder = Folder::new("train");
    put(&folder, "line.csv", LINE);
    let circuit = put(&folder, "line.circuit", &format!("{FIT}{BLOCK}"));
    (folder, circuit)
}

#[test]
fn digits_are_told_apart_for_each_seed() {
    let digits = shared("corpus/digits.circuit");
    for seed in ["1", "2", "3", "4", "5"] {
        let told = told(&["train", &digits, "--seed", seed]);
        let accuracy = told["accuracy"].as_f64().expect("a number");
        assert!(accuracy >= 0.95, "seed {seed}: {accuracy}");
        assert_eq!((told["epochs"].as_u64(), told["steps"].as_u64()), (Some(30), Some(30 * 1438)));
    }
}

/// More seeds: `for s in $(seq 20); do chainrule train tests/corpus/digits-cnn.circuit --seed $s; done`.
#[test]
fn a_convolution_tells_digits_apart_better() {
    let digits = shared("corpus/digits-cnn.circuit");
    let seeds = ["1", "2", "3", "4", "5"];
    let of = |seed: &&str| told(&["train", &digits, "--seed", seed])["accuracy"].as_f64().expect("a number");
    let accuracies: Vec<f64> = seeds.iter().map(of).collect();
    let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
    assert!(mean >= 0.97, "the mean of {accuracies:?} is {mean}");
    assert!(accuracies.iter().all(|accuracy| *accuracy >= 0.955), "{accuracies:?}");
}

#[test]
fn motions_are_told_apart_by_a_recurrent_layer() {
    let motions = shared("corpus/motions.circuit");
    for seed in ["1", "2", "3"] {
        let told = told(&["train", &motions, "--seed", seed]);
        let accuracy = told["accuracy"].as_f64().expect("a number");
        assert!(accuracy >= 0.95, "seed {seed}: {accuracy}");
    }
}

/// The circuit leaves elements out at random: by the seed, and not by where it runs.
#[test]
fn dropout_is_the_same_on_every_engine_and_another_by_another_seed() {
    let folder = Folder::new("train");
    put(&folder, "line.csv", LINE);
    let text = |rate: &str| {
        format!(
            "input x\nlabel y\nparam w[4] = [1, 2, 3, 4]\nparam b\n\
        minimize mse(x * sum(dropout(w, {rate})) + b, y)\n{BLOCK}"
        )
    };
    let (with, without) = (put(&folder, "with.circuit", &text("0.5")), put(&folder, "without.circuit", &text("0")));
    for batch in ["1", "4"] {
        let run = |circuit: &str, on: &str, seed: &str| {
            let line =
                ["train", circuit, "--batch", batch, "--steps", "15", "--lr", "0.001", "--on", on, "--seed", seed];
            told(&line)["params_hash"].as_str().expect("a hash").to_owned()
        };
        let host = run(&with, "host", "1");
        assert_eq!(host, run(&with, "loopback", "1"));
        assert_ne!(host, run(&with, "host", "2"));
        assert_ne!(host, run(&without, "host", "1"));
    }
}

#[test]
fn host_and_loopback_train_to_the_same_bits() {
    let digits = shared("corpus/digits.circuit");
    for scalar in ["f32", "f64"] {
        for batch in ["1", "32"] {
            // 32 does not divide 1438: an epoch ends with a smaller batch.
            let steps = if batch == "1" { "2000" } else { "100" };
            let run =
                |on| told(&["train", &digits, "--scalar", scalar, "--batch", batch, "--steps", steps, "--on", on]);
            let (host, loopback) = (run("host"), run("loopback"));
            assert_eq!(host, loopback, "{scalar}, batch {batch}");
            assert_eq!(host["params_hash"].as_str().map(str::len), Some(16));
        }
    }
}

#[test]
fn steps_stop_within_an_epoch() {
    let (_folder, circuit) = line();
    let counts = |line: &[&str]| {
        let told = told(line);
        (told["epochs"].as_u64(), told["steps"].as_u64())
    };
    assert_eq!(counts(&["train", &circuit, "--steps", "10"]), (Some(1), Some(10)));
    assert_eq!(counts(&["train", &circuit, "--steps", "12"]), (Some(2), Some(12)));
    assert_eq!(counts(&["train", &circuit, "--epochs", "3"]), (Some(3), Some(18)));
    // Six rows in batches of four are two steps an epoch.
    assert_eq!(counts(&["train", &circuit, "--batch", "4", "--epochs", "3"]), (Some(3), Some(6)));
    assert_eq!(counts(&["train", &circuit, "--batch", "4", "--steps", "3"]), (Some(1), Some(3)));
    assert_eq!(counts(&["train", &circuit, "--batch", "100", "--epochs", "3"]), (Some(3), Some(3)));
}

/// Whole steps by hand: w = 0, mse of w·x against y over the rows (1, 2) and (3, 4). All rows in one
/// batch: the mean of 2(wx − y)x is −(2·2·1 + 2·4·3)/2 = −14, so w = 1.4 at a rate of 0.1.
#[test]
fn a_batch_steps_along_its_mean() {
    let folder = Folder::new("train");
    put(&folder, "d.csv", "x,y\n1,2\n3,4\n");
    let circuit = put(
        &folder,
        "d.circuit",
        "input x\nlabel y\nparam w = 0\nminimize mse(w * x, y)\ntrain {\ndata = \"d.csv\"\noptimizer = sgd(0.1)\n}\n",
    );
    let saved = folder.file("w.safetensors");
    for batch in ["2", "3"] {
        // A batch of three that only two rows fill is averaged over two.
        told(&["train", &circuit, "--scalar", "f64", "--batch", batch, "--steps", "1", "--save", &saved]);
        let bytes = fs::read(&saved).expect("is saved");
        let w = f64::from_le_bytes(bytes[bytes.len() - 8..].try_into().expect("eight bytes"));
        assert!((w - 1.4).abs() < 1e-15, "{w}");
    }
}

#[test]
fn what_is_held_out_decides_what_is_told() {
    let (folder, circuit) = line();
    let none = told(&["train", &circuit]);
    assert!(none["loss"].is_null() && none["accuracy"].is_null(), "{none}");
    let some = told(&["train", &circuit, "--split", "0.5"]);
    assert!(some["loss"].as_f64().expect("a number") < 1e-3 && some["accuracy"].is_null(), "{some}");
    let people = chainrule(&["train", &circuit]).expect("trains");
    assert!(people.starts_with("trained on 6 rows: 200 epochs, 1,200 steps of 1 row each\nin the last epoch: loss "));
    // Equal values stay together: three of one kind are held out, whichever it is.
    let block = "train {\ndata = \"line.csv\"\nsplit = by(side)\nepochs = 1\n}\n";
    let by = put(&folder, "by.circuit", &format!("{FIT}{block}"));
    let people = chainrule(&["train", &by]).expect("trains");
    assert!(people.contains("on 3 held-out rows: loss "), "{people}");
    assert!(people.contains("trained on 3 rows: 1 epoch, 3 steps of 1 row each"), "{people}");
}

#[test]
fn another_seed_gives_other_bits_and_the_same_seed_the_same() {
    let digits = shared("corpus/digits.circuit");
    let hash = |line: &[&str]| told(line)["params_hash"].clone();
    let first = hash(&["train", &digits, "--steps", "50"]);
    assert_eq!(first, hash(&["train", &digits, "--steps", "50", "--seed", "1"]), "the text says 1");
    assert_ne!(first, hash(&["train", &digits, "--steps", "50", "--seed", "2"]));
    assert_ne!(first, hash(&["train", &digits, "--steps", "50", "--lr", "0.06"]));
}

#[test]
fn weights_come_back_to_the_bit() {
    let digits = shared("corpus/digits.circuit");
    let folder = Folder::new("train");
    let (a, b) = (folder.file("a.safetensors"), folder.file("b.safetensors"));
    let first = told(&["train", &digits, "--steps", "100", "--save", &a]);
    told(&["train", &digits, "--steps", "100", "--save", &b]);
    let (bytes, again) = (fs::read(&a).expect("is saved"), fs::read(&b).expect("is saved"));
    assert!(bytes == again, "the same training gives the same file");
    assert_eq!(names(&folder), ["a.safetensors", "b.safetensors"], "nothing is left beside them");
    // A rate of 0 moves nothing.
    let loaded = told(&["train", &digits, "--load", &a, "--lr", "0", "--steps", "1"]);
    assert_eq!(loaded["params_hash"], first["params_hash"]);
    assert_eq!(loaded["accuracy"], first["accuracy"]);
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("reads");
    let shape = |name| file.tensor(name).expect("is there").shape().to_vec();
    assert_eq!([shape("fc1.weight"), shape("fc2.weight")], [[32, 64], [10, 32]]);
    assert_eq!([shape("fc1.bias"), shape("fc2.bias")], [[32], [10]]);
}

/// x is 10, 20, 30 and 1000 times as much in the row that is held out by its group.
#[test]
fn normalized_inputs_are_fitted_to_the_training_rows_and_kept() {
    let folder = Folder::new("train");
    put(&folder, "d.csv", "x0,x1,y,g\n10,5,1,a\n20,5,2,a\n30,5,3,a\n30000,5,3,b\n");
    let text = "input x[2]\nlabel y\nnormalize x\nlayer fc = dense(1)\nminimize mse(sum(fc(x)), y)\n\
                train {\ndata = \"d.csv\"\nsplit = by(g, hold = b)\nepochs = 1\n}\n";
    let circuit = put(&folder, "d.circuit", text);
    let saved = folder.file("w.safetensors");
    let read = |name: &str| -> Vec<f64> {
        let bytes = fs::read(&saved).expect("is saved");
        let file = safetensors::SafeTensors::deserialize(&bytes).expect("reads");
        let data = file.tensor(name).expect("is there").data().to_vec();
        data.chunks(8).map(|bytes| f64::from_le_bytes(bytes.try_into().expect("eight bytes"))).collect()
    };
    let host = told(&["train", &circuit, "--scalar", "f64", "--save", &saved]);
    assert_eq!(read("x.mean"), [20.0, 5.0]);
    // √((100 + 0 + 100) / 3), and 1 for what never changes.
    assert_eq!(read("x.deviation"), [(200.0f64 / 3.0).sqrt(), 1.0]);
    assert_eq!(host, told(&["train", &circuit, "--scalar", "f64", "--on", "loopback"]));
    // Loaded weights keep what they were trained with, whatever the new rows are.
    put(&folder, "d.csv", "x0,x1,y,g\n1,2,1,a\n2,3,2,a\n30000,5,3,b\n");
    told(&["train", &circuit, "--scalar", "f64", "--load", &saved, "--save", &saved]);
    assert_eq!(read("x.mean"), [20.0, 5.0]);
}

#[test]
fn weights_of_another_circuit_are_refused() {
    let folder = Folder::new("train");
    let saved = folder.file("w.safetensors");
    let digits = fs::read_to_string(shared("corpus/digits.circuit")).expect("reads");
    let digits = digits.replace("../data/digits.csv", &shared("data/digits.csv"));
    let own = put(&folder, "digits.circuit", &digits);
    chainrule(&["train", &own, "--steps", "1", "--save", &saved]).expect("trains");
    let refused = |from: &str, to: &str, why: &str| {
        let other = put(&folder, "other.circuit", &digits.replace(from, to));
        let report = chainrule(&["train", &other, "--steps", "1", "--load", &saved]).expect_err(why);
        assert!(report.contains(why), "{report}");
        assert!(report.contains("w.safetensors\n  = help: "), "{report}");
    };
    refused("relu", "tanh", "there `7 relu [32] 6`, here `7 tanh [32] 6`");
    refused("dense(32", "dense(16", "`fc1.weight` is [16, 64] in the circuit, [32, 64] in the file");
    refused("fc1", "fc3", "the weights have no `fc3.weight`");
    refused(", init = xavier", ", bias = false", "the circuit has no `fc2.bias`, which the weights have");
    let report = chainrule(&["train", &own, "--load", &saved, "--scalar", "f64"]).expect_err("f32");
    assert!(report.contains("`fc1.weight` is saved in f32, this run is in f64"), "{report}");
    // Names of wires and how a layer started are no reason.
    let same = put(&folder, "same.circuit", &digits.replace("logits", "scores").replace("init = he", "init = zero"));
    chainrule(&["train", &same, "--steps", "1", "--load", &saved]).expect("fits");
}

#[test]
fn nothing_is_saved_over_when_a_training_fails() {
    let (folder, circuit) = line();
    let saved = folder.file("w.safetensors");
    chainrule(&["train", &circuit, "--steps", "1", "--save", &saved]).expect("trains");
    let there = fs::read(&saved).expect("is there");
    for (scalar, rate) in [("f32", "1e6"), ("f64", "1e30")] {
        for batch in ["1", "4"] {
            let line = ["train", &circuit, "--save", &saved, "--scalar", scalar, "--batch", batch, "--lr", rate];
            let report = chainrule(&line).expect_err("diverges");
            assert!(report.starts_with("error: the training diverged at step "), "{report}");
            assert!(report.contains("= help: lower the learning rate"), "{report}");
        }
    }
    let report = chainrule(&["train", &circuit, "--save", &saved, "--data", "nowhere.csv"]).expect_err("no data");
    assert!(report.contains("there is no such data file"), "{report}");
    assert_eq!(fs::read(&saved).expect("is there"), there);
    assert_eq!(names(&folder), ["line.circuit", "line.csv", "w.safetensors"]);
    let report = chainrule(&["train", &circuit, "--save", &folder.file("none/w")]).expect_err("no folder");
    assert!(report.contains("the folder does not exist"), "{report}");
    let own = folder.file("");
    let report = chainrule(&["train", &circuit, "--save", own.trim_end_matches('/')]).expect_err("a folder");
    assert!(report.contains("it is a folder"), "{report}");
}

/// √a is NaN once a is below 0, and its gradient with it.
#[test]
fn an_objective_that_is_no_number_stops_the_training() {
    let folder = Folder::new("train");
    put(&folder, "line.csv", LINE);
    let text = format!("input x\nlabel y\nparam a = -1\nminimize mse(sqrt(a) * x, y)\n{BLOCK}");
    let circuit = put(&folder, "a.circuit", &text);
    for on in ["host", "loopback"] {
        for batch in ["1", "2"] {
            let report = chainrule(&["train", &circuit, "--on", on, "--batch", batch]).expect_err("NaN");
            assert!(report.starts_with("error: the training diverged at step 1: "), "{on}, {batch}: {report}");
        }
    }
    // No gradient comes from this branch, so every step is fine, but the objective is not.
    let text = format!("input x\nlabel y\nparam a = 1\nminimize mse(a * x, y) + log(-1 + 0 * x)\n{BLOCK}");
    let circuit = put(&folder, "b.circuit", &text);
    let report = chainrule(&["train", &circuit]).expect_err("NaN");
    assert!(report.starts_with("error: the training diverged at step 1: the objective is not a number"), "{report}");
}

#[test]
fn bad_data_is_refused_with_its_place() {
    for (csv, why, place) in [
        ("x,z,side\n1,2,0\n", "there is no column `y`, which label `y` needs", "line.csv:1\n"),
        ("x,y,side\n1,2,0\n1,2\n", "this row has 2 values, the header has 3", "line.csv:3\n"),
        ("x,y,side\n1,NaN,0\n", "`NaN` in column `y` is not a finite f32", "line.csv:2, column 2\n"),
        ("x,y,side\n1,1e39,0\n", "`1e39` in column `y` is not a finite f32", "line.csv:2, column 2\n"),
        ("x,y,side\n1,two,0\n", "`two` in column `y` is not a number", "line.csv:2, column 2\n"),
        ("x,y,side\n", "the data has no rows", "line.csv\n"),
        ("", "the data has no header", "line.csv\n"),
    ] {
        let (folder, circuit) = line();
        put(&folder, "line.csv", csv);
        let report = chainrule(&["train", &circuit]).expect_err(why);
        assert!(report.starts_with(&format!("error: {why}\n --> ")), "{report}");
        assert!(report.contains(place) && report.contains("= help: "), "{report}");
    }
    let (folder, _) = line();
    put(&folder, "line.csv", "x,y,sid\n1,2,0\n");
    let circuit = put(&folder, "near.circuit", &format!("{FIT}{BLOCK}"));
    let report = chainrule(&["train", &circuit]).expect_err("no column");
    assert!(report.contains("did you mean `sid`?"), "{report}");
    put(&folder, "line.csv", "x,side\n1,2\n");
    let classes = "input x\nlabel side : class(2)\nlayer fc = dense(2)\nparam v[1] = [1]\n\
                   minimize cross_entropy(fc(v * x), side)\ntrain { data = \"line.csv\" }\n";
    let circuit = put(&folder, "classes.circuit", classes);
    let report = chainrule(&["train", &circuit]).expect_err("no class");
    assert!(report.contains("label `side` is `2`, not one of 2 classes"), "{report}");
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let (folder, circuit) = line();
    let refused = |text: &str, why: &str, help: &str| {
        let circuit = put(&folder, "other.circuit", text);
        let report = chainrule(&["train", &circuit]).expect_err(why);
        assert!(report.contains(why) && report.contains(help), "{report}");
    };
    let no_objective = FIT.replace("minimize", "loss =");
    refused(&format!("{no_objective}{BLOCK}"), "the circuit has no objective to train for", "minimize");
    let no_params = FIT.replace("param", "input");
    refused(&format!("{no_params}{BLOCK}"), "there is nothing to train: no params", "climb");
    let frozen = BLOCK.replace("epochs", "freeze = [a, b]\nepochs");
    refused(&format!("{FIT}{frozen}"), "all params are frozen", "freeze");
    refused(FIT, "no data", "--data");
    let all = BLOCK.replace("epochs", "split = 0.95\nepochs");
    refused(&format!("{FIT}{all}"), "no row is left to train on: all 6 are held out", "--split");
    let gone = BLOCK.replace("line.csv", "lines.csv");
    refused(&format!("{FIT}{gone}"), "there is no such data file", "--data");
    for (options, why) in [
        (["--batch", "0"], "invalid value '0' for '--batch"),
        (["--lr", "inf"], "expected a finite number"),
        (["--lr", "NaN"], "expected a finite number"),
        (["--lr", "1e39"], "the learning rate is not a finite f32"),
        (["--split", "1"], "expected a share from 0 to below 1"),
        (["--split=-0.1", "--json"], "expected a share"),
        (["--split", "NaN"], "expected a share"),
        (["--on", "moon"], "moon"),
    ] {
        let report = chainrule(&["train", &circuit, options[0], options[1]]).expect_err(why);
        assert!(report.contains(why), "{report}");
    }
}

/// Where options do not check, the training does.
#[test]
fn the_library_checks_what_the_options_check() {
    use chainrule_cli::lower::{Holdout, Lowered, lower};
    use chainrule_cli::train::{TrainError, train};
    let (_folder, circuit) = line();
    let written = chainrule_cli::text::read(&circuit).expect("reads");
    let lowered: Lowered<f32> = lower(&written, &[], None).expect("lowers");
    let with = |change: fn(&mut chainrule_cli::lower::Training<f32>)| {
        let mut training = lowered.training.clone();
        change(&mut training);
        train(&lowered, &training, "host", &mut |_| {})
    };
    assert!(matches!(with(|training| training.batch = 0), Err(TrainError::EmptyBatch)));
    let rate = with(|training| training.optimiser.rate = f32::NAN);
    assert!(matches!(rate, Err(TrainError::Rate { scalar: "f32" })));
    let share = with(|training| training.split = Holdout::Rows(1.5));
    assert!(matches!(share, Err(TrainError::Share { .. })));
    let before = with(|training| training.epochs = 0).expect("trains not at all");
    let start: Vec<Vec<f32>> = lowered.params.iter().map(|param| param.start.clone()).collect();
    assert_eq!((before.steps, before.params), (0, start));
}

/// A class by a small network, with everything that a training can have; 240 rows, 48 held out.
fn many(folder: &Folder, settings: &str) -> String {
    let mut rows = "x0,x1,y\n".to_owned();
    for k in 0..240 {
        let (a, b) = ((k * 37 % 101) as f64 / 50.0 - 1.0, (k * 53 % 89) as f64 / 44.0 - 1.0);
        let class = u8::from(a * b + 0.3 * (k % 7) as f64 / 7.0 > 0.1);
        rows += &format!("{a},{b},{class}\n");
    }
    put(folder, "many.csv", &rows);
    let text = "param s = 1\nt = s * 0.5\ninput x[2]\nlabel y : class(2)\nlayer a = dense(6)\nlayer b = dense(2)\n\
                minimize cross_entropy(b(tanh(a(x * t))), y)\n";
    let block = format!("train {{\ndata = \"many.csv\"\nsplit = 0.2\n{settings}\n}}\n");
    put(folder, "many.circuit", &format!("{text}{block}"))
}

#[test]
fn a_saved_training_goes_on_as_if_it_had_never_stopped() {
    let settings = [
        "optimizer = sgd(0.1)\nbatch = 1",
        "optimizer = sgd(0.1)\nbatch = 5\nclip = norm(0.1)\nweight_decay = 0.01",
        "optimizer = momentum(0.05)\nbatch = 1\nschedule = step(every = 50, factor = 0.5)",
        "optimizer = nesterov(0.05)\nbatch = 7\nkeep = best",
        "optimizer = adam(0.02)\nbatch = 5\nschedule = cosine(steps = 200)\nwarmup = 20\nkeep = best\npatience = 3",
        "optimizer = adamw(0.02)\nbatch = 1",
        "optimizer = rmsprop(0.01)\nbatch = 4\nclip = value(0.2)",
    ];
    for settings in settings {
        let folder = Folder::new("train");
        let circuit = many(&folder, settings);
        for scalar in ["f32", "f64"] {
            // Within an epoch and at its end, here and there: a batch of 5 takes 39 steps an epoch.
            for (half, on, then_on) in [("78", "host", "host"), ("90", "host", "loopback"), ("90", "loopback", "host")]
            {
                let (state, all) = (folder.file("s.state"), folder.file("all.state"));
                let run = |steps, on, rest: &[&str]| {
                    let line = ["train", &circuit, "--steps", steps, "--scalar", scalar, "--on", on];
                    told(&[&line, rest].concat())
                };
                let whole = run("200", "host", &["--save-state", &all]);
                run(half, on, &["--save-state", &state]);
                let parts = run("200", then_on, &["--resume", &state, "--save-state", &state]);
                assert_eq!(whole, parts, "{settings}: {scalar}, {half} on {on}, then {then_on}");
                assert_eq!(fs::read(&all).unwrap(), fs::read(&state).unwrap(), "{settings}: the states");
            }
        }
    }
}

#[test]
fn a_training_ends_early_and_keeps_the_best() {
    let folder = Folder::new("train");
    // A rate so high that the loss soon goes up and down.
    let circuit = many(&folder, "optimizer = adam(0.5)\nbatch = 2\nepochs = 60");
    let (last, best) = (folder.file("last.safetensors"), folder.file("best.safetensors"));
    let early = told(&["train", &circuit, "--patience", "4", "--keep", "best", "--save", &best]);
    let epochs = early["epochs"].as_u64().unwrap();
    let kept = early["kept"].as_u64().unwrap();
    assert!(early["ended_early"] == true && epochs < 60, "{early}");
    assert_eq!(epochs, kept + 4);
    // The same run, ended at that epoch, is what was kept.
    let there = told(&["train", &circuit, "--epochs", &kept.to_string(), "--save", &last]);
    assert_eq!((&there["params_hash"], &there["loss"]), (&early["params_hash"], &early["loss"]));
    assert_eq!(fs::read(&last).unwrap(), fs::read(&best).unwrap());
    // Every other epoch is worse.
    for epoch in (1..=epochs).filter(|epoch| *epoch != kept) {
        let other = told(&["train", &circuit, "--epochs", &epoch.to_string()]);
        assert!(other["loss"].as_f64() >= early["loss"].as_f64(), "epoch {epoch}");
    }
    let without = told(&["train", &circuit, "--patience", "4"]);
    assert_eq!((without["epochs"].as_u64(), &without["kept"]), (Some(epochs), &serde_json::Value::Null));
}

#[test]
fn a_saved_training_goes_on_as_what_it_was() {
    let folder = Folder::new("train");
    let circuit = many(&folder, "optimizer = adam(0.01)\nbatch = 4\nschedule = cosine");
    let state = folder.file("s.state");
    chainrule(&["train", &circuit, "--steps", "60", "--save-state", &state]).unwrap();
    let refused = |rest: &[&str]| {
        let line = [&["train", &circuit, "--resume", &state], rest].concat();
        chainrule(&line).expect_err("should be refused")
    };
    let told = refused(&["--steps", "60"]);
    assert!(told.starts_with("error: the saved training has made 60 steps, and 60 are asked for"), "{told}");
    let told = refused(&["--steps", "120"]);
    assert!(
        told.contains("schedule was cosine(steps = 60, floor = 0), and is cosine(steps = 120, floor = 0)"),
        "{told}"
    );
    assert!(told.ends_with("`schedule = cosine(steps = 60, floor = 0)`"), "{told}");
    let circuit = many(&folder, "optimizer = adam(0.01)\nbatch = 4");
    chainrule(&["train", &circuit, "--steps", "60", "--save-state", &state]).unwrap();
    for (rest, what) in [
        (["--batch", "8"], "batch was 4, and is 8"),
        (["--seed", "2"], "seed was 1, and is 2"),
        (["--lr", "0.5"], "optimizer was adam(lr = 0.01"),
        (["--split", "0.5"], "rows to train on was 192, and is 120"),
        (["--freeze", "a.bias"], "frozen was nothing, and is a.bias"),
    ] {
        let told = refused(&[&rest, &["--steps", "120"][..]].concat());
        assert!(told.contains(what) && told.contains("help: "), "{told}");
    }
    // Weights alone are no training; a training has weights.
    let weights = folder.file("w.safetensors");
    chainrule(&["train", &circuit, "--steps", "60", "--save", &weights]).unwrap();
    let told = chainrule(&["train", &circuit, "--resume", &weights]).expect_err("no state");
    assert!(told.starts_with("error: this is no saved training") && told.contains("`train --load`"), "{told}");
    let from = |file: &str| chainrule(&["train", &circuit, "--steps", "5", "--load", file]).unwrap();
    assert_eq!(from(&weights), from(&state));
    let rows = fs::read_to_string(folder.file("many.csv")).unwrap();
    put(&folder, "many.csv", &rows.replacen("-1,", "-0.5,", 1));
    let told = refused(&["--steps", "120"]);
    assert!(told.contains("another run"), "{told}");
}
