//! The letters that travel with the binary: their shapes, their widths, and numbers in them.

use std::sync::OnceLock;

use ttf_parser::Face;

/// The name under which an SVG asks for the letters.
pub const FAMILY: &str = "Chainrule Sans";
/// The regular weight, for measuring and for PNGs.
pub const REGULAR: &[u8] = include_bytes!("../../fonts/ChainruleSans-Regular.otf");
/// The semi-bold weight, for measuring and for PNGs.
pub const SEMIBOLD: &[u8] = include_bytes!("../../fonts/ChainruleSans-SemiBold.otf");
const REGULAR_WEB: &[u8] = include_bytes!("../../fonts/ChainruleSans-Regular.woff2");
const SEMIBOLD_WEB: &[u8] = include_bytes!("../../fonts/ChainruleSans-SemiBold.woff2");

/// How high a capital stands above its baseline, as a share of the size.
pub const CAPITAL: f64 = 2048.0 / 2816.0;

/// One of the two weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// 400.
    Regular,
    /// 600.
    SemiBold,
}

fn face(weight: Weight) -> Option<&'static Face<'static>> {
    static FACES: OnceLock<[Option<Face<'static>>; 2]> = OnceLock::new();
    let faces = FACES.get_or_init(|| [REGULAR, SEMIBOLD].map(|font| Face::parse(font, 0).ok()));
    match weight {
        Weight::Regular => faces[0].as_ref(),
        Weight::SemiBold => faces[1].as_ref(),
    }
}

/// The width of `text` at `size`, from the font's own advances (it has no kerning).
pub fn width(text: &str, weight: Weight, size: f64) -> f64 {
    let Some(face) = face(weight) else {
        return 0.6 * size * text.chars().count() as f64;
    };
    let units: u32 = text
        .chars()
        .map(|c| {
            let glyph = face.glyph_index(c).unwrap_or_default();
            u32::from(face.glyph_hor_advance(glyph).unwrap_or_default())
        })
        .sum();
    f64::from(units) * size / f64::from(face.units_per_em())
}

/// `text`, or as much of its beginning as fits in `most` with an ellipsis after it.
pub fn fit(text: &str, weight: Weight, size: f64, most: f64) -> String {
    if width(text, weight, size) <= most {
        return text.into();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if width(&kept, weight, size) + width("…", weight, size) > most {
            kept.pop();
            break;
        }
    }
    kept.push('…');
    kept
}

/// A number for reading: four significant digits, more where four would turn
/// it into a whole number that it is not, a true minus sign.
pub fn number(v: f64) -> String {
    let plain = if v.is_nan() {
        "NaN".into()
    } else if v.is_infinite() {
        if v > 0.0 { "∞".into() } else { "-∞".into() }
    } else if v == 0.0 {
        "0".into()
    } else if v.abs() < 1e5 && v.fract() == 0.0 {
        format!("{v}")
    } else if (1e-3..1e5).contains(&v.abs()) {
        (4..=6).map(|digits| fixed(v, digits)).find(|text| text.contains('.')).unwrap_or_else(|| fixed(v, 6))
    } else {
        let text = format!("{v:.3e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{}e{exponent}", trimmed(mantissa))
    };
    plain.replace('-', "−")
}

fn fixed(v: f64, digits: i32) -> String {
    let before = v.abs().log10().floor() as i32 + 1;
    let after = (digits - before).max(0) as usize;
    trimmed(&format!("{v:.after$}")).into()
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// The rules by which an SVG carries its letters with it.
pub fn font_faces() -> String {
    let mut rules = String::new();
    for (weight, font) in [(400, REGULAR_WEB), (600, SEMIBOLD_WEB)] {
        rules += &format!(
            "@font-face{{font-family:\"{FAMILY}\";font-weight:{weight};src:url(data:font/woff2;base64,{}) format(\"woff2\")}}\n",
            base64(font)
        );
    }
    rules
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut bits = 0u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(group.get(at).copied().unwrap_or(0));
        }
        for at in 0..4 {
            if at <= group.len() {
                text.push(char::from(DIGITS[(bits >> (18 - 6 * at) & 63) as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (v, text) in [
            (-12.0, "−12"),
            (0.880_797_077_977_882_3, "0.8808"),
            (-11.5924, "−11.59"),
            (99.999_383, "99.999"),
            (f64::from(2.000_000_2_f32), "2"),
            (0.1 + 0.2, "0.3"),
            (1.234_567e-7, "1.235e−7"),
            (2410.0, "2410"),
            (12_345.678, "12345.7"),
            (0.0, "0"),
            (f64::NEG_INFINITY, "−∞"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(v), text);
        }
    }

    #[test]
    fn base64_of_the_rfc() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn every_sign_in_use_has_a_letter() {
        for weight in [Weight::Regular, Weight::SemiBold] {
            let face = face(weight).unwrap();
            for c in "×−÷√²‖→▲▼∞…∂σΣ".chars() {
                assert!(face.glyph_index(c).is_some(), "{c}");
            }
        }
    }

    #[test]
    fn long_names_are_cut() {
        let cut = fit("a_name_that_never_seems_to_end", Weight::Regular, 14.0, 90.0);
        assert!(cut.ends_with('…') && width(&cut, Weight::Regular, 14.0) <= 90.0);
    }
}
