//! Arrays of dual numbers with a shape; shapes are the oracle's own.

use super::dual::{Dual, fixed};

/// Numbers with a shape, last dimension fastest; a scalar has no dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its elements.
    pub elements: Vec<Dual>,
}

impl Array {
    /// One number.
    pub fn scalar(element: Dual) -> Array {
        Array { shape: Vec::new(), elements: vec![element] }
    }

    /// Numbers that do not move.
    pub fn fixed(shape: &[usize], numbers: &[f64]) -> Array {
        Array { shape: shape.to_vec(), elements: numbers.iter().map(|&number| fixed(number)).collect() }
    }

    /// The one element of a scalar.
    pub fn only(&self) -> Result<Dual, String> {
        match self.elements[..] {
            [one] => Ok(one),
            _ => Err(format!("a scalar is wanted, not {:?}", self.shape)),
        }
    }

    /// A function of each element.
    pub fn map(&self, function: impl Fn(Dual) -> Dual) -> Array {
        Array { shape: self.shape.clone(), elements: self.elements.iter().map(|&element| function(element)).collect() }
    }

    /// A function of elements in pairs; a scalar goes with every element.
    pub fn with(&self, other: &Array, function: impl Fn(Dual, Dual) -> Dual) -> Result<Array, String> {
        if self.shape == other.shape {
            let pairs = self.elements.iter().zip(&other.elements);
            let elements = pairs.map(|(&left, &right)| function(left, right)).collect();
            Ok(Array { shape: self.shape.clone(), elements })
        } else if other.shape.is_empty() {
            let right = other.only()?;
            Ok(self.map(|left| function(left, right)))
        } else if self.shape.is_empty() {
            let left = self.only()?;
            Ok(other.map(|right| function(left, right)))
        } else {
            Err(format!("shapes {:?} and {:?} do not go together", self.shape, other.shape))
        }
    }

    /// The sum of all elements.
    pub fn sum(&self) -> Dual {
        self.elements.iter().fold(fixed(0.0), |sum, &element| sum + element)
    }

    /// The mean of all elements.
    pub fn mean(&self) -> Dual {
        self.sum() / fixed(self.elements.len() as f64)
    }

    /// A function of each row of the innermost dimension.
    pub fn rows(&self, function: impl Fn(&[Dual]) -> Vec<Dual>) -> Array {
        let width = self.shape.last().copied().unwrap_or(1);
        let elements = self.elements.chunks(width).flat_map(function).collect();
        Array { shape: self.shape.clone(), elements }
    }

    /// The part between brackets: one range for each leading dimension, and
    /// whether that dimension goes away.
    pub fn part(&self, places: &[(usize, usize, bool)]) -> Result<Array, String> {
        if places.len() > self.shape.len() {
            return Err(format!("{} places in shape {:?}", places.len(), self.shape));
        }
        let mut elements = self.elements.clone();
        let mut shape = Vec::new();
        // From the innermost place outwards, so that blocks are as long as what is left of them.
        let mut block: usize = self.shape[places.len()..].iter().product();
        for (at, &(start, end, drops)) in places.iter().enumerate().rev() {
            let size = self.shape[at];
            if start >= end || end > size {
                return Err(format!("{start}..{end} in dimension {at} of {:?}", self.shape));
            }
            elements =
                elements.chunks(size * block).flat_map(|chunk| chunk[start * block..end * block].to_vec()).collect();
            block *= end - start;
            if !drops {
                shape.insert(0, end - start);
            }
        }
        shape.extend_from_slice(&self.shape[places.len()..]);
        Ok(Array { shape, elements })
    }
}

#[cfg(test)]
mod tests {
    use super::Array;

    #[test]
    fn parts_of_a_matrix() {
        let matrix = Array::fixed(&[3, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let part = |places: &[(usize, usize, bool)]| {
            let part = matrix.part(places).unwrap();
            (part.shape, part.elements.iter().map(|element| element.v).collect::<Vec<_>>())
        };
        assert_eq!(part(&[(1, 2, true)]), (vec![2], vec![2.0, 3.0]));
        assert_eq!(part(&[(1, 3, false)]), (vec![2, 2], vec![2.0, 3.0, 4.0, 5.0]));
        assert_eq!(part(&[(0, 3, false), (1, 2, true)]), (vec![3], vec![1.0, 3.0, 5.0]));
        assert_eq!(part(&[(2, 3, true), (0, 1, false)]), (vec![1], vec![4.0]));
        assert!(matrix.part(&[(0, 4, false)]).is_err());
    }
}
