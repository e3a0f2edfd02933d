//! The notation of formulas, read: names, numbers, `+`, `-`, `·`, `×`, `²`, brackets, sigmoid, tanh and relu.

use std::collections::HashMap;

/// What a name stands for.
#[derive(Clone, Debug)]
pub enum Value {
    /// Numbers side by side; one alone goes with any.
    Row(Vec<f64>),
    /// Weights by their rows.
    Matrix(Vec<Vec<f64>>),
}

impl Value {
    pub fn row(&self) -> Vec<f64> {
        match self {
            Value::Row(row) => row.clone(),
            Value::Matrix(_) => panic!("a matrix where numbers side by side are meant"),
        }
    }

    /// All numbers, of a matrix column by column.
    pub fn by_columns(&self) -> Vec<f64> {
        match self {
            Value::Row(row) => row.clone(),
            Value::Matrix(rows) => (0..rows[0].len()).flat_map(|i| rows.iter().map(move |row| row[i])).collect(),
        }
    }

    pub fn plus(&self, other: &Value) -> Value {
        self.with(other, |a, b| a + b)
    }

    fn with(&self, other: &Value, both: impl Fn(f64, f64) -> f64) -> Value {
        match (self, other) {
            (Value::Row(a), Value::Row(b)) => {
                assert!(a.len() == b.len() || a.len() == 1 || b.len() == 1, "{a:?} and {b:?}");
                Value::Row((0..a.len().max(b.len())).map(|i| both(a[i % a.len()], b[i % b.len()])).collect())
            }
            (Value::Matrix(a), Value::Matrix(b)) => {
                let rows = a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| both(*a, *b)).collect());
                Value::Matrix(rows.collect())
            }
            _ => panic!("{self:?} and {other:?} are not alike"),
        }
    }

    fn each(self, one: impl Fn(f64) -> f64) -> Value {
        Value::Row(self.row().into_iter().map(one).collect())
    }
}

/// What the names of a formula stand for.
pub type Names = HashMap<&'static str, Value>;

/// Works out a formula; `·` between two rows goes element by element.
pub fn work_out(formula: &str, names: &Names) -> Value {
    Reader { all: formula, rest: formula, names, outer: false }.whole()
}

/// The same; `·` between two rows is every element with every, as weights are told.
pub fn work_out_weights(formula: &str, names: &Names) -> Value {
    Reader { all: formula, rest: formula, names, outer: true }.whole()
}

struct Reader<'f> {
    all: &'f str,
    rest: &'f str,
    names: &'f Names,
    outer: bool,
}

impl Reader<'_> {
    fn eats(&mut self, sign: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn whole(&mut self) -> Value {
        let value = self.sum();
        assert!(self.rest.trim().is_empty(), "`{}` in `{}` is not understood", self.rest, self.all);
        value
    }

    fn sum(&mut self) -> Value {
        let mut value = self.product();
        loop {
            if self.eats("+") {
                value = value.plus(&self.product());
            } else if self.eats("-") {
                value = value.with(&self.product(), |a, b| a - b);
            } else {
                return value;
            }
        }
    }

    fn product(&mut self) -> Value {
        let mut value = self.factor();
        while self.eats("·") || self.eats("×") {
            let factor = self.factor();
            value = match (&value, &factor) {
                (Value::Matrix(rows), Value::Row(x)) => {
                    let dot = |row: &Vec<f64>| {
                        assert_eq!(row.len(), x.len(), "{}", self.all);
                        row.iter().zip(x).map(|(w, x)| w * x).sum()
                    };
                    Value::Row(rows.iter().map(dot).collect())
                }
                (Value::Row(a), Value::Row(b)) if self.outer => {
                    Value::Matrix(a.iter().map(|a| b.iter().map(|b| a * b).collect()).collect())
                }
                _ => value.with(&factor, |a, b| a * b),
            };
        }
        value
    }

    fn factor(&mut self) -> Value {
        let value = self.one();
        if self.eats("²") { value.each(|x| x * x) } else { value }
    }

    fn one(&mut self) -> Value {
        if self.eats("(") {
            let value = self.sum();
            assert!(self.eats(")"), "a bracket of `{}` is open", self.all);
            return value;
        }
        let text = self.rest.trim_start();
        let is_part = |c: char| (c.is_alphanumeric() && c != '²') || "_₋".contains(c);
        let (name, rest) = text.split_at(text.find(|c| !is_part(c)).unwrap_or(text.len()));
        self.rest = rest;
        if let Ok(number) = name.parse() {
            return Value::Row(vec![number]);
        }
        if let Some(value) = self.names.get(name) {
            return value.clone();
        }
        let function = match name {
            "sigmoid" => |x: f64| 1.0 / (1.0 + (-x).exp()),
            "tanh" => f64::tanh,
            "relu" => |x: f64| x.max(0.0),
            _ => panic!("what `{name}` is in `{}` is not known", self.all),
        };
        assert!(rest.starts_with('('), "`{name}` of nothing in `{}`", self.all);
        self.one().each(function)
    }
}
