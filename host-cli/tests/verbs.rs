//! The verbs as people and programs call them: what they print, word for word, and what must hold
//! whatever they print.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

fn chainrule(arguments: &[&str]) -> (String, String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_chainrule")).args(arguments).output().expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("is text");
    (text(output.stdout), text(output.stderr), output.status.code())
}

/// Every page was read by a person before it was kept; `TRYCMD=overwrite` writes them anew.
#[test]
fn pages() {
    trycmd::TestCases::new().case("tests/verbs/*.trycmd").run();
}

/// The note that the project comes from climbs a hill by numerical gradients; its digits come out.
#[test]
fn the_seeds_climb_digit_for_digit() {
    let hill = ["climb", "../tests/corpus/seed-climb.circuit", "--scalar", "f64", "--gradient", "forward", "--json"];
    let (one, _, _) = chainrule(&[&hill[..], &["--steps", "1"]].concat());
    assert!(one.contains("\"value\":99.00798399999998,"), "{one}");
    for on in ["host", "loopback"] {
        let (all, _, code) = chainrule(&[&hill[..], &["--until", "0.000005", "--on", on]].concat());
        let begins = "{\"steps\":922,\"value\":99.99938309249558,\
                      \"wires\":{\"x\":3.487488988616036,\"y\":3.512326611377091},\"trace\":[99.00798399999998,";
        assert!(all.starts_with(begins), "{on}: {}", &all[..200]);
        // The note prints the value one step earlier.
        assert!(all.ends_with(",99.99937812746526,99.99938309249558]}\n"), "{on}");
        assert_eq!((all.lines().count(), code), (1, Some(0)));
    }
}

/// The same numbers wherever it runs: only the name of the place may differ.
#[test]
fn engines_print_the_same() {
    let row = ["../tests/corpus/digits.circuit", "--row", "7"];
    let all: [&[&str]; 5] = [
        &["eval", "../tests/corpus/seed-svm.circuit"],
        &["explain", "../tests/corpus/seed-two-layer.circuit", "--scalar", "f64"],
        &["eval", row[0], row[1], row[2]],
        &["explain", row[0], row[1], row[2]],
        &["climb", row[0], row[1], row[2], "--hold", "image", "--steps", "3", "--step", "0.05"],
    ];
    for arguments in all {
        let on = |on| chainrule(&[arguments, &["--json", "--on", on]].concat());
        let (host, loopback) = (on("host"), on("loopback"));
        assert_eq!(host.2, Some(0), "{}", host.1);
        assert_eq!(host.0.replace("\"on\":\"host\"", "\"on\":\"loopback\""), loopback.0);
        assert_eq!((host.0.lines().count(), host.1.as_str()), (1, ""));
    }
}

/// A circuit of ten thousand gates is told at its two ends, and says so.
#[test]
fn long_circuits_stay_readable() {
    let mut text = "input x = 0.3\nw0 = sin(x)\n".to_owned();
    (1..10_000).for_each(|i| text += &format!("w{i} = sin(w{})\n", i - 1));
    text += "maximize w9999\n";
    let path = std::env::temp_dir().join(format!("chainrule-long-{}.circuit", std::process::id()));
    std::fs::write(&path, text).expect("writes");
    let file = path.display().to_string();
    let (told, _, code) = chainrule(&["explain", &file]);
    assert_eq!(code, Some(0));
    assert!(told.contains("  … 9,971 more, left out here; `chainrule eval` lists every wire\n"), "{told}");
    assert!(told.lines().count() < 90, "{told}");
    assert!(chainrule(&["eval", &file]).0.lines().count() > 10_000);

    // Whoever reads only the first lines gets no error for it.
    let mut child = Command::new(env!("CARGO_BIN_EXE_chainrule"))
        .args(["eval", &file])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("has one")).read_line(&mut first).expect("reads");
    assert!(first.starts_with("w9999 = "));
    let output = child.wait_with_output().expect("ends");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    std::fs::remove_file(&path).expect("removes");
    std::io::stdout().flush().expect("flushes");
}

/// A row of data fills the inputs and the label; a value on the command line goes before it.
#[test]
fn rows_of_data() {
    let digits = "../tests/corpus/digits.circuit";
    let (row, _, _) = chainrule(&["eval", digits, "--row", "3", "--json"]);
    assert!(
        row.contains("\"name\":\"digit\",\"kind\":\"label\",\"shape\":[],\"value\":3.0,\"gradient\":null"),
        "{row}"
    );
    let (given, _, _) = chainrule(&["eval", digits, "digit=4", "--row", "3", "--json"]);
    assert!(given.contains("\"name\":\"digit\",\"kind\":\"label\",\"shape\":[],\"value\":4.0,"), "{given}");
    let (_, refused, code) = chainrule(&["eval", digits, "--row", "1797"]);
    assert_eq!((refused.as_str(), code), ("error: the data has no row 1797: its 1797 rows are 0 to 1796\n", Some(1)));
}
