//! Windows over planes: convolutions and pools by their definitions, one output at
//! a time, a plane without height as one of height 1.

use super::array::Array;
use super::dual::{Dual, fixed};

/// How a window goes over planes.
#[derive(Clone, Copy)]
pub struct Steps {
    /// How far it moves.
    pub stride: usize,
    /// What is added on each side.
    pub padding: usize,
}

/// `[channels, height, width]` and the dimensions behind the channels, or why not.
fn planes(x: &Array) -> Result<([usize; 3], usize), String> {
    match x.shape[..] {
        [channels, length] => Ok(([channels, 1, length], 1)),
        [channels, height, width] => Ok(([channels, height, width], 2)),
        _ => Err(format!("{:?} are no planes", x.shape)),
    }
}

/// The elements that one window sees: place in the kernel, place in the plane.
type Seen = Vec<(usize, usize)>;

/// For each output of a plane, the elements that its window sees.
fn windows(
    [height, width]: [usize; 2],
    [tall, wide]: [usize; 2],
    steps: Steps,
    flat: bool,
) -> Result<([usize; 2], Vec<Seen>), String> {
    let Steps { stride, padding } = steps;
    let (down, above) = if flat { (1, 0) } else { (stride, padding) };
    let count = |size: usize, kernel: usize, stride: usize, padding: usize| {
        (size + 2 * padding).checked_sub(kernel).map(|rest| rest / stride + 1)
    };
    let (Some(rows), Some(columns)) = (count(height, tall, down, above), count(width, wide, stride, padding)) else {
        return Err("a window larger than its plane".into());
    };
    let mut all = Vec::new();
    for row in 0..rows {
        for column in 0..columns {
            let mut seen = Vec::new();
            for y in 0..tall {
                for x in 0..wide {
                    let (top, left) = ((row * down + y).checked_sub(above), (column * stride + x).checked_sub(padding));
                    if let (Some(top), Some(left)) = (top, left)
                        && top < height
                        && left < width
                    {
                        seen.push((y * wide + x, top * width + left));
                    }
                }
            }
            all.push(seen);
        }
    }
    Ok(([rows, columns], all))
}

fn shape(channels: usize, [rows, columns]: [usize; 2], rank: usize) -> Vec<usize> {
    if rank == 1 { vec![channels, columns] } else { vec![channels, rows, columns] }
}

/// A convolution with weights `[out, in / groups, kernel…]`.
pub fn conv(x: &Array, weight: &Array, bias: Option<&Array>, steps: Steps, groups: usize) -> Result<Array, String> {
    let ([inputs, height, width], rank) = planes(x)?;
    let &[outputs, share, ref kernel @ ..] = &weight.shape[..] else { return Err("weights of two dimensions".into()) };
    let kernel = match *kernel {
        [wide] if rank == 1 => [1, wide],
        [tall, wide] if rank == 2 => [tall, wide],
        _ => return Err(format!("weights {:?} over {:?}", weight.shape, x.shape)),
    };
    if inputs != share * groups || !outputs.is_multiple_of(groups) {
        return Err(format!("{groups} groups of {inputs} and {outputs}"));
    }
    let (out, windows) = windows([height, width], kernel, steps, rank == 1)?;
    let (plane, area) = (height * width, kernel[0] * kernel[1]);
    let mut elements = Vec::new();
    for output in 0..outputs {
        let group = output / (outputs / groups);
        for seen in &windows {
            let mut sum = bias.map_or(fixed(0.0), |bias| bias.elements[output]);
            for c in 0..share {
                for &(place, at) in seen {
                    let weight = weight.elements[(output * share + c) * area + place];
                    sum = sum + x.elements[(group * share + c) * plane + at] * weight;
                }
            }
            elements.push(sum);
        }
    }
    Ok(Array { shape: shape(outputs, out, rank), elements })
}

/// Something of the elements of each window, which are told with the size of the whole kernel.
pub fn pool(
    x: &Array,
    size: usize,
    steps: Steps,
    of: impl Fn(&[Dual], usize) -> Result<Dual, String>,
) -> Result<Array, String> {
    let ([channels, height, width], rank) = planes(x)?;
    let kernel = if rank == 1 { [1, size] } else { [size, size] };
    let (out, windows) = windows([height, width], kernel, steps, rank == 1)?;
    let mut elements = Vec::new();
    for plane in x.elements.chunks(height * width) {
        for seen in &windows {
            let seen: Vec<Dual> = seen.iter().map(|&(_, at)| plane[at]).collect();
            elements.push(of(&seen, kernel[0] * kernel[1])?);
        }
    }
    Ok(Array { shape: shape(channels, out, rank), elements })
}

/// The same elements with the last dimension first: weights as a layer writes them, from those
/// that a call takes.
pub fn outputs_first(weight: &Array) -> Array {
    let Some((&outputs, rest)) = weight.shape.split_last() else { return weight.clone() };
    let one = |output: usize| weight.elements.iter().skip(output).step_by(outputs).copied();
    Array { shape: [&[outputs], rest].concat(), elements: (0..outputs).flat_map(one).collect() }
}
