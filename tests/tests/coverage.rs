//! What has no test: every operation occurs in the corpus, every verb on a page
//! of the command line's snapshots, every suite is run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use chainrule::{Op, OpKind};
use chainrule_cli::lower::optimisers;
use chainrule_tests::corpus::{self, Judge};
use chainrule_tests::run::{lowered, ops};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files below a folder whose names end so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let listing = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut all: Vec<PathBuf> = Vec::new();
    for path in listing.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            all.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            all.push(path);
        }
    }
    all
}

/// Which circuits of the corpus have an operation, the long chains left out.
fn circuits_by_op() -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut by_op: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    for entry in corpus::read().unwrap() {
        let lowered = lowered::<f32>(&entry).unwrap();
        for op in ops(&lowered.view()) {
            by_op.entry(op.name()).or_default().insert(entry.name.clone());
        }
    }
    by_op
}

#[test]
fn every_operation_is_in_the_corpus() {
    let by_op = circuits_by_op();
    let alone: Vec<String> = corpus::read().unwrap().into_iter().map(|entry| entry.name).collect();
    let mut missing = Vec::new();
    for op in Op::ALL {
        if !by_op.contains_key(op.name()) {
            missing.push(format!("no circuit has {op:?}"));
        }
        // An elementwise gate has a circuit of its own, with its extremes.
        if matches!(op.kind(), OpKind::Unary | OpKind::Binary) && !alone.contains(&format!("gate-{}", op.name())) {
            missing.push(format!("there is no gate-{}.circuit", op.name()));
        }
        if op.kind() == OpKind::Loss && !alone.iter().any(|name| name.starts_with(&format!("loss-{}", op.name()))) {
            missing.push(format!("there is no loss-{}.circuit", op.name()));
        }
    }
    assert!(Op::ALL.len() > 40 && missing.is_empty(), "{}", missing.join("\n"));
}

/// A kink is a decision, not a measurement: it is told to the bit.
#[test]
fn every_kink_is_exact() {
    let entries = corpus::read().unwrap();
    let kinks: Vec<_> = entries.iter().filter(|entry| entry.name.starts_with("kink-")).collect();
    assert!(kinks.len() >= 24, "only {} kinks", kinks.len());
    let far = |name: &str| name.starts_with("kink-far-");
    for entry in kinks.iter().filter(|entry| !far(&entry.name)) {
        assert!(entry.cases.iter().any(|case| case.judge == Judge::Exact), "{} has no exact case", entry.name);
    }
}

/// What a `train` block can say of a step is trained by, and told, in the corpus.
#[test]
fn every_way_of_a_step_is_in_the_corpus() {
    let mut told = String::new();
    for entry in corpus::read().unwrap().iter().filter(|entry| entry.cases.iter().any(|case| !case.samples.is_empty()))
    {
        let optimiser = lowered::<f64>(entry).unwrap().training.optimiser;
        told += &format!("{}\n{:?}\n", optimisers::written(&optimiser), optimisers::extras(&optimiser));
    }
    for way in [
        "sgd(",
        "momentum(",
        "nesterov(",
        "adam(",
        "adamw(",
        "rmsprop(",
        "weight_decay = ",
        "\"weight_decay\"",
        "norm(",
        "value(",
        "step(",
        "cosine(",
        "warmup",
    ] {
        assert!(told.contains(way), "no circuit's params are told after training by {way}");
    }
}

#[test]
fn every_case_says_where_its_numbers_come_from() {
    for entry in corpus::read().unwrap() {
        for case in &entry.cases {
            assert!(case.origin.trim().len() > 3, "{} case {}: {:?}", entry.name, case.number, case.origin);
        }
    }
}

/// The verbs as the command line declares them.
fn verbs() -> Vec<String> {
    let source = text(&repository().join("host-cli/src/args/verbs.rs"));
    let start = source.find("pub enum Verb {").expect("the verbs");
    let body = &source[start..start + source[start..].find("\n}").unwrap()];
    let variant = |line: &str| {
        let line = line.strip_prefix("    ").filter(|line| line.starts_with(char::is_uppercase))?;
        Some(line.split('(').next()?.to_lowercase())
    };
    body.lines().filter_map(variant).collect()
}

#[test]
fn every_verb_has_a_page() {
    let pages: String = files(&repository().join("host-cli/tests"), ".trycmd").iter().map(|path| text(path)).collect();
    let verbs = verbs();
    assert!(verbs.len() >= 5, "only {verbs:?}");
    let shows = |verb: &str| {
        let calls = pages.lines().filter_map(|line| line.strip_prefix("$ chainrule "));
        calls.filter_map(|call| call.split(' ').next()).any(|called| called == verb)
    };
    let missing: Vec<&String> = verbs.iter().filter(|verb| !shows(verb)).collect();
    assert!(missing.is_empty(), "no page of host-cli/tests shows {missing:?}");
}

/// Suites are listed by hand, so a file that is not listed would never run.
#[test]
fn every_suite_is_run() {
    let manifest = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let sources = files(&folder, ".rs");
    let ignores = |path: &PathBuf| text(path).lines().any(|line| line.trim_start().starts_with("#[ignore"));
    let ignored: Vec<&PathBuf> = sources.iter().filter(|path| ignores(path)).collect();
    assert!(ignored.is_empty(), "{ignored:?} have tests that are not run");
    // A suite is a file, or a folder with a main file that names the others.
    let is_suite = |path: &PathBuf| path.parent() == Some(&folder) || path.ends_with("main.rs");
    let suites: Vec<&PathBuf> = sources.iter().filter(|path| is_suite(path)).collect();
    assert!(suites.len() >= 8, "only {suites:?}");
    for suite in suites {
        let name = suite.strip_prefix(&folder).unwrap().display();
        assert!(manifest.contains(&format!("path = \"tests/{name}\"")), "{name} is not in tests/Cargo.toml");
    }
}
