//! The oracle and the corpus's numbers check each other, before any engine runs.

use super::Oracle;
use crate::corpus::{self, Case, Entry, Kind, Scalar};

/// The oracle's own roundings: std's functions and sums in another order.
const WIDER: f64 = 4.0;

fn judge(entry: &Entry, case: &Case) -> Result<(), String> {
    let oracle = Oracle::new(&entry.document, &case.inputs);
    let values = oracle.values()?;
    for expected in &case.values {
        let got = values.wire(&expected.wire)?;
        case.judge.compare_wider(Scalar::F64, Kind::Value, expected, &got, WIDER)?;
    }
    for expected in case.gradients.iter().filter(|_| !case.kink) {
        let of = case.of.as_deref();
        let got = match expected.element {
            // A large wire: only the element that is asked for.
            Some(element) => {
                let mut all = vec![f64::NAN; values.wire(&expected.wire)?.len()];
                *all.get_mut(element).ok_or("no such element")? = oracle.partial(of, &expected.wire, element)?;
                all
            }
            None => oracle.gradient(of, &expected.wire)?,
        };
        case.judge.compare_wider(Scalar::F64, Kind::Gradient, expected, &got, WIDER)?;
    }
    Ok(())
}

#[test]
fn oracle_and_corpus_agree() {
    let entries = corpus::read().unwrap();
    let mut wrong = Vec::new();
    for entry in &entries {
        for case in &entry.cases {
            if let Err(error) = judge(entry, case) {
                wrong.push(format!("{} case {}: {error}", entry.name, case.number));
            }
        }
    }
    assert!(wrong.is_empty(), "{} disagreements:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_wrong_number_is_noticed() {
    let mut entry = corpus::read().unwrap().into_iter().find(|entry| entry.name == "seed").unwrap();
    entry.cases[0].gradients[0].numbers[0] += 1e-9;
    assert!(judge(&entry, &entry.cases[0]).is_err());
}
