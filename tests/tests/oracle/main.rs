//! The host against the oracle: the corpus's circuits in every named wire, and
//! random circuits over every gate.

mod drawing;

use std::collections::BTreeMap;

use chainrule::{Op, OpKind, Purpose};
use chainrule_cli::engine::{Engine, Host};
use chainrule_cli::lower::{Lowered, lower};
use chainrule_cli::text::{Document, Form, Source, Written, parse};
use chainrule_tests::corpus::{self, Case, Expected, Given, Judge, Kind};
use chainrule_tests::oracle::Oracle;
use chainrule_tests::run::{Number, lowered, ops, run};
use drawing::{Drawing, Picks, SHAPES, all_drawable, draw};
use proptest::prelude::*;

/// How near the host must come to the oracle, by the beginning of a circuit's
/// name; the first row that fits holds. Of the largest element of a wire, but of
/// 1 for gradients below 1, since slopes like 1 − t² are right to a rounding of 1.
const TOLERANCES: &[(&str, f64, f64, &str)] = &[
    ("scalar1000", 1e-5, 2e-14, "a thousand gates, some of them differences of nearly equal numbers"),
    ("", 1e-6, 4e-15, "a few roundings: 8 units in the last place of f32, 18 of f64"),
];

fn tolerance(name: &str) -> Judge {
    let row = TOLERANCES.iter().find(|(start, ..)| name.starts_with(start)).unwrap();
    Judge::Within { f32: row.1, f64: row.2, gradient_scale: 1.0 }
}

/// All numbers of a wire by the host, in the order of the text.
fn host<T: Number>(lowered: &Lowered<T>, engine: &mut Host<'_, T>, name: &str, kind: Kind) -> Option<Vec<f64>> {
    let wire = lowered.wire(name).unwrap();
    let got = match kind {
        Kind::Value => engine.value(wire).unwrap(),
        Kind::Gradient => engine.gradient(wire).unwrap()?,
    };
    let got = match lowered.params.iter().find(|param| param.wire == wire) {
        Some(param) => param.to_file(&got),
        None => got,
    };
    Some(got.into_iter().map(|number| number.to_f64()).collect())
}

/// Compares every wire that the oracle knows by name, and the gradients of those
/// in `of`; gives what is wrong and how many numbers were compared.
fn compare<T: Number>(
    lowered: &Lowered<T>,
    document: &Document,
    case: &Case,
    judge: impl Fn(Kind, &Expected, &[f64]) -> Result<(), String>,
    is_asked: impl Fn(&str) -> bool,
) -> Result<(Vec<String>, usize), String> {
    let mut engine = Host::new(lowered.view(), Purpose::Inspect).map_err(|error| error.to_string())?;
    run(lowered, case, &mut engine)?;
    let oracle = Oracle::new(document, &case.inputs).rounded_to(T::SCALAR);
    let values = oracle.values()?;
    let mut names: Vec<&str> = values.names().collect();
    names.sort_unstable();
    let (mut wrong, mut numbers) = (Vec::new(), 0);
    for name in names {
        for kind in [Kind::Value, Kind::Gradient] {
            if kind == Kind::Gradient && (case.kink || !is_asked(name)) {
                continue;
            }
            let Some(got) = host(lowered, &mut engine, name, kind) else { continue };
            let expected = match kind {
                Kind::Value => values.wire(name)?,
                Kind::Gradient => oracle.gradient(case.of.as_deref(), name)?,
            };
            numbers += expected.len();
            let expected = Expected { wire: name.to_owned(), element: None, numbers: expected };
            wrong.extend(judge(kind, &expected, &got).err());
        }
    }
    Ok((wrong, numbers))
}

fn corpus_suite<T: Number>() {
    let entries = corpus::read().unwrap();
    assert!(entries.len() >= 100, "the corpus has only {} circuits", entries.len());
    let (mut wrong, mut numbers) = (Vec::new(), 0);
    for entry in &entries {
        let lowered = lowered::<T>(entry).unwrap();
        for case in &entry.cases {
            let at = |error| format!("{} case {}: {error}", entry.name, case.number);
            // One walk an element: of chains, the gradients of every hundredth gate.
            let few = |name: &str| {
                let number = name.trim_start_matches(char::is_alphabetic).parse::<usize>();
                lowered.view().len() < 500 || number.map_or(true, |number| number.is_multiple_of(100))
            };
            let judge =
                |kind, expected: &Expected, got: &[f64]| tolerance(&entry.name).compare(T::SCALAR, kind, expected, got);
            match compare(&lowered, &entry.document, case, judge, few) {
                Ok((all, count)) => {
                    numbers += count;
                    wrong.extend(all.into_iter().map(at));
                }
                Err(error) => wrong.push(at(error)),
            }
        }
    }
    println!("{}: {numbers} numbers as the oracle has them", T::NAME);
    assert!(wrong.is_empty(), "{} wrong in {}:\n{}", wrong.len(), T::NAME, wrong.join("\n"));
}

#[test]
fn corpus_in_f32() {
    corpus_suite::<f32>();
}

#[test]
fn corpus_in_f64() {
    corpus_suite::<f64>();
}

/// Whether all elements are as near as this; of a difference, only what it is made of tells how
/// near that can be.
fn near(kind: Kind, expected: &Expected, got: &[f64], allowed: f64) -> Result<(), String> {
    let far = |(got, want): (&f64, &f64)| !((got - want).abs() <= allowed || got == want);
    match expected.part(got)?.iter().zip(&expected.numbers).position(far) {
        None => Ok(()),
        Some(at) => {
            let (name, want) = (&expected.wire, expected.numbers[at]);
            Err(format!("{kind:?} of {name}[{at}]: got {:?}, expected {want:?} within {allowed:e}", got[at]))
        }
    }
}

