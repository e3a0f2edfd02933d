//! From two seconds of samples to twelve features: mean and standard deviation of each axis.
//!
//! Both are found sample by sample, without keeping any: B. P. Welford, "Note on a method for
//! calculating corrected sums of squares and products", Technometrics 4 (1962).

use crate::Sample;
use chainrule::Scalar;

/// Samples of a window: two seconds.
pub const SAMPLES: u16 = 104;
const AXES: usize = 6;

/// A window that fills.
#[derive(Debug, Default)]
pub struct Window {
    count: u16,
    means: [f32; AXES],
    /// Sums of squared distances from the mean.
    squares: [f32; AXES],
}

impl Window {
    /// An empty one.
    pub fn new() -> Window {
        Window::default()
    }

    /// Takes a sample; when that completes the window, gives its features and begins the next.
    pub fn push(&mut self, sample: Sample) -> Option<[f32; 2 * AXES]> {
        self.count += 1;
        for ((mean, squares), x) in self.means.iter_mut().zip(&mut self.squares).zip(sample) {
            let from_old = x - *mean;
            *mean += from_old / f32::from(self.count);
            *squares += from_old * (x - *mean);
        }
        if self.count < SAMPLES {
            return None;
        }
        let mut features = [0.0; 2 * AXES];
        let (means, deviations) = features.split_at_mut(AXES);
        means.copy_from_slice(&self.means);
        for (deviation, squares) in deviations.iter_mut().zip(self.squares) {
            *deviation = Scalar::sqrt(squares / f32::from(SAMPLES));
        }
        *self = Window::new();
        Some(features)
    }
}
