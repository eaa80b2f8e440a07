//! Finds the record to which a reference refers.
//!
//! Owns the rule for references. The upstream has changed its host and the prefix of its paths
//! over the years, and an id may contain every character. Therefore a reference is compared in
//! several forms. The first form that is an existing id counts:
//!
//! 1. the whole reference, first unchanged, then percent-decoded;
//! 2. the part after the segment of the endpoint (`/films/` or `/people/`), then the last segment
//!    of the path. Each part is tried whole, without its fragment, and without its query; each of
//!    these with and without trailing slashes; and each of these unchanged, then percent-decoded.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::record::id_in;
use crate::payload::Endpoint;
use crate::plain::cleaned;

/// Longest reference in bytes: room for an address with an id of the greatest length, of which each
/// byte is percent-encoded. A longer reference refers to no record.
const LONGEST: usize = 16 << 10;

/// The ids of one list and the indexes of their records.
pub(super) struct RecordIds<'a> {
    index: &'a (dyn Fn(&str) -> Option<u32> + Sync),
    endpoint: Endpoint,
    /// The segment of the endpoint between slashes.
    segment: String,
}

/// The target of a reference.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The record with this index.
    Record(u32),
    /// A record that does not exist, with the id that the reference names.
    Missing(String),
    /// No record: the reference contains no id.
    Nothing,
}

impl<'a> RecordIds<'a> {
    /// Uses the ids of one list. `index` returns the index of the record with an id.
    pub(super) fn new(
        endpoint: Endpoint,
        index: &'a (dyn Fn(&str) -> Option<u32> + Sync),
    ) -> RecordIds<'a> {
        RecordIds { index, endpoint, segment: format!("/{}/", endpoint.segment()) }
    }

    /// Returns the index of the record with exactly this id.
    pub(super) fn index(&self, id: &str) -> Option<u32> {
        (self.index)(id)
    }

    /// Returns the target of a reference.
    pub(super) fn target(&self, reference: &str) -> Target {
        let reference = reference.trim();
        if reference.len() > LONGEST {
            return Target::Nothing;
        }
        if let Some(index) = (self.index)(reference) {
            return Target::Record(index);
        }
        if reference.contains(['/', '?', '#', '%'])
            && let Some(index) = self.in_another_form(reference)
        {
            return Target::Record(index);
        }
        match named_id(reference, self.endpoint) {
            Some(id) => Target::Missing(id),
            None => Target::Nothing,
        }
    }

    /// Returns the record to which a decoded or shortened form of the reference refers.
    fn in_another_form(&self, reference: &str) -> Option<u32> {
        let after_segment = reference.split_once(&self.segment).map(|(_, rest)| rest);
        let parts = after_segment.into_iter().chain([last_segment(reference)]);
        let forms = parts.flat_map(forms);
        let forms = forms.flat_map(|form| [Cow::Borrowed(form), decoded(form)]);
        std::iter::once(decoded(reference)).chain(forms).find_map(|form| {
            let of_address = || (self.index)(&id_in(form.clone().into_owned()));
            (self.index)(form.as_ref()).or_else(of_address)
        })
    }
}

/// Returns the id that a reference to a missing record names: the last segment of its path.
fn named_id(reference: &str, to: Endpoint) -> Option<String> {
    let path = before(reference, &['?', '#']).trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or_default();
    let id = decoded(last).into_owned();
    (!id.is_empty() && id != to.segment()).then_some(id)
}

/// Returns the last segment of the path, with the query and the fragment after the segment.
fn last_segment(reference: &str) -> &str {
    let path = before(reference, &['?', '#']).trim_end_matches('/');
    &reference[path.rfind('/').map_or(0, |slash| slash + 1)..]
}

/// Returns the part itself, and the part without fragment, query and trailing slashes.
fn forms(part: &str) -> impl Iterator<Item = &str> {
    let cut = [part, before(part, &['#']), before(part, &['?', '#'])];
    cut.into_iter().flat_map(|part| [part, part.trim_end_matches('/')])
}

fn before<'t>(text: &'t str, ends: &[char]) -> &'t str {
    text.split(ends).next().unwrap_or_default()
}

/// Percent-decodes a text, and cleans the text as ids are cleaned. Returns the text unchanged if
/// the decoded bytes are not UTF-8.
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
        let index = |id: &str| ids.iter().position(|known| *known == id).map(|at| at as u32);
        RecordIds::new(Endpoint::Films, &index).target(reference)
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
    fn ids_may_contain_characters_that_have_a_meaning_in_an_address() {
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
    fn an_unchanged_form_is_tried_before_a_decoded_one_and_a_whole_form_before_a_cut_one() {
        assert_eq!(target(&["a%20b", "a b"], "x/films/a%20b"), Target::Record(0));
        assert_eq!(target(&["a", "a?b"], "x/films/a?b"), Target::Record(1));
        assert_eq!(target(&["b", "a/b"], "x/films/a/b"), Target::Record(1));
        assert_eq!(target(&["a", "x/films/a"], "x/films/a"), Target::Record(1));
    }

    #[test]
    fn a_reference_without_an_id_has_no_target_and_a_dangling_reference_names_its_id() {
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
        fn plain_and_encoded_references_find_the_record_of_every_id(id in "\\PC{1,12}") {
            let id = cleaned(&id).trim().to_owned();
            prop_assume!(!id.is_empty());
            let bytes = id.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
            for reference in [id.clone(), format!("https://h/films/{bytes}"), format!("https://h/films/{id}")] {
                prop_assert_eq!(target(&[&id], &reference), Target::Record(0), "{}", reference);
            }
        }
    }
}
