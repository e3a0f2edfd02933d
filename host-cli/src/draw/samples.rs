//! Circuits to try the drawing on, with values and gradients by a few lines of their own.

use super::{Goal, Kind, Move, Node, Picture, Quantity, Weights};

/// Puts scalar circuits together and walks them.
#[derive(Default)]
pub struct Bench {
    nodes: Vec<Node>,
    values: Vec<f64>,
}

impl Bench {
    pub fn source(&mut self, kind: Kind, name: &str, value: f64) -> usize {
        let mut node = Node::source(kind, name);
        node.value = (kind != Kind::Const).then_some(Quantity::Number(value));
        if kind == Kind::Const {
            node.symbol = super::letters::number(value);
        }
        self.nodes.push(node);
        self.values.push(value);
        self.nodes.len() - 1
    }

    pub fn gate(&mut self, symbol: &str, operands: &[usize], name: &str, formula: &str) -> usize {
        let mut node = Node::gate(Kind::Gate, symbol, name, operands);
        node.formula = formula.into();
        let at = |k: usize| self.values[operands[k]];
        let value = match symbol {
            "+" => at(0) + at(1),
            "−" if operands.len() == 1 => -at(0),
            "−" => at(0) - at(1),
            "×" => at(0) * at(1),
            "÷" => at(0) / at(1),
            "sigmoid" => 1.0 / (1.0 + (-at(0)).exp()),
            "tanh" => at(0).tanh(),
            "relu" => at(0).max(0.0),
            "exp" => at(0).exp(),
            "x²" => at(0) * at(0),
            "max" => at(0).max(at(1)),
            other => panic!("no such gate: {other}"),
        };
        node.value = Some(Quantity::Number(value));
        self.nodes.push(node);
        self.values.push(value);
        self.nodes.len() - 1
    }

    fn local(&self, node: usize, k: usize) -> f64 {
        let operands = &self.nodes[node].operands;
        let at = |k: usize| self.values[operands[k]];
        let value = self.values[node];
        match self.nodes[node].symbol.as_str() {
            "+" => 1.0,
            "−" if operands.len() == 1 => -1.0,
            "−" => [1.0, -1.0][k],
            "×" => at(1 - k),
            "÷" => [1.0 / at(1), -at(0) / (at(1) * at(1))][k],
            "sigmoid" => value * (1.0 - value),
            "tanh" => 1.0 - value * value,
            "relu" => f64::from(at(0) > 0.0),
            "exp" => value,
            "x²" => 2.0 * at(0),
            _ => f64::from(at(k) >= at(1 - k)),
        }
    }

    pub fn picture(mut self, objective: usize, goal: Goal) -> Picture {
        let mut gradients = vec![0.0; self.nodes.len()];
        gradients[objective] = 1.0;
        let mut moves = Vec::new();
        for node in (0..=objective).rev() {
            if self.nodes[node].operands.is_empty() || gradients[node] == 0.0 {
                continue;
            }
            for k in 0..self.nodes[node].operands.len() {
                gradients[self.nodes[node].operands[k]] += self.local(node, k) * gradients[node];
            }
            let mut changed = self.nodes[node].operands.clone();
            changed.sort_unstable();
            changed.dedup();
            changed.retain(|&operand| self.nodes[operand].kind != Kind::Const);
            let gradients = changed.iter().map(|&o| (o, Quantity::Number(gradients[o]))).collect();
            moves.push(Move { gate: node, gradients });
        }
        for (node, gradient) in self.nodes.iter_mut().zip(gradients) {
            node.gradient = (node.kind != Kind::Const).then_some(Quantity::Number(gradient));
        }
        Picture { nodes: self.nodes, objective: Some((objective, goal)), moves, current: None, legend: true }
    }
}

/// (x + y) · z.
pub fn seed() -> Picture {
    let mut b = Bench::default();
    let [x, y, z] = [("x", -2.0), ("y", 5.0), ("z", -4.0)].map(|(n, v)| b.source(Kind::Input, n, v));
    let q = b.gate("+", &[x, y], "q", "q = x + y");
    let f = b.gate("×", &[q, z], "f", "f = q · z");
    b.picture(f, Goal::Maximize)
}

