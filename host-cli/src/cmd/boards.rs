//! `boards`: the boards there are, how to reach them, and the serial ports that are present.

use std::env;
use std::io::Write;

use serde::Serialize;

use super::figures::count;
use super::{Failure, Outcome, json};
use crate::args::Boards;
use crate::board::{BOARDS, Board, Image};

/// What `boards --json` prints.
#[derive(Serialize)]
struct Told {
    boards: Vec<Row>,
    ports: Vec<Port>,
}

/// A board.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    processor: &'static str,
    /// Bytes; 0 where programs run from RAM.
    flash: u32,
    ram: u32,
    /// Whether the emulator can be this board, and whether it is installed.
    emulated: bool,
    emulator_installed: bool,
    /// Whether there is such a board to plug in.
    by_port: bool,
    image_built: bool,
}

/// A serial device.
#[derive(Serialize)]
struct Port {
    path: String,
    device: Option<String>,
}

/// Runs the verb.
///
/// # Errors
/// [`Failure::Output`].
pub fn run(asked: &Boards, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let told = Told { boards: BOARDS.iter().map(row).collect(), ports: ports() };
    if asked.json {
        json::line(out, &told)?;
        return Ok(Outcome::Done);
    }
    let head = ["board", "processor", "flash", "RAM", "runs", "image"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(told.boards.iter().map(words)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [name, processor, flash, ram, runs] = [0, 1, 2, 3, 4].map(width);
    for [a, b, c, d, e, f] in &rows {
        writeln!(out, "  {a:name$}  {b:processor$}  {c:>flash$}  {d:>ram$}  {e:runs$}  {f}")?;
    }
    writeln!(out)?;
    for port in &told.ports {
        let device = port.device.as_deref().unwrap_or("a serial device");
        writeln!(out, "  {}  {device}", port.path)?;
    }
    if told.ports.is_empty() {
        writeln!(out, "  no serial ports: nothing is plugged in that --on could name")?;
    }
    Ok(Outcome::Done)
}

fn row(board: &'static Board) -> Row {
    Row {
        name: board.name,
        processor: board.processor,
        flash: board.flash,
        ram: board.ram,
        emulated: true,
        emulator_installed: is_installed(board.emulator),
        by_port: !board.emulated_only,
        image_built: Image::of(board).path().is_ok_and(|path| path.exists()),
    }
}

fn words(row: &Row) -> [String; 6] {
    let kib = |bytes: u32| format!("{} KiB", count(bytes as usize / 1024));
    let emulator = if row.emulator_installed { "emulated" } else { "emulated (emulator not installed)" };
    [
        row.name.to_owned(),
        row.processor.to_owned(),
        if row.flash == 0 { "-".to_owned() } else { kib(row.flash) },
        kib(row.ram),
        if row.by_port { format!("{emulator}, by port") } else { emulator.to_owned() },
        if row.image_built { "built" } else { "not built" }.to_owned(),
    ]
}

fn is_installed(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

/// The serial devices that something is plugged into.
fn ports() -> Vec<Port> {
    let mut ports: Vec<Port> = serialport::available_ports()
        .unwrap_or_default()
        .into_iter()
        .map(|port| {
            let device = match port.port_type {
                serialport::SerialPortType::UsbPort(usb) => {
                    let words = [usb.manufacturer, usb.product].into_iter().flatten().collect::<Vec<_>>().join(" ");
                    if words.is_empty() { Some(format!("USB {:04x}:{:04x}", usb.vid, usb.pid)) } else { Some(words) }
                }
                _ => None,
            };
            Port { path: port.port_name, device }
        })
        .collect();
    ports.sort_by(|a, b| a.path.cmp(&b.path));
    ports
}
