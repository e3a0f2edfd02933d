//! The reader refuses what it does not understand, and the comparison is strict.

use std::fs;
use std::path::PathBuf;

use super::{Expected, Judge, Kind, Scalar, read, read_folder};

/// A folder with these files, gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn of(name: &str, files: &[(&str, &str)]) -> Folder {
        let path = std::env::temp_dir().join(format!("chainrule-corpus-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        for (file, text) in files {
            fs::write(path.join(file), text).unwrap();
        }
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const CIRCUIT: (&str, &str) = ("a.circuit", "input x = 1\nmaximize x\n");

fn refusal(name: &str, files: &[(&str, &str)]) -> String {
    let folder = Folder::of(name, files);
    read_folder(&folder.0).unwrap_err()
}

#[test]
fn the_corpus_reads() {
    let entries = read().unwrap();
    assert!(entries.len() > 80, "{}", entries.len());
    assert!(entries.iter().all(|entry| !entry.cases.is_empty()));
}

#[test]
fn what_is_missing_is_told() {
    assert!(refusal("empty", &[]).contains("no circuits"));
    assert!(refusal("alone", &[CIRCUIT]).starts_with("a.circuit has no expectations"));
    let side = ("b.expect.toml", "");
    assert!(refusal("side", &[CIRCUIT, side]).starts_with("b.expect.toml has no b.circuit"));
}

#[test]
fn what_means_nothing_is_refused() {
    let with = |name, side| refusal(name, &[CIRCUIT, ("a.expect.toml", side)]);
    assert!(with("cases", "origin = \"here\"").ends_with("no [[case]]"));
    assert!(with("key", "orign = \"here\"\n[[case]]").ends_with("`orign` means nothing"));
    assert!(with("origin", "[[case]]\nexact = true\nvalues = { x = 1 }").contains("no `origin`"));
    assert!(with("judge", "[[case]]\norigin = \"here\"\nvalues = { x = 1 }").contains("neither"));
    let inexact = "[[case]]\norigin = \"here\"\nexact = true\nvalues = { x = 0.1 }";
    assert!(with("inexact", inexact).contains("not the same in f32"));
    assert!(with("nothing", "[[case]]\norigin = \"here\"\nexact = true").ends_with("nothing is expected"));
}

#[test]
fn exact_means_bits() {
    let expected = |number| Expected { wire: "x".into(), element: None, numbers: vec![number] };
    let exact = |want, got| Judge::Exact.compare(Scalar::F64, Kind::Value, &expected(want), &[got]).is_ok();
    assert!(exact(1.0, 1.0) && exact(f64::NAN, f64::NAN) && exact(f64::INFINITY, f64::INFINITY));
    assert!(!exact(0.0, -0.0) && !exact(1.0, 1.0 + f64::EPSILON) && !exact(f64::NAN, 0.0));
}

#[test]
fn a_tolerance_is_of_the_largest_element() {
    let expected = Expected { wire: "x".into(), element: None, numbers: vec![1e-9, 2.0] };
    let judge = Judge::Within { f32: 1e-6, f64: 1e-12, gradient_scale: 0.0 };
    let near = |got: [f64; 2]| judge.compare(Scalar::F32, Kind::Gradient, &expected, &got).is_ok();
    assert!(near([0.0, 2.0]) && near([1e-9, 2.000001]));
    assert!(!near([1e-9, 2.00001]) && !near([f64::NAN, 2.0]) && !near([1e-9, f64::INFINITY]));
    let one = Expected { wire: "x".into(), element: Some(0), numbers: vec![1e-9] };
    let strict = |got: f64| judge.compare(Scalar::F64, Kind::Value, &one, &[got, 2.0]).is_ok();
    assert!(strict(1e-9) && !strict(0.0));
}
