//! Which way each input must move, and why, in words: the signs along the chain.

use chainrule::{Objective, Op, Wire};

use super::lesson::{Lesson, Part};
use super::rule;
use crate::cmd::figures::{count, counted, listed, short, strongest};
use crate::text::literal::Readable;

/// Readers of a wire, and elements of a tensor, that are told one by one.
const TOLD: usize = 3;

/// The sign of a slope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sign {
    /// It rises.
    Up,
    /// It falls.
    Down,
    /// Neither, at this point.
    Flat,
    /// NaN.
    Unknown,
}

impl Sign {
    /// The sign of a number.
    pub fn of<T: Readable>(x: T) -> Sign {
        if x > T::ZERO {
            Sign::Up
        } else if x < T::ZERO {
            Sign::Down
        } else if x == T::ZERO {
            Sign::Flat
        } else {
            Sign::Unknown
        }
    }

    /// The way that serves an objective.
    pub fn towards(self, objective: Objective) -> Sign {
        match (self, objective) {
            (Sign::Up, Objective::Minimize(_)) => Sign::Down,
            (Sign::Down, Objective::Minimize(_)) => Sign::Up,
            (sign, _) => sign,
        }
    }

    /// What to do.
    pub fn verb(self) -> &'static str {
        match self {
            Sign::Up => "raise",
            Sign::Down => "lower",
            Sign::Flat | Sign::Unknown => "leave",
        }
    }
}

