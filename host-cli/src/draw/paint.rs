//! The colours, and the rules by which an SVG applies them.
//!
//! Green and red are taken from Okabe and Ito's set for colour-blind readers
//! and differ in brightness; what they say is also said by the place above or
//! below the wire, and by the mark before a gradient.

use super::layout::Role;
use super::letters::FAMILY;

/// Dark on light, light on dark, or as the reader's machine prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
    /// Light, unless the viewer says that it prefers dark. A PNG cannot ask: light.
    #[default]
    Auto,
}

impl core::str::FromStr for Theme {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "light" => Ok(Self::Light),
            "dark" => Ok(Self::Dark),
            "auto" => Ok(Self::Auto),
            _ => Err(()),
        }
    }
}

/// A set of colours.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// The paper.
    pub paper: &'static str,
    /// Words and outlines.
    pub ink: &'static str,
    /// Lesser words.
    pub faint: &'static str,
    /// Wires.
    pub wire: &'static str,
    /// Lines of a chart's grid.
    pub rule: &'static str,
    /// Values.
    pub value: &'static str,
    /// Gradients.
    pub gradient: &'static str,
    /// The second line of a chart, and layers.
    pub second: &'static str,
    /// Fill and outline of gates.
    pub gate: [&'static str; 2],
    /// Fill and outline of inputs and labels.
    pub input: [&'static str; 2],
    /// Fill and outline of params.
    pub param: [&'static str; 2],
    /// Fill and outline of layers.
    pub layer: [&'static str; 2],
    /// Behind the gate whose move was the last.
    pub glow: &'static str,
}

/// Dark on light.
pub const LIGHT: Palette = Palette {
    paper: "#ffffff",
    ink: "#1c2128",
    faint: "#5c6570",
    wire: "#7b8591",
    rule: "#e3e6ea",
    value: "#00684a",
    gradient: "#c9360f",
    second: "#2563a8",
    gate: ["#f4f5f7", "#3d4650"],
    input: ["#e7f0fa", "#2563a8"],
    param: ["#fdf0d9", "#9a6408"],
    layer: ["#eceafa", "#5446a8"],
    glow: "#fbd9cc",
};

/// Light on dark.
pub const DARK: Palette = Palette {
    paper: "#11161d",
    ink: "#e8edf2",
    faint: "#a3adb8",
    wire: "#7a8694",
    rule: "#2b333d",
    value: "#5fd9ae",
    gradient: "#ff9470",
    second: "#7fb6f0",
    gate: ["#222a34", "#b4bec9"],
    input: ["#172c44", "#7fb6f0"],
    param: ["#3a2c10", "#e6b353"],
    layer: ["#2a2650", "#aea4f5"],
    glow: "#5c2a19",
};

/// The palette of a theme that does not ask the viewer.
pub fn palette(theme: Theme) -> &'static Palette {
    if theme == Theme::Dark { &DARK } else { &LIGHT }
}

/// The class of a role.
pub fn class(role: Role) -> &'static str {
    match role {
        Role::Sign => "sign",
        Role::Face => "face",
        Role::Note => "note",
        Role::Caption => "cap",
        Role::Goal => "goal",
        Role::Shape => "shape",
        Role::Value => "val",
        Role::Gradient => "grad",
        Role::HeldValue => "val held",
        Role::HeldGradient => "grad held",
        Role::Legend => "legend",
        Role::LegendValue => "val legend",
        Role::LegendGradient => "grad legend",
    }
}

/// The style sheet of an SVG; `colours` gives the rules of one palette.
pub fn style(theme: Theme, rules: &str, colours: impl Fn(&Palette) -> String) -> String {
    let mut sheet = format!("text{{font-family:\"{FAMILY}\",Inter,\"Helvetica Neue\",Arial,sans-serif}}\n");
    sheet += rules;
    sheet += &colours(palette(theme));
    if theme == Theme::Auto {
        sheet += "@media (prefers-color-scheme:dark){\n";
        sheet += &colours(&DARK);
        sheet += "}\n";
    }
    sheet
}

/// The colours of a circuit's drawing.
pub fn circuit(p: &Palette) -> String {
    let mut rules = format!(".paper{{fill:{}}}\n.wire{{stroke:{1}}}\n.tip,.knot{{fill:{1}}}\n", p.paper, p.wire);
    for (class, [fill, stroke]) in
        [("gate", p.gate), ("input", p.input), ("label", p.input), ("param", p.param), ("layer", p.layer)]
    {
        rules += &format!(".{class}{{fill:{fill};stroke:{stroke}}}\n");
    }
    rules += &format!(".ring{{fill:{};stroke:{}}}\n", p.paper, p.ink);
    rules += &format!(".glow{{fill:{};stroke:{}}}\n", p.glow, p.gradient);
    rules += &format!(".sign,.face,.goal{{fill:{}}}\n", p.ink);
    rules += &format!(".note,.cap,.shape,.legend{{fill:{}}}\n", p.faint);
    rules += &format!(".tag{{fill:none;stroke:{}}}\n", p.wire);
    rules += &format!(".val{{fill:{}}}\n", p.value);
    rules += &format!(".grad,.mark,.backtip{{fill:{}}}\n.back{{stroke:{0}}}\n", p.gradient);
    rules
}
