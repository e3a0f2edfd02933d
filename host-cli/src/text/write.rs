//! A document written back as text: brackets only where the meaning needs them.

use std::fmt;

use super::ast::{Argument, Declaration, Document, Expr, ExprId, Name, Operator, Place, Statement, Whole};

/// A piece that is still to be written; a list of them stands in for recursion.
enum Piece<'a> {
    Text(&'a str),
    Place(Place),
    Expression(ExprId),
}

/// How tightly an expression holds together; a looser one is bracketed.
fn tightness(kind: &Expr) -> u8 {
    match kind {
        Expr::Binary { operator, .. } => operator_tightness(*operator),
        Expr::Negate(_) => 3,
        _ => 5,
    }
}

fn operator_tightness(operator: Operator) -> u8 {
    match operator {
        Operator::Add | Operator::Subtract => 1,
        Operator::Multiply | Operator::Divide => 2,
        Operator::Power => 4,
    }
}

impl Document {
    /// One expression as text.
    pub fn written(&self, id: ExprId) -> String {
        let mut text = String::new();
        let mut todo = vec![Piece::Expression(id)];
        while let Some(piece) = todo.pop() {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Place(place) => text.push_str(&place.to_string()),
                Piece::Expression(id) => self.unfold(id, &mut text, &mut todo),
            }
        }
        text
    }

    /// Writes what comes first and leaves the rest, last piece deepest.
    fn unfold<'a>(&'a self, id: ExprId, text: &mut String, todo: &mut Vec<Piece<'a>>) {
        let kind = &self.node(id).kind;
        match kind {
            Expr::Number(number) => text.push_str(number),
            Expr::Name(name) => text.push_str(name),
            Expr::Quoted(quoted) => {
                text.push('"');
                text.push_str(quoted);
                text.push('"');
            }
            Expr::Negate(of) => {
                text.push('-');
                self.held(*of, 3, todo);
            }
            Expr::Binary { operator, left, right, .. } => {
                let own = operator_tightness(*operator);
                let (least_left, least_right) = match operator {
                    Operator::Power => (own + 1, 3),
                    _ => (own, own + 1),
                };
                self.held(*right, least_right, todo);
                todo.push(Piece::Text(match operator {
                    Operator::Add => " + ",
                    Operator::Subtract => " - ",
                    Operator::Multiply => " * ",
                    Operator::Divide => " / ",
                    Operator::Power => "^",
                }));
                self.held(*left, least_left, todo);
            }
            Expr::Call(call) => {
                text.push_str(&call.name.text);
                text.push('(');
                self.listed(&call.arguments, ")", todo);
            }
            Expr::Index { of, places, .. } => {
                todo.push(Piece::Text("]"));
                for (at, place) in places.iter().enumerate().rev() {
                    todo.push(Piece::Place(*place));
                    if at > 0 {
                        todo.push(Piece::Text(", "));
                    }
                }
                todo.push(Piece::Text("["));
                self.held(*of, 5, todo);
            }
            Expr::List(items) => {
                text.push('[');
                todo.push(Piece::Text("]"));
                for (at, item) in items.iter().enumerate().rev() {
                    todo.push(Piece::Expression(*item));
                    if at > 0 {
                        todo.push(Piece::Text(", "));
                    }
                }
            }
        }
    }

    fn listed<'a>(&self, arguments: &'a [Argument], close: &'a str, todo: &mut Vec<Piece<'a>>) {
        todo.push(Piece::Text(close));
        for (at, argument) in arguments.iter().enumerate().rev() {
            todo.push(Piece::Expression(argument.value));
            if let Some(name) = &argument.name {
                todo.push(Piece::Text(" = "));
                todo.push(Piece::Text(&name.text));
            }
            if at > 0 {
                todo.push(Piece::Text(", "));
            }
        }
    }

    /// An operand, in brackets if it is looser than `least`.
    fn held(&self, id: ExprId, least: u8, todo: &mut Vec<Piece<'_>>) {
        if tightness(&self.node(id).kind) < least {
            todo.push(Piece::Text(")"));
            todo.push(Piece::Expression(id));
            todo.push(Piece::Text("("));
        } else {
            todo.push(Piece::Expression(id));
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::At(at) => write!(f, "{}", at.value),
            Place::Range { start, end, .. } => {
                if let Some(start) = start {
                    write!(f, "{}", start.value)?;
                }
                f.write_str("..")?;
                match end {
                    Some(end) => write!(f, "{}", end.value),
                    None => Ok(()),
                }
            }
        }
    }
}

/// One statement a line.
impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for statement in &self.statements {
            self.statement(statement, f)?;
            writeln!(f)?;
        }
        Ok(())
    }
}

impl Document {
    fn statement(&self, statement: &Statement, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match statement {
            Statement::Input(declared) => self.declaration("input", declared, f),
            Statement::Param(declared) => self.declaration("param", declared, f),
            Statement::Label(label) => {
                write!(f, "label {}", label.name.text)?;
                shape(&label.shape, f)?;
                if let Some(classes) = label.classes {
                    write!(f, " : class({})", classes.value)?;
                }
                self.value(label.value, f)
            }
            Statement::Layer { name, kind } => {
                write!(f, "layer {} = {}(", name.text, kind.name.text)?;
                for (at, argument) in kind.arguments.iter().enumerate() {
                    if at > 0 {
                        f.write_str(", ")?;
                    }
                    if let Some(name) = &argument.name {
                        write!(f, "{} = ", name.text)?;
                    }
                    f.write_str(&self.written(argument.value))?;
                }
                f.write_str(")")
            }
            Statement::Define { name, value } => {
                write!(f, "{} = {}", name.text, self.written(*value))
            }
            Statement::Objective { goal, value, .. } => {
                write!(f, "{} {}", goal.word(), self.written(*value))
            }
            Statement::Formula(value) => f.write_str(&self.written(*value)),
            Statement::Block { name, settings } => {
                writeln!(f, "{} {{", name.text)?;
                for setting in settings {
                    let value = self.written(setting.value);
                    writeln!(f, "  {} = {value}", setting.key.text)?;
                }
                f.write_str("}")
            }
            Statement::Freeze(names) => write!(f, "freeze = [{}]", listed(names)),
            Statement::Normalize(names) => write!(f, "normalize {}", listed(names)),
        }
    }

    fn declaration(&self, word: &str, declared: &Declaration, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{word} {}", declared.name.text)?;
        shape(&declared.shape, f)?;
        self.value(declared.value, f)
    }

    fn value(&self, value: Option<ExprId>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match value {
            Some(value) => write!(f, " = {}", self.written(value)),
            None => Ok(()),
        }
    }
}

fn shape(shape: &[Whole], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if shape.is_empty() {
        return Ok(());
    }
    let sizes: Vec<String> = shape.iter().map(|size| size.value.to_string()).collect();
    write!(f, "[{}]", sizes.join(", "))
}

fn listed(names: &[Name]) -> String {
    let names: Vec<&str> = names.iter().map(|name| name.text.as_str()).collect();
    names.join(", ")
}
