//! Trained weights in safetensors files, under the names and in the shapes that model files have:
//! a dense layer's `fc1.weight` is `[out, in]`, its `fc1.bias` `[out]`.
//!
//! Under the key `chainrule`, the file's metadata holds lines: `circuit` and a hash over what the
//! circuit computes, `params` and the hash over the params' bits, `scalar` and its name, then the
//! circuit, one line a wire, so that a file that does not fit can be told where it differs. Files
//! without that key come from other tools; for them names, shapes and scalar count.
//!
//! A file is written beside its place and then put there, so that whatever happens, the place holds
//! the old file or the new one.

mod error;
mod fingerprint;
mod place;
mod state;

pub use error::{Kind, WeightsError};
pub use fingerprint::Fingerprint;
pub use place::Place;
pub use state::{decode_state, encode_state, load_state, save_state};

use crate::lower::{Lowered, Param};
use crate::text::literal::Readable;
use crate::text::nearest::nearest;
use safetensors::tensor::{Metadata, TensorView};
use safetensors::{Dtype, SafeTensors};
use std::collections::HashMap;
use std::path::Path;

/// The key of what is ours in a file's metadata.
const KEY: &str = "chainrule";

fn dtype<T: Readable>() -> Dtype {
    if T::BYTES == 4 { Dtype::F32 } else { Dtype::F64 }
}

/// The bytes of a file that holds these values, one vector a param in the order of
/// [`Lowered::params`] and as the core keeps them. The same weights give the same bytes.
///
/// # Errors
/// [`Kind::Format`] if the values do not fit their params.
pub fn encode<T: Readable>(lowered: &Lowered<T>, params: &[Vec<T>], params_hash: u64) -> Result<Vec<u8>, Kind> {
    let raw = |value: T| value.to_bits().to_le_bytes().into_iter().take(T::BYTES);
    let to_file = |(param, values): (&Param<T>, &Vec<T>)| param.to_file(values).into_iter().flat_map(raw).collect();
    let bytes: Vec<Vec<u8>> = lowered.params.iter().zip(params).map(to_file).collect();
    let mut tensors = Vec::new();
    for (param, bytes) in lowered.params.iter().zip(&bytes) {
        tensors.push((param.name.as_str(), TensorView::new(dtype::<T>(), param.shape.clone(), bytes)?));
    }
    let told = Fingerprint::of(lowered).with_params(params_hash, T::NAME);
    // One key only: a map of several has no order, and the bytes would change from run to run.
    let metadata = HashMap::from([(KEY.to_owned(), told)]);
    Ok(safetensors::serialize(tensors, Some(metadata))?)
}

/// Saves the values of a circuit's params.
///
/// # Errors
/// [`WeightsError`]; what was in the place before is there still.
pub fn save<T: Readable>(
    place: &Place,
    lowered: &Lowered<T>,
    params: &[Vec<T>],
    params_hash: u64,
) -> Result<(), WeightsError> {
    let bytes = encode(lowered, params, params_hash).map_err(|kind| place.refused(kind))?;
    place.write(&bytes)
}

/// Lets a circuit's params start from the weights of a file.
///
/// # Errors
/// [`WeightsError`]; no param has changed then.
pub fn load<T: Readable>(path: &Path, lowered: &mut Lowered<T>) -> Result<(), WeightsError> {
    let read = std::fs::read(path).map_err(Kind::Read);
    read.and_then(|bytes| decode(&bytes, lowered)).map_err(|kind| WeightsError { path: path.to_owned(), kind })
}

/// Lets a circuit's params start from the weights in a file's bytes.
///
/// # Errors
/// What is wrong with them; no param has changed then.
pub fn decode<T: Readable>(bytes: &[u8], lowered: &mut Lowered<T>) -> Result<(), Kind> {
    let file = SafeTensors::deserialize(bytes)?;
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    // That it is another circuit says more than the first name that is missing there.
    let values = params(&file, lowered, "").map_err(|kind| match kind {
        Kind::Missing { .. } => check_circuit(&header, lowered).err().unwrap_or(kind),
        kind => kind,
    })?;
    let mut extra: Vec<&str> = file.names();
    // What a saved training has beside its params.
    extra.retain(|name| !name.contains('/') && !lowered.params.iter().any(|param| param.name == *name));
    extra.sort_unstable();
    if let Some(first) = extra.first() {
        return Err(Kind::Extra { name: (*first).to_owned(), count: extra.len() });
    }
    check_circuit(&header, lowered)?;
    for (param, values) in lowered.params.iter_mut().zip(values) {
        param.start = values;
    }
    // They came with the weights.
    lowered.normalized.clear();
    Ok(())
}

/// The params of a file, in the order of [`Lowered::params`] and as the core keeps them; `prefix`
/// stands before their names.
fn params<T: Readable>(file: &SafeTensors<'_>, lowered: &Lowered<T>, prefix: &str) -> Result<Vec<Vec<T>>, Kind> {
    let mut values = Vec::new();
    for param in &lowered.params {
        let name = &format!("{prefix}{}", param.name);
        let Ok(tensor) = file.tensor(name) else {
            let mut there: Vec<String> = file.names().into_iter().map(str::to_owned).collect();
            there.sort();
            let nearest = nearest(name, there.iter().map(String::as_str)).map(str::to_owned);
            return Err(Kind::Missing { name: name.clone(), nearest, there });
        };
        if tensor.shape() != param.shape {
            let [here, there] = [param.shape.clone(), tensor.shape().to_vec()];
            return Err(Kind::Shape { name: name.clone(), here, there });
        }
        if tensor.dtype() != dtype::<T>() {
            let there = format!("{:?}", tensor.dtype()).to_lowercase();
            return Err(Kind::Scalar { name: name.clone(), here: T::NAME, there });
        }
        let numbers: Vec<T> = tensor.data().chunks_exact(T::BYTES).map(number).collect();
        if let Some(at) = numbers.iter().position(|number: &T| !number.is_finite()) {
            return Err(Kind::NotFinite { name: name.clone(), at });
        }
        values.push(param.from_file(&numbers));
    }
    Ok(values)
}

/// Whether a file of ours was made by this circuit.
fn check_circuit<T: Readable>(header: &Metadata, lowered: &Lowered<T>) -> Result<(), Kind> {
    match header.metadata().as_ref().and_then(|metadata| metadata.get(KEY)) {
        Some(told) => Fingerprint::of(lowered).compare(told),
        None => Ok(()),
    }
}

fn number<T: Readable>(bytes: &[u8]) -> T {
    let mut bits = [0; 8];
    bits[..bytes.len()].copy_from_slice(bytes);
    T::from_bits(u64::from_le_bytes(bits))
}

#[cfg(test)]
mod tests;
