//! What is built for the boards' processors: the core with each set of features, and images that
//! cannot panic.

use std::process::Command;

use chainrule_cli::board::{BOARDS, image};

fn build(command: &mut Command, what: &str) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {said}");
}

#[test]
fn the_core_builds_for_every_processor_with_and_without_its_features() {
    let mut targets = BOARDS.map(|board| board.target).to_vec();
    targets.sort_unstable();
    targets.dedup();
    for target in targets {
        for features in ["", "link", "defmt", "link,defmt"] {
            let mut cargo = image::cargo(target).unwrap();
            cargo.args(["build", "--locked", "--manifest-path", "../Cargo.toml", "-p", "chainrule"]);
            cargo.args(["--target", target, "--features", features, "--target-dir", "target/core"]);
            build(&mut cargo, &format!("core for {target} with {features:?}"));
        }
    }
}

/// The panic handler of such an image calls a symbol that nobody defines: the linker refuses it
/// when any call that may panic is left in it.
#[test]
fn no_image_can_panic() {
    let f64 = (&BOARDS[0], "mps2-an386,panic-check,f64".to_owned());
    let all = BOARDS.iter().map(|board| (board, format!("{},panic-check", board.name)));
    for (board, features) in all.chain([f64]) {
        let mut cargo = image::cargo(board.target).unwrap();
        cargo.args(["build", "--locked", "--release", "--bin", board.name, "--features", &features]);
        cargo.args(["--target", board.target, "--target-dir", "target/check"]);
        build(&mut cargo, &features);
    }
}
