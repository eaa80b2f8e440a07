//! Turns text with markup into plain text.
//!
//! Owns the step from HTML to plain text, because many APIs write descriptions in HTML. Tags are
//! removed, and character references are decoded. Text that only resembles markup, such as `a < b`
//! or `<3`, stays. The result is not HTML: templates escape the result like any other text.

use std::borrow::Cow;

/// Elements whose tags are removed: elements that may occur in a text, and elements that must never
/// be shown.
const ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "address",
    "article",
    "aside",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "button",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "font",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "iframe",
    "img",
    "input",
    "ins",
    "kbd",
    "label",
    "li",
    "link",
    "main",
    "mark",
    "meta",
    "nav",
    "object",
    "ol",
    "p",
    "picture",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "script",
    "section",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "svg",
    "table",
    "tbody",
    "td",
    "template",
    "tfoot",
    "th",
    "thead",
    "time",
    "title",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "video",
    "wbr",
];
/// Elements within a line. Each other element begins a new line.
const IN_LINE: &[&str] = &[
    "a", "abbr", "b", "bdi", "bdo", "big", "button", "cite", "code", "del", "dfn", "em", "font",
    "i", "img", "input", "ins", "kbd", "label", "mark", "q", "rp", "rt", "ruby", "s", "samp",
    "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
];
/// Elements whose content is not text.
const WITHOUT_TEXT: &[&str] = &["script", "style", "template", "iframe", "object", "svg"];
/// Longest tag in bytes.
const LONGEST_TAG: usize = 8 << 10;
/// Longest character reference in bytes. The longest name has 32 bytes.
const LONGEST_REFERENCE: usize = 40;

/// Returns the text that a browser would show. A text without tags keeps its white space.
pub(super) fn without_markup(text: &str) -> Cow<'_, str> {
    if !text.contains(['<', '&']) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    let mut has_tags = false;
    let last_comment = text.rfind("-->").unwrap_or(0);
    while let Some(start) = rest.find('<') {
        plain.push_str(&rest[..start]);
        rest = &rest[start..];
        // Search for the end of a comment only before the last `-->` of the text. Otherwise a text
        // of many `<!--` without `-->` would be searched to its end for each of them.
        let is_comment = rest.starts_with("<!--") && text.len() - rest.len() < last_comment;
        if let Some(end) = is_comment.then(|| rest[4..].find("-->")).flatten() {
            has_tags = true;
            rest = &rest[end + 7..];
            continue;
        }
        let Some(tag) = Tag::at_start_of(rest) else {
            plain.push('<');
            rest = &rest[1..];
            continue;
        };
        has_tags = true;
        rest = &rest[tag.length..];
        if !tag.is_closing && WITHOUT_TEXT.contains(&&*tag.name) {
            rest = after_closing(rest, &tag.name);
        }
        if !IN_LINE.contains(&&*tag.name) {
            plain.push('\u{0}');
        }
    }
    plain.push_str(rest);
    let plain = if has_tags { in_lines(&plain) } else { plain };
    Cow::Owned(decoded(&plain))
}

struct Tag {
    name: String,
    is_closing: bool,
    length: usize,
}

impl Tag {
    /// Returns the tag at the start of a text, if any.
    fn at_start_of(text: &str) -> Option<Tag> {
        let inside = text.get(1..)?;
        let is_closing = inside.starts_with('/');
        let inside = inside.strip_prefix('/').unwrap_or(inside);
        let end = inside.find(|c: char| !c.is_ascii_alphanumeric())?;
        let name = inside[..end].to_ascii_lowercase();
        let follows =
            inside[end..].starts_with(|c: char| matches!(c, '>' | '/') || c.is_whitespace());
        if !follows || !ELEMENTS.contains(&&*name) {
            return None;
        }
        let start = text.len() - inside.len() + end;
        Some(Tag { name, is_closing, length: start + end_of_tag(&text[start..])? })
    }
}

/// Returns the number of bytes up to and including the `>` that ends a tag. A `>` in quotes does
/// not end a tag.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().take(LONGEST_TAG).enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'<') => return None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// Returns the text after the closing tag of an element; empty if the element is never closed.
fn after_closing<'t>(text: &'t str, name: &str) -> &'t str {
    let mut rest = text;
    while let Some(start) = rest.find("</") {
        rest = &rest[start..];
        if let Some(tag) = Tag::at_start_of(rest).filter(|tag| tag.name == name) {
            return &rest[tag.length..];
        }
        rest = &rest[2..];
    }
    ""
}

/// Replaces white space in each line with single spaces, as a browser does, and removes empty
/// lines. U+0000 separates lines in `text`.
fn in_lines(text: &str) -> String {
    let line = |line: &str| line.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<_> = text.split('\u{0}').map(line).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// Decodes character references that end in a semicolon. A reference without a semicolon stays,
/// because otherwise text such as `a&not b` would change.
fn decoded(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        plain.push_str(&rest[..start]);
        rest = &rest[start..];
        let name = rest[1..].bytes().take(LONGEST_REFERENCE);
        let length = name.take_while(|b| b.is_ascii_alphanumeric() || *b == b'#').count() + 2;
        match rest.get(..length).filter(|reference| reference.ends_with(';')) {
            Some(reference) => {
                plain.push_str(&htmlize::unescape(reference));
                rest = &rest[length..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn reads(text: &str, expected: &str) {
        assert_eq!(without_markup(text), expected, "{text}");
    }

    #[test]
    fn tags_are_removed_and_references_decoded() {
        reads("<p>One</p><p>Two &amp; three</p>", "One\nTwo & three");
        reads("A <b class=\"x > y\">bold</B>\n  <i>word</i>.<br/>Next", "A bold word.\nNext");
        reads("<!-- no --><ul><li>a<li>b</ul>", "a\nb");
        reads("a<script>if (1 < 2) { x(\"</b>\") }</script>b", "a\nb");
        reads("a<style>never closed", "a");
        reads("&lt;b&gt; &#60;i&#x3e; caf&eacute;", "<b> <i> café");
    }

    #[test]
    fn text_that_only_resembles_markup_stays() {
        for text in [
            "a < b and c > d",
            "I <3 films",
            "x<y",
            "a <b and c",
            "<you@example.org>",
            "AT&T",
            "fish &not chips",
            "a & b;",
            "<",
            "</",
            "&",
            "&;",
            "<b",
            "1<p>2".trim_end_matches("p>2"),
            "two\r\n\r\nparagraphs,  spaced",
        ] {
            reads(text, text);
        }
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic_and_plain_text_is_never_changed(text in "[a-z<>&;/ \"'!-]{0,40}", plain in "[^<&]*") {
            let _ = without_markup(&text);
            prop_assert_eq!(without_markup(&plain), &*plain);
        }
    }
}
