//! Whose data the site shows: a line of the owner in the footer of every page.
//!
//! Owns the form of this line: plain text with links as Markdown writes them. Many sources of data
//! must be named with a link. Nothing else of Markdown is read, and only http and https addresses
//! become links, so that the line can never run a script. The templates escape the text.

use serde::Serialize;

use crate::catalogue::web_address;

/// Largest number of characters, addresses included. The line is on every page, so it must stay
/// small beside the page.
const MOST_CHARACTERS: usize = 1_000;

/// A line about the source of the data. Templates get its parts in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Attribution(Vec<AttributionPart>);

/// Plain text, or a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct AttributionPart {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// The reason why a text is no attribution.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributionFault {
    /// The text has only spaces.
    #[error("the attribution is empty; write a text, or leave the attribution out")]
    Empty,
    /// The text is too long for a line on every page.
    #[error(
        "the attribution has {characters} characters, and at most {MOST_CHARACTERS} are allowed; \
         shorten the text"
    )]
    TooLong {
        /// Number of characters, addresses included.
        characters: usize,
    },
}

impl Attribution {
    /// Parses a text with links such as `[text](https://host/)`. Everything that is not such a link
    /// stays text. Line breaks and runs of spaces become one space.
    ///
    /// # Errors
    /// Fails if the text is empty or too long.
    pub fn parse(text: &str) -> Result<Attribution, AttributionFault> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let characters = text.chars().count();
        if characters == 0 {
            return Err(AttributionFault::Empty);
        }
        if characters > MOST_CHARACTERS {
            return Err(AttributionFault::TooLong { characters });
        }
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, link, after)) = first_link(rest) {
            parts.extend(plain(before));
            parts.push(link);
            rest = after;
        }
        parts.extend(plain(rest));
        Ok(Attribution(parts))
    }
}

fn plain(text: &str) -> Option<AttributionPart> {
    (!text.is_empty()).then(|| AttributionPart { text: text.to_owned(), url: None })
}

/// Returns the first link, with the text before and after the link.
fn first_link(text: &str) -> Option<(&str, AttributionPart, &str)> {
    text.match_indices('[').find_map(|(at, _)| {
        let (label, rest) = text[at + 1..].split_once("](")?;
        // The link begins at the last bracket before its text.
        let is_one = !label.trim().is_empty() && !label.contains(['[', ']']);
        let end = end_of_address(rest).filter(|_| is_one)?;
        let url = web_address(&rest[..end])?;
        let link = AttributionPart { text: label.to_owned(), url: Some(url) };
        Some((&text[..at], link, &rest[end + 1..]))
    })
}

/// Returns where the bracket after an address is. An address may have pairs of brackets (CommonMark
/// 0.31, §6.3), and many addresses of Wikipedia have such a pair.
fn end_of_address(rest: &str) -> Option<usize> {
    let mut open = 0_usize;
    let end = rest.char_indices().find(|&(_, letter)| {
        match letter {
            '(' => open += 1,
            ')' if open == 0 => return true,
            ')' => open -= 1,
            _ => {}
        }
        letter == ' '
    });
    end.filter(|&(_, letter)| letter == ')').map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the parts of a text: plain text, or the text and the address of a link.
    fn parts(text: &str) -> Vec<(String, Option<String>)> {
        let Attribution(parts) = Attribution::parse(text).expect("an attribution");
        parts.into_iter().map(|part| (part.text, part.url)).collect()
    }

    #[test]
    fn links_become_links_and_the_text_around_links_stays() {
        let text = |text: &str| (text.to_owned(), None);
        let link = |text: &str, url: &str| (text.to_owned(), Some(url.to_owned()));
        for (written, expected) in [
            ("Data: me.", vec![text("Data: me.")]),
            (
                " Data by [TVmaze](https://www.tvmaze.com),\n [CC BY-SA](http://cc.example/by)",
                vec![
                    text("Data by "),
                    link("TVmaze", "https://www.tvmaze.com/"),
                    text(", "),
                    link("CC BY-SA", "http://cc.example/by"),
                ],
            ),
            (
                "[a [b](https://b.example/x_(1965))]",
                vec![text("[a "), link("b", "https://b.example/x_(1965)"), text("]")],
            ),
        ] {
            assert_eq!(parts(written), expected, "{written}");
        }
    }

    #[test]
    fn everything_else_stays_text() {
        for written in [
            "[a](javascript:alert(1))",
            "[a](data:text/html,x)",
            "[a](/about/)",
            "[a](//host/)",
            "[a](https://)",
            "[a](https://h.example/ \"title\")",
            "[a](https://h.example/",
            "[ ](https://h.example/)",
            "[a] (https://h.example/)",
            "<b>*a*</b> & ![",
        ] {
            assert_eq!(parts(written), [(written.to_owned(), None)], "{written}");
        }
        let after = parts("[x](ftp://a.example/) [y](https://b.example/)");
        assert_eq!(after[1], ("y".to_owned(), Some("https://b.example/".to_owned())));
    }

    #[test]
    fn an_empty_text_and_a_text_that_is_too_long_are_refused() {
        assert_eq!(Attribution::parse(" \n"), Err(AttributionFault::Empty));
        let long = "é".repeat(MOST_CHARACTERS);
        assert!(Attribution::parse(&long).is_ok());
        let fault = Attribution::parse(&format!("{long}e")).expect_err("too long");
        assert_eq!(fault, AttributionFault::TooLong { characters: MOST_CHARACTERS + 1 });
        assert!(fault.to_string().contains("at most 1000"), "{fault}");
    }
}
