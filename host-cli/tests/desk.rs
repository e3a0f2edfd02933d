//! What is done at the desk before a board runs: its image as a file and through a probe, and what a
//! machine lacks for it.

mod folder;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use chainrule_cli::board::elf::Contents;
use chainrule_cli::board::{Image, table};
use folder::Folder;

/// Runs the program with this PATH, and without the sources if asked.
fn chainrule(arguments: &[&str], path: Option<&str>, sources: bool) -> (String, String, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chainrule"));
    command.args(arguments);
    if let Some(path) = path {
        command.env("PATH", path);
    }
    if !sources {
        command.env("CHAINRULE_FIRMWARE", "/nowhere/firmware");
    }
    let out = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(out.stdout), text(out.stderr), out.status.success())
}

#[test]
fn an_image_is_written_as_elf_hex_and_uf2() {
    let folder = Folder::new("image");
    let board = table::find("mps2-an386").unwrap();
    let built = Image::of(board).build(&mut |_| ()).unwrap();
    let contents = Contents::read(&built).unwrap();
    assert!(contents.flash() > 10_000);
    for ending in ["elf", "hex", "uf2"] {
        let file = folder.file(&format!("image.{ending}"));
        let (said, complaint, succeeded) = chainrule(&["image", "--board", board.name, "--out", &file], None, true);
        assert!(succeeded, "{complaint}");
        assert!(said.contains("the firmware of mps2-an386"), "{said}");
        let bytes = fs::read(&file).unwrap();
        match ending {
            "elf" => assert_eq!(bytes, fs::read(&built).unwrap()),
            "hex" => assert!(bytes.starts_with(b":") && bytes.ends_with(b":00000001FF\n")),
            _ => assert!(bytes.starts_with(b"UF2\n") && bytes.len().is_multiple_of(512)),
        }
    }
    let (_, said, succeeded) = chainrule(&["image", "--board", board.name, "--out", "x.bin"], None, true);
    assert!(!succeeded && said.contains(".elf, .hex or .uf2"), "{said}");
}

/// A script hears what went into the file: the neuron has two weights and a bias.
#[test]
fn export_tells_what_it_wrote() {
    let folder = Folder::new("export");
    let file = folder.file("neuron.rs");
    let neuron = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/seed-neuron.circuit");
    let export = ["export", neuron, "--rust", "-o", &file, "--json"];
    for (inference, frozen) in [(&["--inference"][..], 3), (&[], 0)] {
        let (said, complaint, succeeded) = chainrule(&[&export[..], inference].concat(), None, true);
        let trained = 3 - frozen;
        let told = format!("{{\"file\":\"{file}\",\"gates\":10,\"frozen\":{frozen},\"trained\":{trained}}}\n");
        assert!(succeeded && said == told, "{said}{complaint}");
        assert!(fs::read_to_string(&file).unwrap().starts_with("//! `seed-neuron.circuit` for flash: 10 gates"));
    }
}

#[test]
fn flash_calls_probe_rs_and_says_what_is_missing() {
    let folder = Folder::new("flash");
    let elf = std::env::current_exe().unwrap();
    let (record, program, image) = (folder.file("record"), folder.file("probe-rs"), folder.file("image.elf"));
    let built = |name| Image::of(table::find(name).unwrap()).build(&mut |_| ()).unwrap();
    fs::copy(built("b-l475e-iot01a"), &image).unwrap();
    let write = |exit: u8| {
        fs::write(&program, format!("#!/bin/sh\necho \"$@\" >> {record}\nexit {exit}\n")).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    };
    let here = folder.file("");
    let flash = ["flash", "--board", "b-l475e-iot01a", "--image", &image];

    let (_, said, succeeded) = chainrule(&flash, Some("/nowhere"), true);
    let words = ["probe-rs is not installed", "cargo install probe-rs-tools", "udev/rules.d"];
    assert!(!succeeded && words.iter().all(|words| said.contains(words)), "{said}");

    write(0);
    let (said, complaint, succeeded) = chainrule(&flash, Some(&here), true);
    assert!(succeeded && said.contains("written and started"), "{complaint}");
    let expected = format!("download --chip STM32L475VGTx {image}\nreset --chip STM32L475VGTx\n");
    assert_eq!(fs::read_to_string(&record).unwrap(), expected);

    let (said, complaint, succeeded) = chainrule(&[&flash[..], &["--json"]].concat(), Some(&here), true);
    let told =
        format!("{{\"board\":\"b-l475e-iot01a\",\"chip\":\"STM32L475VGTx\",\"image\":\"{image}\",\"written\":true}}\n");
    assert!(succeeded && said == told, "{said}{complaint}");

    write(1);
    let (_, said, succeeded) = chainrule(&flash, Some(&here), true);
    assert!(!succeeded && said.contains("probe-rs download failed"), "{said}");

    let (_, said, succeeded) = chainrule(&["flash", "--board", "mps2-an386"], Some(&here), true);
    assert!(!succeeded && said.contains("exists only in the emulator"), "{said}");
    let (_, said, succeeded) = chainrule(&["flash", "--board", "microbit"], Some(&here), false);
    assert!(!succeeded && said.contains("--image FILE"), "{said}");
    let (_, said, succeeded) =
        chainrule(&["flash", "--board", "microbit", "--image", elf.to_str().unwrap()], Some(&here), true);
    assert!(!succeeded && said.contains("cannot be read as an image"), "{said}");
}

/// An image is never taken for another board's: a large one has no room there, and one that has says
/// what it is.
#[test]
fn an_image_of_another_board_is_refused() {
    let folder = Folder::new("other");
    let image = |name: &str| {
        let built = Image::of(table::find(name).unwrap()).build(&mut |_| ()).unwrap();
        built.to_str().unwrap().to_owned()
    };
    let (large, small, out) = (image("mps2-an386"), image("microbit"), folder.file("image.hex"));
    let circuit = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/seed.circuit");
    for (arguments, words) in [
        (&["image", "--board", "microbit", "--image", &large, "--out", &out][..], "bytes of RAM, and there are 16384"),
        (&["image", "--board", "b-l475e-iot01a", "--image", &small, "--out", &out], "it says that it is microbit"),
        (&["flash", "--board", "b-l475e-iot01a", "--image", &small], "it says that it is microbit"),
        (&["eval", circuit, "--on", "mps2-an386", "--image", &small], "it says that it is microbit"),
    ] {
        let (_, said, succeeded) = chainrule(arguments, None, true);
        assert!(!succeeded && said.contains("is no image for") && said.contains(words), "{arguments:?}: {said}");
    }
    assert!(fs::metadata(&out).is_err(), "an image was written all the same");
    let (said, complaint, succeeded) =
        chainrule(&["image", "--board", "microbit", "--image", &small, "--out", &out], None, true);
    assert!(succeeded && said.contains("the firmware of microbit"), "{complaint}");
}

#[test]
fn the_doctor_finds_what_is_there_and_what_is_not() {
    let (said, complaint, succeeded) = chainrule(&["doctor"], None, true);
    assert!(succeeded, "{said}{complaint}");
    assert!(said.contains("thumbv6m-none-eabi") && said.contains("every board can be built for"), "{said}");

    let (said, _, succeeded) = chainrule(&["doctor", "--json"], Some("/nowhere"), false);
    assert!(!succeeded && said.lines().count() == 1, "{said}");
    assert!(said.starts_with("{\"well\":false,"), "{said}");
    for words in ["qemu-system-arm", "not installed", "apt install qemu-system-arm", "--image FILE"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
