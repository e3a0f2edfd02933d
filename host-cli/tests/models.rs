//! What has been trained: tested, asked and adapted, from the command line's side; the same bits on
//! every engine, and the watch that is worn the wrong way round.

use std::fs;
use std::io::Write;
use std::process::{Command as Process, Stdio};

use calling::{chainrule, put, told};
use folder::Folder;
use serde_json::Value;

mod calling;
mod folder;
#[path = "../examples/watch/people.rs"]
mod people;

const DIGITS: &str = "../tests/corpus/digits.circuit";
const PENDULUM: &str = "../tests/corpus/pendulum.circuit";
const WATCH: &str = "../tests/corpus/watch.circuit";

/// The bytes of a param in a file of weights.
fn weight(path: &str, name: &str) -> Vec<u8> {
    let bytes = fs::read(path).expect("is saved");
    safetensors::SafeTensors::deserialize(&bytes).expect("reads").tensor(name).expect("is there").data().to_vec()
}

#[test]
fn a_test_finds_what_the_training_found() {
    let folder = Folder::new("models-test");
    let saved = folder.file("w.safetensors");
    for (circuit, options) in [
        (DIGITS, &["--steps", "400"][..]),
        (DIGITS, &["--steps", "400", "--seed", "3", "--split", "0.1"]),
        (WATCH, &["--epochs", "1", "--hold-out", "subject=3"]),
        (PENDULUM, &["--epochs", "2"]),
    ] {
        let trained = told(&[&["train", circuit, "--save", &saved][..], options].concat());
        let rows = options.strip_prefix(&["--steps", "400"]).or(options.strip_prefix(&["--epochs", "1"]));
        let rows = rows.unwrap_or_default();
        for on in ["host", "loopback"] {
            let tested = told(&[&["test", circuit, "--weights", &saved, "--on", on][..], rows].concat());
            assert_eq!((&tested["loss"], &tested["accuracy"]), (&trained["loss"], &trained["accuracy"]), "{circuit}");
            let has_classes = circuit != PENDULUM;
            assert_eq!((tested["confusion"].is_array(), tested["mae"].is_null()), (has_classes, has_classes));
        }
    }
    // Rows by a value are those rows, whatever was held out.
    told(&["train", WATCH, "--epochs", "1", "--save", &saved]);
    let held = told(&["test", WATCH, "--weights", &saved]);
    let rows = told(&["test", WATCH, "--weights", &saved, "--rows", "subject=7"]);
    // In another order, so the sum may be rounded another way.
    assert_eq!((&rows["rows"], &rows["confusion"]), (&held["rows"], &held["confusion"]));
    let report = chainrule(&["test", WATCH, "--weights", &saved, "--rows", "subject=11"]).expect_err("no such person");
    assert!(report.contains("no row has `11` in column `subject`"), "{report}");
}

#[test]
fn numbers_have_errors_and_may_mean_two_sides() {
    let folder = Folder::new("models-sides");
    let saved = folder.file("w.safetensors");
    // y = x, told as a = 1 · x + b = 0.5.
    let text = "input x\nlabel y\nparam a = 1\nparam b = 0.5\nminimize LOSS\ntrain { data = \"d.csv\" }\n";
    let model = |loss: &str, data: &str| -> Value {
        put(&folder, "d.csv", data);
        let circuit = put(&folder, "d.circuit", &text.replace("LOSS", loss));
        told(&["train", &circuit, "--lr", "0", "--steps", "1", "--scalar", "f64", "--save", &saved]);
        let tested = told(&["test", &circuit, "--weights", &saved, "--scalar", "f64"]);
        assert_eq!(tested, {
            let mut there = told(&["test", &circuit, "--weights", &saved, "--scalar", "f64", "--on", "loopback"]);
            there["on"] = "host".into();
            there
        });
        tested
    };
    let by_hand = model("mse(a * x + b, y)", "x,y\n0,0\n1,2\n2,4\n");
    // Errors 0.5, −0.5, −1.5; labels spread by 4 + 0 + 4.
    let figures = ["mae", "rmse", "r2", "loss"].map(|name| by_hand[name].as_f64().expect("a number"));
    let wanted = [2.5 / 3.0, (2.75f64 / 3.0).sqrt(), 1.0 - 2.75 / 8.0, 2.75 / 3.0];
    assert!(figures.iter().zip(wanted).all(|(is, wanted)| (is - wanted).abs() < 1e-15), "{by_hand}");
    assert!(by_hand["accuracy"].is_null());
    // The same turned round, and with a penalty beside it.
    let turned = model("mse(y, a * x + b) + 0 * a", "x,y\n0,0\n1,2\n2,4\n");
    assert_eq!((&turned["mae"], &turned["r2"]), (&by_hand["mae"], &by_hand["r2"]));
    // Told 0.5, 1.5, −1.5, 0.2 against 0, 1, 0, 1: by ½ one is wrong, the last.
    let half = model("mse(a * x + b, y)", "x,y\n0,0\n1,1\n-2,0\n-0.3,1\n");
    assert_eq!((&half["accuracy"], &half["confusion"]), (&0.75.into(), &serde_json::json!([[2, 0], [1, 1]])));
    assert!(half["mae"].is_number());
    // By the sign, the first is wrong too.
    for (loss, low, wanted) in [("binary_cross_entropy", "0", 0.75), ("hinge", "-1", 0.75), ("mse", "-1", 0.75)] {
        let data = format!("x,y\n0,{low}\n1,1\n-2,{low}\n-0.3,1\n");
        let sides = model(&format!("{loss}(a * x + b, y)"), &data);
        assert_eq!(sides["accuracy"].as_f64(), Some(wanted), "{loss}: {sides}");
        assert_eq!(sides["confusion"], serde_json::json!([[1, 1], [0, 2]]), "{loss}");
    }
}

