//! From a table to an engine's samples: row after row, the values of all inputs and labels in the
//! order of their wires; and what inputs are normalized with.

use crate::data::Table;
use crate::engine::sample_wires;
use crate::lower::Lowered;
use crate::text::literal::Readable;
use chainrule::Wire;

/// All rows of the table, as [`Engine::keep`](crate::engine::Engine::keep) takes them.
pub fn samples<T: Readable>(lowered: &Lowered<T>, table: &Table<T>) -> Vec<T> {
    let field_of = |wire| lowered.fields.iter().position(|field| field.wire == wire);
    let fields: Vec<usize> = sample_wires(&lowered.view()).into_iter().filter_map(field_of).collect();
    let row = |row| fields.iter().flat_map(move |&field| table.values(field, row).iter().copied());
    (0..table.rows()).flat_map(row).collect()
}

/// The mean and the deviation of each normalized input over these rows, element by element, as
/// values of their params. The sums are of f64, in the order of the rows; an element that is the
/// same in all rows has deviation 1.
pub fn fit<T: Readable>(lowered: &Lowered<T>, table: &Table<T>, rows: &[usize]) -> Vec<(Wire, Vec<T>)> {
    let mut fitted = Vec::new();
    let count = rows.len() as f64;
    for normalized in &lowered.normalized {
        let Some(field) = lowered.fields.iter().position(|field| field.wire == normalized.input) else { continue };
        let (mut means, mut deviations) = (Vec::new(), Vec::new());
        for element in 0..table.fields().get(field).map_or(0, |field| field.width()) {
            let values = || rows.iter().filter_map(|&row| table.values(field, row).get(element)).map(|x| x.to_f64());
            let mean = values().sum::<f64>() / count;
            let deviation = (values().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count).sqrt();
            let deviation = T::from_f64(deviation);
            means.push(T::from_f64(mean));
            deviations.push(if deviation > T::ZERO { deviation } else { T::ONE });
        }
        fitted.extend([(normalized.mean, means), (normalized.deviation, deviations)]);
    }
    fitted
}
