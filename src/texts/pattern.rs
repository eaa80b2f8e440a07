//! A text with placeholders: `{count} films`.

use std::fmt;

use super::words::is_upper;

/// A text, divided into literal pieces and placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(String),
}

impl Pattern {
    /// Parses a text. A placeholder is a name in braces; a name has only lower-case letters and
    /// underscores. The placeholders of words of the owner may also begin with an upper-case letter.
    ///
    /// # Errors
    /// Returns a description of the fault.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let is_name = |name: &str| {
            let is_plain = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            !name.is_empty() && (is_plain || is_upper(name))
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
                        "{:?} is not a placeholder such as {{count}}",
                        format!("{{{}", part.chars().take(20).collect::<String>())
                    ));
                }
            };
            if after.contains('}') {
                return Err("a closing brace has no opening brace".to_owned());
            }
            if !after.is_empty() {
                pieces.push(Piece::Text(after.to_owned()));
            }
        }
        Ok(Pattern(pieces))
    }

    /// Returns a pattern without placeholders, whatever braces the text has.
    pub(super) fn literal(text: &str) -> Pattern {
        Pattern(vec![Piece::Text(text.to_owned())])
    }

    /// Returns the pattern with values in place of the placeholders that have one.
    pub(super) fn with(&self, value: impl Fn(&str) -> Option<String>) -> Pattern {
        let with = |piece: &Piece| match piece {
            Piece::Place(name) => value(name).map_or_else(|| piece.clone(), Piece::Text),
            Piece::Text(_) => piece.clone(),
        };
        Pattern(self.0.iter().map(with).collect())
    }

    /// Returns the text if it has no placeholders.
    pub(super) fn to_plain(&self) -> Option<String> {
        self.filled(|_| None).ok()
    }

    /// Returns the names of the placeholders.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Place(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// Returns the literal pieces between the placeholders.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Place(_) => None,
        })
    }

    /// Returns the text with values in place of the placeholders.
    ///
    /// # Errors
    /// Returns the name of the first placeholder without a value.
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

/// As the table has the text. Scripts fill in this form. Only a word of the owner can have a brace
/// outside of a placeholder. An invisible character after this brace (U+2060) keeps scripts from
/// taking the word for a placeholder.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(&text.replace('{', "{\u{2060}")),
            Piece::Place(name) => write!(f, "{{{name}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_in_a_value_is_not_replaced() {
        let pattern = Pattern::parse("New: {title} ({year})").expect("a pattern");
        let value = |name: &str| Some(if name == "title" { "{year}" } else { "1988" }.to_owned());
        assert_eq!(pattern.filled(value).as_deref(), Ok("New: {year} (1988)"));
        assert_eq!(pattern.filled(|_| None), Err("title"));
        assert_eq!(pattern.to_string(), "New: {title} ({year})");
    }

    #[test]
    fn braces_in_a_word_are_no_placeholder() {
        let pattern = Pattern::parse("{title}: {Films}").expect("a pattern");
        let pattern = pattern.with(|name| (name == "Films").then(|| "{title}s".to_owned()));
        assert_eq!(pattern.filled(|_| Some("Kiki".to_owned())).as_deref(), Ok("Kiki: {title}s"));
        assert_eq!(pattern.to_string(), "{title}: {\u{2060}title}s");
        assert_eq!(
            (pattern.to_plain(), Pattern::literal("{").to_plain()),
            (None, Some("{".to_owned()))
        );
    }

    #[test]
    fn braces_without_a_valid_name_are_an_error() {
        for text in ["{", "}", "{}", "{Title}", "{a b}", "a {b", "a {b} }", "{a{b}}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
