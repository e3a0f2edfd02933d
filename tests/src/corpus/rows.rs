//! Inputs and labels from a row of a circuit's data, by a reader of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use chainrule_cli::text::ast::{Declaration, Document, Expr, Statement, Whole};

use super::Given;

/// The inputs and labels of a row of the circuit's data, as DESIGN says which
/// columns they take.
pub(super) fn row_of_data(row: i64, document: &Document, path: &Path) -> Result<BTreeMap<String, Given>, String> {
    let data = data_file(document).ok_or("`row` without data in a train block")?;
    let file = path.parent().unwrap_or(Path::new(".")).join(data);
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().ok_or("the data are empty")?;
    let cells = usize::try_from(row).ok().and_then(|row| lines.nth(row)).ok_or("the data have no such row")?;
    let cell =
        |column: usize| cells[column].trim().parse::<f64>().map_err(|error| format!("{}: {error}", cells[column]));
    let column = |name: &str| header.iter().position(|column| column.trim() == name);

    let mut taken = vec![false; header.len()];
    if let Some(steers) = steering(document).and_then(column) {
        taken[steers] = true;
    }
    let mut rows = BTreeMap::new();
    let mut rest = None;
    for (name, shape) in document.statements.iter().filter_map(from_data) {
        let wanted: Vec<String> = match shape {
            [] => vec![name.to_owned()],
            _ => (0..shape.iter().map(|size| size.value).product()).map(|k| format!("{name}{k}")).collect(),
        };
        let columns: Option<Vec<usize>> = wanted.iter().map(|name| column(name)).collect();
        match columns {
            Some(columns) => {
                columns.iter().for_each(|&column| taken[column] = true);
                let numbers: Result<_, String> = columns.into_iter().map(cell).collect();
                rows.insert(name.to_owned(), Given::Numbers(numbers?));
            }
            None if rest.is_none() => rest = Some(name.to_owned()),
            None => return Err(format!("no column for `{name}`")),
        }
    }
    if let Some(name) = rest {
        let numbers: Result<_, String> = (0..header.len()).filter(|&column| !taken[column]).map(cell).collect();
        rows.insert(name, Given::Numbers(numbers?));
    }
    Ok(rows)
}

fn from_data(statement: &Statement) -> Option<(&str, &[Whole])> {
    match statement {
        Statement::Input(Declaration { name, shape, .. }) => Some((&name.text, shape)),
        Statement::Label(label) => Some((&label.name.text, &label.shape)),
        _ => None,
    }
}

fn data_file(document: &Document) -> Option<&str> {
    match setting(document, "data")? {
        Expr::Quoted(path) => Some(path),
        _ => None,
    }
}

/// The column that `split = by(column)` names, which is no input.
fn steering(document: &Document) -> Option<&str> {
    let Expr::Call(by) = setting(document, "split")? else { return None };
    match &document.node(by.arguments.first()?.value).kind {
        Expr::Name(column) | Expr::Quoted(column) => Some(column),
        _ => None,
    }
}

/// What a train block sets.
fn setting<'d>(document: &'d Document, key: &str) -> Option<&'d Expr> {
    let settings = document.statements.iter().find_map(|statement| match statement {
        Statement::Block { name, settings } if name.text == "train" => Some(settings),
        _ => None,
    })?;
    let setting = settings.iter().find(|setting| setting.key.text == key)?;
    Some(&document.node(setting.value).kind)
}
