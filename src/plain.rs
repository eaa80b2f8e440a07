//! Prepares text of the upstream for pages.
//!
//! Owns the rule for characters that are removed from every text, and the rule for texts that
//! count as absent.

use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Removes characters that a page, a feed or a picture must not contain, not even escaped: control
/// characters except tab, line feed and carriage return, and code points that are not characters
/// (XML 1.0 §2.2). HTML §13.1.4 also forbids the control characters from U+0080 to U+009F.
pub fn cleaned(text: &str) -> String {
    text.chars().filter(|&c| matches!(c, '\t' | '\n' | '\r') || is_character(c)).collect()
}

fn is_character(c: char) -> bool {
    let is_none = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    !c.is_control() && !is_none
}

/// Whether a text has a visible character. White space and zero-width characters are not visible.
pub(crate) fn is_visible(text: &str) -> bool {
    const BRAILLE_BLANK: char = '\u{2800}';
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    text.chars().any(|c| !c.is_whitespace() && c != BRAILLE_BLANK && !ignorable.contains(c))
}

/// Returns the text in lower case, without accents, and with the compatibility form of each
/// character (Unicode NFKD).
pub(crate) fn folded(text: &str) -> String {
    let plain = text.nfkd().filter(|&c| !is_combining_mark(c));
    plain.flat_map(char::to_lowercase).collect()
}

/// Whether a text has information. Texts such as "NA" mean that the value is not known.
pub(crate) fn is_known(text: &str) -> bool {
    is_visible(text)
        && !["na", "n/a", "none", "null", "unknown", "tbd", "-"]
            .contains(&&*text.to_ascii_lowercase())
}

/// Returns the first `most` characters of a text and "…", if the text has more characters.
pub(crate) fn start_of(text: &str, most: usize) -> Option<String> {
    let (end, _) = text.char_indices().nth(most)?;
    Some(format!("{}…", text[..end].trim_end()))
}

/// Returns the start of a text for a message.
pub(crate) fn clip(text: &str) -> String {
    const LONGEST: usize = 60;
    start_of(text, LONGEST).unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_visible_characters_counts_as_absent() {
        for nothing in ["", " ", "\u{200b}", "\u{feff}\u{2060}\u{ad}", "\u{3164}", "\u{2800}\u{a0}"]
        {
            assert!(!is_visible(nothing) && !is_known(nothing), "{nothing:?}");
        }
        assert!(is_visible("\u{200b}a") && is_visible("\u{301}") && is_visible("夜"));
    }

    #[test]
    fn characters_that_html_or_xml_forbids_are_removed() {
        assert_eq!(cleaned("a\0\u{8}\u{b}\u{7f}\u{85}\u{fdd0}\u{ffff}\u{1fffe}b"), "ab");
        let kept = "\t\n\r\u{a0}\u{2028}\u{202e}\u{fffd}\u{feff}🎬é";
        assert_eq!(cleaned(kept), kept);
    }
}
