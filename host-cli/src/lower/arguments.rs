//! Arguments by place and by name, matched with what a call takes.

use super::error::LowerError;
use crate::text::ast::{Call, Document, ExprId};
use crate::text::nearest::nearest;

/// What a call takes: the needed arguments first, then those with a default.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature<'a> {
    /// Names of arguments that must be there.
    pub needed: &'a [&'static str],
    /// Names of arguments that may be there.
    pub optional: &'a [&'static str],
}

impl Signature<'_> {
    /// `clip(x, lo, hi)`, `leaky_relu(x, [slope])`
    fn written(&self, call: &str) -> String {
        let optional = self.optional.iter().map(|name| format!("[{name}]"));
        let all: Vec<String> = self.needed.iter().map(ToString::to_string).chain(optional).collect();
        format!("{call}({})", all.join(", "))
    }

    /// The arguments of `call` in the order of the signature.
    pub fn bind(&self, document: &Document, call: &Call) -> Result<Vec<Option<ExprId>>, LowerError> {
        let names: Vec<&'static str> = self.needed.iter().chain(self.optional).copied().collect();
        let takes = || self.written(&call.name.text);
        let mut bound = vec![None; names.len()];
        for (place, argument) in call.arguments.iter().enumerate() {
            let span = document.span(argument.value);
            let at = match &argument.name {
                None if place < names.len() => place,
                None => return Err(LowerError::TooMany { span, takes: takes() }),
                Some(name) => {
                    names.iter().position(|known| *known == name.text).ok_or_else(|| LowerError::NoSuchArgument {
                        name: name.text.clone(),
                        span: name.span,
                        nearest: nearest(&name.text, names.iter().copied()),
                        takes: takes(),
                    })?
                }
            };
            match bound.get_mut(at) {
                Some(free @ None) => *free = Some(argument.value),
                _ => return Err(LowerError::ArgumentTwice { name: names[at].to_owned(), span }),
            }
        }
        match self.needed.iter().zip(&bound).find(|(_, value)| value.is_none()) {
            Some((name, _)) => {
                Err(LowerError::MissingArgument { name: (*name).to_owned(), span: call.name.span, takes: takes() })
            }
            None => Ok(bound),
        }
    }
}
