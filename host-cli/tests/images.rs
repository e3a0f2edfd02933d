//! What is built for the boards' processors beyond the images that run: the core as a library of
//! others, and images that cannot panic.

use std::fs;

use chainrule_cli::board::image::Log;
use chainrule_cli::board::{BOARDS, Board, Image, image};
use object::{Object, ObjectSymbol};

/// One board for each processor, the smallest that has it.
fn processors() -> Vec<&'static Board> {
    let is_last = |&(i, board): &(usize, &Board)| BOARDS[i + 1..].iter().all(|other| other.target != board.target);
    BOARDS.iter().enumerate().filter(is_last).map(|(_, board)| board).collect()
}

/// The processor with the fewest instructions, without atomics; every image builds the core with its
/// link, and `tests/run` looks at each set of features on the host.
#[test]
fn the_core_alone_builds_for_the_least_processor() {
    let mut cargo = image::cargo("thumbv6m-none-eabi").unwrap();
    cargo.args(["check", "--locked", "--manifest-path", "../Cargo.toml", "-p", "chainrule", "--features", "defmt"]);
    cargo.args(["--target-dir", "target/core"]);
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The panic handler of such an image calls a symbol that nobody defines: the linker refuses it
/// when any call that may panic is left in it.
#[test]
fn no_image_can_panic() {
    let f64 = Image { f64: true, ..Image::of(&BOARDS[0]) };
    let images = processors().into_iter().map(Image::of).chain([f64]);
    let mut count = 0;
    for image in images {
        image.prove(&mut |_| ()).unwrap_or_else(|error| panic!("{}: {error}", image.name()));
        count += 1;
    }
    assert_eq!(count, 5, "four processors, and one of them in f64");
}

/// The boards that exist take an image whose log a debug probe reads; the probe looks for a mark in
/// RAM, and the buffer behind it is named. No probe has seen it yet.
#[test]
fn real_boards_have_images_for_a_probe() {
    let real = BOARDS.iter().filter(|board| !board.emulated_only);
    for board in real.clone() {
        let path = Image { log: Log::Rtt, ..Image::of(board) }.build(&mut |_| ()).unwrap();
        let data = fs::read(path).unwrap();
        let file = object::File::parse(&*data).unwrap();
        let mark = file.symbols().find(|symbol| symbol.name() == Ok("_SEGGER_RTT")).unwrap();
        assert!(mark.size() >= 24 + 24, "{}: {} bytes for the mark and a channel", board.name, mark.size());
    }
    assert_eq!(real.count(), 2);
}
