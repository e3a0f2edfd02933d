//! What every drawing must satisfy, on all the samples.

use super::layout::{Layout, Role, layout};
use super::paint::Theme;
use super::{letters, png, samples, svg};

/// Left, top, right, bottom.
type Area = [f64; 4];

fn apart(a: Area, b: Area) -> bool {
    a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1]
}

fn frames(layout: &Layout) -> Vec<Area> {
    let area = |f: &super::layout::Frame| {
        [f.x - f.width / 2.0, f.y - f.height / 2.0, f.x + f.width / 2.0, f.y + f.height / 2.0]
    };
    layout.frames.iter().map(area).collect()
}

fn words(layout: &Layout) -> Vec<(usize, Role, Area)> {
    layout
        .words
        .iter()
        .map(|w| {
            let left = if w.role.marked() { w.x - super::layout::MARK } else { w.x };
            let area = [left, w.y - letters::CAPITAL * w.role.size(), w.x + w.width, w.y + 2.0];
            (w.node, w.role, area)
        })
        .collect()
}

#[test]
fn no_two_boxes_meet() {
    for (name, picture) in samples::all() {
        let frames = frames(&layout(&picture).unwrap());
        for (k, a) in frames.iter().enumerate() {
            for b in &frames[k + 1..] {
                assert!(apart(*a, *b), "{name}: {a:?} {b:?}");
            }
        }
    }
}

#[test]
fn words_meet_neither_boxes_nor_words() {
    for (name, picture) in samples::all() {
        let layout = layout(&picture).unwrap();
        let (frames, words) = (frames(&layout), words(&layout));
        for (k, &(node, role, a)) in words.iter().enumerate() {
            for (index, b) in frames.iter().enumerate() {
                let inside = index == node && matches!(role, Role::Sign | Role::Face | Role::Note | Role::HeldValue | Role::HeldGradient);
                assert!(inside || apart(a, *b), "{name}: {role:?} of {node} and box {index}");
                if inside {
                    assert!(a[0] >= b[0] && a[2] <= b[2] && a[1] >= b[1] && a[3] <= b[3], "{name}: {role:?} of {node} leaves its box");
                }
            }
            for &(other, other_role, b) in &words[k + 1..] {
                assert!(apart(a, b), "{name}: {role:?} of {node} and {other_role:?} of {other}");
            }
            assert!(a[0] >= 0.0 && a[1] >= 0.0 && a[2] <= layout.width && a[3] <= layout.height, "{name}: {role:?} of {node} leaves the paper");
        }
    }
}

/// Writes every sample as PNG, in light and dark, to the folder that
/// `CHAINRULE_DRAWINGS` names; without it, the small ones go nowhere.
#[test]
fn all_samples_become_pixels() {
    let folder = std::env::var_os("CHAINRULE_DRAWINGS");
    let only = std::env::var("CHAINRULE_ONLY").unwrap_or_default();
    for (name, picture) in samples::all() {
        if folder.is_none() && picture.nodes.len() > 30 || !name.contains(&only) {
            continue;
        }
        let scale = if picture.nodes.len() > 60 { 1.0 } else { 2.0 };
        for (theme, suffix) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
            let svg = svg::svg(&picture, theme).unwrap();
            let png = png::png(&svg, scale).unwrap();
            if let Some(folder) = &folder {
                let path = std::path::Path::new(folder).join(format!("{name}-{suffix}.png"));
                std::fs::write(&path, png).unwrap();
                std::fs::write(path.with_extension("svg"), svg).unwrap();
            }
        }
        println!("{name}: {} crossings", layout(&picture).unwrap().crossings);
    }
}

#[test]
fn texts() {
    for (name, picture) in samples::all() {
        println!("{name}\n{}", super::text::text(&picture, 120, false).unwrap());
    }
}

#[test]
fn films_and_charts() {
    let Some(folder) = std::env::var_os("CHAINRULE_DRAWINGS") else { return };
    let save = |name: &str, bytes: &[u8]| {
        std::fs::write(std::path::Path::new(&folder).join(name), bytes).unwrap();
    };
    save("neuron-film.svg", super::animate::animate(&samples::neuron(), Theme::Auto).unwrap().as_bytes());
    for step in [0, 2, 9] {
        let svg = svg::svg_after(&samples::neuron(), step, Theme::Light).unwrap();
        save(&format!("neuron-step{step}.png"), &png::png(&svg, 1.5).unwrap());
    }
    let line = |name: &str, f: &dyn Fn(f64) -> f64| super::plot::Line {
        name: name.into(),
        points: (0..3000).map(|k| (f64::from(k), f(f64::from(k)))).collect(),
    };
    let noise = |k: f64| ((k * 12.9898).sin() * 43_758.547).fract();
    let chart = super::plot::Chart {
        title: "digits.circuit".into(),
        axis: "step".into(),
        panels: vec![
            super::plot::Panel {
                name: "loss".into(),
                lines: vec![line("train", &|k| 2.3 * (-k / 600.0).exp() + 0.1 + 0.05 * noise(k))],
                range: None,
            },
            super::plot::Panel {
                name: "accuracy".into(),
                lines: vec![
                    line("train", &|k| 0.98 - 0.88 * (-k / 500.0).exp()),
                    line("held out", &|k| 0.95 - 0.85 * (-k / 500.0).exp()),
                ],
                range: Some((0.0, 1.0)),
            },
        ],
    };
    for (theme, name) in [(Theme::Light, "chart-light.png"), (Theme::Dark, "chart-dark.png")] {
        save(name, &png::png(&super::plot::svg(&chart, theme), 1.5).unwrap());
    }
}
