//! Which rows are trained on and which are held out.
//!
//! Rows are shuffled once; the first round(fraction · n) of that order are held
//! out and the rest, in that order, is trained on. With groups, groups are
//! shuffled and held out whole. The shuffles are core's; here they come in as
//! permutations.

use super::error::DataErrorKind;

/// Rows by their place in the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Rows to train on.
    pub train: Vec<usize>,
    /// Rows to measure on.
    pub held: Vec<usize>,
}

/// round(fraction · n), and not more than n.
fn share(fraction: f64, n: usize) -> usize {
    ((fraction * n as f64).round() as usize).min(n)
}

/// Holds out the first round(`fraction` · n) rows of `order`, a permutation.
pub fn by_share(order: &[usize], fraction: f64) -> Split {
    let (held, train) = order.split_at(share(fraction, order.len()));
    Split { train: train.to_vec(), held: held.to_vec() }
}

/// The different values of a column, in order of their first row.
pub fn distinct(groups: &[String]) -> Vec<&str> {
    let mut seen = std::collections::HashSet::new();
    groups.iter().map(String::as_str).filter(|group| seen.insert(*group)).collect()
}

/// Holds out whole groups: the first round(`fraction` · groups), but at least
/// one where there are several, of `group_order`, a permutation of
/// [`distinct`]`(groups)`.
pub fn by_group(order: &[usize], groups: &[String], group_order: &[usize], fraction: f64) -> Split {
    let names = distinct(groups);
    let count = share(fraction, names.len()).max(usize::from(names.len() > 1 && fraction > 0.0));
    let held: Vec<&str> = group_order.iter().take(count).filter_map(|at| names.get(*at).copied()).collect();
    part(order, groups, |group| held.contains(&group))
}

/// Holds out the rows that have `value` in `column`.
///
/// # Errors
///
/// [`DataErrorKind::NoSuchGroup`] when no row has it.
pub fn by_value(order: &[usize], groups: &[String], column: &str, value: &str) -> Result<Split, DataErrorKind> {
    let split = part(order, groups, |group| group == value);
    if split.held.is_empty() {
        return Err(DataErrorKind::NoSuchGroup { column: column.to_owned(), value: value.to_owned() });
    }
    Ok(split)
}

fn part(order: &[usize], groups: &[String], is_held: impl Fn(&str) -> bool) -> Split {
    let (held, train) = order.iter().partition(|row| groups.get(**row).is_some_and(|group| is_held(group)));
    Split { train, held }
}
