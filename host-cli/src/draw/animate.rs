//! The backward walk as a film: one SVG whose style sheet shows move after move.
//!
//! A viewer that plays no animation, or whose reader asked for less motion,
//! shows the end of the walk.

use core::fmt::Write;
use std::collections::BTreeSet;

use super::paint::Theme;
use super::{DrawError, Picture, layout, steps, svg};

/// How long a move is shown.
const SECONDS: f64 = 1.4;
/// How many moves' time the beginning and the end are shown.
const REST: f64 = 2.0;
/// The step after all others.
const NEVER: usize = 99_999;

/// The SVG that plays the moves of `picture`, over and over.
///
/// # Errors
/// Those of [`Picture::check`].
pub fn animate(picture: &Picture, theme: Theme) -> Result<String, DrawError> {
    let mut layout = layout::layout(picture)?;
    let count = layout.picture.moves.len();
    layout.picture.current = None;
    if count == 0 {
        return Ok(svg::write(&layout, theme, "", "", ""));
    }
    let stages = steps::stages(&layout);
    layout.words.retain(|words| !steps::changes(words.role));

    let mut rules =
        String::from("@keyframes flow{to{stroke-dashoffset:22}}\n.move{opacity:0}\npath.back{stroke-dasharray:7 4}\n");
    let clock = Clock { count };
    let (mut under, mut over) = (String::new(), String::new());
    for (at, step) in layout.picture.moves.iter().enumerate() {
        under += &svg::moved(&layout, step.gate, &format!(" move m{}", at + 1));
        rules += &clock.keys(&format!("m{}", at + 1), at + 1, at + 2);
        let _ = writeln!(
            rules,
            ".m{0}{{{1}}}\npath.back.m{0}{{{1},flow .7s linear infinite}}",
            at + 1,
            clock.play(&format!("m{}", at + 1))
        );
    }
    let mut spans: BTreeSet<(usize, usize)> = BTreeSet::new();
    for stage in &stages {
        let until = stage.until.min(NEVER);
        let name = format!("s{}-{until}", stage.from);
        over += &svg::text(&stage.words, &format!(" {name}"));
        if spans.insert((stage.from, until)) {
            rules += &clock.keys(&name, stage.from, until);
            let still = u8::from(until == NEVER);
            let _ = writeln!(rules, ".{name}{{opacity:{still};{}}}", clock.play(&name));
        }
    }
    rules += "@media (prefers-reduced-motion:reduce){*{animation:none!important}}\n";
    Ok(svg::write(&layout, theme, &rules, &under, &over))
}

/// Turns steps into parts of the film.
struct Clock {
    count: usize,
}

impl Clock {
    fn length(&self) -> f64 {
        self.count as f64 + 2.0 * REST
    }

    /// The rule that makes something seen from one step until another.
    fn keys(&self, name: &str, from: usize, until: usize) -> String {
        let percent = |step: usize| 100.0 * (REST + step as f64 - 1.0) / self.length();
        let fade = 15.0 / self.length();
        let mut keys = String::new();
        let mut key = |at: f64, opacity: u8| {
            let _ = write!(keys, "{at:.2}%{{opacity:{opacity}}}");
        };
        if from == 0 {
            key(0.0, 1);
        } else {
            key(0.0, 0);
            key(percent(from), 0);
            key(percent(from) + fade, 1);
        }
        if until == NEVER {
            key(100.0, 1);
        } else {
            key(percent(until) - 0.01, 1);
            key(percent(until), 0);
            key(100.0, 0);
        }
        format!("@keyframes {name}{{{keys}}}\n")
    }

    fn play(&self, name: &str) -> String {
        format!("animation:{name} {:.1}s linear infinite", self.length() * SECONDS)
    }
}
