//! Text of the upstream, made fit to be shown.
//!
//! Owns what is dropped from every text and what counts as no text at all.

use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Drops what no escaping can carry into a page, a feed or a picture: control
/// characters but for the white space among them, and code points that are none
/// (XML 1.0 §2.2; HTML §13.1.4 forbids more than that: U+0085 and its like).
pub fn cleaned(text: &str) -> String {
    text.chars().filter(|&c| matches!(c, '\t' | '\n' | '\r') || is_character(c)).collect()
}

fn is_character(c: char) -> bool {
    let is_none = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    !c.is_control() && !is_none
}

/// Whether a text shows anything: white space, zero-width characters and the like show
/// nothing.
pub(super) fn is_visible(text: &str) -> bool {
    const BRAILLE_BLANK: char = '\u{2800}';
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    text.chars().any(|c| !c.is_whitespace() && c != BRAILLE_BLANK && !ignorable.contains(c))
}

/// In lower case, without accents, and with the plain form of each character.
pub(super) fn folded(text: &str) -> String {
    let plain = text.nfkd().filter(|&c| !is_combining_mark(c));
    plain.flat_map(char::to_lowercase).collect()
}

/// Whether a text says something: "NA" and the like say that nothing is known.
pub(super) fn is_known(text: &str) -> bool {
    is_visible(text)
        && !["na", "n/a", "none", "null", "unknown", "tbd", "-"]
            .contains(&&*text.to_ascii_lowercase())
}

/// The first `most` characters of a text, if it has more.
pub(super) fn start_of(text: &str, most: usize) -> Option<String> {
    let (end, _) = text.char_indices().nth(most)?;
    Some(format!("{}…", text[..end].trim_end()))
}

/// The start of a text, for a message.
pub(super) fn clip(text: &str) -> String {
    const LONGEST: usize = 60;
    start_of(text, LONGEST).unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_no_text() {
        for nothing in ["", " ", "\u{200b}", "\u{feff}\u{2060}\u{ad}", "\u{3164}", "\u{2800}\u{a0}"]
        {
            assert!(!is_visible(nothing) && !is_known(nothing), "{nothing:?}");
        }
        assert!(is_visible("\u{200b}a") && is_visible("\u{301}") && is_visible("夜"));
    }

    #[test]
    fn what_html_and_xml_forbid_is_dropped() {
        assert_eq!(cleaned("a\0\u{8}\u{b}\u{7f}\u{85}\u{fdd0}\u{ffff}\u{1fffe}b"), "ab");
        let kept = "\t\n\r\u{a0}\u{2028}\u{202e}\u{fffd}\u{feff}🎬é";
        assert_eq!(cleaned(kept), kept);
    }
}
