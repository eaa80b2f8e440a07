//! Text of the upstream, made fit to be shown.
//!
//! Owns what is dropped from every text and what counts as no text at all.

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

/// Whether a text says something: "NA" and the like say that nothing is known.
pub(super) fn is_known(text: &str) -> bool {
    !text.is_empty()
        && !["na", "n/a", "none", "null", "unknown", "tbd", "-"]
            .contains(&&*text.to_ascii_lowercase())
}

/// The start of a text, for a message.
pub(super) fn clip(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_html_and_xml_forbid_is_dropped() {
        assert_eq!(cleaned("a\0\u{8}\u{b}\u{7f}\u{85}\u{fdd0}\u{ffff}\u{1fffe}b"), "ab");
        let kept = "\t\n\r\u{a0}\u{2028}\u{202e}\u{fffd}\u{feff}🎬é";
        assert_eq!(cleaned(kept), kept);
    }
}
