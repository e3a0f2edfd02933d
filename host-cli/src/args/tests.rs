//! Command lines that are taken and refused.

use clap::{CommandFactory, Parser};

use super::*;
use crate::lower::{Holdout, Training};
use chainrule::{Method, Optimiser};

fn read(line: &[&str]) -> Result<Verb, clap::Error> {
    Command::try_parse_from(std::iter::once("chainrule").chain(line.iter().copied())).map(|command| command.verb)
}

#[test]
fn the_definitions_are_sound() {
    Command::command().debug_assert();
}

#[test]
fn every_verb_has_an_example() {
    for verb in Command::command().get_subcommands() {
        let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
        let example = format!("  chainrule {} ", verb.get_name());
        assert!(help.contains(&example), "{}: {help}", verb.get_name());
    }
}

#[test]
fn a_formula_and_its_values() {
    let line = ["eval", "(x + y) * z", "x=-2", "y=5", "z=-4", "--on", "loopback", "--scalar", "f64", "--json"];
    let Ok(Verb::Eval(eval)) = read(&line) else { panic!("not taken") };
    assert_eq!(eval.circuit.circuit, "(x + y) * z");
    assert_eq!(eval.circuit.values, ["x=-2", "y=5", "z=-4"]);
    assert_eq!((eval.at.on, eval.at.scalar, eval.at.json), (On::Loopback, ScalarName::F64, true));
}

#[test]
fn a_formula_may_begin_with_a_sign() {
    for formula in ["-x^2", "-h * 2", "-(x + y)", "-2", "-1 * x"] {
        let Ok(Verb::Explain(explain)) = read(&["explain", "--json", formula, "x=1"]) else { panic!("{formula}") };
        assert_eq!((explain.circuit.circuit.as_str(), explain.at.json), (formula, true));
    }
}

#[test]
fn refused_lines_say_why() {
    for (line, why) in [
        (&["evil", "x"][..], "similar subcommand"),
        (&["eval"], "CIRCUIT"),
        (&["eval", "x", "--jsno"], "'--jsno'"),
        (&["eval", "--jsno", "x"], "no such option"),
        (&["eval", "x", "--scalar", "f16"], "f32"),
        (&["climb", "x", "--step", "big"], "finite number"),
        (&["climb", "x", "--step", "inf"], "finite number"),
        (&["train", "a.circuit", "--split", "1.5"], "share"),
        (&["train", "a.circuit", "--batch", "0"], "--batch"),
        (&["train", "a.circuit", "--epochs", "2", "--steps", "3"], "cannot be used with"),
    ] {
        let told = read(line).expect_err("refused").to_string();
        assert!(told.contains(why), "{line:?}: {told}");
    }
}

#[test]
fn numbers_are_rounded_once() {
    let Ok(Verb::Climb(climb)) = read(&["climb", "x", "--step", "1.000000059604644775390625000001", "--h=1e-4"]) else {
        panic!("not taken")
    };
    assert_eq!((climb.step.read::<f32>(), climb.h.read::<f64>()), (1.000_000_1, 1e-4));
    assert_eq!(climb.most_steps(), 1);
}

#[test]
fn options_stand_over_the_block() {
    let line = ["train", "a.circuit", "--steps", "300", "--lr", "0.1", "--split", "0.5", "--seed", "3"];
    let Ok(Verb::Train(train)) = read(&line) else { panic!("not taken") };
    let mut training = Training::<f32> { batch: 8, ..Training::default() };
    train.settle(&mut training);
    assert_eq!(training.optimiser, Optimiser::new(Method::Sgd, 0.1));
    assert_eq!((training.steps, training.batch, training.seed), (Some(300), 8, 3));
    assert_eq!(training.split, Holdout::Rows(0.5));
}
