//! What every drawing must satisfy, on all the samples.

use super::layers::Grid;
use super::layout::{Layout, Role, layout};
use super::paint::Theme;
use super::route::Piece;
use super::{DrawError, letters, order, png, samples, svg};

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
                let inside = index == node
                    && matches!(role, Role::Sign | Role::Face | Role::Note | Role::HeldValue | Role::HeldGradient);
                assert!(inside || apart(a, *b), "{name}: {role:?} of {node} and box {index}");
                if inside {
                    assert!(
                        a[0] >= b[0] && a[2] <= b[2] && a[1] >= b[1] && a[3] <= b[3],
                        "{name}: {role:?} of {node} leaves its box"
                    );
                }
            }
            for &(other, other_role, b) in &words[k + 1..] {
                assert!(apart(a, b), "{name}: {role:?} of {node} and {other_role:?} of {other}");
            }
            assert!(
                a[0] >= 0.0 && a[1] >= 0.0 && a[2] <= layout.width && a[3] <= layout.height,
                "{name}: {role:?} of {node} leaves the paper"
            );
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
fn wires_meet_no_box_and_no_words() {
    for (name, picture) in samples::all() {
        let layout = layout(&picture).unwrap();
        let (frames, words) = (frames(&layout), words(&layout));
        for (node, wire) in layout.wires.iter().enumerate() {
            let readers: Vec<usize> = wire.tips.iter().map(|tip| tip.0).collect();
            for piece in &wire.pieces {
                let area = match *piece {
                    Piece::Level(a, b, y) => [a, y, b, y],
                    Piece::Bend((x0, y0), (x1, y1)) => [x0, y0.min(y1), x1, y0.max(y1)],
                };
                for (index, frame) in frames.iter().enumerate() {
                    let own = index == node || readers.contains(&index);
                    assert!(own || apart(area, *frame), "{name}: the wire of {node} and box {index}");
                }
                for (other, role, a) in &words {
                    let own = *other == node || matches!(role, Role::Face | Role::Sign);
                    assert!(own || apart(area, *a), "{name}: the wire of {node} and {role:?} of {other}");
                }
            }
        }
    }
}

/// The fewest crossings that any order of the columns has.
fn fewest(grid: &mut Grid, ordered: &[bool], column: usize) -> usize {
    if column == grid.columns.len() {
        return order::crossings(grid, ordered);
    }
    let mut least = usize::MAX;
    let size = grid.columns[column].len();
    // Heap's permutations.
    let mut counters = vec![0; size];
    least = least.min(fewest(grid, ordered, column + 1));
    let mut k = 1;
    while k < size && least > 0 {
        if counters[k] < k {
            let other = if k % 2 == 0 { 0 } else { counters[k] };
            grid.columns[column].swap(other, k);
            least = least.min(fewest(grid, ordered, column + 1));
            counters[k] += 1;
            k = 1;
        } else {
            counters[k] = 0;
            k += 1;
        }
    }
    least
}

#[test]
fn no_order_has_fewer_crossings() {
    let mut tried = 0;
    for seed in 0..400 {
        let picture = samples::random(4 + seed as usize % 4, seed);
        let ordered: Vec<bool> = picture.nodes.iter().map(|node| node.ordered).collect();
        let mut grid = Grid::new(&picture);
        let orders: usize = grid.columns.iter().map(|c| (1..=c.len()).product::<usize>()).product();
        if orders > 3000 {
            continue;
        }
        tried += 1;
        order::order(&mut grid, &ordered);
        let found = order::crossings(&grid, &ordered);
        let least = fewest(&mut grid, &ordered, 0);
        assert!(found <= least, "seed {seed}: {found} crossings, {least} are enough");
    }
    assert!(tried > 100, "only {tried} were small enough");
}

#[test]
fn crossings_are_those_that_two_loops_count() {
    for (_, picture) in samples::all().into_iter().filter(|(_, p)| p.nodes.len() < 100) {
        let ordered: Vec<bool> = picture.nodes.iter().map(|node| node.ordered).collect();
        let grid = Grid::new(&picture);
        let places = grid.positions();
        let end = |link: &crate::draw::layers::Link| {
            let slot = grid.slots[link.to];
            let minds = !slot.passes && ordered[slot.node];
            (places[link.from], (places[link.to], if minds { link.operand } else { 0 }))
        };
        let mut count = 0;
        for (k, a) in grid.links.iter().enumerate() {
            for b in &grid.links[k + 1..] {
                if grid.slots[a.from].layer == grid.slots[b.from].layer {
                    let ((f, t), (g, u)) = (end(a), end(b));
                    count += usize::from((f < g && t > u) || (f > g && t < u));
                }
            }
        }
        assert_eq!(order::crossings(&grid, &ordered), count);
    }
}

