//! The gates by name, in dual numbers: definitions as in the literature, with
//! no derivative written down except those of elementary functions.

use super::array::Array;
use super::dual::{Dual, fixed};
use super::planes::{Steps, conv, outputs_first, pool};

/// What a call reads: wires by place and settings by name.
pub struct Arguments<'a> {
    /// The wires.
    pub wires: Vec<&'a Array>,
    /// The settings, such as `slope`.
    pub settings: Vec<(&'a str, f64)>,
}

impl Arguments<'_> {
    fn wire(&self, at: usize) -> Result<&Array, String> {
        self.wires.get(at).copied().ok_or_else(|| format!("argument {} is missing", at + 1))
    }

    /// A number by name, or by place among the arguments, or what it is unless told.
    fn setting(&self, name: &str, at: usize, usual: Option<f64>) -> Result<Dual, String> {
        let named = self.settings.iter().find(|(own, _)| *own == name).map(|(_, number)| *number);
        match (named, self.wires.get(at)) {
            (Some(number), _) => Ok(fixed(number)),
            (None, Some(wire)) => wire.only(),
            (None, None) => usual.map(fixed).ok_or_else(|| format!("`{name}` is missing")),
        }
    }
}

/// 1 / (1 + e⁻ˣ)
pub fn sigmoid(x: Dual) -> Dual {
    if x.v >= 0.0 { fixed(1.0) / (fixed(1.0) + (-x).exp()) } else { x.exp() / (fixed(1.0) + x.exp()) }
}

fn softplus(x: Dual) -> Dual {
    x.max(fixed(0.0)) + (-x.abs()).exp().ln_1p()
}

/// What an elementwise gate does to an element.
type Element = Box<dyn Fn(Dual) -> Dual>;

/// An elementwise gate of one wire.
fn unary(name: &str, call: &Arguments) -> Result<Option<Element>, String> {
    let one = fixed(1.0);
    Ok(Some(match name {
        "neg" => Box::new(|x| -x),
        "abs" => Box::new(Dual::abs),
        "sqrt" => Box::new(Dual::sqrt),
        "square" => Box::new(|x| x * x),
        "recip" => Box::new(move |x| one / x),
        "exp" => Box::new(Dual::exp),
        "log" => Box::new(Dual::ln),
        "sin" => Box::new(Dual::sin),
        "cos" => Box::new(Dual::cos),
        "tanh" => Box::new(Dual::tanh),
        "sigmoid" => Box::new(sigmoid),
        "relu" => Box::new(|x| x.max(fixed(0.0))),
        "leaky_relu" => {
            let slope = call.setting("slope", 1, Some(0.01))?;
            Box::new(move |x| if x.v > 0.0 { x } else { slope * x })
        }
        "elu" => {
            let alpha = call.setting("alpha", 1, Some(1.0))?;
            Box::new(move |x| if x.v > 0.0 { x } else { alpha * x.exp_m1() })
        }
        // Hendrycks and Gimpel 2016: x Φ(x), and its approximation by tanh, as a sigmoid of twice the argument.
        "gelu" => Box::new(|x| x * x.normal()),
        "gelu_tanh" => {
            let root = fixed((2.0 / std::f64::consts::PI).sqrt());
            Box::new(move |x| x * sigmoid(fixed(2.0) * root * (x + fixed(0.044715) * x * x * x)))
        }
        "softplus" => Box::new(softplus),
        // x/(1 + |x|) = ±(1 − 1/(1 + |x|)), whose slope does not cancel; the value is taken as written.
        "softsign" => Box::new(move |x| {
            let slope = if x.v < 0.0 { one / (one - x) } else { -(one / (one + x)) };
            Dual { v: x.v / (1.0 + x.v.abs()), t: slope.t }
        }),
        "hard_swish" => Box::new(|x| x * (x + fixed(3.0)).max(fixed(0.0)).min(fixed(6.0)) / fixed(6.0)),
        "clip" => {
            let (low, high) = (call.setting("lo", 1, None)?, call.setting("hi", 2, None)?);
            Box::new(move |x| x.max(low).min(high))
        }
        _ => return Ok(None),
    }))
}

/// An elementwise gate of two wires.
fn binary(name: &str) -> Option<fn(Dual, Dual) -> Dual> {
    Some(match name {
        "add" => |a, b| a + b,
        "sub" => |a, b| a - b,
        "mul" => |a, b| a * b,
        "div" => |a, b| a / b,
        "pow" => Dual::pow,
        "max" => Dual::max,
        "min" => Dual::min,
        _ => return None,
    })
}

/// x − ln Σ eˣ for each x, by way of the largest.
fn log_softmax(row: &[Dual]) -> Vec<Dual> {
    let largest = fixed(row.iter().fold(f64::NEG_INFINITY, |largest, x| largest.max(x.v)));
    let whole = row.iter().fold(fixed(0.0), |sum, &x| sum + (x - largest).exp()).ln();
    row.iter().map(|&x| (x - largest) - whole).collect()
}

