//! A circuit's expectations, read from the TOML beside it.

use std::collections::BTreeMap;
use std::path::Path;

use chainrule_cli::text::ast::Document;
use toml::{Table, Value};

use super::judge::{Expected, Judge, Scalar};
use super::rows::row_of_data;
use super::{Case, Given};

const FOR_ALL: [&str; 4] = ["origin", "exact", "tolerance", "kink"];
const FOR_ONE: [&str; 8] = ["note", "row", "inputs", "of", "values", "gradients", "samples", "params"];

/// All cases of a sidecar.
pub(super) fn cases(table: &Table, document: &Document, path: &Path) -> Result<Vec<Case>, String> {
    if let Some(key) = table.keys().find(|key| *key != "case" && !FOR_ALL.contains(&key.as_str())) {
        return Err(format!("`{key}` means nothing"));
    }
    let list = table.get("case").and_then(Value::as_array).ok_or("no [[case]]")?;
    let read = |(at, value): (usize, &Value)| {
        let own = value.as_table().ok_or("a case is a table")?;
        case(at + 1, own, table, document, path).map_err(|error| format!("case {}: {error}", at + 1))
    };
    list.iter().enumerate().map(read).collect()
}

fn case(number: usize, own: &Table, all: &Table, document: &Document, path: &Path) -> Result<Case, String> {
    if let Some(key) = own.keys().find(|key| !FOR_ALL.contains(&key.as_str()) && !FOR_ONE.contains(&key.as_str())) {
        return Err(format!("`{key}` means nothing"));
    }
    let either = |key: &str| own.get(key).or_else(|| all.get(key));
    let text = |key: &str| either(key).and_then(Value::as_str).map(str::to_owned);
    let mut inputs = match own.get("row") {
        Some(row) => row_of_data(row.as_integer().ok_or("`row` is a whole number")?, document, path)?,
        None => BTreeMap::new(),
    };
    for (wire, value) in entries(own, "inputs")? {
        inputs
            .insert(wire.clone(), given(value).ok_or_else(|| format!("input `{wire}` is no number, list or pattern"))?);
    }
    let case = Case {
        number,
        note: text("note").unwrap_or_default(),
        origin: text("origin").ok_or("no `origin`: where do the numbers come from?")?,
        inputs,
        of: text("of"),
        values: expected(own, "values")?,
        gradients: expected(own, "gradients")?,
        samples: samples(own)?,
        params: expected(own, "params")?,
        judge: judge(own).or_else(|| judge(all)).ok_or("neither `exact = true` nor a `tolerance` with f32 and f64")?,
        kink: either("kink").and_then(Value::as_bool).unwrap_or(false),
    };
    if case.judge == Judge::Exact {
        let told = case.values.iter().chain(&case.gradients).flat_map(|expected| &expected.numbers);
        let set = case.inputs.values().filter_map(|given| match given {
            Given::Numbers(numbers) => Some(numbers),
            Given::Pattern { .. } => None,
        });
        let same = |number: &&f64| number.is_nan() || Scalar::F32.round(**number) == **number;
        if let Some(number) = told.chain(set.flatten()).find(|number| !same(number)) {
            return Err(format!("exact, but {number:?} is not the same in f32"));
        }
    }
    if case.params.is_empty() != case.samples.is_empty() {
        return Err("`samples` and `params` go together".into());
    }
    if case.values.is_empty() && case.gradients.is_empty() && case.params.is_empty() {
        return Err("nothing is expected".into());
    }
    Ok(case)
}

fn judge(table: &Table) -> Option<Judge> {
    if table.get("exact").and_then(Value::as_bool) == Some(true) {
        return Some(Judge::Exact);
    }
    let tolerance = table.get("tolerance")?.as_table()?;
    let number = |key: &str| tolerance.get(key).and_then(number);
    Some(Judge::Within {
        f32: number("f32")?,
        f64: number("f64")?,
        gradient_scale: number("gradient_scale").unwrap_or(0.0),
    })
}

fn entries<'a>(table: &'a Table, key: &str) -> Result<Vec<(&'a String, &'a Value)>, String> {
    match table.get(key) {
        None => Ok(Vec::new()),
        Some(Value::Table(table)) => Ok(table.iter().collect()),
        Some(_) => Err(format!("`{key}` is a table")),
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    match value.as_array() {
        Some(list) => list.iter().map(number).collect(),
        None => number(value).map(|number| vec![number]),
    }
}

fn samples(table: &Table) -> Result<Vec<BTreeMap<String, Given>>, String> {
    let Some(list) = table.get("samples") else { return Ok(Vec::new()) };
    let one = |value: &Value| {
        let sample = value.as_table()?;
        sample.iter().map(|(wire, value)| Some((wire.clone(), given(value)?))).collect()
    };
    let samples: Option<_> = list.as_array().and_then(|list| list.iter().map(one).collect());
    samples.ok_or_else(|| "`samples` is a list of tables of numbers".into())
}

fn given(value: &Value) -> Option<Given> {
    let Some(pattern) = value.as_table() else { return numbers(value).map(Given::Numbers) };
    let whole = |key: &str| pattern.get(key).and_then(Value::as_integer).and_then(|whole| u64::try_from(whole).ok());
    let (step, modulus) = (whole("step")?, whole("modulus").filter(|modulus| *modulus > 0)?);
    Some(Given::Pattern { step, modulus, divide: pattern.get("divide").and_then(number)? })
}

fn expected(table: &Table, key: &str) -> Result<Vec<Expected>, String> {
    let one = |(name, value): (&String, &Value)| {
        let numbers = numbers(value).ok_or_else(|| format!("`{name}` is no number or list"))?;
        let (wire, element) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((wire, element)) => (wire, Some(element.parse().map_err(|_| format!("`{name}` names no element"))?)),
            None => (name.as_str(), None),
        };
        Ok(Expected { wire: wire.to_owned(), element, numbers })
    };
    entries(table, key)?.into_iter().map(one).collect()
}
