//! The application that needs no host: its parts as they should be used, its learning on the emulated
//! board, and the image of the real one.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use chainrule_cli::board::elf::Contents;
use chainrule_cli::board::emulator::Emulator;
use chainrule_cli::board::{budget, image, table};

const CHAINRULE: &str = env!("CARGO_BIN_EXE_chainrule");

fn run(command: &mut Command) -> String {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// The features of one window, as `watch.csv` has them: means, then deviations, acceleration in g first.
type Features = [f32; 12];

/// Windows of one person who wears the watch turned by 90° about z, by class and in their order.
fn turned(subject: &str) -> Vec<Vec<Features>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("tests").join("data/watch.csv");
    let mut classes = vec![Vec::new(); 7];
    for line in fs::read_to_string(data).unwrap().lines().skip(1) {
        let mut words = line.split(',');
        let (who, class) = (words.next().unwrap(), words.next().unwrap());
        let x: Vec<f32> = words.map(|word| word.parse().unwrap()).collect();
        if who == subject {
            let turned = [-x[1], x[0], x[2], -x[4], x[3], x[5], x[7], x[6], x[8], x[10], x[9], x[11]];
            classes[class.parse::<usize>().unwrap()].push(turned);
        }
    }
    classes
}

/// A window as the sensor's units, rotation first, in Rust.
fn recording(features: &Features, presses: usize) -> String {
    let units = |i: usize| if i % 6 < 3 { 0.244e-3 } else { 0.070 * std::f32::consts::PI / 180.0 };
    let raw = |i: usize| (features[i] / units(i)).round() as i16;
    let order = [3, 4, 5, 0, 1, 2];
    let (middle, swing) = (order.map(raw), order.map(|i| raw(i + 6)));
    format!("    Recording {{ middle: {middle:?}, swing: {swing:?}, presses: {presses} }},\n")
}

/// What is played: every eighth window without a press, five windows of each class with the presses
/// that name it, twelve times over, then those of the beginning again.
fn windows(folder: &Path) -> (Vec<usize>, usize) {
    let classes = turned("7");
    let (mut text, mut asked, mut taught) = (String::new(), Vec::new(), String::new());
    for _ in 0..12 {
        for i in 0..5 {
            for (class, windows) in classes.iter().enumerate() {
                // Spread over the recording, and none of those that are asked for.
                taught += &recording(&windows[i * windows.len() / 5 / 8 * 8 + 4], class + 1);
            }
        }
    }
    for (class, windows) in classes.iter().enumerate() {
        for window in windows.iter().step_by(8) {
            text += &recording(window, 0);
            asked.push(class);
        }
    }
    let all = format!("{text}{taught}{text}");
    let count = all.lines().count();
    let text =
        format!("use standalone::recorded::Recording;\n\npub static WINDOWS: [Recording; {count}] = [\n{all}];\n");
    fs::write(folder.join("target/windows.rs"), text).unwrap();
    (asked, count)
}

fn right(lines: &[&str], asked: &[usize]) -> f64 {
    let right = lines.iter().zip(asked).filter(|(line, class)| **line == class.to_string()).count();
    right as f64 / asked.len() as f64
}

#[test]
fn it_learns_from_presses_and_remembers_after_a_reset() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("firmware").join("standalone");
    fs::create_dir_all(folder.join("target")).unwrap();
    let (weights, model) = (folder.join("target/weights.safetensors"), folder.join("target/model.rs"));
    let circuit = folder.join("motion.circuit");
    run(Command::new(CHAINRULE).arg("train").arg(&circuit).arg("--save").arg(&weights));
    let mut export = Command::new(CHAINRULE);
    run(export.args(["export", "--rust"]).arg(&circuit).arg("--weights").arg(&weights).arg("-o").arg(&model));
    let (asked, count) = windows(&folder);
    run(Command::new("cargo").current_dir(&folder).args(["fmt", "--check"]));

    // Its parts on the host, each watched; then all of it on the host, played.
    run(Command::new("cargo").current_dir(&folder).args([
        "test",
        "--locked",
        "--features",
        "samples",
        "--test",
        "parts",
    ]));
    let mut host = Command::new("cargo");
    host.current_dir(&folder).args(["run", "--locked", "--quiet", "--features", "samples", "--bin", "replay"]);
    let expected = run(&mut host);

    // The same on the emulated board.
    let board = table::find("b-l475e-iot01a").unwrap();
    let build = |name: &str, feature: &str| {
        let mut cargo = image::cargo(board.target).unwrap();
        cargo.current_dir(&folder).env("RUSTFLAGS", "-D warnings");
        cargo.args(["build", "--locked", "--release"]);
        run(cargo.args(["--features", feature, "--bin", name]));
        folder.join("target").join(board.target).join("release").join(name)
    };
    let mut emulator = Emulator::start(board, &build("recorded", "recorded"), true, &[]).unwrap();
    let mut said = String::new();
    emulator.take_log().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, expected);

    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2 * (count + 1));
    let before = right(&lines[..asked.len()], &asked);
    let after = right(&lines[count - asked.len()..count], &asked);
    let reset = right(&lines[count + 1..], &asked);
    println!("right on the turned watch: {before:.2} before, {after:.2} after, {reset:.2} after a reset");
    assert!(before < 0.45 && after > before + 0.3 && reset > before + 0.3, "{before} {after} {reset}");

    // The image of the real board holds what it should, and leaves the pages alone that it keeps.
    let contents = Contents::read(&build("b-l475e-iot01a", "board")).unwrap();
    let budget = budget::program("standalone").unwrap();
    println!("flash: {} of {}, RAM: {} of {}", contents.flash(), budget.flash, contents.ram, budget.ram);
    assert!(contents.flash() <= u64::from(budget.flash) && contents.flash() * 4 >= u64::from(budget.flash) * 3);
    assert!(contents.ram <= u64::from(budget.ram));
}
