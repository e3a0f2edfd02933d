//! A watch that is worn the wrong way round learns it: the table of accuracies over ten people.
//!
//!     cargo run --release --example watch
//!     cargo run --release --example watch -- mps2-an386 7
//!
//! The first argument is where it adapts (host, loopback, a board, a port), the others are the people
//! that are left out, one after the other; without them all ten.

mod people;

use std::io::Write;
use std::process::ExitCode;

use people::{PEOPLE, Row, mean, table};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let on = arguments.next().unwrap_or_else(|| "host".to_owned());
    let people: Vec<String> = arguments.collect();
    let people = if people.is_empty() { PEOPLE.map(str::to_owned).to_vec() } else { people };
    // A closed standard error is no reason to stop.
    let told = table(&on, &people, &mut |person| drop(writeln!(std::io::stderr(), "without person {person}")));
    match told.map(|rows| print(&on, &people, &rows)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(on: &str, people: &[String], rows: &[Row]) {
    println!("Mean accuracy over {} left out of the training in turn, adapting on {on}.", named(people));
    println!("5 windows of each exercise, spread over the recording, are learned from (batch 1, rate 0.02,");
    println!("30 passes). `others` is over that person's other windows, `all` over those learned from too.\n");
    println!("  {:34}  {:>7}  {:>6}  {:>6}", "", "trained", "others", "all");
    for row in rows {
        let figure = |figures: &[f64]| mean(figures).map_or("-".to_owned(), |mean| format!("{mean:.4}"));
        let (others, all) = (figure(&row.accuracies), figure(&row.wholes));
        println!("  {:34}  {:>7}  {others:>6}  {all:>6}", row.what, row.trained);
    }
    if let [row] = people {
        println!("\n  hashes of the params of person {row}:");
        rows.iter().filter_map(|row| Some((row, row.hashes.first()?))).for_each(|(row, hash)| {
            println!("  {:34}  {hash:016x}", row.what);
        });
    }
}

fn named(people: &[String]) -> String {
    match people {
        [one] => format!("person {one},"),
        many => format!("{} people, each", many.len()),
    }
}
