//! conv1d and conv2d: their sums, index by index.

use std::collections::HashMap;

use chainrule::{Op, Shape};

use super::notation::{Names, Value, work_out};
use super::{between, engine, numbers, same, told};

const STRIDE: u16 = 2;
const PADDING: u16 = 1;

/// Numbers with as many indices as there are sizes.
#[derive(Clone)]
struct Tensor {
    sizes: Vec<usize>,
    numbers: Vec<f64>,
}

impl Tensor {
    fn new(sizes: &[usize], first: usize) -> Tensor {
        Tensor { sizes: sizes.to_vec(), numbers: numbers(sizes.iter().product(), first) }
    }

    /// Where the number with these indices is; nowhere beyond the ends.
    fn place(&self, indices: &[isize]) -> Option<usize> {
        indices.iter().zip(&self.sizes).try_fold(0, |place, (&index, &size)| {
            let index = usize::try_from(index).ok().filter(|index| *index < size)?;
            Some(place * size + index)
        })
    }

    /// The same numbers with the outermost index as the innermost, as the engine keeps weights.
    fn outermost_last(&self) -> Vec<f64> {
        let inner = self.numbers.len() / self.sizes[0];
        (0..inner).flat_map(|at| self.numbers.iter().skip(at).step_by(inner).copied()).collect()
    }
}

/// `W[o, c, k]` as its name and its indices.
fn term(text: &str) -> (&str, Vec<&str>) {
    let (name, indices) = text.trim().trim_end_matches(']').split_once('[').unwrap_or_else(|| panic!("`{text}`"));
    (name, indices.split(", ").collect())
}

/// A convolution as it is told.
struct Told {
    tensors: HashMap<&'static str, Tensor>,
    /// How far each index goes that is counted.
    sizes: HashMap<&'static str, usize>,
    /// The indices of x, each from how far the window has gone and the place in the kernel.
    places: Vec<(&'static str, String)>,
}

impl Told {
    /// Adds up what is told of a tensor, such as `Σ W[o, c, k]·g[o, t]` of `x[c, p]`.
    fn add(&self, of: &str, product: &str, into: &mut Tensor) {
        let (_, target) = term(of);
        let factors: Vec<_> = product.trim_start_matches(['Σ', 'ₜ', ' ']).split('·').map(term).collect();
        let speaks_of = |index: &str| target.contains(&index) || factors.iter().any(|(_, own)| own.contains(&index));
        let places: Vec<_> = self.places.iter().filter(|(place, _)| speaks_of(place)).collect();
        let finds = |index: &str| places.iter().any(|(_, found)| found.split([' ', '·']).any(|word| word == index));
        let counted: Vec<_> = self.sizes.iter().filter(|(index, _)| speaks_of(index) || finds(index)).collect();
        for mut at in 0..counted.iter().map(|(_, size)| **size).product() {
            let mut indices: HashMap<&str, isize> = HashMap::new();
            let mut values = Names::from([("stride", one(STRIDE.into())), ("padding", one(PADDING.into()))]);
            for (index, size) in &counted {
                values.insert(index, one((at % *size) as f64));
                indices.insert(index, (at % *size) as isize);
                at /= *size;
            }
            indices.extend(places.iter().map(|(place, found)| (*place, work_out(found, &values).row()[0] as isize)));
            let of = |own: &[&str]| own.iter().map(|index| indices[index]).collect::<Vec<_>>();
            let number = |(name, own): &(&str, Vec<&str>)| {
                let tensor = &self.tensors[name];
                tensor.place(&of(own)).map_or(0.0, |place| tensor.numbers[place])
            };
            if let Some(place) = into.place(&of(&target)) {
                into.numbers[place] += factors.iter().map(number).product::<f64>();
            }
        }
    }

