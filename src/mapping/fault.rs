//! A fault of a mapping, with its place.
//!
//! Owns the form of the message: file, line and column, what is wrong, and the line with a caret
//! under the wrong part.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Longest part of a line that a message shows, in characters.
const SHOWN: usize = 100;

/// Words in lines that are not shown, in lower case.
const MAY_BE_SECRET: [&str; 9] = [
    "headers",
    "authorization",
    "secret",
    "token",
    "key",
    "password",
    "cookie",
    "bearer",
    "upstream",
];

/// A file with a mapping.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MappingText {
    /// The name of the file, as the owner wrote it.
    pub(super) name: String,
    pub(super) text: String,
    /// Whether the file is a part of the program.
    pub(super) is_built_in: bool,
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) file: Arc<MappingText>,
    pub(super) span: Range<usize>,
}

/// The line in which a part of a file begins.
struct SpotLine<'f> {
    text: &'f str,
    /// The number of the line, from 1.
    number: usize,
    /// Characters of the line before the part.
    before: usize,
    /// Offset of the part in the file.
    start: usize,
}

/// Why a mapping cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingFault {
    spot: Spot,
    what: String,
}

impl std::error::Error for MappingFault {}

impl Spot {
    /// Returns the fault of this part.
    pub(super) fn fault(&self, what: impl Into<String>) -> MappingFault {
        MappingFault { spot: self.clone(), what: what.into() }
    }

    /// Returns the part that begins `offset` bytes after the beginning of this part.
    pub(super) fn from(&self, offset: usize) -> Spot {
        let start = (self.span.start + offset).min(self.span.end);
        Spot { file: self.file.clone(), span: start..self.span.end.max(start) }
    }

    /// Returns file, line and column of the part.
    pub(super) fn place(&self) -> String {
        let (name, line) = (&self.file.name, self.line());
        format!("{name}:{}:{}", line.number, line.before + 1)
    }

    /// Returns the line in which the part begins.
    fn line(&self) -> SpotLine<'_> {
        let text = &self.file.text;
        let mut start = self.span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        SpotLine {
            text: text[line_start..].lines().next().unwrap_or_default(),
            number: text[..line_start].matches('\n').count() + 1,
            before: text[line_start..start].chars().count(),
            start,
        }
    }

    /// Returns the text of the part.
    pub(super) fn text(&self) -> &str {
        self.file.text.get(self.span.clone()).unwrap_or_default()
    }
}

impl fmt::Display for MappingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spot { file, span } = &self.spot;
        let SpotLine { text: line, number, before, start } = self.spot.line();
        write!(f, "{}: {}", self.spot.place(), self.what)?;
        // A line of headers may have a key, and messages reach logs.
        let lower = line.to_lowercase();
        // An address may have a key as its user or in its query.
        let has_address = lower.contains("://") && lower.contains(['@', '?']);
        let may_be_secret = has_address || MAY_BE_SECRET.iter().any(|word| lower.contains(word));
        if line.trim().is_empty() || may_be_secret {
            return Ok(());
        }
        // A long line is shown from a place before the caret.
        let skipped = before.saturating_sub(SHOWN / 2);
        let shown = line.chars().skip(skipped).take(SHOWN);
        let shown: String = shown.map(|c| if c.is_control() { ' ' } else { c }).collect();
        let marked = file.text.get(start..span.end).unwrap_or_default().lines().next();
        let marked = marked.map_or(1, |part| part.chars().count());
        let room = shown.chars().count().saturating_sub(before - skipped);
        let carets = "^".repeat(marked.clamp(1, room.max(1)));
        let gutter = " ".repeat(number.to_string().len());
        let indent = " ".repeat(before - skipped);
        write!(f, "\n {gutter} |\n {number} | {shown}\n {gutter} | {indent}{carets}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str, span: Range<usize>) -> String {
        let file = Arc::new(MappingText {
            name: "m.toml".to_owned(),
            text: text.to_owned(),
            is_built_in: false,
        });
        Spot { file, span }.fault("it is wrong").to_string()
    }

    #[test]
    fn a_fault_shows_its_line_with_a_caret() {
        let text = "[films]\ntítle = \"na[me\"\n";
        let at = text.find("\"na").expect("a value");
        assert_eq!(
            fault(text, at..at + 7),
            "m.toml:2:9: it is wrong\n   |\n 2 | títle = \"na[me\"\n   |         ^^^^^^^"
        );
    }

    #[test]
    fn a_fault_is_shown_whatever_the_place_and_the_text_are() {
        for (text, span) in [("", 0..0), ("é", 1..2), ("a\n", 2..9), ("a\u{7}b", 1..2)] {
            assert!(fault(text, span).starts_with("m.toml:"), "{text:?}");
        }
        let long = "x".repeat(10_000);
        assert!(fault(&long, 5_000..5_001).len() < 400);
    }
}