#[test]
fn the_same_picture_gives_the_same_bytes() {
    for (_, picture) in samples::all().into_iter().filter(|(_, p)| p.nodes.len() < 100) {
        for theme in [Theme::Light, Theme::Dark, Theme::Auto] {
            let first = svg::svg(&picture, theme).unwrap();
            assert_eq!(first, svg::svg(&picture, theme).unwrap());
        }
    }
}

/// The parser of the renderer reads every drawing as XML, whatever its names.
#[test]
fn drawings_are_well_formed() {
    let read = |svg: &str| resvg::usvg::Tree::from_str(svg, &resvg::usvg::Options::default()).unwrap();
    for (_, mut picture) in samples::all().into_iter().filter(|(_, p)| p.nodes.len() < 100) {
        picture.nodes[0].name = "<a & \"b\">\u{1}".into();
        for theme in [Theme::Light, Theme::Dark, Theme::Auto] {
            read(&svg::svg(&picture, theme).unwrap());
            read(&svg::svg_after(&picture, 2, theme).unwrap());
            read(&super::animate::animate(&picture, theme).unwrap());
        }
    }
}

#[test]
fn nothing_moves_from_step_to_step() {
    let picture = samples::neuron();
    let boxes = |svg: &str| {
        let keep = |line: &&str| {
            ["gate", "input", "param", "wire", "val"].iter().any(|c| line.contains(&format!("class=\"{c}\"")))
        };
        svg.lines().filter(keep).map(String::from).collect::<Vec<_>>()
    };
    let whole = boxes(&svg::svg(&picture, Theme::Light).unwrap());
    for count in 0..=picture.moves.len() {
        let step = svg::svg_after(&picture, count, Theme::Light).unwrap();
        assert_eq!(boxes(&step), whole);
        let gradients = step.matches("class=\"grad\"").count();
        assert!(count > 0 || gradients == 1, "{gradients} gradients before the first move");
    }
    let end = svg::svg_after(&picture, picture.moves.len(), Theme::Light).unwrap();
    let all = svg::svg(&picture, Theme::Light).unwrap();
    assert_eq!(end.matches("class=\"grad\"").count(), all.matches("class=\"grad\"").count());
}

/// Without fonts of the machine there are still letters: a text alone darkens pixels.
#[test]
fn letters_come_from_the_binary() {
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='60' height='30'>\
        <text x='5' y='22' style='font-family:\"Chainrule Sans\";font-size:20px'>−3×</text></svg>";
    let empty = "<svg xmlns='http://www.w3.org/2000/svg' width='60' height='30'></svg>";
    assert!(png::png(svg, 1.0).unwrap().len() > png::png(empty, 1.0).unwrap().len() + 100);
}

#[test]
fn large_pictures_are_drawn_or_refused() {
    let picture = samples::random(1000, 11);
    let svg = svg::svg(&picture, Theme::Light).unwrap();
    assert!(svg.len() > 100_000);
    let mut picture = samples::chain(super::MOST_NODES);
    let error = svg::svg(&picture, Theme::Light).unwrap_err();
    assert!(error.to_string().contains("layers"), "{error}");
    picture.nodes.clear();
    assert_eq!(svg::svg(&picture, Theme::Light), Err(DrawError::Empty));
}

#[test]
fn small_circuits_are_boxes_and_large_ones_a_list() {
    let seed = super::text::text(&samples::seed(), 80, false).unwrap();
    assert!(seed.contains("( x )") && seed.contains("║ × ║") && seed.contains("◀ −4"), "{seed}");
    assert!(seed.lines().all(|line| line.chars().count() <= 80));
    assert!(!seed.contains('\x1b'));
    assert!(super::text::text(&samples::seed(), 80, true).unwrap().contains("\x1b[32m"));
    let narrow = super::text::text(&samples::seed(), 30, false).unwrap();
    assert!(narrow.starts_with("wire"), "{narrow}");
    let large = super::text::text(&samples::random(200, 3), 120, false).unwrap();
    assert!(large.starts_with("wire") && large.lines().count() > 200);
    for (name, picture) in samples::all() {
        let text = super::text::text(&picture, 120, false).unwrap();
        if std::env::var_os("CHAINRULE_DRAWINGS").is_some() && picture.nodes.len() < 40 {
            println!("{name}\n{text}");
        }
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
