//! Ranges of a file (RFC 9110 §14).

use std::ops::Range;

/// What a `Range` field asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RangeAsked {
    /// The complete body: no range, several ranges, or a range that is not understood.
    Whole,
    /// These bytes of the body.
    Part(Range<usize>),
    /// Bytes beyond the end of the body (416).
    Outside,
}

/// Reads a `Range` field for a body of `length` bytes. Several ranges are answered with the
/// complete body, as RFC 9110 permits, because no client of the site needs a multipart answer.
pub(super) fn read(field: &str, length: usize) -> RangeAsked {
    let Some((unit, set)) = field.split_once('=') else { return RangeAsked::Whole };
    if !unit.eq_ignore_ascii_case("bytes") {
        return RangeAsked::Whole;
    }
    let specs = set.split(',').map(str::trim).filter(|spec| !spec.is_empty());
    let Some(parts) = specs.map(|spec| part(spec, length)).collect::<Option<Vec<_>>>() else {
        return RangeAsked::Whole;
    };
    match parts.as_slice() {
        [] => RangeAsked::Whole,
        [one] if !one.is_empty() => RangeAsked::Part(one.clone()),
        all if all.iter().all(Range::is_empty) => RangeAsked::Outside,
        _ => RangeAsked::Whole,
    }
}

/// Returns the bytes of one range, which are none if the range is beyond the body. Returns `None` if
/// the range is not well formed (RFC 9110 §14.1.1).
fn part(spec: &str, length: usize) -> Option<Range<usize>> {
    let (first, last) = spec.split_once('-')?;
    if first.is_empty() {
        return Some(length - position(last)?.min(length)..length);
    }
    let start = position(first)?;
    if last.is_empty() {
        return Some(start.min(length)..length);
    }
    let last = position(last)?;
    (start <= last).then(|| start.min(length)..last.saturating_add(1).min(length))
}

/// Reads a number of digits. A number that is too large counts as the largest number.
fn position(digits: &str) -> Option<usize> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_to_the_length_of_the_body() {
        assert_eq!(read("bytes=0-3", 10), RangeAsked::Part(0..4));
        assert_eq!(read("bytes=4-", 10), RangeAsked::Part(4..10));
        assert_eq!(read("bytes=-3", 10), RangeAsked::Part(7..10));
        assert_eq!(read("bytes=-30", 10), RangeAsked::Part(0..10));
        assert_eq!(read("bytes=8-99", 10), RangeAsked::Part(8..10));
        assert_eq!(read("BYTES=0-3,", 10), RangeAsked::Part(0..4));
        assert_eq!(read("bytes=0-99999999999999999999999", 10), RangeAsked::Part(0..10));
    }

    #[test]
    fn a_range_beyond_the_body_is_outside() {
        for field in ["bytes=10-", "bytes=99-100", "bytes=-0"] {
            assert_eq!(read(field, 10), RangeAsked::Outside, "{field}");
        }
        assert_eq!(read("bytes=0-", 0), RangeAsked::Outside);
        assert_eq!(read("bytes=-0,99-", 10), RangeAsked::Outside);
    }

    #[test]
    fn a_range_that_is_not_understood_is_ignored() {
        for field in [
            "bytes=5-2",
            "items=0-1",
            "bytes=a-b",
            "bytes=",
            "bytes=0-1,4-5",
            "0-5",
            "bytes=0-1,-0",
            "bytes=+1-2",
            "bytes=-",
            "bytes=0-1,5-2",
        ] {
            assert_eq!(read(field, 10), RangeAsked::Whole, "{field}");
        }
    }
}
