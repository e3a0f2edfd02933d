//! The verbs called from within, without a process of their own.

use std::fs;

use chainrule_cli::args::Command;
use chainrule_cli::cmd;
use clap::Parser;
use serde_json::Value;

use crate::folder::Folder;

/// What a command prints, or its report.
pub fn chainrule(line: &[&str]) -> Result<String, String> {
    let command = Command::try_parse_from(std::iter::once("chainrule").chain(line.iter().copied()));
    let command = command.map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    cmd::run(&command.verb, &mut out).map_err(|failure| failure.report(false))?;
    Ok(String::from_utf8(out).expect("is text"))
}

/// The line of JSON of a command.
pub fn told(line: &[&str]) -> Value {
    let line: Vec<&str> = line.iter().copied().chain(["--json"]).collect();
    let out = chainrule(&line).unwrap_or_else(|report| panic!("{line:?}: {report}"));
    assert_eq!(out.matches('\n').count(), 1, "one line: {out}");
    serde_json::from_str(&out).expect("is JSON")
}

/// A file of this folder with this text.
pub fn put(folder: &Folder, name: &str, text: &str) -> String {
    let path = folder.file(name);
    fs::write(&path, text).expect("writes");
    path
}
