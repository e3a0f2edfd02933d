//! Numbers for people: in full, to six digits, and tensors in short.

use chainrule::Scalar;

use crate::text::literal::shape_words;

/// Elements of a tensor that are written out; of a longer one norm and largest element are told.
pub const WRITTEN_OUT: usize = 6;

/// A number in the shortest form that reads back to the same bits; very large and very small ones
/// with an exponent.
pub fn exact<T: Scalar>(x: T) -> String {
    let size = x.abs().to_f64();
    if size != 0.0 && size.is_finite() && !(1e-5..1e16).contains(&size) {
        // The shortest digits of the scalar itself, not of its value as f64.
        if T::BYTES == 4 { format!("{:e}", size.copysign(x.to_f64()) as f32) } else { format!("{:e}", x.to_f64()) }
    } else {
        x.to_string()
    }
}

/// A number to six digits; whole ones in full.
pub fn short<T: Scalar>(x: T) -> String {
    let full = x.to_f64();
    if !full.is_finite() || (full.fract() == 0.0 && full.abs() < 1e9) {
        return exact(x);
    }
    format!("{full:.5e}").parse().map_or_else(|_| exact(x), exact::<f64>)
}

/// A wire's numbers: a scalar, a short list, or shape, norm and largest element.
pub fn numbers<T: Scalar>(dims: &[usize], values: &[T], figure: fn(T) -> String) -> String {
    match values {
        &[one] if dims.is_empty() => figure(one),
        _ if values.len() <= WRITTEN_OUT => list(values, figure),
        _ => summary(dims, values),
    }
}

fn list<T: Scalar>(values: &[T], figure: fn(T) -> String) -> String {
    let written: Vec<String> = values.iter().map(|&x| figure(x)).collect();
    format!("[{}]", written.join(", "))
}

/// `[32] norm 3.2, largest [7] = 1.9`
fn summary<T: Scalar>(dims: &[usize], values: &[T]) -> String {
    let shape = shape_words(dims);
    if values.iter().all(|x| *x == T::ZERO) {
        return format!("{shape} all 0");
    }
    let norm = values.iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>().sqrt();
    let Some(at) = strongest(values, 1).first().copied() else { return shape };
    let largest = values.get(at).copied().unwrap_or(T::ZERO);
    format!("{shape} norm {}, largest {} = {}", short(norm), place(dims, at), short(largest))
}

/// `[3, 5]`: an element's place in a tensor.
pub fn place(dims: &[usize], index: usize) -> String {
    let mut rest = index;
    let mut at: Vec<usize> = Vec::new();
    for &size in dims.iter().rev() {
        at.push(rest % size.max(1));
        rest /= size.max(1);
    }
    at.reverse();
    if at.is_empty() { String::new() } else { shape_words(&at) }
}

/// The places of the `n` largest elements by size, NaN before all, the earlier first at a tie.
pub fn strongest<T: Scalar>(values: &[T], n: usize) -> Vec<usize> {
    let size = |at: &usize| values.get(*at).map_or(0.0, |x| if x.is_nan() { f64::INFINITY } else { x.abs().to_f64() });
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|a, b| size(b).total_cmp(&size(a)));
    places.truncate(n);
    places
}

/// 1234567 as `1,234,567`.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let first = (digits.len() + 2) % 3 + 1;
    let mut out = digits.get(..first).unwrap_or_default().to_owned();
    for group in digits.as_bytes().get(first..).unwrap_or_default().chunks(3) {
        out.push(',');
        out.extend(group.iter().map(|&digit| char::from(digit)));
    }
    out
}

/// `1 step`, `2 steps`
pub fn counted(n: usize, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// `x`, `x and y`, `x, y and z`
pub fn listed<S: AsRef<str>>(words: &[S]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_as_people_write_them() {
        assert_eq!(exact(-12.0f32), "-12");
        assert_eq!(exact(1e-30f32), "1e-30");
        assert_eq!(exact(-1.5e20f64), "-1.5e20");
        assert_eq!(exact(0.1f32 + 0.2), "0.3");
        assert_eq!(short(-11.592_401f32), "-11.5924");
        assert_eq!(short(1_234_567.0f32), "1234567");
        assert_eq!(short(f32::NAN), "NaN");
        assert_eq!(short(-0.0f32), "-0");
    }

    #[test]
    fn tensors_in_short() {
        assert_eq!(numbers(&[3], &[1.0f32, -2.0, 0.5], exact), "[1, -2, 0.5]");
        let mut values = [0.0f64; 12];
        assert_eq!(numbers(&[3, 4], &values, exact), "[3, 4] all 0");
        (values[2], values[7]) = (3.0, -4.0);
        assert_eq!(numbers(&[3, 4], &values, exact), "[3, 4] norm 5, largest [1, 3] = -4");
        assert_eq!(strongest(&[1.0f32, f32::NAN, 2.0], 2), [1, 2]);
    }

    #[test]
    fn counts_have_commas() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 2].map(|n| counted(n, "step")), ["1 step", "2 steps"]);
    }
}
