//! Random circuits over every gate: their text, and what their sources are set to.

use std::collections::BTreeMap;

use chainrule::Op;
use chainrule_tests::corpus::Given;

/// A wire of a random circuit.
#[derive(Clone, Debug)]
pub struct Drawn {
    pub name: String,
    shape: Vec<usize>,
    /// How many growing gates lie between it and something bounded.
    level: u8,
}

/// A random circuit's text, and what its sources are set to.
#[derive(Default, Debug)]
pub struct Drawing {
    pub text: String,
    pub wires: Vec<Drawn>,
    pub inputs: BTreeMap<String, Given>,
    layers: usize,
}

/// What decides about one gate.
pub type Picks = (u16, u16, u16, u16);

pub const SHAPES: &[&[usize]] =
    &[&[], &[1], &[3], &[5], &[3], &[2, 3], &[3, 2], &[2, 2, 3], &[1, 2, 2, 3], &[4, 1], &[2, 4, 5], &[4, 7]];

/// The elementwise gates of one wire: text around the operand `@`, in a domain
/// where it is smooth or kinks are met by chance only, and whether it is bounded.
const UNARY: &[(Op, &str, bool)] = &[
    (Op::Neg, "-@", false),
    (Op::Abs, "abs(@)", false),
    (Op::Sqrt, "sqrt(@ * @ + 0.5)", false),
    (Op::Square, "square(@)", false),
    (Op::Recip, "recip(@ * @ + 0.5)", true),
    (Op::Exp, "exp(tanh(@))", true),
    (Op::Log, "log(@ * @ + 0.5)", false),
    (Op::Sin, "sin(@)", true),
    (Op::Cos, "cos(@)", true),
    (Op::Tanh, "tanh(@)", true),
    (Op::Sigmoid, "sigmoid(@)", true),
    (Op::Relu, "relu(@)", false),
    (Op::LeakyRelu, "leaky_relu(@, slope = 0.125)", false),
    (Op::Elu, "elu(@, alpha = 0.75)", false),
    (Op::Gelu, "gelu(@)", false),
    (Op::GeluTanh, "gelu_tanh(@)", false),
    (Op::Softplus, "softplus(@)", false),
    (Op::Softsign, "softsign(@)", true),
    (Op::HardSwish, "hard_swish(@)", false),
    (Op::Clip, "clip(@, -0.75, 0.875)", true),
];

/// The elementwise gates of two wires, in the same way.
const BINARY: &[(Op, &str)] = &[
    (Op::Add, "@ + %"),
    (Op::Sub, "@ - %"),
    (Op::Mul, "@ * %"),
    (Op::Div, "@ / (% * % + 0.5)"),
    (Op::Max, "max(@, %)"),
    (Op::Min, "min(@, %)"),
    (Op::Pow, "(sigmoid(@) + 0.25) ^ tanh(%)"),
];

/// All other gates.
const OTHERS: &[Op] = &[
    Op::Dot,
    Op::Dense,
    Op::Sum,
    Op::Mean,
    Op::Slice,
    Op::Softmax,
    Op::LogSoftmax,
    Op::Reshape,
    Op::Concat,
    Op::MaxOf,
    Op::Conv1d,
    Op::Conv2d,
    Op::MaxPool,
    Op::AvgPool,
    Op::GlobalAvg,
    Op::Mse,
    Op::Hinge,
    Op::CrossEntropy,
    Op::BinaryCrossEntropy,
    Op::LayerNorm,
    Op::Gru,
    Op::Rnn,
    Op::Dropout,
    Op::Mae,
    Op::Huber,
    Op::SmoothCrossEntropy,
];

pub fn all_drawable() -> Vec<Op> {
    let unary = UNARY.iter().map(|(op, ..)| *op);
    unary.chain(BINARY.iter().map(|(op, _)| *op)).chain(OTHERS.iter().copied()).collect()
}

/// A number within ±2 that f32 holds, so that kinks are met by chance only.
fn number(seed: u64) -> f64 {
    let mixed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40;
    (mixed as f64 - 8_388_607.5) / 4_194_304.0
}

impl Drawing {
    pub fn source(&mut self, shape: &[usize], seed: u64) -> Drawn {
        let name = format!("x{}", self.wires.len());
        let dims: Vec<String> = shape.iter().map(ToString::to_string).collect();
        let dims = if shape.is_empty() { String::new() } else { format!("[{}]", dims.join(", ")) };
        let word = if seed.is_multiple_of(3) { "param" } else { "input" };
        self.text += &format!("{word} {name}{dims}\n");
        let numbers = (0..shape.iter().product()).map(|k: usize| number(seed * 64 + k as u64)).collect();
        self.inputs.insert(name.clone(), Given::Numbers(numbers));
        let drawn = Drawn { name, shape: shape.to_vec(), level: 0 };
        self.wires.push(drawn.clone());
        drawn
    }

