//! A firmware that depends on the core as anybody's would: what `export --rust` wrote compiles in it
//! without a warning, says and learns what the host does, and takes what its budget says.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use chainrule::{Purpose, RunError, Tape};
use chainrule_cli::board::elf::Contents;
use chainrule_cli::board::emulator::Emulator;
use chainrule_cli::board::{budget, image, table};
use chainrule_cli::engine::{Engine, Host, Work, sample_wires};
use chainrule_cli::lower::{Lowered, Training, lower};
use chainrule_cli::text::source;
use chainrule_cli::weights;

const CHAINRULE: &str = env!("CARGO_BIN_EXE_chainrule");
const TARGET: &str = "thumbv6m-none-eabi";
/// As in the firmware.
const STEPS: u32 = 40;

fn run(command: &mut Command) -> String {
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{command:?}: {said}");
    said
}

/// Trains the network and exports it to where the firmware includes it.
fn export(folder: &Path) -> PathBuf {
    fs::create_dir_all(folder.join("target")).unwrap();
    let (weights, model) = (folder.join("target/weights.safetensors"), folder.join("target/model.rs"));
    let circuit = folder.join("last-layer.circuit");
    run(Command::new(CHAINRULE).arg("train").arg(&circuit).arg("--save").arg(&weights));
    run(Command::new(CHAINRULE)
        .args(["export", "--rust"])
        .arg(&circuit)
        .arg("--weights")
        .arg(&weights)
        .arg("-o")
        .arg(&model));
    run(Command::new("rustfmt").args(["--check", "--edition", "2024"]).arg(&model));
    run(Command::new("rustfmt")
        .args(["--check", "--edition", "2024", "--config", "max_width=100,use_small_heuristics=Default"])
        .arg(&model));
    weights
}

/// The firmware's sample, as it writes it.
fn sample(lowered: &Lowered<f32>, tape: &mut Tape<'_, f32>, step: u32) -> Result<(), RunError> {
    let image: Vec<f32> = (0..64).map(|i| ((i * 7 + step * 13) % 17) as f32).collect();
    tape.set(lowered.wire("image").unwrap(), &image)?;
    tape.set(lowered.wire("digit").unwrap(), &[(step % 10) as f32])
}

/// What the firmware should say.
fn expected(circuit: &Path, path: &Path) -> Result<String, RunError> {
    let mut lowered: Lowered<f32> = lower(&source::read(circuit.to_str().unwrap()).unwrap(), &[], None).unwrap();
    weights::load(path, &mut lowered).unwrap();
    let mut said = String::new();
    for purpose in [Purpose::Inspect, Purpose::Train] {
        let mut host = Host::new(lowered.view(), purpose).unwrap();
        let mut tape = host.tape()?;
        for param in &lowered.params {
            tape.set(param.wire, &param.start)?;
        }
        if purpose == Purpose::Inspect {
            sample(&lowered, &mut tape, 0)?;
            tape.forward();
            let logits = tape.value(lowered.wire("logits").unwrap())?;
            said += "logits";
            logits.iter().for_each(|x| said += &format!(" {:08x}", x.to_bits()));
            continue;
        }
        let mut loss = 0.0f32;
        for step in 0..STEPS {
            sample(&lowered, &mut tape, step)?;
            loss = tape.train_step(0.05)?;
        }
        let hash = tape.params_hash();
        said += &format!("\nloss {:08x}\nhash {:08x} {:08x}\n", loss.to_bits(), hash >> 32, hash as u32);
    }
    Ok(said)
}

#[test]
fn a_firmware_of_a_stranger_says_and_learns_what_the_host_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("tests").join("stranger");
    let weights = export(&folder);
    let mut cargo = image::cargo(TARGET).unwrap();
    cargo.current_dir(&folder).args(["build", "--locked", "--release"]);
    cargo.env("RUSTFLAGS", "-D warnings");
    run(&mut cargo);
    run(Command::new("rustfmt").args(["--check", "--edition", "2024"]).arg(folder.join("src/main.rs")));
    let program = folder.join("target").join(TARGET).join("release/stranger");

    let contents = Contents::read(&program).unwrap();
    let budget = budget::program("stranger").unwrap();
    println!("flash: {} of {}, RAM: {} of {}", contents.flash(), budget.flash, contents.ram, budget.ram);
    assert!(contents.flash() <= u64::from(budget.flash), "flash: {} bytes", contents.flash());
    assert!(contents.flash() * 4 >= u64::from(budget.flash) * 3, "flash: {}; lower the budget", contents.flash());
    assert!(contents.ram <= u64::from(budget.ram), "RAM: {} bytes", contents.ram);

    let board = table::find("microbit").unwrap();
    let mut emulator = Emulator::start(board, &program, true, &[]).unwrap();
    let mut said = String::new();
    emulator.take_log().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, expected(&folder.join("last-layer.circuit"), &weights).unwrap());
    assert!(said.contains("\nhash "));
}