/// A penalty on weights, or a loss on two sides, takes no accuracy away.
#[test]
fn accuracy_of_objectives_that_are_more_than_a_cross_entropy() {
    let folder = Folder::new("models-terms");
    let saved = folder.file("w.safetensors");
    let data = fs::canonicalize("../tests/data/digits.csv").expect("is there").display().to_string();
    let digits = fs::read_to_string(DIGITS).expect("reads").replace("../data/digits.csv", &data);
    let bare = told(&["train", DIGITS, "--steps", "300"]);
    for objective in [
        "minimize cross_entropy(logits, digit) + 0 * sum(fc2.weight * fc2.weight)",
        "minimize 0 * sum(fc1.weight * fc1.weight) + 1 * cross_entropy(logits, digit)",
    ] {
        let circuit = put(&folder, "d.circuit", &digits.replace("minimize cross_entropy(logits, digit)", objective));
        for on in ["host", "loopback"] {
            let trained = told(&["train", &circuit, "--steps", "300", "--on", on, "--save", &saved]);
            assert_eq!(trained["accuracy"], bare["accuracy"], "{objective} on {on}");
            let tested = told(&["test", &circuit, "--weights", &saved, "--on", on]);
            assert_eq!(tested["accuracy"], bare["accuracy"], "{objective} on {on}");
        }
    }
    put(&folder, "s.csv", "x,y\n1,1\n-1,0\n2,1\n-2,0\n");
    let text = "input x\nlabel y\nparam a = 0\nminimize binary_cross_entropy(a * x, y)\n\
                train {\ndata = \"s.csv\"\nsplit = 0.5\nepochs = 50\noptimizer = sgd(0.5)\n}\n";
    let circuit = put(&folder, "s.circuit", text);
    assert_eq!(told(&["train", &circuit])["accuracy"], Value::from(1.0));
}