/// sigmoid(a·x + b·y + c).
pub fn neuron() -> Picture {
    let mut t = Bench::default();
    let [a, b, c] = [("a", 1.0), ("b", 2.0), ("c", -3.0)].map(|(n, v)| t.source(Kind::Param, n, v));
    let [x, y] = [("x", -1.0), ("y", 3.0)].map(|(n, v)| t.source(Kind::Input, n, v));
    let ax = t.gate("×", &[a, x], "", "");
    let by = t.gate("×", &[b, y], "", "");
    let sum = t.gate("+", &[ax, by], "", "");
    let all = t.gate("+", &[sum, c], "", "");
    let s = t.gate("sigmoid", &[all], "s", "s = sigmoid(a·x + b·y + c)");
    t.picture(s, Goal::Maximize)
}

/// q = x·y; r = q + x; f = r + q·r: wires that several gates read.
pub fn shared() -> Picture {
    let mut b = Bench::default();
    let x = b.source(Kind::Input, "x", 3.0);
    let y = b.source(Kind::Input, "y", 2.0);
    let q = b.gate("×", &[x, y], "q", "q = x · y");
    let r = b.gate("+", &[q, x], "r", "r = q + x");
    let p = b.gate("×", &[q, r], "", "");
    let f = b.gate("+", &[r, p], "f", "f = r + q · r");
    b.picture(f, Goal::Maximize)
}

/// A linear support vector machine's cost on one point, with its regulariser.
pub fn twenty() -> Picture {
    let mut b = Bench::default();
    let w: Vec<usize> = (0..3).map(|k| b.source(Kind::Param, &format!("w{k}"), 0.1 * (f64::from(k) + 1.0))).collect();
    let mut losses = Vec::new();
    for (k, (x0, x1, y)) in [(1.2, 0.7, 1.0), (-0.3, 0.5, -1.0)].into_iter().enumerate() {
        let x0 = b.source(Kind::Input, &format!("x{k}0"), x0);
        let x1 = b.source(Kind::Input, &format!("x{k}1"), x1);
        let y = b.source(Kind::Label, &format!("y{k}"), y);
        let p0 = b.gate("×", &[w[0], x0], "", "");
        let p1 = b.gate("×", &[w[1], x1], "", "");
        let s = b.gate("+", &[p0, p1], "", "");
        let s = b.gate("+", &[s, w[2]], "", "");
        let m = b.gate("×", &[y, s], &format!("margin{k}"), &format!("margin{k}"));
        let one = b.source(Kind::Const, "", 1.0);
        let d = b.gate("−", &[one, m], "", "");
        losses.push(b.gate("relu", &[d], &format!("loss{k}"), &format!("loss{k}")));
    }
    let data = b.gate("+", &losses, "data", "data");
    let a = b.gate("x²", &[w[0]], "", "");
    let c = b.gate("x²", &[w[1]], "", "");
    let sum = b.gate("+", &[a, c], "", "");
    let alpha = b.source(Kind::Const, "", 0.1);
    let reg = b.gate("×", &[alpha, sum], "penalty", "penalty");
    let cost = b.gate("+", &[data, reg], "cost", "cost = data + penalty");
    b.picture(cost, Goal::Minimize)
}

/// `count` gates, each reading one or two of those shortly before it.
pub fn random(count: usize, seed: u64) -> Picture {
    let mut b = Bench::default();
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut dice = move |most: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 20) as usize % most
    };
    let mut free: Vec<usize> = (0..(count / 6).max(3))
        .map(|k| {
            let (kind, name) = if k % 2 == 0 { (Kind::Input, "x") } else { (Kind::Param, "w") };
            b.source(kind, &format!("{name}{}", k / 2), (k as f64 * 0.37 + 0.4).sin())
        })
        .collect();
    let mut all = free.clone();
    let mut left = count;
    let mut last = 0;
    while left > 0 {
        let open = free.len();
        // Mostly wires that nothing reads yet, so that all of them come together.
        let mut pick = |free: &mut Vec<usize>| {
            if free.len() > 1 && dice(10) < 8 {
                let at = dice(free.len().min(6));
                free.remove(at)
            } else {
                all[all.len() - 1 - dice(all.len().min(14))]
            }
        };
        last = if open > left {
            let (x, y) = (free.remove(0), free.remove(0));
            b.gate("+", &[x, y], "", "")
        } else {
            let x = pick(&mut free);
            match left % 5 {
                0 => b.gate("tanh", &[x], "", ""),
                1 | 2 => {
                    let y = pick(&mut free);
                    b.gate("×", &[x, y], "", "")
                }
                3 => {
                    let y = pick(&mut free);
                    let y = if x == y { all[0] } else { y };
                    b.gate("−", &[x, y], &format!("d{left}"), &format!("d{left}"))
                }
                _ => {
                    let y = pick(&mut free);
                    b.gate("+", &[x, y], "", "")
                }
            }
        };
        free.retain(|&n| n != last);
        free.push(last);
        all.push(last);
        left -= 1;
    }
    b.picture(last, Goal::Minimize)
}

