//! The terminal: taken for a picture, heard for keys, and given back as it was.

use std::io;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::view::View;

/// What a key asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// To end.
    Quit,
    /// To pause, or to go on.
    Pause,
    /// To save the weights.
    Save,
    /// The next plot.
    Next,
    /// The plot before.
    Back,
}

impl Key {
    fn of(key: KeyEvent) -> Option<Key> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        Some(match key.code {
            KeyCode::Char('c' | 'd') if control => Key::Quit,
            KeyCode::Char('q') | KeyCode::Esc => Key::Quit,
            KeyCode::Char('p' | ' ') => Key::Pause,
            KeyCode::Char('s') => Key::Save,
            KeyCode::Tab | KeyCode::Right | KeyCode::Down => Key::Next,
            KeyCode::BackTab | KeyCode::Left | KeyCode::Up => Key::Back,
            _ => return None,
        })
    }
}

/// The terminal while a view is on it. What was on it before is there again when this is dropped, and
/// when the program panics.
pub struct Screen(DefaultTerminal);

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// What it says; it is as it was then.
    pub fn open() -> io::Result<Screen> {
        match ratatui::try_init() {
            Ok(terminal) => Ok(Screen(terminal)),
            Err(error) => {
                let _ = ratatui::try_restore();
                Err(error)
            }
        }
    }

    /// Draws.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn draw(&mut self, view: &View) -> io::Result<()> {
        self.0.draw(|frame| view.draw(frame)).map(|_| ())
    }

    /// A key that was pressed, or comes within this time.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn key(&mut self, within: Duration) -> io::Result<Option<Key>> {
        while event::poll(within)? {
            match event::read()? {
                Event::Key(key) => {
                    if let Some(key) = Key::of(key) {
                        return Ok(Some(key));
                    }
                }
                // To draw again is all that is to be done.
                Event::Resize(..) => return Ok(None),
                _ => {}
            }
        }
        Ok(None)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs no state of before.
        let _ = ratatui::try_restore();
    }
}
