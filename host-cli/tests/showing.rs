//! What `draw`, `size`, `boards` and `--plot` put on paper, as a person calls them.

mod folder;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use folder::Folder;
use serde_json::Value;

/// The program in the repository's folder, as the README calls it.
fn chainrule(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chainrule"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("")).args(arguments);
    command.output().unwrap()
}

fn said(arguments: &[&str]) -> String {
    let output = chainrule(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = chainrule(arguments);
    assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// One line of JSON, and nothing beside it.
fn json(arguments: &[&str]) -> Value {
    let text = said(arguments);
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// `chainrule draw tests/corpus/seed.circuit --theme light -o host-cli/pictures/seed-light.svg`, and
/// so for the neuron and in dark.
#[test]
fn the_pictures_in_the_readme_are_made_by_their_commands() {
    let folder = Folder::new("readme");
    for (circuit, name) in [("seed.circuit", "seed"), ("seed-neuron.circuit", "neuron")] {
        for theme in ["light", "dark"] {
            let file = format!("{name}-{theme}.svg");
            let circuit = format!("tests/corpus/{circuit}");
            said(&["draw", &circuit, "--theme", theme, "-o", &folder.file(&file)]);
            let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("pictures").join(&file);
            assert!(fs::read(folder.file(&file)).unwrap() == fs::read(kept).unwrap(), "{file}");
        }
    }
}

#[test]
fn a_formula_in_the_terminal() {
    let expected = "
      −2
( x )──────┐ ┌───┐
      ◀ −4 └▶│   │ 3         ▲ maximize
      5      │ + │──────┐       ╔═══╗
( y )───────▶│   │ ◀ −4 └──────▶║   ║ −12
      ◀ −4   └───┘              ║ × ║───────────
                   −4    ┌─────▶║   ║ ◀ 1
             ( z )───────┘      ╚═══╝
                   ◀ 3     f = (x + y) · z
";
    assert_eq!(format!("\n{}", said(&["draw", "(x + y) * z", "x=-2", "y=5", "z=-4"])), expected);
}

#[test]
fn a_state_on_the_way_back() {
    let text = said(&["draw", "tests/corpus/seed.circuit", "--step", "1"]);
    // The last gate has passed its gradient to q and z; x and y have none yet.
    assert!(text.contains("◀ −4") && text.contains("◀ 3") && text.contains("◀ 1"), "{text}");
    assert_eq!(text.matches("◀ −4").count(), 1, "{text}");
    let start = said(&["draw", "tests/corpus/seed.circuit", "--step", "0"]);
    assert_eq!(start.matches("◀ ").count(), 1, "{start}");
    let end = said(&["draw", "tests/corpus/seed.circuit", "--step", "2"]);
    assert_eq!(end, said(&["draw", "tests/corpus/seed.circuit"]));
}

#[test]
fn files_and_what_is_told_of_them() {
    let folder = Folder::new("files");
    let (svg, png) = (folder.file("f.svg"), folder.file("f.PNG"));
    let told = json(&["draw", "tests/corpus/digits.circuit", "-o", &svg, "--json"]);
    assert_eq!(
        (&told["file"], &told["nodes"], &told["values"], &told["steps"]),
        (&svg.clone().into(), &8.into(), &false.into(), &0.into())
    );
    assert_eq!(told["bytes"], fs::metadata(&svg).unwrap().len());
    assert!(fs::read_to_string(&svg).unwrap().contains(">dense 64 → 32</text>"));
    let told = json(&["draw", "tests/corpus/digits.circuit", "--row", "0", "-o", &png, "--json"]);
    assert_eq!((&told["values"], &told["steps"]), (&true.into(), &5.into()));
    assert!(fs::read(&png).unwrap().starts_with(b"\x89PNG"));
    said(&["draw", "tests/corpus/seed.circuit", "--animate", "-o", &svg]);
    assert!(fs::read_to_string(&svg).unwrap().contains("@keyframes"));
    let told = json(&["draw", "x * y", "--json"]);
    assert!(told["file"].is_null() && told["text"].as_str().unwrap().contains("f = x · y"));
}

#[test]
fn what_cannot_be_drawn_says_why() {
    let folder = Folder::new("refused");
    let seed = "tests/corpus/seed.circuit";
    let lost = folder.file("no/f.svg");
    let binary = folder.file("binary.circuit");
    fs::write(&binary, b"input x\nf = \xff\n").unwrap();
    for (arguments, why) in [
        (&["draw", "x * y", "x=1"][..], "`y` has no value"),
        (&["draw", "x * y", "--step", "1"], "`x` has no value"),
        (&["draw", seed, "-o", "f.pdf"], ".svg or .png"),
        (&["draw", seed, "-o", &lost], "there is no folder"),
        (&["draw", seed, "--animate"], "--output"),
        (&["draw", seed, "--animate", "-o", "f.png"], "f.png is a PNG"),
        (&["climb", seed, "--plot", &lost], "there is no folder"),
        (&["train", "tests/corpus/xor.circuit", "--plot", &lost], "there is no folder"),
        (&["size", "no.circuit"], "there is no file no.circuit"),
        (&["size", &binary], &format!("this line is not text (UTF-8)\n --> {binary}:2\n")),
    ] {
        let told = refused(arguments);
        assert!(told.contains(why), "{arguments:?}: {told}");
    }
}

/// By hand: digits 64-32-10 has 2,410 params. Training keeps the image (the scaled one in its
/// place), the label, 32 and 10 values, the loss with 11 numbers for the way back; gradients of the
/// hidden wire (which becomes that of what relu reads, in its place), the logits and the loss. Inference keeps at most the image, the label and 32 values.
#[test]
fn the_size_of_digits() {
    let told = json(&["size", "tests/corpus/digits.circuit", "--json"]);
    let ram = &told["ram"];
    let gates = ram["gates"].as_u64().unwrap();
    let of = |region: &str| ram[region].as_u64().unwrap();
    let regions = ["params", "values", "gradients", "optimiser"].map(of);
    assert_eq!(regions, [2410 * 4, (64 + 1 + 32 + 10 + 12) * 4, (32 + 10 + 1) * 4, 0]);
    assert_eq!(of("training"), gates + regions.iter().sum::<u64>());
    assert_eq!(of("inference"), gates + (2410 + 64 + 1 + 32) * 4);
    assert_eq!(told["flash"], gates + 2410 * 4);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&told), ["boards", "flash", "ram"]);
    assert_eq!(keys(ram), ["gates", "gradients", "inference", "optimiser", "params", "training", "values"]);
    assert_eq!(told["boards"]["microbit"], serde_json::json!({"training": true, "inference": true, "missing": 0}));
    assert_eq!(keys(&told["boards"]).len(), 5);
}

#[test]
fn what_does_not_fit_tells_the_bytes_that_are_missing() {
    let folder = Folder::new("large");
    let file = folder.file("large.circuit");
    // 60 · 45 + 45 = 2,745 params alone are more than the 2,720 numbers of the arena. Inference adds
    // 60 and 45 values; training the loss, and gradients of 45 values and the loss.
    let text = "input x[60]\nlayer fc = dense(45)\nminimize sum(fc(x))\n";
    fs::write(&file, text).unwrap();
    let told = json(&["size", &file, "--json"]);
    let microbit = &told["boards"]["microbit"];
    let arena = [told["ram"]["params"].clone(), told["ram"]["values"].clone(), told["ram"]["gradients"].clone()];
    let arena: u64 = arena.iter().map(|region| region.as_u64().unwrap()).sum();
    assert_eq!(told["ram"]["params"], 2745 * 4);
    assert_eq!(microbit["missing"].as_u64().unwrap(), arena - 2720 * 4);
    assert_eq!((&microbit["training"], &microbit["inference"]), (&false.into(), &false.into()));
    let text = said(&["size", &file]);
    assert!(text.contains("does not fit: misses"), "{text}");
    // Three layers of 28 · 28 + 28 params leave 284 numbers: enough for two vectors of 28 at a time,
    // not for nine gradients of 28.
    let layers = [1, 2, 3].map(|k| format!("layer fc{k} = dense(28)\nh{k} = exp(exp(fc{k}(h{})))\n", k - 1));
    fs::write(&file, format!("input h0[28]\n{}minimize sum(h3)\n", layers.concat())).unwrap();
    let text = said(&["size", &file]);
    assert!(text.contains("inference only: training misses"), "{text}");
}

#[test]
fn batches_need_memory_for_their_sums() {
    let folder = Folder::new("batch");
    let file = folder.file("batch.circuit");
    fs::write(&file, "input x[4]\nlayer fc = dense(3)\nminimize sum(fc(x))\ntrain { batch = 8 }\n").unwrap();
    assert_eq!(json(&["size", &file, "--json"])["ram"]["optimiser"], 15 * 4);
}

#[test]
fn the_boards_in_words_and_in_json() {
    let text = said(&["boards"]);
    let row = text.lines().find(|line| line.contains("microbit")).unwrap();
    for word in ["Cortex-M0", "256 KiB", "16 KiB", "emulated", "by port", "built"] {
        assert!(row.contains(word), "{word}: {row}");
    }
    let told = json(&["boards", "--json"]);
    let first = &told["boards"][0];
    assert_eq!((&first["name"], &first["ram"]), (&"mps2-an386".into(), &4_194_304.into()));
    assert_eq!((&first["by_port"], first["image_built"].is_boolean()), (&false.into(), true));
    assert!(told["ports"].is_array());
}

#[test]
fn curves_of_climbing_and_training() {
    let folder = Folder::new("curves");
    let (svg, png) = (folder.file("c.svg"), folder.file("t.png"));
    let seed = "tests/corpus/seed.circuit";
    said(&["climb", seed, "--step", "0.01", "--steps", "30", "--plot", &svg]);
    let drawn = fs::read_to_string(&svg).unwrap();
    assert!(drawn.contains(">step</text>") && drawn.contains("class=\"line a\""));
    let told = json(&["train", "tests/corpus/xor.circuit", "--steps", "100", "--plot", &png, "--json"]);
    assert_eq!(told["steps"], 100);
    assert!(fs::read(&png).unwrap().starts_with(b"\x89PNG"));
}