/// A chain of `count` gates.
pub fn chain(count: usize) -> Picture {
    let mut b = Bench::default();
    let mut at = b.source(Kind::Input, "x", 0.3);
    for k in 0..count {
        at = b.gate(if k % 2 == 0 { "tanh" } else { "exp" }, &[at], "", "");
    }
    b.picture(at, Goal::Maximize)
}

/// One wire that `count` gates read, and their sum.
pub fn fan(count: usize) -> Picture {
    let mut b = Bench::default();
    let x = b.source(Kind::Input, "x", 0.5);
    let mut parts: Vec<usize> = (0..count)
        .map(|k| {
            let w = b.source(Kind::Param, &format!("w{k}"), 0.1 * k as f64);
            b.gate("×", &[w, x], "", "")
        })
        .collect();
    while parts.len() > 1 {
        parts =
            parts.chunks(2).map(|two| if let [a, c] = two { b.gate("+", &[*a, *c], "", "") } else { two[0] }).collect();
    }
    b.picture(parts[0], Goal::Minimize)
}

/// digits.circuit: layers as boxes, norms on the wires.
pub fn digits() -> Picture {
    let layer = |name: &str, symbol: &str, from: usize, norms: [f64; 4]| Node {
        weights: [("weight", 0), ("bias", 2)]
            .map(|(name, k)| Weights {
                name: name.into(),
                value: Some(Quantity::Norm(norms[k])),
                gradient: Some(Quantity::Norm(norms[k + 1])),
            })
            .into(),
        shape: symbol.rsplit(' ').next().map(|n| format!("[{n}]")).unwrap_or_default(),
        ..Node::gate(Kind::Layer, symbol, name, &[from])
    };
    let mut nodes = vec![
        Node { shape: "[64]".into(), ..Node::source(Kind::Input, "image") },
        Node { symbol: "16".into(), ..Node::source(Kind::Const, "") },
        Node { shape: "[64]".into(), ..Node::gate(Kind::Gate, "÷", "", &[0, 1]) },
        layer("fc1", "dense 64 → 32", 2, [8.012, 1.214, 0.4519, 0.3001]),
        Node {
            shape: "[32]".into(),
            formula: "h = relu(fc1(image / 16))".into(),
            ..Node::gate(Kind::Gate, "relu", "h", &[3])
        },
        layer("fc2", "dense 32 → 10", 4, [3.9, 0.8123, 0.2211, 0.4017]),
        Node { ..Node::source(Kind::Label, "digit") },
        Node { formula: "loss".into(), ..Node::gate(Kind::Gate, "cross_entropy", "loss", &[5, 6]) },
    ];
    for (k, (v, g)) in [
        (62.1, 0.012),
        (0.0, 0.0),
        (3.881, 0.1931),
        (4.2, 0.51),
        (3.1, 0.51),
        (7.301, 0.933),
        (7.0, 0.0),
        (0.2219, 1.0),
    ]
    .iter()
    .enumerate()
    {
        let scalar = nodes[k].shape.is_empty();
        let quantity = |v: f64| if scalar { Quantity::Number(v) } else { Quantity::Norm(v) };
        if k != 1 {
            nodes[k].value = Some(quantity(*v));
            nodes[k].gradient = (k != 6).then(|| quantity(*g));
        }
    }
    Picture { nodes, objective: Some((7, Goal::Minimize)), moves: Vec::new(), current: None, legend: true }
}

/// All of them, with names.
pub fn all() -> Vec<(&'static str, Picture)> {
    vec![
        ("seed", seed()),
        ("neuron", neuron()),
        ("shared", shared()),
        ("twenty", twenty()),
        ("random20", random(20, 5)),
        ("random60", random(60, 7)),
        ("random200", random(200, 3)),
        ("chain", chain(12)),
        ("deep", chain(200)),
        ("fan", fan(24)),
        ("digits", digits()),
    ]
}
