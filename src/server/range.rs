//! Ranges of a file (RFC 9110 §14).

use std::ops::Range;

use http_range_header::{EndPosition, RangeUnsatisfiableError, StartPosition, parse_range_header};

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
    let parsed = match parse_range_header(field.trim()) {
        Ok(parsed) => parsed,
        Err(RangeUnsatisfiableError::ZeroSuffix) => return RangeAsked::Outside,
        Err(_) => return RangeAsked::Whole,
    };
    let [range] = parsed.ranges.as_slice() else { return RangeAsked::Whole };
    let clamp = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(length);
    let start = match range.start {
        StartPosition::Index(first) => clamp(first),
        StartPosition::FromLast(count) => length - clamp(count),
    };
    let end = match (range.end, range.start) {
        (EndPosition::LastByte, _) => length,
        (EndPosition::Index(last), StartPosition::Index(first)) if last < first => {
            return RangeAsked::Whole;
        }
        (EndPosition::Index(last), _) => clamp(last.saturating_add(1)),
    };
    if start >= end { RangeAsked::Outside } else { RangeAsked::Part(start..end) }
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
    }

    #[test]
    fn a_range_beyond_the_body_is_outside() {
        for field in ["bytes=10-", "bytes=99-100", "bytes=-0"] {
            assert_eq!(read(field, 10), RangeAsked::Outside, "{field}");
        }
        assert_eq!(read("bytes=0-", 0), RangeAsked::Outside);
    }

    #[test]
    fn a_range_that_is_not_understood_is_ignored() {
        for field in ["bytes=5-2", "items=0-1", "bytes=a-b", "bytes=", "bytes=0-1,4-5", "0-5"] {
            assert_eq!(read(field, 10), RangeAsked::Whole, "{field}");
        }
    }
}
