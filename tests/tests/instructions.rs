//! What forward and a training step cost on a Cortex-M4F, in instructions, stays what
//! `instructions.toml` says, and no step takes more than half a kilobyte of stack.

use std::collections::BTreeMap;

use chainrule_cli::bench::{Measured, by_function, measure};
use chainrule_cli::board::image;
use chainrule_cli::board::table::find;
use chainrule_cli::engine::At;
use chainrule_tests::run::begun;

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
    let lowered = begun::<f32>(name).unwrap();
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

#[test]
fn a_profile_has_the_instructions_that_the_board_counts() {
    let counted = measured("xor").step.instructions.unwrap();
    // The second board has no counter, and interrupts while it works.
    let [sum, interrupted] = [BOARD, "b-l475e-iot01a"].map(|board| {
        let functions = by_function(&begun::<f32>("xor").unwrap(), At::from(board), &mut |_| ()).unwrap();
        assert!(functions.iter().any(|(name, _)| name.starts_with("chainrule::dense::update")), "{functions:#?}");
        functions.iter().map(|(_, instructions)| instructions).sum::<f64>()
    });
    // The rest is what the session does between the two readings of the counter.
    assert!(sum <= counted && sum >= counted * 0.9, "{sum} of {counted}");
    assert!((interrupted - sum).abs() <= sum * 0.001, "{interrupted}, and {sum} without interrupts");
}