    /// A wire to read: one that fits, or a new source of that shape. Bounded if it grew too often.
    fn operand(&mut self, pick: u16, fits: impl Fn(&[usize]) -> bool, shape: &[usize]) -> Drawn {
        let fitting: Vec<Drawn> = self.wires.iter().filter(|wire| fits(&wire.shape)).cloned().collect();
        let mut drawn = match fitting.len() {
            0 => self.source(shape, u64::from(pick)),
            count => fitting[usize::from(pick) % count].clone(),
        };
        if drawn.level > 1 {
            drawn.name = format!("tanh({})", drawn.name);
            drawn.level = 0;
        }
        drawn
    }

    fn define(&mut self, expression: &str, shape: Vec<usize>, level: u8) {
        let name = format!("w{}", self.wires.len());
        self.text += &format!("{name} = {expression}\n");
        self.wires.push(Drawn { name, shape, level });
    }

    /// A layer with params of these sizes; its name.
    fn layer(&mut self, said: &str, seed: u16, params: &[(&str, usize)]) -> String {
        let name = format!("fc{}", self.layers);
        self.layers += 1;
        self.text += &format!("layer {name} = {said}\n");
        for (k, (own, count)) in params.iter().enumerate() {
            let numbers = (0..*count as u64).map(|at| 0.5 * number((u64::from(seed) << 10) + 977 * k as u64 + at));
            self.inputs.insert(format!("{name}.{own}"), Given::Numbers(numbers.collect()));
        }
        name
    }

