//! The last path segment of the page of a record.
//!
//! Owns the rule: the letters of the title; after a collision, the start of the id is added; a
//! title without Latin letters gives the id. A slug has at most [`LONGEST`] bytes of `a-z`, `0-9`
//! and `-`, so a slug is safe as a file name and needs no escaping.

use any_ascii::any_ascii;

use crate::letters;

/// Longest slug in bytes. File systems permit 255, but addresses should be readable.
pub const LONGEST: usize = 80;

/// Makes the slug of a title. `taken` tells which slugs are in use.
pub fn of(title: &str, id: &str, taken: impl Fn(&str) -> bool) -> String {
    let hash = blake3::hash(id.as_bytes()).to_hex();
    let safe_id = match shortened(&hyphenated(id), LONGEST) {
        "" => hash[..16].to_owned(),
        safe => safe.to_owned(),
    };
    let plain = latin_slug(title);
    let plain = match shortened(&plain, LONGEST) {
        "" => safe_id.clone(),
        plain => plain.to_owned(),
    };
    let with = |suffix: &str| {
        let room = LONGEST - suffix.len() - 1;
        format!("{}-{suffix}", shortened(&plain, room))
    };
    let candidates = [plain.clone(), with(shortened(&safe_id, 8)), with(&hash[..16])];
    candidates
        .into_iter()
        .find(|candidate| !taken(candidate))
        // Two ids with the same 256-bit hash do not occur.
        .unwrap_or_else(|| hash.to_string())
}

/// Whether a text has the form of a slug. Slugs from a store become names of directories.
pub fn is_valid(slug: &str) -> bool {
    !slug.is_empty()
        && slug.len() <= LONGEST
        && slug.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !slug.starts_with('-')
        && !slug.ends_with('-')
}

/// Makes the slug of a record that gave `slug` away. No other record can have this slug.
pub(super) fn given_up(slug: &str, id: &str) -> String {
    let hash = blake3::hash(id.as_bytes()).to_hex();
    format!("{}-{}", shortened(slug, LONGEST - 17), &hash[..16])
}

/// Whether a slug was made by [`given_up`].
pub(super) fn is_given_up(slug: &str, id: &str) -> bool {
    // Few other slugs have a hyphen at this place, so the hash is rarely made.
    let hyphen = slug.len().checked_sub(17).and_then(|at| slug.as_bytes().get(at));
    hyphen == Some(&b'-') && slug.ends_with(&given_up("", id))
}

/// Makes a slug from Latin letters and digits. Letters of other scripts are not used: a
/// transliteration character by character (for Japanese, as Chinese) gives names that no reader
/// recognises.
fn latin_slug(title: &str) -> String {
    let mut readable = String::with_capacity(title.len());
    for letter in title.chars() {
        if letter == '×' {
            // Between two names, readers say the sign as a letter.
            readable.push('x');
        } else if !letter.is_ascii() && letters::is_latin(letter) {
            readable.push_str(&letters::folded(letter.encode_utf8(&mut [0; 4])));
        } else {
            readable.push(if is_foreign(letter) { ' ' } else { letter });
        }
    }
    let slug = hyphenated(&readable);
    if slug.bytes().any(|b| b.is_ascii_alphabetic()) || !has_foreign_letters(title) {
        slug
    } else {
        String::new()
    }
}

/// Returns the letters and digits in lower case, with one hyphen between two words.
fn hyphenated(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for letter in any_ascii(text).chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

fn has_foreign_letters(title: &str) -> bool {
    title.chars().any(|c| c.is_alphabetic() && is_foreign(c))
}

/// Whether a character is a letter of another script, or a digit outside the Latin blocks.
fn is_foreign(c: char) -> bool {
    c.is_alphanumeric() && c >= '\u{250}' && !letters::is_latin(c)
}

/// Cuts an ASCII slug to at most `most` bytes, without a hyphen at the end.
fn shortened(slug: &str, most: usize) -> &str {
    slug.get(..most).unwrap_or(slug).trim_end_matches('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slug_is_made_from_the_title() {
        let free = |_: &str| false;
        assert_eq!(of("Castle in the Sky", "1", free), "castle-in-the-sky");
        assert_eq!(of("Kiki's Delivery Service", "1", free), "kiki-s-delivery-service");
        assert_eq!(of("Tenkū no shiro", "1", free), "tenku-no-shiro");
        assert_eq!(of("1984", "1", free), "1984");
        assert_eq!(of("Łódź", "1", free), "lodz");
        assert_eq!(of("Straße", "1", free), "strasse");
        assert_eq!(of("Ærø", "1", free), "aero");
        assert_eq!(of("Əli və Niño", "1", free), "eli-ve-nino");
        assert_eq!(of("WALL·E", "1", free), "wall-e");
        assert_eq!(of("Hunter × Hunter", "1", free), "hunter-x-hunter");
        assert_eq!(of("8½ — Otto e mezzo…", "1", free), "81-2-otto-e-mezzo");
    }

    #[test]
    fn the_slug_of_a_title_without_latin_letters_is_made_from_the_id() {
        let free = |_: &str| false;
        assert_eq!(of("天空の城ラピュタ", "2BAF70D1-42bb", free), "2baf70d1-42bb");
        assert_eq!(of("ゴジラⅡ", "2BAF", free), "2baf");
        assert_eq!(of("???", "x/../y", free), "x-y");
        assert_eq!(of("…", "//", free).len(), 16);
    }

    #[test]
    fn after_a_collision_the_start_of_the_id_is_added() {
        assert_eq!(of("Ponyo", "758bf02e-3122", |slug| slug == "ponyo"), "ponyo-758bf02e");
        let third = of("Ponyo", "758bf02e-3122", |slug| slug.len() <= 14);
        assert!(third.starts_with("ponyo-") && third.len() == 22, "{third}");
    }

    proptest! {
        #[test]
        fn every_slug_is_a_safe_file_name(title in ".*", id in ".*") {
            for taken in 0_u32..3 {
                let left = std::cell::Cell::new(taken);
                let slug = of(&title, &id, |_| {
                    let yes = left.get() > 0;
                    left.set(left.get().saturating_sub(1));
                    yes
                });
                prop_assert!(is_valid(&slug), "{slug:?}");
            }
        }
    }
}
