//! The loopback against the host: equal bits in every wire and in every param,
//! after a pass and after training, in f32 and in f64.

use chainrule::Purpose;
use chainrule_cli::engine::{Engine, open};
use chainrule_cli::lower::Lowered;
use chainrule_tests::corpus::{self, Entry};
use chainrule_tests::run::{Number, Shown, all_cases, batches, lowered, steps, trains};

type Shows<T> = fn(&Entry, &Lowered<T>, &mut dyn Engine<T>) -> Result<Shown, String>;

fn compare<T: Number>(entry: &Entry, lowered: &Lowered<T>, purpose: Purpose, show: Shows<T>) -> Result<Shown, String> {
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
        let mut all: Vec<(Purpose, Shows<T>)> = vec![(Purpose::Inspect, all_cases)];
        if trains(&lowered) {
            trained += 1;
            all.extend([(Purpose::Train, steps as Shows<T>), (Purpose::Accumulate, batches)]);
        }
        for (purpose, show) in all {
            match compare(entry, &lowered, purpose, show) {
                Ok(shown) => numbers += shown.numbers(),
                Err(error) => wrong.push(format!("{} {purpose:?}:\n    {error}", entry.name)),
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
