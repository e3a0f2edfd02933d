//! What forward and a training step cost on a Cortex-M4F, in instructions, stays what
//! `instructions.toml` says, and no step takes more than half a kilobyte of stack.

use std::collections::BTreeMap;
use std::path::Path;

use chainrule_cli::bench::{Measured, measure};
use chainrule_cli::board::image;
use chainrule_cli::board::table::find;
use chainrule_cli::engine::At;
use chainrule_cli::lower::lower;
use chainrule_cli::text::source;

const BOARD: &str = "mps2-an386";
/// Above, in percent; frame pointers take up to 4 more.
const MORE: i64 = 2;
/// Below, in percent.
const LESS: i64 = 10;
/// A step takes less of the stack than so many bytes.
const STACK: u32 = 512;
/// Where every function keeps a frame pointer, eight bytes each.
const FRAMED: u32 = 64;

fn framed() -> bool {
    image::has_frame_pointers(find(BOARD).unwrap().target)
}

fn measured(name: &str) -> Measured {
    let folder = if matches!(name, "digits-dense" | "all-sorts") { "bench" } else { "corpus" };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name).with_extension("circuit");
    let written = source::read(&path.display().to_string()).unwrap();
    let lowered = lower::<f32>(&written, &[], Some(1)).unwrap();
    measure(&lowered, At::from(BOARD), &mut |_| ()).unwrap()
}

#[test]
fn no_step_takes_more_instructions_than_it_did() {
    let budgets: BTreeMap<String, BTreeMap<String, i64>> =
        toml::from_str(include_str!("../instructions.toml")).unwrap();
    let more = if framed() { MORE + 4 } else { MORE };
    let most = if framed() { STACK + FRAMED } else { STACK };
    let mut broken = Vec::new();
    for (name, budget) in &budgets {
        let measured = measured(name);
        let stack = measured.stack.unwrap();
        println!("{name}, step: {stack} bytes of stack");
        if stack >= most {
            broken.push(format!("{name}: {stack} bytes of stack, and a step has less than {most}"));
        }
        for (what, cost) in [("forward", measured.forward), ("step", measured.step)] {
            let (now, was) = (cost.instructions.unwrap().round() as i64, budget[what]);
            println!("{name}, {what}: {now} instructions, {was} in the file");
            if now * 100 > was * (100 + more) || now * 100 < was * (100 - LESS) {
                broken.push(format!("{name}, {what}: {now} instructions, and the file says {was}"));
            }
        }
    }
    assert!(budgets.len() >= 4);
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_step_of_digits_stays_within_its_memory() {
    let measured = measured("digits");
    let (ram, stack) = (measured.ram.ram(), measured.stack.unwrap() as usize);
    println!("digits: {ram} bytes of RAM and {stack} of stack");
    assert!(ram + stack <= 11_500, "{ram} and {stack}");
}