/// A gate that only moves elements.
fn arranged(name: &str, call: &Arguments) -> Result<Option<Array>, String> {
    let elements = call.wire(0)?.elements.clone();
    Ok(Some(match name {
        "reshape" => {
            let sizes = call.wires[1..].iter().map(|size| Ok(size.only()?.v as usize));
            Array { shape: sizes.collect::<Result<_, String>>()?, elements }
        }
        "flatten" => Array { shape: vec![elements.len()], elements },
        "concat" => {
            let rows = |wire: &Array| wire.shape.first().copied().unwrap_or(1);
            let inner = call.wires.iter().map(|wire| wire.shape.get(1..).unwrap_or_default());
            let mut shape = vec![call.wires.iter().map(|wire| rows(wire)).sum()];
            shape.extend_from_slice(inner.max_by_key(|inner| inner.len()).unwrap_or_default());
            Array { shape, elements: call.wires.iter().flat_map(|wire| wire.elements.clone()).collect() }
        }
        _ => return Ok(None),
    }))
}

/// A gate over planes.
fn windowed(name: &str, call: &Arguments) -> Result<Option<Array>, String> {
    let x = call.wire(0)?;
    let whole = |name: &str, at: usize, usual: usize| {
        call.setting(name, at, Some(usual as f64)).map(|number| number.v as usize)
    };
    Ok(Some(match name {
        "global_avg" => {
            let len: usize = x.shape.iter().skip(1).product();
            let mean = |plane: &[Dual]| plane.iter().fold(fixed(0.0), |sum, &x| sum + x) / fixed(len as f64);
            Array { shape: vec![x.shape[0]], elements: x.elements.chunks(len).map(mean).collect() }
        }
        "max_pool" | "avg_pool" => {
            let size = whole("size", 1, 0)?;
            let steps = Steps { stride: whole("stride", 2, size)?, padding: whole("padding", 3, 0)? };
            pool(x, size, steps, |seen, area| {
                let seen = seen.iter().copied();
                Ok(match name {
                    "avg_pool" => seen.fold(fixed(0.0), |sum, x| sum + x) / fixed(area as f64),
                    _ => seen.reduce(Dual::max).ok_or("an empty window")?,
                })
            })?
        }
        "conv1d" | "conv2d" => {
            let weight = outputs_first(call.wire(1)?);
            let steps = Steps { stride: whole("stride", 3, 1)?, padding: whole("padding", 4, 0)? };
            conv(x, &weight, call.wires.get(2).copied(), steps, whole("groups", 5, 1)?)?
        }
        _ => return Ok(None),
    }))
}

/// A gate applied to its arguments.
pub fn apply(name: &str, call: &Arguments) -> Result<Array, String> {
    let first = call.wire(0)?;
    if let Some(function) = unary(name, call)? {
        return Ok(first.map(function));
    }
    if name == "max" && call.wires.len() == 1 {
        return first
            .elements
            .iter()
            .copied()
            .reduce(Dual::max)
            .map(Array::scalar)
            .ok_or_else(|| "max of nothing".into());
    }
    if let Some(arranged) = arranged(name, call)? {
        return Ok(arranged);
    }
    if let Some(windowed) = windowed(name, call)? {
        return Ok(windowed);
    }
    if let Some(function) = binary(name) {
        return first.with(call.wire(1)?, function);
    }
    let one = match name {
        "sum" => first.sum(),
        "mean" => first.mean(),
        "dot" => same_shape(first, call.wire(1)?, |a, b| a * b)?.sum(),
        "last" => return first.part(&[(first.shape.first().ok_or("last of a scalar")? - 1, first.shape[0], true)]),
        // Only training leaves something out.
        "dropout" => return Ok(first.clone()),
        "softmax" | "log_softmax" => {
            return Ok(first.rows(|row| {
                let log = log_softmax(row);
                if name == "softmax" { log.into_iter().map(Dual::exp).collect() } else { log }
            }));
        }
        "mse" => same_shape(first, call.wire(1)?, |a, t| (a - t) * (a - t))?.mean(),
        "mae" => same_shape(first, call.wire(1)?, |a, t| (a - t).abs())?.mean(),
        "huber" => {
            let delta = call.setting("delta", 2, Some(1.0))?;
            let one = |a: Dual, t: Dual| {
                let r = (a - t).abs();
                if r.v <= delta.v { fixed(0.5) * r * r } else { delta * (r - fixed(0.5) * delta) }
            };
            same_shape(first, call.wire(1)?, one)?.mean()
        }
        "hinge" => same_shape(first, call.wire(1)?, |s, y| (fixed(1.0) - s * y).max(fixed(0.0)))?.mean(),
        "binary_cross_entropy" => same_shape(first, call.wire(1)?, |z, t| softplus(z) - z * t)?.mean(),
        "cross_entropy" => {
            let class = call.wire(1)?.only()?.v;
            let log = log_softmax(&first.elements);
            let plain = -*log.get(class as usize).ok_or_else(|| format!("there is no class {class}"))?;
            let (smoothing, count) = (call.setting("smoothing", 2, Some(0.0))?, fixed(log.len() as f64));
            let spread = log.iter().fold(fixed(0.0), |sum, &log| sum - log) / count;
            (fixed(1.0) - smoothing) * plain + smoothing * spread
        }
        _ => return Err(format!("the oracle knows no gate `{name}`")),
    };
    Ok(Array::scalar(one))
}

fn same_shape(a: &Array, b: &Array, function: impl Fn(Dual, Dual) -> Dual) -> Result<Array, String> {
    if a.shape == b.shape {
        a.with(b, function)
    } else {
        Err(format!("shapes {:?} and {:?} are not the same", a.shape, b.shape))
    }
}
