//! What works take on the host, in instructions that callgrind counts: ours beside code by hand.
//!
//! `cargo bench -p chainrule-tests --features callgrind --bench host` compares them, and with what they took
//! the last time; gungraun's options come behind `--`. The bench `figures` runs this and prints the table.

mod by_hand;
mod ours;

use std::hint::black_box;

use gungraun::prelude::*;
use gungraun::{Callgrind, EntryPoint};

/// As many steps as on a board.
const STEPS: usize = chainrule_cli::bench::STEPS as usize;

/// A work: its steps, each through the counter, and what comes out in the end, gradients or what was
/// trained.
type Work = fn(Counter) -> Vec<f64>;
/// Does a step.
type Counter = fn(&mut dyn FnMut());

/// What callgrind counts.
#[inline(never)]
fn counted(step: &mut dyn FnMut()) {
    step();
}

/// What it does not; were it the same code, the compiler would make one function of both.
#[inline(never)]
fn uncounted(step: &mut dyn FnMut()) {
    black_box(&mut *step)();
}

#[library_benchmark]
#[bench::seed(ours::seed)]
#[bench::digits(ours::digits)]
#[bench::moons(ours::moons)]
#[bench::scalar1000(ours::scalar1000)]
fn engine(work: Work) -> Vec<f64> {
    work(counted)
}

#[library_benchmark]
#[bench::seed(by_hand::seed, ours::seed)]
#[bench::digits(by_hand::digits, ours::digits)]
#[bench::moons(by_hand::moons, ours::moons)]
#[bench::scalar1000(by_hand::scalar1000, ours::scalar1000)]
fn hand(work: Work, ours: Work) {
    // They do the same, or the comparison says nothing.
    let (theirs, ours) = (work(counted), ours(uncounted));
    assert_eq!(theirs.len(), ours.len());
    for (theirs, ours) in theirs.iter().zip(&ours) {
        assert!((theirs - ours).abs() <= 1e-4 * ours.abs().max(1.0), "{theirs} by hand, and {ours}");
    }
}

library_benchmark_group!(name = works, compare_by_id = true, benchmarks = [engine, hand]);
main!(
    config = LibraryBenchmarkConfig::default()
        .tool(Callgrind::default().entry_point(EntryPoint::Custom("host::counted".into()))),
    library_benchmark_groups = works
);
