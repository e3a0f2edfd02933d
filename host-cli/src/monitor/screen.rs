//! The terminal: taken for a picture, heard for keys, and given back as it was.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::panic;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::prelude::CrosstermBackend;
use ratatui::{DefaultTerminal, Terminal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::view::View;

/// How long a program may take to end by itself, after a signal asked for it: a slow board looks at the
/// held-out rows before anything is saved, and one that is silent is given up after half of it.
const GRACE: Duration = Duration::from_secs(60);
/// Signals are looked for this often.
const NAP: Duration = Duration::from_millis(200);

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

/// The terminal while a view is on it. What was on it before is there again when this is dropped, when
/// the program panics, and before a signal ends it.
pub struct Screen(DefaultTerminal);

impl Screen {
    /// Takes the terminal. From here on a signal that ends programs is a [`Key::Quit`]; what has not
    /// ended [`GRACE`] later, or at the next signal, is ended by it.
    ///
    /// # Errors
    /// What it says; it is as it was then.
    pub fn open() -> io::Result<Screen> {
        let stdout = io::stdout().as_fd().try_clone_to_owned()?;
        if TERMINAL.set(File::from(stdout)).is_ok() {
            attend_to_panics();
            attend_to_signals()?;
        }
        TAKEN.store(true, SeqCst);
        let taken = enable_raw_mode().and_then(|()| execute!(io::stdout(), EnterAlternateScreen));
        match taken.and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout()))) {
            Ok(terminal) => Ok(Screen(terminal)),
            Err(error) => {
                give_back();
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
        let begun = Instant::now();
        loop {
            if ENDING.load(SeqCst) {
                return Ok(Some(Key::Quit));
            }
            let left = within.saturating_sub(begun.elapsed());
            // A signal wakes no terminal.
            if !event::poll(left.min(NAP))? {
                if left.is_zero() {
                    return Ok(None);
                }
                continue;
            }
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
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Whether the terminal is as we want it and not as it was.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether a signal has asked for the end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// A way to the terminal of its own: another thread may be in the middle of writing for ever.
static TERMINAL: OnceLock<File> = OnceLock::new();

/// Makes the terminal what it was before, once: to leave a picture that is left already would put the
/// cursor over what was written since.
fn give_back() {
    if TAKEN.swap(false, SeqCst) {
        // A terminal that is gone needs no state of before.
        let _ = disable_raw_mode();
        if let Some(mut terminal) = TERMINAL.get() {
            let _ = execute!(terminal, LeaveAlternateScreen, Show);
        }
    }
}

/// A panic gives the terminal back first, so that its message can be read.
fn attend_to_panics() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        give_back();
        tell(info);
    }));
}

/// Signals that end a program ask for the end first.
fn attend_to_signals() -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT])?;
    let end = |signal| {
        give_back();
        let _ = emulate_default_handler(signal);
    };
    thread::spawn(move || {
        for signal in signals.forever() {
            if ENDING.swap(true, SeqCst) {
                end(signal);
            }
            thread::spawn(move || {
                thread::sleep(GRACE);
                end(signal);
            });
        }
    });
    Ok(())
}
