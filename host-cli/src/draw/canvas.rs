//! Characters in rows, on which wires join and cross.

/// The colour of a character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ink {
    /// As the terminal writes.
    #[default]
    Plain,
    /// Lesser words.
    Faint,
    /// Values: green.
    Value,
    /// Gradients: red.
    Gradient,
}

impl Ink {
    /// The text in this colour, by the terminal's escape sequences.
    pub fn paint(self, text: &str, colours: bool) -> String {
        let code = match self {
            Self::Faint => "2",
            Self::Value => "32",
            Self::Gradient => "31",
            Self::Plain => "",
        };
        if colours && !code.is_empty() && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }
}

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

#[derive(Clone, Copy, Debug, Default)]
enum Cell {
    #[default]
    Free,
    Word(char, Ink),
    /// A wire, and to which sides it goes on.
    Wire(usize, u8),
}

/// A canvas that grows as it is written on.
#[derive(Clone, Debug, Default)]
pub struct Canvas {
    rows: Vec<Vec<Cell>>,
}

impl Canvas {
    fn at(&mut self, x: usize, y: usize) -> &mut Cell {
        if self.rows.len() <= y {
            self.rows.resize(y + 1, Vec::new());
        }
        let row = &mut self.rows[y];
        if row.len() <= x {
            row.resize(x + 1, Cell::Free);
        }
        &mut row[x]
    }

    /// The widest row.
    pub fn width(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// Writes words over whatever is there.
    pub fn write(&mut self, x: usize, y: usize, text: &str, ink: Ink) {
        for (k, c) in text.chars().enumerate() {
            *self.at(x + k, y) = Cell::Word(c, ink);
        }
    }

    /// A wire from column `a` to `b` of a row.
    pub fn level(&mut self, wire: usize, a: usize, b: usize, y: usize) {
        for x in a..=b {
            let left = if x > a { LEFT } else { 0 };
            let right = if x < b { RIGHT } else { 0 };
            self.join(wire, x, y, left | right);
        }
    }

    /// A wire from row `a` to `b` of a column.
    pub fn upright(&mut self, wire: usize, x: usize, a: usize, b: usize) {
        let (top, bottom) = (a.min(b), a.max(b));
        for y in top..=bottom {
            let up = if y > top { UP } else { 0 };
            let down = if y < bottom { DOWN } else { 0 };
            self.join(wire, x, y, up | down);
        }
    }

    fn join(&mut self, wire: usize, x: usize, y: usize, sides: u8) {
        let cell = self.at(x, y);
        *cell = match *cell {
            Cell::Free => Cell::Wire(wire, sides),
            Cell::Wire(other, before) if other == wire => Cell::Wire(wire, before | sides),
            // Of two wires that cross, the upright one is drawn through.
            Cell::Wire(_, before) if sides & (UP | DOWN) != 0 && before & (UP | DOWN) == 0 => Cell::Wire(wire, sides),
            kept => kept,
        };
    }

    /// The rows as text, without blanks at their ends.
    pub fn text(&self, colours: bool) -> String {
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            let mut run = (Ink::Plain, String::new());
            for cell in row {
                let (c, ink) = match *cell {
                    Cell::Free => (' ', Ink::Plain),
                    Cell::Word(c, ink) => (c, ink),
                    Cell::Wire(_, sides) => (line_of(sides), Ink::Plain),
                };
                if ink != run.0 {
                    line += &run.0.paint(&run.1, colours);
                    run = (ink, String::new());
                }
                run.1.push(c);
            }
            line += &run.0.paint(&run.1, colours);
            out += line.trim_end();
            out.push('\n');
        }
        out
    }
}

fn line_of(sides: u8) -> char {
    const SIGNS: [char; 16] = [' ', '│', '│', '│', '─', '┘', '┐', '┤', '─', '└', '┌', '├', '─', '┴', '┬', '┼'];
    SIGNS[usize::from(sides & 15)]
}
