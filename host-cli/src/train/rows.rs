//! From a table to an engine's samples: row after row, the values of all inputs and labels in the
//! order of their wires.

use crate::data::Table;
use crate::engine::sample_wires;
use crate::lower::Lowered;
use crate::text::literal::Readable;

/// All rows of the table, as [`Engine::keep`](crate::engine::Engine::keep) takes them.
pub fn samples<T: Readable>(lowered: &Lowered<T>, table: &Table<T>) -> Vec<T> {
    let field_of = |wire| lowered.fields.iter().position(|field| field.wire == wire);
    let fields: Vec<usize> = sample_wires(&lowered.view()).into_iter().filter_map(field_of).collect();
    let row = |row| fields.iter().flat_map(move |&field| table.values(field, row).iter().copied());
    (0..table.rows()).flat_map(row).collect()
}
