//! How far numbers are from what they should have been.
//!
//! Over all n elements of all rows, with e = told − is, and each element's own mean m of what it
//! should have been: mae = Σ|e| / n, rmse = √(Σe² / n), r² = 1 − Σe² / Σ(is − m)².

use chainrule::Scalar;

/// Errors, being added up in the order of the rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Errors {
    absolute: f64,
    squared: f64,
    /// What each element should have been, row after row.
    labels: Vec<Vec<f64>>,
}

impl Errors {
    /// Adds a row.
    pub fn add<T: Scalar>(&mut self, told: &[T], is: &[T]) {
        for (told, is) in told.iter().zip(is) {
            let error = told.to_f64() - is.to_f64();
            self.absolute += error.abs();
            self.squared += error * error;
        }
        self.labels.push(is.iter().map(|label| label.to_f64()).collect());
    }

    fn count(&self) -> f64 {
        self.labels.iter().map(Vec::len).sum::<usize>() as f64
    }

    /// The mean absolute error.
    pub fn mae(&self) -> f64 {
        self.absolute / self.count()
    }

    /// The root of the mean squared error.
    pub fn rmse(&self) -> f64 {
        (self.squared / self.count()).sqrt()
    }

    /// The share of the labels' spread that the answers account for; nothing if they do not spread.
    pub fn r2(&self) -> Option<f64> {
        let (rows, width) = (self.labels.len() as f64, self.labels.first().map_or(0, Vec::len));
        let spread: f64 = (0..width)
            .map(|element| {
                let column = || self.labels.iter().filter_map(|row| row.get(element));
                let mean = column().sum::<f64>() / rows;
                column().map(|label| (label - mean) * (label - mean)).sum::<f64>()
            })
            .sum();
        (spread > 0.0).then(|| 1.0 - self.squared / spread)
    }
}

#[cfg(test)]
mod tests {
    use super::Errors;

    /// By hand: errors 1, −1, 2, 0; labels 0, 2, 4, 6 spread by 9 + 1 + 1 + 9 around 3.
    #[test]
    fn errors_by_hand() {
        let mut errors = Errors::default();
        for (told, is) in [(1.0f64, 0.0), (1.0, 2.0), (6.0, 4.0), (6.0, 6.0)] {
            errors.add(&[told], &[is]);
        }
        assert_eq!((errors.mae(), errors.rmse()), (1.0, (6.0f64 / 4.0).sqrt()));
        assert_eq!(errors.r2(), Some(1.0 - 6.0 / 20.0));
        let mut constant = Errors::default();
        constant.add(&[1.0f32], &[2.0]);
        assert_eq!((constant.mae(), constant.r2()), (1.0, None));
    }
}
