//! The application with parts that watch how they are used: which bytes go over the bus, when the light
//! changes, how often the button is looked at.

use embedded_hal::i2c::ErrorKind;
use embedded_hal_mock::eh1::digital::{Mock as Pin, State, Transaction as Level};
use embedded_hal_mock::eh1::i2c::{Mock as Bus, Transaction};
use embedded_hal_mock::eh1::pwm::{Mock as Light, Transaction as Duty};
use standalone::recorded::RamFlash;
use standalone::{App, CLASSES, Fault, SAMPLES, Window, model, within};

const ADDRESS: u8 = 0x6a;

fn start() -> Vec<Transaction> {
    vec![
        Transaction::write_read(ADDRESS, vec![0x0f], vec![0x6a]),
        Transaction::write(ADDRESS, vec![0x12, 0x44]),
        Transaction::write(ADDRESS, vec![0x10, 0x3c]),
        Transaction::write(ADDRESS, vec![0x11, 0x3c]),
    ]
}

/// A sample of so many units on each axis, rotation first.
fn sample(units: i16) -> [Transaction; 2] {
    let bytes = (0..6).flat_map(|axis| (units + axis).to_le_bytes()).collect();
    [Transaction::write_read(ADDRESS, vec![0x1e], vec![0x07]), Transaction::write_read(ADDRESS, vec![0x22], bytes)]
}

#[test]
fn a_window_with_two_presses_is_learned_as_the_second_class_and_kept() {
    let mut bus = start();
    // Between two samples the sensor has nothing.
    bus.push(Transaction::write_read(ADDRESS, vec![0x1e], vec![0x00]));
    let units = |i: u16| if i % 2 == 0 { 900 } else { 500 };
    (0..SAMPLES).for_each(|i| bus.extend(sample(units(i))));
    let down = |i: u16| (4..8).contains(&i) || (12..20).contains(&i);
    let levels: Vec<Level> = (0..SAMPLES).map(|i| Level::get(if down(i) { State::Low } else { State::High })).collect();

    // What the host makes of it: the features, the class, ten steps.
    let mut window = Window::new();
    let mut features = None;
    for i in 0..SAMPLES {
        let axis = |axis: i16, unit: f32| f32::from(units(i) + axis) * unit;
        let radians = 0.070 * core::f32::consts::PI / 180.0;
        let (r, g) = (radians, 0.244e-3);
        features = window.push([axis(3, g), axis(4, g), axis(5, g), axis(0, r), axis(1, r), axis(2, r)]);
    }
    let features = features.unwrap();
    assert!((features[0] - 703.0 * 0.244e-3).abs() < 1e-5 && (features[6] - 200.0 * 0.244e-3).abs() < 1e-5);
    let mut arena = [0.0; model::TRAIN_LEN];
    let mut host = model::train(&mut arena).unwrap();
    host.set(model::wire::MOTION, &features).unwrap();
    host.forward();
    let class = host.predicted_class().unwrap() as u8;
    host.set(model::wire::EXERCISE, &[1.0]).unwrap();
    for _ in 0..10 {
        host.set(model::wire::MOTION, &features).unwrap();
        host.train_step(0.02).unwrap();
    }

    let duty = u16::MAX as u32 * (u32::from(class) + 1) / u32::from(CLASSES);
    let (mut i2c, mut pin) = (Bus::new(&bus), Pin::new(&levels));
    let mut light = Light::new(&[Duty::max_duty_cycle(u16::MAX), Duty::set_duty_cycle(duty as u16)]);
    let mut arena = [0.0; model::TRAIN_LEN];
    let mut app =
        App::new(i2c.clone(), light.clone(), pin.clone(), RamFlash::NEW, RamFlash::PLACE, &mut arena).unwrap();
    assert_eq!(app.turn().unwrap(), None, "no sample");
    let seen = (0..SAMPLES).filter_map(|_| app.turn().unwrap()).collect::<Vec<_>>();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].class, seen[0].taught, seen[0].steps), (class, Some(1), 10));
    assert_eq!(app.params_hash(), host.params_hash());
    assert_ne!(app.params_hash(), model::PARAMS_HASH);
    let (.., flash) = app.release();
    i2c.done();
    pin.done();
    light.done();

    // After a reset the flash is all there is.
    let (mut i2c, mut pin, mut light) = (Bus::new(&start()), Pin::new(&[]), Light::new(&[]));
    let mut arena = [0.0; model::TRAIN_LEN];
    let app = App::new(i2c.clone(), light.clone(), pin.clone(), flash, RamFlash::PLACE, &mut arena).unwrap();
    assert_eq!(app.params_hash(), host.params_hash());
    drop(app);
    i2c.done();
    pin.done();
    light.done();
}

/// A bus that is held for too long is told, takes nothing away, and is asked again with the next turn.
#[test]
fn a_bus_that_does_not_answer_is_a_fault_and_no_end() {
    let mut bus = start();
    let asked = || Transaction::write_read(ADDRESS, vec![0x1e], vec![0x00]);
    bus.push(asked().with_error(ErrorKind::Other));
    bus.push(asked());
    bus.extend(sample(700));
    let (mut i2c, mut light) = (Bus::new(&bus), Light::new(&[]));
    let mut pin = Pin::new(&[Level::get(State::High)]);
    let mut arena = [0.0; model::TRAIN_LEN];
    let mut app =
        App::new(i2c.clone(), light.clone(), pin.clone(), RamFlash::NEW, RamFlash::PLACE, &mut arena).unwrap();
    let before = app.params_hash();
    assert!(matches!(app.turn(), Err(Fault::Bus(ErrorKind::Other))));
    assert_eq!((app.turn().unwrap(), app.turn().unwrap()), (None, None));
    assert_eq!(app.params_hash(), before);
    drop(app);
    i2c.done();
    pin.done();
    light.done();

    // At the start it is told too; the board resets then.
    let mut i2c = Bus::new(&[Transaction::write_read(ADDRESS, vec![0x0f], vec![0]).with_error(ErrorKind::Other)]);
    let (mut pin, mut light) = (Pin::new(&[]), Light::new(&[]));
    let mut arena = [0.0; model::TRAIN_LEN];
    let app = App::new(i2c.clone(), light.clone(), pin.clone(), RamFlash::NEW, RamFlash::PLACE, &mut arena);
    assert!(matches!(app.err(), Some(Fault::Bus(ErrorKind::Other))));
    i2c.done();
    pin.done();
    light.done();
}

#[test]
fn another_chip_at_the_address_is_refused() {
    let mut i2c = Bus::new(&[Transaction::write_read(ADDRESS, vec![0x0f], vec![0x69])]);
    let (mut pin, mut light) = (Pin::new(&[]), Light::new(&[]));
    let mut arena = [0.0; model::TRAIN_LEN];
    let app = App::new(i2c.clone(), light.clone(), pin.clone(), RamFlash::NEW, RamFlash::PLACE, &mut arena);
    assert!(matches!(app.err(), Some(Fault::NoSensor)));
    i2c.done();
    pin.done();
    light.done();
}

#[test]
fn waiting_ends_with_what_was_seen_or_after_the_last_look() {
    let after = |n| {
        let mut looks = 0;
        let seen = within(100, || {
            looks += 1;
            (looks == n).then_some("there")
        });
        (seen, looks)
    };
    assert_eq!([after(1), after(100), after(101)], [(Some("there"), 1), (Some("there"), 100), (None, 100)]);
}
