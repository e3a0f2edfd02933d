//! Every size of a dense gate against plain loops.

use super::wide::WIDE;
use super::*;

#[test]
fn every_block_size_gives_what_the_plain_loops_give() {
    const IN: usize = 11; // 8 + 3 rows, or 2 · 4 + 3
    const OUT: usize = 67;
    let mut numbers = [0.0f32; IN * OUT + OUT];
    let mut seed = 1u32;
    for v in &mut numbers {
        seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
        *v = (seed >> 8) as f32 / 16_777_216.0 - 0.5;
    }
    let x: [f32; IN] = [0.5, 0.0, -1.25, 0.75, 0.0, 3.0, -0.0, 0.125, 0.0, -2.5, 0.625];
    for rows in 1..=IN {
        for n in 1..=OUT {
            let (w, rest) = numbers.split_at(rows * n);
            let (x, b) = (x.split_at(rows).0, rest.split_at(n).0);
            one_size(x, w, b);
        }
    }
}

/// The columns that blocks of ten and more take.
fn wide(n: usize) -> usize {
    let most = n / WIDE * WIDE;
    let wide = most + (n - most) / 16 * 16;
    if n - wide >= 10 { wide + 10 } else { wide }
}

fn one_size(x: &[f32], w: &[f32], b: &[f32]) {
    let n = b.len();
    let (mut z, mut dx, mut live, mut updated) = ([9.0f32; 67], [0.25f32; 11], [0.25f32; 11], [0.0f32; 12 * 67]);
    let (z, dx) = (z.split_at_mut(n).0, dx.split_at_mut(x.len()).0);
    let (live, updated) = (live.split_at_mut(x.len()).0, updated.split_at_mut(w.len() + n).0);
    forward(x, w, Some(b), z, n);
    backward(w, b, || None, dx, n);
    backward(w, b, || Some(x), live, n);
    // With the bias behind the weights, as training has it.
    updated.split_at_mut(w.len()).0.copy_from_slice(w);
    updated.split_at_mut(w.len()).1.copy_from_slice(b);
    update(x, b, 0.1, updated, n);
    for (j, (z, &b)) in z.iter().zip(b).enumerate() {
        let column = w.iter().skip(j).step_by(n);
        let sum = column.zip(x).fold(b, |sum, (w, &x)| if x != 0.0 { sum + x * w } else { sum });
        assert_eq!(*z, sum, "{} {n}", x.len());
    }
    for ((row, &x), (&dx, &live)) in w.chunks_exact(n).zip(x).zip(dx.iter().zip(&*live)) {
        let sum = row.iter().zip(b).fold(0.25, |sum, (w, d)| sum + w * d);
        assert_eq!(dx, sum);
        // Wide blocks leave out the row of a zero, the columns behind them do not.
        let first = if x != 0.0 { 0 } else { wide(n) };
        let sum = row.iter().zip(b).skip(first).fold(0.25, |sum, (w, d)| sum + w * d);
        assert_eq!(live, sum, "{n}");
    }
    let inputs = x.iter().copied().chain([1.0]);
    for ((new, old), x) in updated.chunks_exact(n).zip(w.chunks_exact(n).chain([b])).zip(inputs) {
        for ((&new, &old), &d) in new.iter().zip(old).zip(b) {
            assert_eq!(new, if x != 0.0 { old - (0.1 * x) * d } else { old });
        }
    }
}

#[test]
fn the_greatest_magnitude_keeps_a_nan() {
    assert_eq!(max_abs(&[1.0f32, -3.0, 2.0]), 3.0);
    assert!(max_abs(&[1.0f32, f32::NAN, 2.0]).is_nan());
    assert!(max_abs(&[f32::INFINITY, f32::NAN]).is_nan());
}
