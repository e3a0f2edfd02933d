//! The light, the button and the log of a board, seen from outside: through the emulator's monitor
//! and on the firmware's own words.

mod monitor;

use std::sync::mpsc::{Receiver, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

use chainrule_cli::board::emulator::Emulator;
use chainrule_cli::board::image::Log;
use chainrule_cli::board::log::{Record, Texts};
use chainrule_cli::board::{Image, table};
use monitor::{Monitor, Socket};

/// An emulated board whose log is read.
fn start(name: &str, extra: &[&str]) -> (Emulator, Receiver<Record>) {
    let image = Image { log: Log::Semihosting, ..Image::of(table::find(name).unwrap()) };
    let path = image.build(&mut |_| ()).unwrap();
    let mut emulator = Emulator::start(image.board, &path, true, extra).unwrap();
    let (each, records) = channel();
    let texts = Texts::of(&path).unwrap();
    texts.follow_aside(emulator.take_log().unwrap(), move |record| drop(each.send(record)));
    (emulator, records)
}

fn hears(records: &Receiver<Record>, text: &str) {
    let record = records.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!((record.level, record.text.as_str()), (Some("info"), text));
}

#[test]
fn a_board_says_when_it_is_ready() {
    let (emulator, records) = start("mps2-an386", &[]);
    hears(&records, "ready");
    drop(emulator);
    assert!(records.recv().is_err(), "the log ends with the emulator");
}

/// Whether LD2 shines: bit 14 of port B's output register.
fn light(monitor: &mut Monitor) -> bool {
    monitor.words(0x4800_0414, 1)[0] & 1 << 14 != 0
}

/// How often the light changes while `time` goes by.
fn changes(monitor: &mut Monitor, time: Duration) -> usize {
    let (start, mut last, mut count) = (Instant::now(), light(monitor), 0);
    while start.elapsed() < time {
        sleep(Duration::from_millis(20));
        let now = light(monitor);
        count += usize::from(now != last);
        last = now;
    }
    count
}

/// Waits for three beats. A busy machine emulates slower than time goes by.
fn beats(monitor: &mut Monitor) {
    let start = Instant::now();
    let mut count = 0;
    while count < 3 {
        count += changes(monitor, Duration::from_secs(1));
        assert!(start.elapsed().as_secs() < 90, "{count} beats in 90 s");
    }
}

#[test]
fn the_light_beats_and_the_button_holds_it() {
    let (mut monitor, mut pins) = (Monitor::new("monitor"), Socket::new("pins"));
    let extra = ["-qmp", &monitor.option(), "-qtest", &pins.option(), "-qtest-log", "none"];
    let (_emulator, records) = start("b-l475e-iot01a", &extra);
    hears(&records, "ready");
    // The board's resistor holds the button's pin up; the emulator has none.
    let mut button = |level| pins.ask(&format!("set_irq_in /machine/soc/gpioc unnamed-gpio-in 13 {level}"), "OK");
    button(1);
    while records.recv_timeout(Duration::from_secs(1)).is_ok() {}

    beats(&mut monitor);
    button(0);
    hears(&records, "button pressed");
    sleep(Duration::from_millis(200));
    assert!(light(&mut monitor), "the light is on while the button is down");
    assert_eq!(changes(&mut monitor, Duration::from_secs(2)), 0);
    button(1);
    beats(&mut monitor);
}
