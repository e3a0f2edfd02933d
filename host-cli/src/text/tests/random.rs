//! Random texts never panic the parser, and random trees read back as themselves.

use proptest::prelude::*;

use super::*;
use crate::text::ast::{Argument, Call, Name, Operator, Place, Whole};

/// A tree as the parser would build it, bottom up.
#[derive(Clone, Debug)]
enum Tree {
    Number(String),
    Name(String),
    Negate(Box<Tree>),
    Binary(Operator, Box<Tree>, Box<Tree>),
    Call(String, Vec<Tree>, Option<(String, Box<Tree>)>),
    Index(Box<Tree>, usize, Option<usize>),
    List(Vec<Tree>),
}

fn trees() -> impl Strategy<Value = Tree> {
    let operators = prop_oneof![
        Just(Operator::Add),
        Just(Operator::Subtract),
        Just(Operator::Multiply),
        Just(Operator::Divide),
        Just(Operator::Power),
    ];
    let leaf = prop_oneof![
        prop_oneof![Just("2"), Just(".5"), Just("1e-3"), Just("inf")].prop_map(|text| Tree::Number(text.to_owned())),
        prop_oneof![Just("x"), Just("fc1.weight"), Just("σ")].prop_map(|text| Tree::Name(text.to_owned())),
    ];
    leaf.prop_recursive(6, 40, 3, move |inner| {
        let name = prop_oneof![Just("max".to_owned()), Just("fc1".to_owned())];
        let tree = inner.clone().prop_map(Box::new);
        prop_oneof![
            tree.clone().prop_map(Tree::Negate),
            (operators.clone(), tree.clone(), tree.clone())
                .prop_map(|(operator, left, right)| Tree::Binary(operator, left, right)),
            (name, prop::collection::vec(inner.clone(), 0..3), prop::option::of(("[a-c]", tree.clone())))
                .prop_map(|(name, by_place, by_name)| Tree::Call(name, by_place, by_name)),
            (tree, 0usize..9, prop::option::of(0usize..9)).prop_map(|(of, start, end)| Tree::Index(of, start, end)),
            prop::collection::vec(inner, 0..3).prop_map(Tree::List),
        ]
    })
}

fn plant(tree: &Tree, document: &mut Document) -> ExprId {
    let none = Span::default();
    let named = |text: &str| Name { text: text.to_owned(), span: none };
    let whole = |value| Whole { value, span: none };
    let kind = match tree {
        Tree::Number(text) => Expr::Number(text.clone()),
        Tree::Name(text) => Expr::Name(text.clone()),
        Tree::Negate(of) => Expr::Negate(plant(of, document)),
        Tree::Binary(operator, left, right) => {
            Expr::Binary { operator: *operator, at: none, left: plant(left, document), right: plant(right, document) }
        }
        Tree::Call(name, by_place, by_name) => {
            let mut arguments: Vec<Argument> = Vec::new();
            for tree in by_place {
                let value = plant(tree, document);
                arguments.push(Argument { name: None, value });
            }
            if let Some((name, tree)) = by_name {
                let value = plant(tree, document);
                let name = Some(named(name));
                arguments.push(Argument { name, value });
            }
            let name = named(name);
            Expr::Call(Call { name, arguments })
        }
        Tree::Index(of, start, end) => Expr::Index {
            of: plant(of, document),
            places: vec![match end {
                None => Place::At(whole(*start)),
                Some(end) => Place::Range { start: Some(whole(*start)), end: Some(whole(*end)), span: none },
            }],
            at: none,
        },
        Tree::List(items) => {
            let items = items.iter().map(|tree| plant(tree, document)).collect();
            Expr::List(items)
        }
    };
    document.push(kind, none)
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        let _ = parse(&text, Form::File);
        if let Err(mistakes) = parse(&text, Form::Formula) {
            prop_assert!(!mistakes.is_empty());
            let told: Vec<_> = mistakes.iter().map(|m| m.diagnostic()).collect();
            prop_assert!(!Source::new("a", text).report(&told, false).is_empty());
        }
    }

    #[test]
    fn any_heap_of_tokens_is_read_or_refused(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "input", "label", "layer", "train", "maximize", "freeze", "normalize",
                "x", "f.1", "class", "2", "1.", "..", "(", ")", "[", "]", "{", "}", "=",
                ",", ";", ":", "\n", "+", "-", "*", "^", "\"", "#", "é", " ",
            ]),
            0..40,
        )
    ) {
        let text = pieces.concat();
        for form in [Form::File, Form::Formula] {
            match parse(&text, form) {
                Ok(document) => {
                    let again = parse(&document.to_string(), form).expect("reads again");
                    prop_assert_eq!(again.to_string(), document.to_string());
                }
                Err(mistakes) => {
                    let told: Vec<_> = mistakes.iter().map(|m| m.diagnostic()).collect();
                    Source::new("a", text.clone()).report(&told, false);
                }
            }
        }
    }

    #[test]
    fn a_tree_written_reads_as_itself(tree in trees()) {
        let mut document = Document::default();
        let id = plant(&tree, &mut document);
        document.statements.push(Statement::Formula(id));
        let text = document.to_string();
        let again = parse(&text, Form::Formula).expect(&text);
        let kinds = |document: &Document| -> Vec<String> {
            let nodes = document.nodes.iter();
            nodes.map(|node| without_places(&format!("{:?}", node.kind))).collect()
        };
        prop_assert_eq!(kinds(&again), kinds(&document), "{}", text);
    }
}

/// A node's debug text with every `12..34` made `0..0`.
fn without_places(text: &str) -> String {
    let mut out = String::new();
    let mut parts = text.split("..").peekable();
    while let Some(part) = parts.next() {
        let part = if out.is_empty() { part } else { part.trim_start_matches(|c: char| c.is_ascii_digit()) };
        if parts.peek().is_some() {
            out.push_str(part.trim_end_matches(|c: char| c.is_ascii_digit()));
            out.push_str("..");
        } else {
            out.push_str(part);
        }
    }
    out
}
