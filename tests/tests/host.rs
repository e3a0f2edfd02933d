//! The host against the corpus: every circuit, every case, in f32 and in f64.

use chainrule::Purpose;
use chainrule_cli::engine::Host;
use chainrule_tests::corpus;
use chainrule_tests::run::{Number, judge, judge_params, lowered, purpose, run, train};

/// All that is wrong, and how many numbers were compared.
fn suite<T: Number>() {
    let entries = corpus::read().unwrap();
    assert!(entries.len() >= 100, "the corpus has only {} circuits", entries.len());
    let (mut wrong, mut cases, mut numbers, mut trained) = (Vec::new(), 0, 0, 0);
    for entry in &entries {
        let lowered = match lowered::<T>(entry) {
            Ok(lowered) => lowered,
            Err(error) => {
                wrong.push(format!("{}: {error}", entry.name));
                continue;
            }
        };
        for case in &entry.cases {
            let at = |error| format!("{} case {} ({}): {error}", entry.name, case.number, case.note);
            let mut engine = match Host::new(lowered.view(), Purpose::Inspect) {
                Ok(engine) => engine,
                Err(error) => {
                    wrong.push(at(error.to_string()));
                    continue;
                }
            };
            cases += 1;
            numbers += case
                .values
                .iter()
                .chain(&case.gradients)
                .chain(&case.params)
                .map(|told| told.numbers.len())
                .sum::<usize>();
            match run(&lowered, case, &mut engine) {
                Ok(()) => wrong.extend(judge(&lowered, case, &mut engine).into_iter().map(at)),
                Err(error) => wrong.push(at(error)),
            }
            if case.samples.is_empty() {
                continue;
            }
            trained += 1;
            let mut engine = Host::new(lowered.view(), purpose(&lowered)).unwrap();
            match train(&lowered, case, &mut engine) {
                Ok(_) => wrong.extend(judge_params(&lowered, case, &mut engine).into_iter().map(at)),
                Err(error) => wrong.push(at(error)),
            }
        }
    }
    println!("{}: {} circuits, {cases} cases, {trained} of them trained, {numbers} numbers", T::NAME, entries.len());
    assert!(trained >= 12, "only {trained} cases train");
    assert!(wrong.is_empty(), "{} wrong in {}:\n{}", wrong.len(), T::NAME, wrong.join("\n"));
}

#[test]
fn corpus_in_f32() {
    suite::<f32>();
}

#[test]
fn corpus_in_f64() {
    suite::<f64>();
}
