//! Layers in dual numbers, as the papers and PyTorch's documentation have them: weights are `[out, in]`.

use super::array::Array;
use super::dual::{Dual, fixed};
use super::gates::sigmoid;

/// A layer and its sizes.
pub enum Layer {
    /// W x + b
    Dense { inputs: usize, outputs: usize, has_bias: bool },
    /// Ba, Kiros and Hinton 2016.
    LayerNorm { width: usize, eps: f64 },
    /// Cho et al. 2014, the reset gate inside as cuDNN has it.
    Gru { inputs: usize, hidden: usize },
    /// Elman 1990.
    Rnn { inputs: usize, hidden: usize, relu: bool },
}

/// W x + b, without a sum over the bias first.
fn affine(weight: &Array, bias: &Array, x: &[Dual]) -> Vec<Dual> {
    let rows = weight.elements.chunks(x.len()).zip(&bias.elements);
    rows.map(|(row, &bias)| row.iter().zip(x).fold(bias, |sum, (&w, &x)| sum + w * x)).collect()
}

impl Layer {
    /// The layer of this kind for rows of `inputs`; `out` is its first number, if it has one.
    pub fn of(
        kind: &str,
        inputs: usize,
        out: Option<f64>,
        eps: f64,
        [relu, has_bias]: [bool; 2],
    ) -> Result<Layer, String> {
        let size = || out.map(|out| out as usize).ok_or(format!("a layer `{kind}` has a size"));
        Ok(match kind {
            "dense" => Layer::Dense { inputs, outputs: size()?, has_bias },
            "layer_norm" => Layer::LayerNorm { width: inputs, eps },
            "gru" => Layer::Gru { inputs, hidden: size()? },
            "rnn" => Layer::Rnn { inputs, hidden: size()?, relu },
            _ => return Err(format!("the oracle knows no layer `{kind}`")),
        })
    }

    /// Its params, as the text names them.
    pub fn params(&self) -> Vec<(&'static str, Vec<usize>)> {
        let recurrent = |inputs: usize, hidden: usize, columns: usize| {
            vec![
                ("weight_ih", vec![columns, inputs]),
                ("weight_hh", vec![columns, hidden]),
                ("bias_ih", vec![columns]),
                ("bias_hh", vec![columns]),
            ]
        };
        match *self {
            Layer::Dense { inputs, outputs, has_bias } => {
                let both = [("weight", vec![outputs, inputs]), ("bias", vec![outputs])];
                both.into_iter().take(if has_bias { 2 } else { 1 }).collect()
            }
            Layer::LayerNorm { width, .. } => vec![("weight", vec![width]), ("bias", vec![width])],
            Layer::Gru { inputs, hidden } => recurrent(inputs, hidden, 3 * hidden),
            Layer::Rnn { inputs, hidden, .. } => recurrent(inputs, hidden, hidden),
        }
    }

    /// What it makes of its input.
    pub fn apply<'a>(&self, input: &Array, param: impl Fn(&str) -> &'a Array) -> Result<Array, String> {
        match *self {
            Layer::Dense { outputs, has_bias, .. } => {
                let none = Array { shape: vec![outputs], elements: vec![fixed(0.0); outputs] };
                let bias = if has_bias { param("bias") } else { &none };
                let elements = affine(param("weight"), bias, &input.elements);
                Ok(Array { shape: vec![outputs], elements })
            }
            Layer::LayerNorm { eps, .. } => Ok(input.rows(|row| {
                let count = fixed(row.len() as f64);
                let mean = |all: &[Dual]| all.iter().fold(fixed(0.0), |sum, &x| sum + x) / count;
                let middle = mean(row);
                let squares: Vec<Dual> = row.iter().map(|&x| (x - middle) * (x - middle)).collect();
                let deviation = (mean(&squares) + fixed(eps)).sqrt();
                let both = param("weight").elements.iter().zip(&param("bias").elements);
                row.iter().zip(both).map(|(&x, (&w, &b))| (x - middle) / deviation * w + b).collect()
            })),
            Layer::Gru { inputs, hidden } => over_time(input, inputs, hidden, |x, h| {
                let i = affine(param("weight_ih"), param("bias_ih"), x);
                let u = affine(param("weight_hh"), param("bias_hh"), h);
                let unit = |j: usize| {
                    let r = sigmoid(i[j] + u[j]);
                    let z = sigmoid(i[hidden + j] + u[hidden + j]);
                    let n = (i[2 * hidden + j] + r * u[2 * hidden + j]).tanh();
                    (fixed(1.0) - z) * n + z * h[j]
                };
                (0..hidden).map(unit).collect()
            }),
            Layer::Rnn { inputs, hidden, relu } => over_time(input, inputs, hidden, |x, h| {
                let i = affine(param("weight_ih"), param("bias_ih"), x);
                let u = affine(param("weight_hh"), param("bias_hh"), h);
                let sums = i.iter().zip(&u).map(|(&i, &u)| i + u);
                sums.map(|sum| if relu { sum.max(fixed(0.0)) } else { sum.tanh() }).collect()
            }),
        }
    }
}

/// A step for each row of the input, from zeros; all that it gives.
fn over_time(
    input: &Array,
    inputs: usize,
    hidden: usize,
    step: impl Fn(&[Dual], &[Dual]) -> Vec<Dual>,
) -> Result<Array, String> {
    if input.shape.len() != 2 {
        return Err(format!("a window is a matrix, not {:?}", input.shape));
    }
    let mut h = vec![fixed(0.0); hidden];
    let mut elements = Vec::new();
    for x in input.elements.chunks(inputs) {
        h = step(x, &h);
        elements.extend_from_slice(&h);
    }
    Ok(Array { shape: vec![input.shape[0], hidden], elements })
}
