//! What a reference refers to.
//!
//! Owns the rule by which a reference finds its record among the ids that exist.
//! Hosts and prefixes have changed over the years, and ids may hold every character,
//! so a reference is compared in this order, and the first id that exists counts:
//!
//! 1. the reference as it stands, then percent-decoded;
//! 2. what follows the endpoint's segment in the path, then the last segment: each
//!    whole, without its fragment, without its query, and without trailing slashes;
//!    each of these as it stands, then decoded.

use std::borrow::Cow;
use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use super::text::cleaned;
use crate::payload::Endpoint;

/// Bytes of a reference: an address with an id of the longest kind, each byte
/// percent-encoded. A longer reference refers to nobody.
const LONGEST: usize = 16 << 10;

/// The ids of one list and the places of their records.
pub(super) struct RecordIds<'a> {
    places: HashMap<&'a str, usize>,
    endpoint: Endpoint,
    /// The endpoint's segment between slashes.
    segment: String,
}

/// What a reference refers to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The record at this place.
    Record(usize),
    /// A record that is not there, by the id that the reference names.
    Missing(String),
    /// Nothing: the reference names no id.
    Nothing,
}

impl<'a> RecordIds<'a> {
    /// The ids of one list, in the order of the list.
    pub(super) fn new(endpoint: Endpoint, ids: impl Iterator<Item = &'a str>) -> RecordIds<'a> {
        let places = ids.enumerate().map(|(place, id)| (id, place)).collect();
        RecordIds { places, endpoint, segment: format!("/{}/", endpoint.segment()) }
    }

    /// The record that a reference refers to.
    pub(super) fn target(&self, reference: &str) -> Target {
        let reference = reference.trim();
        if reference.len() > LONGEST {
            return Target::Nothing;
        }
        if let Some(&place) = self.places.get(reference) {
            return Target::Record(place);
        }
        if reference.contains(['/', '?', '#', '%'])
            && let Some(place) = self.in_another_form(reference)
        {
            return Target::Record(place);
        }
        match named_id(reference, self.endpoint) {
            Some(id) => Target::Missing(id),
            None => Target::Nothing,
        }
    }

    /// The record that a reference refers to once it is decoded or cut.
    fn in_another_form(&self, reference: &str) -> Option<usize> {
        let after_segment = reference.split_once(&self.segment).map(|(_, rest)| rest);
        let parts = after_segment.into_iter().chain([last_segment(reference)]);
        let forms = parts.flat_map(forms);
        let forms = forms.flat_map(|form| [Cow::Borrowed(form), decoded(form)]);
        std::iter::once(decoded(reference))
            .chain(forms)
            .find_map(|form| self.places.get(form.as_ref()).copied())
    }
}

/// What a reference names if no such record is there: the last segment of its path.
fn named_id(reference: &str, to: Endpoint) -> Option<String> {
    let path = before(reference, &['?', '#']).trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or_default();
    let id = decoded(last).into_owned();
    (!id.is_empty() && id != to.segment()).then_some(id)
}

/// The last segment of the path, with the query and the fragment that follow.
fn last_segment(reference: &str) -> &str {
    let path = before(reference, &['?', '#']).trim_end_matches('/');
    &reference[path.rfind('/').map_or(0, |slash| slash + 1)..]
}

/// A part of a reference whole and without what an address adds to an id.
fn forms(part: &str) -> impl Iterator<Item = &str> {
    let cut = [part, before(part, &['#']), before(part, &['?', '#'])];
    cut.into_iter().flat_map(|part| [part, part.trim_end_matches('/')])
}

fn before<'t>(text: &'t str, ends: &[char]) -> &'t str {
    text.split(ends).next().unwrap_or_default()
}

/// Percent-decoded and cleaned as ids are; the text itself if that is not UTF-8.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) => Cow::Owned(cleaned(&decoded).trim().to_owned()),
        Err(_) => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(ids: &[&str], reference: &str) -> Target {
        RecordIds::new(Endpoint::Films, ids.iter().copied()).target(reference)
    }

    #[track_caller]
    fn finds(id: &str, references: &[&str]) {
        for reference in references {
            assert_eq!(target(&["other", id], reference), Target::Record(1), "{reference}");
        }
    }

    #[test]
    fn a_reference_is_an_id_or_an_address_on_any_host() {
        finds(
            "a",
            &["a", "https://old.example/films/a", "http://new.example/api/films/a/?x=1#y", "x/a"],
        );
        finds("7", &["7", "/films/7/"]);
    }

    #[test]
    fn ids_may_hold_what_means_something_in_an_address() {
        finds("a/b", &["a/b", "x/films/a/b", "x/films/a%2Fb", "x/films/a/b/", "films/a%2fb?x"]);
        finds("a?b", &["a?b", "x/films/a?b", "x/films/a%3Fb", "x/films/a%3Fb?x=1"]);
        finds("a#b", &["a#b", "x/films/a#b", "x/films/a%23b#top"]);
        finds("a/", &["a/", "x/films/a/", "x/films/a%2F"]);
        finds("100%", &["100%", "x/films/100%", "x/films/100%25"]);
        finds("a%2Fb", &["a%2Fb", "x/films/a%2Fb", "x/films/a%252Fb"]);
        finds("https://h/films/1", &["https://h/films/1", "https%3A%2F%2Fh%2Ffilms%2F1"]);
        finds("films", &["films", "x/films/films"]);
    }

    #[test]
    fn as_it_stands_comes_before_decoded_and_whole_before_cut() {
        assert_eq!(target(&["a%20b", "a b"], "x/films/a%20b"), Target::Record(0));
        assert_eq!(target(&["a", "a?b"], "x/films/a?b"), Target::Record(1));
        assert_eq!(target(&["b", "a/b"], "x/films/a/b"), Target::Record(1));
        assert_eq!(target(&["a", "x/films/a"], "x/films/a"), Target::Record(1));
    }

    #[test]
    fn a_reference_without_an_id_names_nothing_and_one_to_nobody_names_whom() {
        for nothing in ["", "films", "https://h/films/", "https://h/films", "/", "?x=1"] {
            assert_eq!(target(&["a"], nothing), Target::Nothing, "{nothing}");
        }
        let missing = |id: &str| Target::Missing(id.to_owned());
        assert_eq!(target(&["a"], "https://h/films/gone%21/?x=1"), missing("gone!"));
        assert_eq!(target(&["a"], "%"), missing("%"));
        assert_eq!(target(&["a"], &"a".repeat(LONGEST + 1)), Target::Nothing);
    }

    proptest! {
        #[test]
        fn whatever_the_id_plain_and_encoded_references_find_the_record(id in "\\PC{1,12}") {
            let id = cleaned(&id).trim().to_owned();
            prop_assume!(!id.is_empty());
            let bytes = id.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
            for reference in [id.clone(), format!("https://h/films/{bytes}"), format!("https://h/films/{id}")] {
                prop_assert_eq!(target(&[&id], &reference), Target::Record(0), "{}", reference);
            }
        }
    }
}