/// Host and oracle on a drawn circuit; which gates it has.
fn agree<T: Number>(drawing: &Drawing) -> Result<Vec<Op>, String> {
    let told = |error: String| format!("{error}\n{}{:?}", drawing.text, drawing.inputs);
    let document = parse(&drawing.text, Form::File).map_err(|error| told(format!("{error:?}")))?;
    let source = Source::new("drawn", drawing.text.clone());
    let written = Written { source, document, form: Form::File, folder: Default::default() };
    let lowered: Lowered<T> = lower(&written, &[], None).map_err(|error| told(error.report(false)))?;
    let case = Case {
        number: 1,
        note: String::new(),
        origin: String::new(),
        inputs: drawing.inputs.clone(),
        of: None,
        values: Vec::new(),
        gradients: Vec::new(),
        judge: Judge::Exact,
        samples: Vec::new(),
        params: Vec::new(),
        kink: false,
    };
    // Roundings are as large as the largest numbers of the circuit make them.
    let mut engine = Host::new(lowered.view(), Purpose::Inspect).map_err(|error| told(error.to_string()))?;
    run(&lowered, &case, &mut engine).map_err(told)?;
    let (mut value, mut gradient) = (1.0, 1.0);
    for wire in lowered.view().wires() {
        let largest = |numbers: Vec<T>| numbers.iter().fold(0.0, |largest: f64, x| largest.max(x.to_f64().abs()));
        value = f64::max(value, largest(engine.value(wire).unwrap()));
        gradient = f64::max(gradient, largest(engine.gradient(wire).unwrap().unwrap_or_default()));
    }
    let tolerance = if T::BYTES == 4 { RANDOM_F32 } else { RANDOM_F64 };
    let judge = |kind, expected: &Expected, got: &[f64]| {
        let scale = if kind == Kind::Value { value } else { gradient * value };
        near(kind, expected, got, tolerance * scale)
    };
    let sources = |name: &str| drawing.inputs.contains_key(name) && !name.starts_with('c');
    let (wrong, numbers) = compare(&lowered, &written.document, &case, judge, sources).map_err(told)?;
    if !wrong.is_empty() || numbers == 0 {
        return Err(told(wrong.join("\n")));
    }
    Ok(ops(&lowered.view()))
}

/// A dozen gates deep, a few roundings each: about a hundred units in the last place.
const RANDOM_F64: f64 = 2e-14;
/// The same in f32.
const RANDOM_F32: f64 = 1e-5;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_circuits_agree_with_the_oracle(gates in prop::collection::vec(any::<Picks>(), 1..12)) {
        let drawing = draw(&gates);
        agree::<f64>(&drawing).map_err(TestCaseError::fail)?;
        agree::<f32>(&drawing).map_err(TestCaseError::fail)?;
    }
}

/// Every gate, on every kind of operand: none is left to chance.
#[test]
fn every_gate_agrees_with_the_oracle() {
    let mut missing: Vec<Op> = Op::ALL.iter().copied().filter(|op| op.kind() != OpKind::Source).collect();
    let drawable = all_drawable();
    let (mut circuits, mut wrong) = (0, Vec::new());
    for (at, op) in drawable.iter().enumerate() {
        for round in 0..24u16 {
            let mut drawing = Drawing::default();
            for (k, shape) in SHAPES.iter().enumerate() {
                drawing.source(shape, u64::from(round) * 977 + k as u64);
            }
            let picks = |k: u16| (round * 7 + k, round * 5 + 3 * k, round * 3 + k, 0);
            drawing.gate(*op, picks(0));
            drawing.gate(*op, picks(1));
            let sum: Vec<String> =
                drawing.wires[SHAPES.len()..].iter().map(|wire| format!("mean({})", wire.name)).collect();
            drawing.text += &format!("minimize {}\n", sum.join(" + "));
            circuits += 1;
            let both = agree::<f64>(&drawing).and_then(|ops| agree::<f32>(&drawing).map(|_| ops));
            match both {
                Ok(ops) => {
                    assert!(ops.contains(op), "{op:?} was drawn and is not in the circuit {at}:\n{}", drawing.text);
                    missing.retain(|missing| !ops.contains(missing));
                }
                Err(error) => wrong.push(format!("{op:?}: {error}")),
            }
        }
    }
    println!("{circuits} circuits over {} gates", drawable.len());
    assert!(missing.is_empty(), "no random circuit has {missing:?}: draw them");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The scale of the comparison is that of the wire, so a wrong derivative shows.
#[test]
fn a_wrong_derivative_is_noticed() {
    let text = "input x\nminimize tanh(x) * x\n";
    let document = parse("input x\nminimize tanh(x) * x * 1.0000001\n", Form::File).unwrap();
    let written = Written {
        source: Source::new("drawn", text),
        document: parse(text, Form::File).unwrap(),
        form: Form::File,
        folder: Default::default(),
    };
    let lowered: Lowered<f64> = lower(&written, &[], None).unwrap();
    let mut case = corpus::read().unwrap().remove(0).cases.remove(0);
    case.inputs = BTreeMap::from([("x".to_owned(), Given::Numbers(vec![0.5]))]);
    (case.of, case.kink) = (None, false);
    let judge = |kind, expected: &Expected, got: &[f64]| near(kind, expected, got, RANDOM_F64);
    let (wrong, _) = compare(&lowered, &document, &case, judge, |_| true).unwrap();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
}
