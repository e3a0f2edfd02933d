//! A saved training: the params as in a file of weights, beside them the optimiser's moments
//! (`moments/1`, `moments/2`, … over all trained numbers in the order of their wires) and the params
//! of the best epoch (`best/NAME`); in the metadata, before the circuit, what it goes on from.
//!
//! A `/` is in no param's name, so a saved training is a file of weights too.

use super::error::{Kind, WeightsError};
use super::{Fingerprint, KEY, Place, check_circuit, dtype, number, params};
use crate::lower::Lowered;
use crate::text::literal::Readable;
use crate::train::{Best, Seen, State};
use chainrule::ParamsHash;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use std::collections::HashMap;
use std::path::Path;

/// The first line of the metadata.
const HEAD: &str = "state 1";

/// The bytes of a saved training.
///
/// # Errors
/// [`Kind::Format`] if the values do not fit their params.
pub fn encode_state<T: Readable>(lowered: &Lowered<T>, state: &State<T>) -> Result<Vec<u8>, Kind> {
    let raw = |values: &[T]| -> Vec<u8> {
        values.iter().flat_map(|value| value.to_bits().to_le_bytes().into_iter().take(T::BYTES)).collect()
    };
    let mut parts: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    let best = state.best.as_ref().and_then(|best| best.params.as_ref());
    for (prefix, values) in [("", Some(&state.params)), ("best/", best)] {
        for (param, values) in lowered.params.iter().zip(values.into_iter().flatten()) {
            parts.push((format!("{prefix}{}", param.name), param.shape.clone(), raw(&param.to_file(values))));
        }
    }
    let trained: usize = lowered.params.iter().filter(|param| !param.frozen).map(|param| param.start.len()).sum();
    for (at, moment) in state.moments.chunks(trained.max(1)).enumerate() {
        parts.push((format!("moments/{}", at + 1), vec![moment.len()], raw(moment)));
    }
    let mut told = format!("{HEAD}\nsteps {}\n", state.steps);
    let Seen { samples, sum, correct } = state.begun;
    told += &format!("begun {samples} {:016x} {correct}\n", sum.to_bits());
    if let Some(best) = &state.best {
        told += &format!("best {} {:016x}\n", best.epoch, best.loss.to_bits());
    }
    state.run.iter().for_each(|(key, value)| told += &format!("run {key}: {value}\n"));
    let mut hash = ParamsHash::new();
    state.params.iter().for_each(|values| hash.add(values));
    told += &Fingerprint::of(lowered).with_params(hash.finish(), T::NAME);
    let tensors = parts.iter().map(|(name, shape, bytes)| {
        TensorView::new(dtype::<T>(), shape.clone(), bytes).map(|view| (name.as_str(), view))
    });
    let tensors: Vec<_> = tensors.collect::<Result<_, _>>()?;
    Ok(safetensors::serialize(tensors, Some(HashMap::from([(KEY.to_owned(), told)])))?)
}

/// A training from the bytes of a file.
///
/// # Errors
/// What is wrong with them.
pub fn decode_state<T: Readable>(bytes: &[u8], lowered: &Lowered<T>) -> Result<State<T>, Kind> {
    // Whoever names a file here means a training; how weights are written would not help.
    let file = SafeTensors::deserialize(bytes).map_err(|_| Kind::NoState)?;
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let told = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY)).ok_or(Kind::NoState)?;
    let mut lines = told.lines().take_while(|line| !line.starts_with("circuit "));
    if lines.next() != Some(HEAD) {
        return Err(Kind::NoState);
    }
    check_circuit(&header, lowered)?;
    let mut state = State {
        run: Vec::new(),
        steps: 0,
        begun: Seen::default(),
        params: params(&file, lowered, "")?,
        moments: Vec::new(),
        best: None,
    };
    for line in lines {
        let (word, rest) = line.split_once(' ').ok_or(Kind::NoState)?;
        let parts: Vec<&str> = rest.split(' ').collect();
        let whole = |at: usize| parts.get(at).and_then(|part| part.parse::<u64>().ok()).ok_or(Kind::NoState);
        let bits = |at: usize| {
            let bits = parts.get(at).and_then(|part| u64::from_str_radix(part, 16).ok());
            bits.map(f64::from_bits).ok_or(Kind::NoState)
        };
        match word {
            "steps" => state.steps = whole(0)?,
            "begun" => state.begun = Seen { samples: whole(0)?, sum: bits(1)?, correct: whole(2)? },
            "best" => {
                let epoch = u32::try_from(whole(0)?).map_err(|_| Kind::NoState)?;
                let is_kept = file.names().iter().any(|name| name.starts_with("best/"));
                let kept = if is_kept { Some(params(&file, lowered, "best/")?) } else { None };
                state.best = Some(Best { epoch, loss: bits(1)?, params: kept });
            }
            "run" => {
                let (key, value) = rest.split_once(": ").ok_or(Kind::NoState)?;
                state.run.push((key.to_owned(), value.to_owned()));
            }
            _ => return Err(Kind::NoState),
        }
    }
    let moment = |at: usize| file.tensor(&format!("moments/{at}")).ok();
    for tensor in (1..).map_while(moment) {
        state.moments.extend(tensor.data().chunks_exact(T::BYTES).map(number::<T>));
    }
    Ok(state)
}

/// Saves a training.
///
/// # Errors
/// [`WeightsError`]; what was in the place before is there still.
pub fn save_state<T: Readable>(place: &Place, lowered: &Lowered<T>, state: &State<T>) -> Result<(), WeightsError> {
    let bytes = encode_state(lowered, state).map_err(|kind| place.refused(kind))?;
    place.write(&bytes)
}

/// Reads a saved training.
///
/// # Errors
/// [`WeightsError`].
pub fn load_state<T: Readable>(path: &Path, lowered: &Lowered<T>) -> Result<State<T>, WeightsError> {
    let read = std::fs::read(path).map_err(Kind::Read);
    read.and_then(|bytes| decode_state(&bytes, lowered)).map_err(|kind| WeightsError { path: path.to_owned(), kind })
}
