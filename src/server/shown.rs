//! What one thread of the server answers from: a snapshot, and what was made from the snapshot already.
//!
//! Owns header values that all answers of a snapshot share, and the answers of the generation that were
//! asked for lately, with the age that the data had then. Threads share nothing here, so no thread waits
//! for the memory of another.

use std::cell::RefCell;
use std::hash::{Hash, Hasher, RandomState};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use hashbrown::{Equivalent, HashMap};
use hyper::header::{
    ACCEPT_ENCODING, ETAG, HeaderMap, HeaderValue, IF_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use hyper::http::request::Parts;

use super::condition::{ConditionVerdict, Validators};
use crate::live::Snapshot;
use crate::publish::PublishedFile;

/// Largest number of prepared answers of one thread.
const MOST_PREPARED: usize = 4096;
/// Longest `Accept-Encoding` and path of a prepared answer, in bytes.
const LONGEST_KEY: usize = 512;

/// A snapshot with what was made from it.
#[derive(Debug)]
pub(super) struct ShownSnapshot {
    snapshot: Arc<Snapshot>,
    /// Origin time and generation as header values.
    pub(super) names: Option<SiteNames>,
    /// The values for the last age.
    ages: RefCell<Option<(u64, i64, AgeValues)>>,
    prepared: Rc<RefCell<PreparedAnswers>>,
}

/// Header values that name the data of a site.
#[derive(Debug, Clone)]
pub(super) struct SiteNames {
    pub(super) as_of: HeaderValue,
    pub(super) generation: HeaderValue,
}

/// Header values that say the age of the data.
#[derive(Debug, Clone)]
pub(super) struct AgeValues {
    pub(super) age: HeaderValue,
    pub(super) hit: HeaderValue,
    /// For nginx.
    pub(super) accelerated: Accelerated,
    /// `CDN-Cache-Control`: seconds for which a cache may keep the answer.
    pub(super) targeted: HeaderValue,
}

/// How long nginx may keep an answer.
#[derive(Debug, Clone)]
pub(super) struct Accelerated {
    /// Seconds until nginx must ask again.
    pub(super) expires: HeaderValue,
    /// `Cache-Control`: for how long nginx may then show the answer while one request asks for the next
    /// answer.
    pub(super) control: HeaderValue,
}

/// An answer with a file of the generation, with the age that the data had when the answer was made.
#[derive(Debug)]
pub(super) struct PreparedAnswer {
    pub(super) fields: HeaderMap,
    pub(super) file: Arc<PublishedFile>,
    pub(super) suffix: &'static str,
    /// Whether the answer has an age, so that the request may wait.
    pub(super) depends_on_data: bool,
}

impl PreparedAnswer {
    /// Whether the client has the file already, so that the answer is 304.
    pub(super) fn is_known_to(&self, request: &Parts) -> bool {
        let etag = self.fields.get(ETAG).and_then(|etag| etag.to_str().ok());
        let mtime = Some(self.file.entry.mtime);
        // The number of forms counts only for ranges.
        let validators = Validators { etag: etag.unwrap_or_default(), mtime, has_forms: true };
        validators.weigh(&request.headers) == ConditionVerdict::NotModified
    }
}

/// The hash has a random seed, because clients choose the keys.
type PreparedAnswers = HashMap<AnswerKey, Rc<PreparedAnswer>, RandomState>;

/// The path and the accepted codings of a request.
#[derive(Debug, PartialEq, Eq, Hash)]
struct AnswerKey(Box<str>, Box<[u8]>);

/// As [`AnswerKey`], borrowed from a request.
struct AskedKey<'r>(&'r str, &'r [u8]);

impl Hash for AskedKey<'_> {
    fn hash<H: Hasher>(&self, to: &mut H) {
        (self.0, self.1).hash(to);
    }
}

impl Equivalent<AnswerKey> for AskedKey<'_> {
    fn equivalent(&self, key: &AnswerKey) -> bool {
        *self.0 == *key.0 && *self.1 == *key.1
    }
}

