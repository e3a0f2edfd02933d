//! The loopback against the host: equal bits in every wire and in every param,
//! after a pass and after training, in f32 and in f64.

use chainrule_cli::engine::open;
use chainrule_cli::lower::Lowered;
use chainrule_tests::corpus::{self, Entry};
use chainrule_tests::run::{Number, Shown, Work, lowered, trains, works};

fn compare<T: Number>(entry: &Entry, lowered: &Lowered<T>, (purpose, show): Work<T>) -> Result<Shown, String> {
    let on = |engine: &str| {
        let opened = open::<T>(engine, lowered.view(), purpose, &mut |_| ()).map_err(|error| error.to_string());
        show(entry, lowered, opened?.as_mut()).map_err(|error| format!("on {engine}: {error}"))
    };
    let (host, loopback) = (on("host")?, on("loopback")?);
    match host.differences(&loopback).as_slice() {
        [] => Ok(host),
        all => Err(all.join("\n    ")),
    }
}

fn suite<T: Number>() {
    let entries = corpus::read().unwrap();
    assert!(entries.len() >= 100, "the corpus has only {} circuits", entries.len());
    let (mut wrong, mut numbers, mut trained) = (Vec::new(), 0, 0);
    for entry in &entries {
        let lowered = lowered::<T>(entry).unwrap();
        trained += usize::from(trains(&lowered));
        for work in works(entry, &lowered) {
            match compare(entry, &lowered, work) {
                Ok(shown) => numbers += shown.numbers(),
                Err(error) => wrong.push(format!("{} {:?}:\n    {error}", entry.name, work.0)),
            }
        }
    }
    println!("{}: {} circuits, {trained} trained, {numbers} numbers with equal bits", T::NAME, entries.len());
    assert!(trained >= 10, "only {trained} circuits have something to train");
    assert!(wrong.is_empty(), "{} wrong in {}:\n{}", wrong.len(), T::NAME, wrong.join("\n"));
}

#[test]
fn equal_bits_in_f32() {
    suite::<f32>();
}

#[test]
fn equal_bits_in_f64() {
    suite::<f64>();
}