impl<T: Readable> Lesson<'_, T> {
    /// `to raise f`
    pub fn goal(&self) -> String {
        let verb = if matches!(self.objective, Objective::Maximize(_)) { "raise" } else { "lower" };
        format!("to {verb} {}", self.name(self.objective.wire()))
    }

    /// Which way an input or param must move, and why.
    pub fn words(&self, wire: Wire) -> String {
        let (x, f) = (self.name(wire), self.name(self.objective.wire()));
        if wire == self.objective.wire() {
            return format!("{x} is the objective itself; so {}, {} {x}.", self.goal(), self.advice(T::ONE).verb());
        }
        if !self.of(wire).matters {
            return format!("{f} does not depend on {x}.");
        }
        let Some(slope) = self.slope(wire).filter(|_| self.case.dims(wire).is_empty()) else {
            return self.words_of_tensor(wire);
        };
        let conclusion = match Sign::of(slope) {
            Sign::Up | Sign::Down if self.value().is_nan() => {
                return format!("{f} is NaN here, so no way to move {x} is better than another.");
            }
            Sign::Up | Sign::Down => format!("so {}, {} {x}", self.goal(), self.advice(slope).verb()),
            Sign::Flat => format!("so a small move of {x} changes nothing here"),
            Sign::Unknown => {
                return format!("{} is NaN, so no way to move {x} is better than another.", self.symbol(wire));
            }
        };
        let parts: Vec<Part<T>> = self.parts(wire).take(2).collect();
        let why = match parts.as_slice() {
            [part] => self.chain(wire, part, slope),
            _ => self.sum(wire, slope),
        };
        format!("{why}; {conclusion}.")
    }

    fn advice(&self, slope: T) -> Sign {
        Sign::of(slope).towards(self.objective)
    }

    /// One gate reads the wire: two signs, or one if that gate drives the objective.
    fn chain(&self, wire: Wire, part: &Part<T>, slope: T) -> String {
        let (x, q, f) = (self.name(wire), self.name(part.through), self.name(self.objective.wire()));
        let (Some((local, upstream)), false) = (part.factors, part.through == self.objective.wire()) else {
            return format!("{}, since {}", moves(f, x, Sign::of(slope)), self.since(wire));
        };
        let (first, second) = (Sign::of(local), Sign::of(upstream));
        match (first, second) {
            (Sign::Flat, _) => {
                let gate = self.of(part.through);
                let at: Vec<String> =
                    gate.operands.iter().map(|&operand| self.numbers(operand, &self.of(operand).value)).collect();
                format!(
                    "{q} does not move with {x} here, since {} at {} passes nothing back to it",
                    gate.op.name(),
                    listed(&at)
                )
            }
            (_, Sign::Flat) => {
                format!("{}, but {f} does not move with {q}, since {}", moves(q, x, first), self.since(part.through))
            }
            _ => {
                let but = if (first == Sign::Up) == (second == Sign::Up) { "and" } else { "but" };
                format!("{}, {but} {}, since {}", moves(q, x, first), moves(f, q, second), self.since(part.through))
            }
        }
    }

    /// Several gates read the wire: what each adds.
    fn sum(&self, wire: Wire, slope: T) -> String {
        let all = self.of(wire).readers.len();
        let told = self.largest_parts(wire, TOLD);
        let told: Option<Vec<String>> = told
            .iter()
            .map(|part| Some(format!("{} through {}", short(part.product?), self.name(part.through))))
            .collect();
        let parts = match told {
            Some(told) if all > TOLD => {
                format!("{}, and smaller parts through {} more", told.join(", "), count(all - TOLD))
            }
            Some(told) => listed(&told),
            None => "a part through each".to_owned(),
        };
        let sign = is(Sign::of(slope));
        let all = count(all);
        format!("it is read {all} times and gets {parts}; together {} = {}{sign}", self.symbol(wire), short(slope))
    }

    /// `∂f/∂q = z = -4 is negative`
    fn since(&self, wire: Wire) -> String {
        let slope = self.slope(wire).unwrap_or(T::NAN);
        let number = short(slope);
        let rule = match self.of(wire).readers.as_slice() {
            &[(reader, k)] if reader == self.objective.wire() => self.rule(reader, k),
            _ => String::new(),
        };
        // `1 = 1` and `∂f/∂q = ∂f/∂q` say nothing.
        let rule = if rule.is_empty() || rule == number || rule == self.symbol(wire) || rule.contains("/n") {
            String::new()
        } else {
            format!("{} = ", rule.strip_prefix('(').and_then(|rule| rule.strip_suffix(')')).unwrap_or(&rule))
        };
        format!("{} = {rule}{number}{}", self.symbol(wire), is(Sign::of(slope)))
    }

    /// The local gradient of a gate as people write it.
    pub fn rule(&self, gate: Wire, k: usize) -> String {
        let op = self.of(gate).op;
        // A factor stands alone; anywhere else a negative number goes in brackets.
        let alone = matches!(op, Op::Mul | Op::Dot);
        let written = |name: &str| if name.starts_with('-') && !alone { format!("({name})") } else { name.to_owned() };
        let operands: Vec<String> = self.of(gate).operands.iter().map(|&operand| written(self.name(operand))).collect();
        let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
        rule::local(op, &operands, self.name(gate), k)
    }

    fn words_of_tensor(&self, wire: Wire) -> String {
        let gradient = self.case.in_order(wire, self.of(wire).gradient.clone().unwrap_or_default());
        let count_of = |sign: Sign| gradient.iter().filter(|&&slope| self.advice(slope) == sign).count();
        let [raised, lowered, unknown] = [Sign::Up, Sign::Down, Sign::Unknown].map(count_of);
        let all = counted(gradient.len(), "element");
        if raised + lowered + unknown == 0 {
            return format!("none of its {all} changes {} here.", self.name(self.objective.wire()));
        }
        let groups = [("raise", raised), ("lower", lowered)].into_iter().filter(|(_, n)| *n > 0);
        let mut groups: Vec<String> = groups.map(|(verb, n)| format!("{verb} {}", count(n))).collect();
        if unknown > 0 {
            groups.push(format!("leave the {} whose gradient is NaN", count(unknown)));
        }
        let steepest = strongest(&gradient, TOLD).into_iter().filter_map(|at| Some((at, *gradient.get(at)?)));
        let steepest: Vec<String> = steepest
            .filter(|(_, slope)| matches!(Sign::of(*slope), Sign::Up | Sign::Down))
            .map(|(at, slope)| {
                let element = self.case.element(wire, at);
                format!("{} {element} (gradient {})", self.advice(slope).verb(), short(slope))
            })
            .collect();
        let steepest = if steepest.is_empty() { String::new() } else { format!("; above all {}", listed(&steepest)) };
        format!("{}, of its {all} {}{steepest}.", self.goal(), listed(&groups))
    }
}

/// `q rises with x`, `q falls when x rises`
fn moves(q: &str, x: &str, sign: Sign) -> String {
    match sign {
        Sign::Up => format!("{q} rises with {x}"),
        Sign::Down => format!("{q} falls when {x} rises"),
        Sign::Flat => format!("{q} does not move with {x} here"),
        Sign::Unknown => format!("nobody can say how {q} moves with {x}"),
    }
}

fn is(sign: Sign) -> &'static str {
    match sign {
        Sign::Up => " is positive",
        Sign::Down => " is negative",
        Sign::Flat | Sign::Unknown => "",
    }
}