impl<'r> AskedKey<'r> {
    /// Returns the key of a request, if the file and the fields of the answer depend on nothing else.
    /// Whether the client has the file already is for [`PreparedAnswer::is_known_to`].
    fn of(request: &'r Parts) -> Option<AskedKey<'r>> {
        let fields = &request.headers;
        let others = [RANGE, IF_MATCH, IF_UNMODIFIED_SINCE, IF_RANGE];
        if others.iter().any(|name| fields.contains_key(name)) {
            return None;
        }
        let mut codings = fields.get_all(ACCEPT_ENCODING).iter();
        let accepted = codings.next().map_or(&b""[..], HeaderValue::as_bytes);
        let key = AskedKey(request.uri.path(), accepted);
        (codings.next().is_none() && key.0.len() + key.1.len() <= LONGEST_KEY).then_some(key)
    }
}

impl Deref for ShownSnapshot {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

impl ShownSnapshot {
    /// Shows a snapshot.
    pub(super) fn of(snapshot: Arc<Snapshot>) -> ShownSnapshot {
        let names = snapshot.site.as_ref().and_then(|site| {
            let as_of = HeaderValue::from_str(&site.origin.wall.rfc3339()).ok()?;
            let generation = HeaderValue::from_str(&site.generation.id.0).ok()?;
            Some(SiteNames { as_of, generation })
        });
        ShownSnapshot { snapshot, names, ages: RefCell::default(), prepared: Rc::default() }
    }

    /// Shows the next snapshot. Prepared answers stay if the generation is the same.
    pub(super) fn followed_by(&self, snapshot: Arc<Snapshot>) -> ShownSnapshot {
        let generation =
            |snapshot: &Snapshot| snapshot.site.as_ref().map(|site| Arc::as_ptr(&site.generation));
        let is_same = generation(&self.snapshot) == generation(&snapshot)
            && self.snapshot.frame.base == snapshot.frame.base;
        let next = ShownSnapshot::of(snapshot);
        if is_same { ShownSnapshot { prepared: self.prepared.clone(), ..next } } else { next }
    }

    /// Returns the values for this age in seconds and this rest of the time for which the data is
    /// fresh. `make` makes the values.
    pub(super) fn age_values(
        &self,
        (age, rest): (u64, i64),
        make: impl FnOnce() -> AgeValues,
    ) -> AgeValues {
        let mut ages = self.ages.borrow_mut();
        match &*ages {
            Some((known, known_rest, values)) if (*known, *known_rest) == (age, rest) => {
                values.clone()
            }
            _ => ages.insert((age, rest, make())).2.clone(),
        }
    }

    /// Returns the prepared answer to a request, if there is one.
    pub(super) fn prepared(&self, request: &Parts) -> Option<Rc<PreparedAnswer>> {
        let key = AskedKey::of(request)?;
        self.prepared.borrow().get(&key).cloned()
    }

    /// Keeps an answer for the next request with the same path and codings.
    pub(super) fn prepare(&self, request: &Parts, answer: PreparedAnswer) {
        let Some(AskedKey(path, codings)) = AskedKey::of(request) else { return };
        let mut prepared = self.prepared.borrow_mut();
        if prepared.len() >= MOST_PREPARED {
            prepared.clear();
        }
        prepared.insert(AnswerKey(path.into(), codings.into()), Rc::new(answer));
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    #[test]
    fn a_request_for_a_part_or_with_a_condition_that_may_fail_has_no_prepared_answer() {
        let asked = |fields: &[(&str, &str)]| {
            let mut request = Request::builder().uri("/a?b");
            for (name, value) in fields {
                request = request.header(*name, *value);
            }
            let parts = request.body(()).expect("a request").into_parts().0;
            AskedKey::of(&parts).map(|key| (key.0.to_owned(), key.1.to_vec()))
        };
        assert_eq!(asked(&[]), Some(("/a".into(), Vec::new())));
        assert_eq!(asked(&[("accept-encoding", "br")]), Some(("/a".into(), b"br".to_vec())));
        for name in ["if-none-match", "if-modified-since"] {
            assert_eq!(asked(&[(name, "x")]), Some(("/a".into(), Vec::new())), "{name}");
        }
        for name in ["range", "if-range", "if-match", "if-unmodified-since"] {
            assert_eq!(asked(&[(name, "x")]), None, "{name}");
        }
        assert_eq!(asked(&[("accept-encoding", "br"), ("accept-encoding", "gzip")]), None);
        assert_eq!(asked(&[("accept-encoding", &"x".repeat(600))]), None);
    }
}
