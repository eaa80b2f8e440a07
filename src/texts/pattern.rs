//! A text with places for values: `{count} films`.

use std::fmt;

/// A text in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(String),
}

impl Pattern {
    /// Reads a text. Braces hold names of lower-case letters and underlines.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        let mut pieces = Vec::new();
        for (at, part) in text.split('{').enumerate() {
            let after = match (at, part.split_once('}')) {
                (0, _) => part,
                (_, Some((name, after))) if is_name(name) => {
                    pieces.push(Piece::Place(name.to_owned()));
                    after
                }
                _ => {
                    return Err(format!(
                        "{:?} is no placeholder such as {{count}}",
                        format!("{{{}", part.chars().take(20).collect::<String>())
                    ));
                }
            };
            if after.contains('}') {
                return Err("a closing brace stands without an opening brace".to_owned());
            }
            if !after.is_empty() {
                pieces.push(Piece::Text(after.to_owned()));
            }
        }
        Ok(Pattern(pieces))
    }

    /// The names in braces.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Place(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// What stands between the braces.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Place(_) => None,
        })
    }

    /// The text with values in the places.
    ///
    /// # Errors
    /// The name that has no value.
    pub fn filled(&self, value: impl Fn(&str) -> Option<String>) -> Result<String, &str> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Place(name) => filled.push_str(&value(name).ok_or(name.as_str())?),
            }
        }
        Ok(filled)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Place(name) => write!(f, "{{{name}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_takes_its_place_whatever_it_holds() {
        let pattern = Pattern::parse("New: {title} ({year})").expect("a pattern");
        let value = |name: &str| Some(if name == "title" { "{year}" } else { "1988" }.to_owned());
        assert_eq!(pattern.filled(value).as_deref(), Ok("New: {year} (1988)"));
        assert_eq!(pattern.filled(|_| None), Err("title"));
        assert_eq!(pattern.to_string(), "New: {title} ({year})");
    }

    #[test]
    fn a_brace_that_holds_no_name_is_an_error() {
        for text in ["{", "}", "{}", "{Title}", "{a b}", "a {b", "a {b} }", "{a{b}}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