#[test]
fn predictions_come_as_csv_from_files_pipes_and_values() {
    let folder = Folder::new("models-predict");
    let saved = folder.file("w.safetensors");
    told(&["train", PENDULUM, "--epochs", "2", "--save", &saved]);
    let predict = |more: &[&str]| chainrule(&[&["predict", PENDULUM, "--weights", &saved][..], more].concat());
    let all = predict(&[]).expect("predicts");
    assert_eq!((all.lines().count(), all.lines().next()), (401, Some("predicted")));
    assert_eq!(all, predict(&["--on", "loopback"]).expect("predicts"));
    // No label needed; other columns in front stay in front.
    let rows = put(&folder, "rows.csv", "length,angle\n1.9209,1.8957\n1.7039,1.4719\n");
    let two: Vec<&str> = all.lines().take(3).collect();
    assert_eq!(predict(&["--data", &rows]).expect("predicts"), two.join("\n") + "\n");
    let kept = predict(&["--data", &rows, "--keep", "--row", "1"]).expect("predicts");
    assert_eq!(kept, format!("length,angle,predicted\n1.7039,1.4719,{}\n", two[2]));
    assert_eq!(predict(&["x=[1.7039, 1.4719]"]).expect("predicts"), format!("predicted\n{}\n", two[2]));
    let out = folder.file("told.csv");
    assert_eq!(predict(&["--data", &rows, "-o", &out]).expect("predicts"), format!("2 rows written to {out}\n"));
    assert_eq!(fs::read_to_string(&out).expect("is there"), two.join("\n") + "\n");
    let json = told(&["predict", PENDULUM, "--weights", &saved, "--data", &rows]);
    assert_eq!((&json["rows"], json["predicted"][1].to_string()), (&Value::from(2), two[2].to_owned()));

    let mut child = Process::new(env!("CARGO_BIN_EXE_chainrule"))
        .args(["predict", PENDULUM, "--weights", &saved, "--data", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut input = child.stdin.take().expect("has one");
    input.write_all(&fs::read(&rows).expect("reads")).expect("writes");
    drop(input);
    let output = child.wait_with_output().expect("ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), two.join("\n") + "\n");

    let twice = put(&folder, "twice.csv", "length,angle,predicted\n1,1,0\n");
    for (more, why) in [
        (&["--data", "nowhere.csv"][..], "there is no such data file"),
        (&["--row", "400"], "the data has no row 400"),
        (&["--data", &rows, "x=[1, 2, 3]"], "`x` is [2], its value is [3]"),
        (&["--data", &twice, "--keep"], "input `x` takes 2 columns, but 3 are left for it"),
        (&["--data", &rows, "-o", "no/folder.csv"], "cannot write no/folder.csv"),
    ] {
        let report = predict(more).expect_err(why);
        assert!(report.contains(why), "{report}");
    }
    let report = chainrule(&["predict", DIGITS, "--weights", &saved, "--row", "0"]).expect_err("of another circuit");
    assert!(report.contains("the weights have no `fc1.weight`") || report.contains("`fc1.weight` is"), "{report}");
}

/// The class told is the one that `test` counts, and probabilities add up to 1.
#[test]
fn classes_with_their_probabilities() {
    let folder = Folder::new("models-classes");
    let saved = folder.file("w.safetensors");
    told(&["train", DIGITS, "--steps", "500", "--save", &saved]);
    let line = ["predict", DIGITS, "--weights", &saved];
    let json = told(&[&line[..], &["--probabilities"]].concat());
    let rows = json["probability"].as_array().expect("a row each");
    assert_eq!(rows.len(), 1797);
    for (row, class) in rows.iter().zip(json["predicted"].as_array().expect("a class each")) {
        let shares: Vec<f64> = row.as_array().expect("ten").iter().map(|share| share.as_f64().expect("is")).collect();
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{row}");
        let own = shares[class.as_f64().expect("a class") as usize];
        assert!(shares.iter().all(|share| *share <= own));
    }
    let data = "../tests/data/digits.csv";
    let tested = told(&["test", DIGITS, "--weights", &saved, "--data", data]);
    let truth = fs::read_to_string(data).expect("reads");
    let truth: Vec<f64> =
        truth.lines().skip(1).map(|line| line.rsplit(',').next().expect("a label").parse().expect("is")).collect();
    let right =
        truth.iter().zip(json["predicted"].as_array().expect("is")).filter(|(is, told)| told.as_f64() == Some(**is));
    assert_eq!(tested["accuracy"].as_f64(), Some(right.count() as f64 / 1797.0));
    let csv = chainrule(&[&line[..], &["--row", "3"]].concat()).expect("predicts");
    assert!(csv.starts_with("predicted,probability\n3,0."), "{csv}");
}

#[test]
fn adapting_is_the_same_everywhere_and_leaves_alone_what_is_frozen() {
    let folder = Folder::new("models-adapt");
    let (saved, adapted) = (folder.file("w.safetensors"), folder.file("a.safetensors"));
    told(&["train", WATCH, "--epochs", "2", "--save", &saved]);
    for (freeze, same, other) in [
        ("", &["motion.mean", "motion.deviation"][..], &["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"][..]),
        ("fc1", &["fc1.weight", "fc1.bias"], &["fc2.weight", "fc2.bias"]),
        ("fc2,fc1.bias", &["fc1.bias", "fc2.weight", "fc2.bias"], &["fc1.weight"]),
        ("weights", &["fc1.weight", "fc2.weight"], &["fc1.bias", "fc2.bias"]),
    ] {
        let line = ["adapt", WATCH, "--weights", &saved, "--freeze", freeze, "--passes", "3", "--save", &adapted];
        let host = told(&line);
        assert_eq!(host, told(&[&line[..], &["--on", "loopback"]].concat()), "{freeze}");
        assert!(same.iter().all(|name| weight(&saved, name) == weight(&adapted, name)), "{freeze}");
        assert!(other.iter().all(|name| weight(&saved, name) != weight(&adapted, name)), "{freeze}");
        assert_eq!((&host["rows"], host["learned"].as_array().map(Vec::len)), (&Value::from(265), Some(35)));
        assert_eq!(host["steps"], Value::from(3 * 35));
    }
    // What it says after is what a test of the saved weights says of the whole recording.
    let now = told(&["adapt", WATCH, "--weights", &saved, "--save", &adapted]);
    let whole = told(&["test", WATCH, "--weights", &adapted, "--rows", "subject=7"]);
    let share = |part: &str| now[part]["accuracy"].as_f64().expect("a number");
    assert!(
        (whole["accuracy"].as_f64().expect("is") - (share("after") * 230.0 + share("fitted") * 35.0) / 265.0).abs()
            < 1e-12
    );
    assert_ne!(now["params_hash"], told(&["adapt", WATCH, "--weights", &saved, "--seed", "2"])["params_hash"]);
    for (more, why) in [
        (&["--freeze", "fc3"][..], "did you mean `fc1`?"),
        (&["--freeze", "fc1,fc2"], "all params are frozen"),
        (&["--rows", "subject"], "such as subject=7"),
        (&["--rows", "person=7"], "there is no column `person`"),
        (&["--lr", "1e30"], "the training diverged at step"),
        (&["--data", "nowhere.csv"], "there is no such data file"),
    ] {
        let report = chainrule(&[&["adapt", WATCH, "--weights", &saved][..], more].concat()).expect_err(why);
        assert!(report.contains(why), "{report}");
    }
    let size = |freeze: &str| told(&["size", WATCH, "--freeze", freeze])["ram"]["gradients"].as_u64().expect("bytes");
    // The gradients of h and its operand, and of logits and loss; then of logits and loss alone.
    assert!(size("fc1") < size(""), "{} {}", size("fc1"), size(""));
}

/// What inputs are brought to scale with comes from the training rows, and is never fitted again.
#[test]
fn scales_are_those_of_the_training() {
    let folder = Folder::new("models-scale");
    let (saved, adapted) = (folder.file("w.safetensors"), folder.file("a.safetensors"));
    told(&["train", WATCH, "--epochs", "1", "--hold-out", "subject=5", "--save", &saved]);
    let csv = fs::read_to_string("../tests/data/watch.csv").expect("reads");
    let rows: Vec<Vec<f64>> =
        csv.lines().skip(1).map(|line| line.split(',').map(|cell| cell.parse().expect("is")).collect()).collect();
    let seen: Vec<f64> = rows.iter().filter(|row| row[0] != 5.0).map(|row| f64::from(row[2] as f32)).collect();
    let mean = (seen.iter().sum::<f64>() / seen.len() as f64) as f32;
    assert_eq!(weight(&saved, "motion.mean")[..4], mean.to_le_bytes());
    told(&["adapt", WATCH, "--weights", &saved, "--rows", "subject=5", "--save", &adapted]);
    assert_eq!(weight(&adapted, "motion.mean"), weight(&saved, "motion.mean"));
    assert_eq!(weight(&adapted, "motion.deviation"), weight(&saved, "motion.deviation"));
    // A hundred times the motion is told otherwise: it is not brought back to scale.
    let values = |scale: f64| {
        let motion: Vec<String> = rows[0][2..].iter().map(|x| (x * scale).to_string()).collect();
        let given = format!("motion=[{}]", motion.join(", "));
        ["host", "loopback"].map(|on| {
            chainrule(&["predict", WATCH, "--weights", &saved, "--probabilities", "--on", on, &given])
                .expect("predicts")
        })
    };
    let ([host, loopback], [far, _]) = (values(1.0), values(100.0));
    assert_eq!(host, loopback);
    assert_ne!(host, far);
}

/// The table of the data's README: about 0.80, 0.22, and 0.84 over the whole recording.
#[test]
fn a_watch_worn_the_wrong_way_round_learns_it() {
    let everybody = people::PEOPLE.map(str::to_owned);
    let rows = people::table("host", &everybody, &mut |_| {}).expect("a table");
    let others: Vec<f64> = rows.iter().map(|row| people::mean(&row.accuracies).expect("ten people")).collect();
    let &[worn, turned, all, last, first, biases] = others.as_slice() else { panic!("{others:?}") };
    assert!((0.77..0.84).contains(&worn), "as in the training: {worn}");
    assert!((0.17..0.27).contains(&turned), "turned: {turned}");
    assert!((0.80..0.88).contains(&all), "adapted: {all}");
    assert!(all > first && all > last && first > biases && last > biases && biases > turned, "{others:?}");
    let whole = people::mean(&rows[2].wholes).expect("ten people");
    assert!((0.82..0.89).contains(&whole), "adapted, over the whole recording: {whole}");
    let trained: Vec<usize> = rows.iter().map(|row| row.trained).collect();
    assert_eq!(trained, [0, 0, 327, 119, 208, 23]);
}

/// Frozen and unfrozen, a person's watch learns the same on an emulated board, to the bit.
#[test]
fn an_emulated_board_adapts_to_the_same_bits() {
    let person = ["3".to_owned()];
    let rows = |on: &str| people::table(on, &person, &mut |_| {}).expect("a table");
    for (host, board) in rows("host").iter().zip(rows("mps2-an386")) {
        let figures = |row: &people::Row| (row.accuracies.clone(), row.wholes.clone(), row.hashes.clone());
        assert_eq!(figures(host), figures(&board), "{}", host.what);
    }
}