/// Whether a batch of the one sample that is all zeros trains this circuit on the host, and the hash over
/// its params then; nothing if there is nothing to train.
fn one_step(file: &Path) -> Option<(bool, u64)> {
    let lowered: Lowered<f32> = lower(&source::read(file.to_str().unwrap()).unwrap(), &[], None).unwrap();
    if lowered.objective().is_none() || lowered.params.iter().all(|param| param.frozen) {
        return None;
    }
    let Training { optimiser, batch, seed, .. } = lowered.training;
    let mut host = Host::new(lowered.view(), optimiser.purpose(batch)).unwrap();
    for param in &lowered.params {
        host.set(param.wire, 0, &param.start).unwrap();
    }
    let len = sample_wires(&lowered.view()).iter().map(|&wire| lowered.view().shape(wire).len()).sum();
    host.keep(vec![0.0; len], &mut |_| ()).unwrap();
    host.train(chainrule::Training::new(optimiser, batch).with_seed(seed)).unwrap();
    let trained = host.run(Work::Train, &[0], &mut |_| ()).and_then(|_| host.end_batch());
    Some((trained.is_ok(), host.params_hash().unwrap()))
}

/// Every circuit of the corpus as a source file: one program that takes them all, without a warning,
/// finds the params' hash that each file tells, and makes the host's first step.
#[test]
fn every_circuit_of_the_corpus_compiles() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("tests").join("corpus");
    let crate_folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exported");
    fs::create_dir_all(crate_folder.join("src")).unwrap();
    let (mut modules, mut calls, mut count, mut trained) = (String::new(), String::new(), 0, 0);
    let mut files: Vec<PathBuf> = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "circuit")) {
        let text = fs::read_to_string(file).unwrap();
        // The compiler runs the planner as an interpreter does: half a minute for a thousand gates.
        // What an input is normalized by is not in the text.
        if text.lines().count() > 500 || text.lines().any(|line| line.starts_with("normalize ")) {
            continue;
        }
        let module = crate_folder.join(format!("src/m{count}.rs"));
        // Of those that train in one way of many, each; of the others, half of the files are for inference.
        let trains = file.file_name().unwrap().to_string_lossy().starts_with("train-");
        let inference = if count % 2 == 0 && !trains { &["--inference"][..] } else { &[] };
        run(Command::new(CHAINRULE).args(["export", "--rust"]).arg(file).args(inference).arg("-o").arg(&module));
        modules += &format!("mod m{count};\n");
        let name = file.file_name().unwrap().to_string_lossy();
        calls += &format!(
            "    assert_eq!(m{count}::infer(&mut vec![0.0; m{count}::INFER_LEN]).unwrap().params_hash(), \
             m{count}::PARAMS_HASH, \"{name}\");\n"
        );
        if let (true, Some((steps, hash))) = (inference.is_empty(), one_step(file)) {
            calls += &format!(
                "    {{\n        let mut arena = vec![0.0; m{count}::TRAIN_LEN];\n        \
                 let (mut tape, mut training) = (m{count}::train(&mut arena).unwrap(), m{count}::TRAINING);\n        \
                 let done = training.sample(&mut tape).and_then(|_| training.end_batch(&mut tape));\n        \
                 assert_eq!((done.is_ok(), tape.params_hash()), ({steps}, {hash}), \"a step of {name}\");\n    }}\n"
            );
            trained += 1;
        }
        count += 1;
    }
    println!("{count} circuits, {trained} of them trained");
    assert!(count > 50 && trained > 10);
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("core");
    let manifest = format!(
        "[package]\nname = \"exported\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nchainrule = {{ path = {core:?} }}\n"
    );
    fs::write(crate_folder.join("Cargo.toml"), manifest).unwrap();
    // The versions that everything else here uses.
    fs::copy(core.with_file_name("Cargo.lock"), crate_folder.join("Cargo.lock")).unwrap();
    fs::write(crate_folder.join("src/main.rs"), format!("{modules}\nfn main() {{\n{calls}}}\n")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    run(cargo.current_dir(&crate_folder).env("RUSTFLAGS", "-D warnings").args([
        "run",
        "--quiet",
        "--target-dir",
        "target",
    ]));
}
