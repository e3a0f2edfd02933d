//! How often each class was taken for which.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// A matrix of counts: a row for each true class, a column for each class told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    names: Vec<String>,
    counts: Vec<Vec<u64>>,
}

impl Confusion {
    /// Nothing counted yet, for classes of these names.
    pub fn new(names: Vec<String>) -> Confusion {
        let counts = vec![vec![0; names.len()]; names.len()];
        Confusion { names, counts }
    }

    /// Counts one answer; classes that are none are not counted.
    pub fn count(&mut self, is: usize, told: usize) {
        if let Some(count) = self.counts.get_mut(is).and_then(|row| row.get_mut(told)) {
            *count += 1;
        }
    }

    /// Row after row.
    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }

    /// How many answers were right.
    pub fn right(&self) -> u64 {
        self.counts.iter().enumerate().filter_map(|(class, row)| row.get(class)).sum()
    }

    /// The share of right answers.
    pub fn accuracy(&self) -> f64 {
        self.right() as f64 / self.counts.iter().flatten().sum::<u64>() as f64
    }

    /// The matrix in columns, with the share of each class that was right.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        let head = ["is / told".to_owned()].into_iter().chain(self.names.iter().cloned()).chain(["right".to_owned()]);
        table.set_header(head);
        for (class, (name, row)) in self.names.iter().zip(&self.counts).enumerate() {
            let all: u64 = row.iter().sum();
            let right = row.get(class).copied().unwrap_or(0);
            let share = if all == 0 { "-".to_owned() } else { format!("{:.4}", right as f64 / all as f64) };
            let counts = row.iter().map(|count| if *count == 0 { ".".to_owned() } else { count.to_string() });
            table.add_row([name.clone()].into_iter().chain(counts).chain([share]));
        }
        table.column_iter_mut().for_each(|column| column.set_cell_alignment(CellAlignment::Right));
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::Confusion;

    #[test]
    fn counts_in_columns() {
        let mut confusion = Confusion::new(vec!["0".into(), "1".into(), "2".into()]);
        for (is, told) in [(0, 0), (0, 0), (0, 2), (1, 1), (3, 0)] {
            confusion.count(is, told);
        }
        assert_eq!((confusion.right(), confusion.accuracy()), (3, 0.75));
        let lines = [
            " is / told  0  1  2   right",
            "         0  2  .  1  0.6667",
            "         1  .  1  .  1.0000",
            "         2  .  .  .       -",
        ];
        assert_eq!(confusion.table(), lines.join("\n"));
    }
}