    fn sum(&self, of: &str, told: &str, sizes: &[usize]) -> Tensor {
        let mut sum = Tensor { sizes: sizes.to_vec(), numbers: vec![0.0; sizes.iter().product()] };
        told.split(" + ").for_each(|product| self.add(of, product, &mut sum));
        sum
    }
}

fn one(number: f64) -> Value {
    Value::Row(vec![number])
}

fn shape(sizes: &[usize]) -> Shape {
    Shape::new(&sizes.iter().map(|&size| size as u16).collect::<Vec<_>>()).expect("is one")
}

/// Holds what is told of a convolution to the engine: planes and kernel of these sizes, how far the
/// indices of window and kernel go, and how those of x are found.
fn holds(
    op: Op,
    planes: &[usize],
    kernel: &[usize],
    sizes: &[(&'static str, usize)],
    places: Vec<(&'static str, String)>,
) {
    let (told, name, inputs, outputs) = (told(op), op.name(), 2, 3);
    let out = |(size, kernel): (&usize, &usize)| (size + 2 * usize::from(PADDING) - kernel) / usize::from(STRIDE) + 1;
    let rows: Vec<usize> = planes.iter().zip(kernel).map(out).collect();
    let x = Tensor::new(&[&[inputs], planes].concat(), 0);
    let w = Tensor::new(&[&[outputs, inputs], kernel].concat(), 100);
    let b = Tensor::new(&[outputs], 200);
    let g = Tensor::new(&[&[outputs], &rows[..]].concat(), 300);
    let stored = shape(&[&[inputs], kernel, &[outputs]].concat());
    let (y, gradients) = engine(
        &[shape(&x.sizes), stored, shape(&b.sizes)],
        &[x.numbers.clone(), w.outermost_last(), b.numbers.clone()],
        &g.numbers,
        |c, wires| match op {
            Op::Conv1d => c.conv1d(wires[0], wires[1], Some(wires[2]), [STRIDE, PADDING, 1]).unwrap(),
            _ => c.conv2d(wires[0], wires[1], Some(wires[2]), [STRIDE, PADDING, 1]).unwrap(),
        },
    );
    let counted = sizes.iter().copied().chain([("o", outputs), ("c", inputs)]).collect();
    let tensors = HashMap::from([("x", x.clone()), ("W", w.clone()), ("b", b.clone()), ("g", g.clone())]);
    let by_formula = Told { tensors, sizes: counted, places };

    let (of, product) = between(&told, "", ", p = ").split_once(" = ").expect("says what y is");
    same(&format!("{name}, its value"), &by_formula.sum(of, product, &g.sizes).numbers, &y);
    for ((letter, tensor), by_engine) in [("x", x), ("W", w), ("b", b)].into_iter().zip(gradients) {
        let line = told.split(['\n', ';']).find(|line| line.trim().starts_with(&format!("to {letter}[")));
        let (of, product) = line.expect("is told").trim().split_once(": ").expect("says what comes to it");
        let product = product.split(" over ").next().unwrap_or_default();
        let sum = by_formula.sum(of.trim_start_matches("to "), product, &tensor.sizes);
        let sum = if letter == "W" { sum.outermost_last() } else { sum.numbers };
        same(&format!("{name}, to {letter}"), &sum, &by_engine);
    }
}

#[test]
fn the_formulas_of_conv1d_hold() {
    let place = between(&told(Op::Conv1d), "p = ", ", beyond the ends 0").to_owned();
    holds(Op::Conv1d, &[6], &[3], &[("t", 3), ("k", 3)], vec![("p", place)]);
}

#[test]
fn the_formulas_of_conv2d_hold() {
    let told = told(Op::Conv2d);
    let place = between(&told, "p = ", ", q alike from j and l").to_owned();
    let alike = place.replace("·i", "·j").replace("+ k", "+ l");
    assert_ne!(place, alike);
    let sizes = [("i", 3), ("j", 2), ("k", 3), ("l", 2)];
    holds(Op::Conv2d, &[5, 3], &[3, 2], &sizes, vec![("p", place), ("q", alike)]);
}
