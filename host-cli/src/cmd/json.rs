//! One line of JSON: numbers in the shortest form that reads back to the same bits.

use std::io::{self, Write};

use chainrule::{Bytes, Scalar};
use serde::{Serialize, Serializer};

/// A number of the scalar in use; what JSON has no number for is "NaN", "inf" or "-inf".
#[derive(Clone, Copy, Debug)]
pub struct Number<T>(pub T);

impl<T: Scalar> Serialize for Number<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let x = self.0.to_f64();
        if x.is_nan() {
            serializer.serialize_str("NaN")
        } else if x.is_infinite() {
            serializer.serialize_str(if x > 0.0 { "inf" } else { "-inf" })
        } else if T::BYTES == 4 {
            serializer.serialize_f32(x as f32)
        } else {
            serializer.serialize_f64(x)
        }
    }
}

/// The bytes of RAM, region by region.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Regions {
    gates: usize,
    params: usize,
    values: usize,
    gradients: usize,
    optimiser: usize,
}

impl From<Bytes> for Regions {
    fn from(bytes: Bytes) -> Regions {
        let Bytes { gates, params, values, gradients, optimiser, .. } = bytes;
        Regions { gates, params, values, gradients, optimiser }
    }
}

/// A wire's numbers: one for a scalar, else a flat array.
#[derive(Clone, Debug)]
pub struct Numbers<T> {
    /// Whether the wire is a scalar.
    pub scalar: bool,
    /// Its numbers.
    pub values: Vec<T>,
}

impl<T: Scalar> Serialize for Numbers<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.values.as_slice() {
            &[one] if self.scalar => Number(one).serialize(serializer),
            many => serializer.collect_seq(many.iter().map(|&x| Number(x))),
        }
    }
}

/// Names with what they stand for, in their own order.
#[derive(Clone, Debug)]
pub struct Named<'n, V>(pub Vec<(&'n str, V)>);

impl<V: Serialize> Serialize for Named<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Writes `value` as one line.
///
/// # Errors
/// What the output says.
pub fn line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::{Numbers, line};
    use chainrule::Scalar;

    fn written<T: Scalar>(values: &[T]) -> String {
        let mut out = Vec::new();
        line(&mut out, &Numbers { scalar: values.len() == 1, values: values.to_vec() }).expect("writes");
        String::from_utf8(out).expect("is text")
    }

    #[test]
    fn numbers_are_as_short_as_their_scalar_allows() {
        assert_eq!(written(&[0.1f32]), "0.1\n");
        assert_eq!(written(&[0.1f32 as f64]), "0.10000000149011612\n");
        assert_eq!(written(&[-0.0f32, 1e-45, 3.4028235e38]), "[-0.0,1e-45,3.4028235e+38]\n");
        assert_eq!(written(&[f64::NAN, f64::INFINITY, -f64::INFINITY]), "[\"NaN\",\"inf\",\"-inf\"]\n");
    }

    #[test]
    fn bits_come_back() {
        let mut bits = 1u64;
        for _ in 0..2000 {
            bits = bits.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            let (x, y) = (f64::from_bits(bits), f32::from_bits((bits >> 32) as u32));
            if x.is_finite() {
                assert_eq!(written(&[x]).trim().parse::<f64>().expect("a number").to_bits(), x.to_bits());
            }
            if y.is_finite() {
                assert_eq!(written(&[y]).trim().parse::<f32>().expect("a number").to_bits(), y.to_bits());
            }
        }
    }
}
