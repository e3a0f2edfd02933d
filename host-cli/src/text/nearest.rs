//! The name that was probably meant.

/// The candidate within a small edit distance of `written`: at most a third of
/// its letters (but one in a name of two), transpositions counted once.
/// The earlier one at a tie.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = written.chars().count();
    let allowed = if letters < 2 { 0 } else { (letters / 3).max(1) };
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let same_letters = candidate != written && candidate.eq_ignore_ascii_case(written);
        let distance = if same_letters { 0 } else { strsim::osa_distance(written, candidate) };
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_slips_but_not_strangers() {
        let names = ["sigmoid", "softmax", "sum", "x"];
        assert_eq!(nearest("sigmiod", names), Some("sigmoid"));
        assert_eq!(nearest("Sum", names), Some("sum"));
        assert_eq!(nearest("maximum", names), None);
        assert_eq!(nearest("y", names), None);
    }
}
