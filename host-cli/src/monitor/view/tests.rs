use super::*;
use crate::engine::{Traffic, Vitals};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

/// A training that is half through, its figures made up by formulas.
fn half_through() -> View {
    let round = |n: u64| {
        let share = n as f64 / 50.0;
        let seen = |loss: f64, right: f64| Seen { samples: 100, sum: 100.0 * loss, correct: (100.0 * right) as u64 };
        let held =
            n.is_multiple_of(5).then(|| seen(0.25 + 2.2 * (-7.0 * share).exp(), 0.95 - 0.85 * (-8.0 * share).exp()));
        Round {
            steps: 100 * n,
            of: 5000,
            epoch: 1 + n as u32 / 14,
            seen: if n == 0 {
                Seen::default()
            } else {
                seen(0.2 + 2.2 * (-6.0 * share).exp(), 0.97 - 0.87 * (-7.0 * share).exp())
            },
            held,
            speed: (n > 0).then_some(2143.0),
            norms: (n > 0).then(|| [1.2, 0.3, 0.9, 0.08].map(|norm| norm * (-3.0 * share).exp()).to_vec()),
            vitals: Some(Vitals { stack: Some(1644), free: Some(21_316), ..Vitals::default() }),
            traffic: Some(Traffic { requests: 737 + 57 * n, again: 2, damaged: 1 }),
        }
    };
    View {
        title: "digits.circuit on mps2-an386".to_owned(),
        has_classes: true,
        norm: "gradient",
        names: ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"].map(str::to_owned).to_vec(),
        ram: Bytes { gates: 292, params: 9640, values: 476, gradients: 300, ..Bytes::default() },
        rounds: (0..=25).map(round).collect(),
        at: (2540, 5000, 2),
        state: State::Running,
        plot: Plot::Both,
        note: String::new(),
        log: ["info  12 gates, 2410 params", "info  verified"].map(|line| format!("mps2-an386: {line}")).to_vec(),
    }
}

/// What a terminal of this size shows.
fn drawn(view: &View, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("draws");
    terminal.draw(|frame| view.draw(frame)).expect("draws");
    let buffer = terminal.backend().buffer();
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned() + "\n";
    (0..height).map(row).collect()
}

/// The picture was looked at before it was kept; the README shows it.
#[test]
fn a_training_half_through() {
    let drawn = drawn(&half_through(), 110, 30);
    let kept = include_str!("half-through.txt");
    assert!(drawn == kept, "drawn:\n{drawn}\nkept:\n{kept}");
}

#[test]
fn each_state_is_told_and_no_terminal_is_too_small() {
    let mut view = half_through();
    assert!(drawn(&view, 110, 30).contains("running") && drawn(&view, 110, 30).contains("s saves"));
    (view.state, view.note) = (State::Paused, "weights saved".to_owned());
    let paused = drawn(&view, 110, 30);
    assert!(paused.contains("paused") && paused.contains("weights saved"), "{paused}");
    view.state = State::Over;
    assert!(drawn(&view, 110, 30).contains("q leaves"));
    let plots = [Plot::Loss, Plot::Accuracy, Plot::Norms, Plot::Both];
    for (plot, next) in plots.into_iter().zip(plots.into_iter().cycle().skip(1)) {
        assert_eq!((plot.next(), next.back()), (next, plot));
        view.plot = plot;
        for (width, height) in [(1, 1), (3, 200), (20, 5), (79, 24), (80, 3), (300, 100)] {
            drawn(&view, width, height);
        }
    }
    let norms = {
        view.plot = Plot::Norms;
        drawn(&view, 110, 30)
    };
    assert!(norms.contains("gradient norm, mean over the round") && norms.contains("fc2.bias"), "{norms}");
}

#[test]
fn what_is_not_known_is_not_drawn() {
    let mut view = half_through();
    (view.has_classes, view.norm) = (false, "update");
    view.log.clear();
    view.rounds.truncate(1);
    view.rounds[0] =
        Round { of: 5000, epoch: 1, seen: Seen { samples: 1, sum: f64::NAN, correct: 0 }, ..Round::default() };
    let drawn = drawn(&view, 110, 30);
    for (word, is_there) in [("accuracy", false), ("log", false), ("loss NaN", true), ("update norm, a step", true)] {
        assert_eq!(drawn.contains(word), is_there, "{word}: {drawn}");
    }
    assert!(drawn.contains("deepest stack                      -"), "{drawn}");
}

#[test]
fn of_the_log_the_end_is_kept() {
    let mut view = half_through();
    view.hear((0..500).map(|n| format!("line {n}")));
    assert_eq!((view.log.len(), view.log.last().map(String::as_str)), (LOG, Some("line 499")));
    assert!(drawn(&view, 110, 30).contains("line 499"));
}

#[test]
fn no_sample_is_lost_when_there_are_many_rounds() {
    let mut view = half_through();
    view.rounds.clear();
    let seen = Seen { samples: 3, sum: 1.5, correct: 1 };
    let rounds = ROUNDS as u64 * 3 / 2 + 1;
    (0..rounds).for_each(|steps| view.see(Round { steps, seen, ..Round::default() }));
    assert!(view.rounds.len() <= ROUNDS && view.rounds.last().is_some_and(|round| round.steps == rounds - 1));
    assert_eq!(view.rounds.iter().map(|round| round.seen.samples).sum::<u64>(), 3 * rounds);
}