    pub fn gate(&mut self, op: Op, (a, b, c, _): Picks) {
        let any = |_: &[usize]| true;
        if let Some((_, text, bounded)) = UNARY.iter().find(|(own, ..)| *own == op) {
            let x = self.operand(a, any, &[]);
            return self.define(&text.replace('@', &x.name), x.shape, if *bounded { 0 } else { x.level + 1 });
        }
        if let Some((_, text)) = BINARY.iter().find(|(own, _)| *own == op) {
            let x = self.operand(a, any, &[]);
            let shape = x.shape.clone();
            let goes = |other: &[usize]| other == shape || other.is_empty() || shape.is_empty();
            let y = self.operand(b, goes, &shape);
            let shape = if x.shape.is_empty() { y.shape.clone() } else { x.shape.clone() };
            let text = text.replace('@', &x.name).replace('%', &y.name);
            return self.define(&text, shape, x.level.max(y.level) + 1);
        }
        let vector = |shape: &[usize]| shape.len() == 1;
        let tensor = |shape: &[usize]| !shape.is_empty();
        let planes = |shape: &[usize]| shape.len() == 2 || shape.len() == 3;
        match op {
            Op::Dot => {
                let x = self.operand(a, vector, &[3]);
                let y = self.operand(b, |shape| shape == x.shape, &x.shape);
                self.define(&format!("dot({}, {})", x.name, y.name), Vec::new(), 2);
            }
            Op::Dense => {
                let x = self.operand(a, vector, &[3]);
                let (inputs, outputs) = (x.shape[0], 1 + usize::from(b) % 19);
                let name = format!("fc{}", self.layers);
                self.layers += 1;
                self.text += &format!("layer {name} = dense({outputs})\n");
                let numbers =
                    |count: usize, seed: u64| Given::Numbers((0..count as u64).map(|k| number(seed + k)).collect());
                self.inputs.insert(format!("{name}.weight"), numbers(inputs * outputs, u64::from(c) << 8));
                self.inputs.insert(format!("{name}.bias"), numbers(outputs, u64::from(c) << 9));
                self.define(&format!("{name}({})", x.name), vec![outputs], 2);
                // Sometimes the same weights again, which then have a gradient of their own.
                if c.is_multiple_of(4) {
                    let y = self.operand(c, |shape| shape == x.shape, &x.shape);
                    self.define(&format!("{name}({})", y.name), vec![outputs], 2);
                }
            }
            Op::Sum | Op::Mean => {
                let x = self.operand(a, any, &[3]);
                self.define(&format!("{}({})", op.name(), x.name), Vec::new(), 2);
            }
            Op::Slice => {
                let fits = |shape: &[usize]| tensor(shape);
                let x = self.operand(a, fits, &[3]);
                // A call cannot be indexed, so it gets a name.
                let (name, rows) = (x.name.clone(), x.shape[0]);
                let name = if name.contains('(') {
                    self.define(&name, x.shape.clone(), 0);
                    self.wires.last().unwrap().name.clone()
                } else {
                    name
                };
                let start = usize::from(b) % rows;
                if c.is_multiple_of(2) {
                    self.define(&format!("{name}[{start}]"), x.shape[1..].to_vec(), x.level);
                } else {
                    let end = start + 1 + usize::from(c) % (rows - start);
                    let shape = [&[end - start], &x.shape[1..]].concat();
                    self.define(&format!("{name}[{start}..{end}]"), shape, x.level);
                }
            }
            Op::Softmax | Op::LogSoftmax => {
                let x = self.operand(a, tensor, &[2, 3]);
                self.define(&format!("{}({})", op.name(), x.name), x.shape, 1);
            }
            Op::Reshape => {
                let x = self.operand(a, any, &[2, 3]);
                let count: usize = x.shape.iter().product();
                let rows = (1..=count).filter(|rows| count.is_multiple_of(*rows)).nth(usize::from(b) % 2).unwrap_or(1);
                match c % 3 {
                    0 => self.define(&format!("flatten({})", x.name), vec![count], x.level),
                    1 => self.define(
                        &format!("reshape({}, {rows}, {})", x.name, count / rows),
                        vec![rows, count / rows],
                        x.level,
                    ),
                    _ => self.define(&format!("reshape({}, 1, {count}, 1)", x.name), vec![1, count, 1], x.level),
                }
            }
            Op::Concat => {
                let x = self.operand(a, any, &[3]);
                let inner = x.shape.get(1..).unwrap_or_default().to_vec();
                let goes = |shape: &[usize]| shape.get(1..).unwrap_or_default() == inner;
                let (y, z) = (self.operand(b, goes, &x.shape), self.operand(c, goes, &x.shape));
                let rows: usize = [&x, &y, &z].map(|wire| wire.shape.first().copied().unwrap_or(1)).iter().sum();
                let level = x.level.max(y.level).max(z.level);
                let text = format!("concat({}, {}, {})", x.name, y.name, z.name);
                self.define(&text, [&[rows], inner.as_slice()].concat(), level);
            }
            Op::MaxOf => {
                let x = self.operand(a, any, &[3]);
                self.define(&format!("max({})", x.name), Vec::new(), x.level);
            }
            Op::GlobalAvg => {
                let x = self.operand(a, planes, &[2, 3, 3]);
                self.define(&format!("global_avg({})", x.name), vec![x.shape[0]], x.level);
            }
            Op::MaxPool | Op::AvgPool => {
                let x = self.operand(a, planes, &[2, 4, 5]);
                let least = x.shape[1..].iter().copied().min().unwrap_or(1);
                let size = 1 + usize::from(b) % least;
                let (stride, padding) = (1 + usize::from(c) % 3, usize::from(c / 3) % (size / 2 + 1));
                let mut shape = vec![x.shape[0]];
                shape.extend(x.shape[1..].iter().map(|of| (of + 2 * padding - size) / stride + 1));
                let text = format!("{}({}, {size}, stride = {stride}, padding = {padding})", op.name(), x.name);
                self.define(&text, shape, x.level);
            }
            Op::Conv1d | Op::Conv2d => {
                let rank = if op == Op::Conv1d { 2 } else { 3 };
                let fresh: &[usize] = if rank == 2 { &[4, 7] } else { &[2, 4, 5] };
                let x = self.operand(a, |shape| shape.len() == rank, fresh);
                let inputs = x.shape[0];
                let groups = [1, inputs][usize::from(b) % 2];
                // Blocks of 8, of 4 and of 1.
                let outputs = if groups == 1 {
                    [1, 2, 5, 13][usize::from(b / 2) % 4]
                } else {
                    groups * (1 + usize::from(b / 2) % 2)
                };
                let least = x.shape[1..].iter().copied().min().unwrap_or(1);
                let (kernel, stride) = (1 + usize::from(c) % least.min(3), 1 + usize::from(c / 3) % 2);
                let padding = usize::from(c / 6) % 3;
                let has_bias = !b.is_multiple_of(3);
                let name = format!("fc{}", self.layers);
                self.layers += 1;
                self.text += &format!(
                    "layer {name} = {}({outputs}, {kernel}, stride = {stride}, padding = {padding}, groups = {groups}, \
                     bias = {has_bias})\n",
                    op.name()
                );
                let numbers =
                    |count: usize, seed: u64| Given::Numbers((0..count as u64).map(|k| number(seed + k)).collect());
                let count = outputs * inputs / groups * kernel.pow(rank as u32 - 1);
                self.inputs.insert(format!("{name}.weight"), numbers(count, u64::from(c) << 8));
                if has_bias {
                    self.inputs.insert(format!("{name}.bias"), numbers(outputs, u64::from(c) << 9));
                }
                let mut shape = vec![outputs];
                shape.extend(x.shape[1..].iter().map(|of| (of + 2 * padding - kernel) / stride + 1));
                self.define(&format!("{name}({})", x.name), shape, 2);
                if c.is_multiple_of(4) {
                    let y = self.operand(c, |shape| shape == x.shape, &x.shape);
                    let shape = self.wires.last().unwrap().shape.clone();
                    self.define(&format!("{name}({})", y.name), shape, 2);
                }
            }
            Op::CrossEntropy | Op::SmoothCrossEntropy => {
                let x = self.operand(a, |shape| vector(shape) && shape[0] > 1, &[3]);
                let (label, classes) = (format!("c{}", self.wires.len()), x.shape[0]);
                self.text += &format!("label {label} : class({classes})\n");
                let class = usize::from(b) % classes;
                self.inputs.insert(label.clone(), Given::Numbers(vec![class as f64]));
                let smoothing = if op == Op::CrossEntropy { "" } else { ", smoothing = 0.125" };
                self.define(&format!("cross_entropy({}, {label}{smoothing})", x.name), Vec::new(), 1);
            }
            Op::Mse | Op::Hinge | Op::BinaryCrossEntropy | Op::Mae | Op::Huber => {
                let x = self.operand(a, any, &[3]);
                let y = self.operand(b, |shape| shape == x.shape, &x.shape);
                let more = if op == Op::Huber && c.is_multiple_of(2) { ", delta = 0.375" } else { "" };
                self.define(&format!("{}({}, {}{more})", op.name(), x.name, y.name), Vec::new(), 2);
            }
            Op::Dropout => {
                let x = self.operand(a, any, &[3]);
                self.define(&format!("dropout({}, 0.25)", x.name), x.shape, x.level);
            }
            Op::LayerNorm => {
                // A row of one element, or of equal ones, would be divided by √ε.
                let x = self.operand(a, |shape| shape.last().is_some_and(|&n| n > 1), &[2, 3]);
                let width = *x.shape.last().unwrap();
                let name = self.layer("layer_norm(eps = 0.25)", c, &[("weight", width), ("bias", width)]);
                self.define(&format!("{name}({})", x.name), x.shape, 1);
            }
            Op::Gru | Op::Rnn => {
                let x = self.operand(a, |shape| shape.len() == 2, &[3, 2]);
                let (steps, inputs, hidden) = (x.shape[0], x.shape[1], 1 + usize::from(b) % 5);
                let columns = if op == Op::Gru { 3 * hidden } else { hidden };
                let said = if op == Op::Rnn && c.is_multiple_of(2) { ", activation = relu" } else { "" };
                let weights = [
                    ("weight_ih", columns * inputs),
                    ("weight_hh", columns * hidden),
                    ("bias_ih", columns),
                    ("bias_hh", columns),
                ];
                let name = self.layer(&format!("{}({hidden}{said})", op.name()), c, &weights);
                self.define(&format!("{name}({})", x.name), vec![steps, hidden], 2);
                let h = self.wires.last().unwrap().name.clone();
                self.define(&format!("last({h})"), vec![hidden], 2);
            }
            other => panic!("draw {other:?} too"),
        }
    }
}

pub fn draw(gates: &[Picks]) -> Drawing {
    let mut drawing = Drawing::default();
    let ops = all_drawable();
    for (at, &picks) in gates.iter().enumerate() {
        if at == 0 || picks.3.is_multiple_of(5) {
            drawing.source(SHAPES[usize::from(picks.3 / 5) % SHAPES.len()], u64::from(picks.2) + 1000 * at as u64);
        }
        drawing.gate(ops[usize::from(picks.0) % ops.len()], (picks.1, picks.2, picks.3, picks.0));
    }
    let last: Vec<String> = drawing.wires.iter().rev().take(4).map(|wire| format!("mean({})", wire.name)).collect();
    drawing.text += &format!("minimize {}\n", last.join(" + "));
    drawing
}
