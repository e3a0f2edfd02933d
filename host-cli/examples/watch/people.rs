//! Each person left out in turn: trained on the others, then adapted to the watch as it is worn.
//!
//! The turned watch is the same recording with x and y of both sensors turned by 90° about z:
//! means (x, y) become (y, −x), deviations (x, y) become (y, x).

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use chainrule_cli::adapt::adapt;
use chainrule_cli::lower::{Holdout, Lowered, Pick, lower};
use chainrule_cli::text::source;
use chainrule_cli::train::{Seen, train};

/// The people of the data.
pub const PEOPLE: [&str; 10] = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];

/// A line of the table.
pub struct Row {
    /// How the watch was worn, and what learned.
    pub what: &'static str,
    /// Numbers that could change.
    pub trained: usize,
    /// For each person, over the windows that were not learned from.
    pub accuracies: Vec<f64>,
    /// For each person, over the whole recording.
    pub wholes: Vec<f64>,
    /// For each person, of all params in the end.
    pub hashes: Vec<u64>,
}

impl Row {
    fn new(what: &'static str) -> Row {
        Row { what, trained: 0, accuracies: Vec::new(), wholes: Vec::new(), hashes: Vec::new() }
    }

    fn take(&mut self, others: Option<Seen>, learned: Option<Seen>, hash: u64) {
        let whole = |others: Seen| {
            let learned = learned?;
            Some((others.correct + learned.correct) as f64 / (others.samples + learned.samples) as f64)
        };
        self.wholes.extend(others.and_then(whole));
        self.accuracies.extend(others.map(|seen| seen.accuracy()));
        self.hashes.push(hash);
    }
}

/// Over the people; nothing where nothing was measured.
pub fn mean(figures: &[f64]) -> Option<f64> {
    (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
}

/// What is frozen while the watch is worn turned, and its line's name.
const FROZEN: [(&str, &str); 4] = [
    ("", "turned by 90°, all layers adapted"),
    ("fc1", "turned by 90°, last layer adapted"),
    ("fc2", "turned by 90°, first layer adapted"),
    ("weights", "turned by 90°, biases adapted"),
];

/// The lines of the table; `told` hears of each person.
pub fn table(on: &str, people: &[String], told: &mut dyn FnMut(&str)) -> Result<Vec<Row>, Box<dyn Error>> {
    let circuit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/watch.circuit");
    let written = source::read_file(&circuit).map_err(|error| error.report(false))?;
    let turned = Turned::new(&circuit)?;
    let mut rows = vec![Row::new("as in the training, not adapted"), Row::new("turned by 90°, not adapted")];
    rows.extend(FROZEN.map(|(_, what)| Row::new(what)));
    for person in people {
        told(person);
        let mut lowered: Lowered<f32> = lower(&written, &[], None).map_err(|error| error.report(false))?;
        let mut training = lowered.training.clone();
        training.split = Holdout::Value { column: "subject".to_owned(), value: person.clone() };
        let trained = train(&lowered, &training, "host", &mut |_| {}).map_err(|error| error.report())?;
        for (param, values) in lowered.params.iter_mut().zip(trained.params) {
            param.start = values;
        }
        lowered.normalized.clear();
        let mut adapting = lowered.adapting.clone().ok_or("watch.circuit has no adapt block")?;
        adapting.rows = Some(Pick { column: "subject".to_owned(), value: person.clone() });

        let as_trained = adapt(&lowered, &adapting, "host", &mut |_| {}).map_err(|error| error.report())?;
        rows[0].take(as_trained.before, None, trained.params_hash);
        adapting.training.data = Some(turned.path.clone());
        for (at, (frozen, _)) in FROZEN.iter().enumerate() {
            lowered.freeze_told(frozen).map_err(|error| error.report(false))?;
            let adapted = adapt(&lowered, &adapting, on, &mut |_| {}).map_err(|error| error.report())?;
            if at == 0 {
                rows[1].take(adapted.before, None, trained.params_hash);
            }
            rows[2 + at].take(adapted.after, Some(adapted.fitted), adapted.params_hash);
            rows[2 + at].trained = lowered.trained_len();
        }
    }
    Ok(rows)
}

/// A file of the turned watch's data, gone in the end.
struct Turned {
    path: PathBuf,
}

impl Turned {
    fn new(circuit: &Path) -> Result<Turned, Box<dyn Error>> {
        let data = circuit.with_file_name("../data/watch.csv");
        let mut reader = csv::Reader::from_path(&data)?;
        let header = reader.headers()?.clone();
        let place = |name: &str| header.iter().position(|column| column == name).ok_or(format!("no column {name}"));
        let mut pairs = Vec::new();
        for sensor in ["a", "g"] {
            for (figure, sign) in [("mean", "-"), ("std", "")] {
                pairs.push((place(&format!("{figure}_{sensor}x"))?, place(&format!("{figure}_{sensor}y"))?, sign));
            }
        }
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("chainrule-watch-turned-{process}-{count}.csv"));
        let mut writer = csv::Writer::from_path(&path)?;
        writer.write_record(&header)?;
        for record in reader.records() {
            let record = record?;
            let mut cells: Vec<String> = record.iter().map(str::to_owned).collect();
            for &(x, y, sign) in &pairs {
                cells[x] = record[y].to_owned();
                let turned = format!("{sign}{}", &record[x]);
                cells[y] = turned.strip_prefix("--").map(str::to_owned).unwrap_or(turned);
            }
            writer.write_record(&cells)?;
        }
        writer.flush()?;
        Ok(Turned { path })
    }
}

impl Drop for Turned {
    fn drop(&mut self) {
        // What cannot be removed is in a folder for such files.
        let _ = fs::remove_file(&self.path);
    }
}
