//! The answers of one list, as they came.
//!
//! Owns the rule that a body is a sequence of answers: their bytes stand one after another, and a
//! head for each answer says to which request the answer belongs, which ETag it has, and how long
//! it is. A list that comes in several answers has several heads. This module must not look into
//! the answers.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Names a request to the upstream by hashes, because the address may be private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId {
    /// The list that is asked for, whatever the number of records is.
    list: u64,
    /// The whole request. Only the same request may use the ETag of an answer.
    whole: u64,
}

impl RequestId {
    /// Returns the name of the request for this path and query, or for this file. `list` is the
    /// path and query without the number of records.
    pub fn of(path: &str, list: &str) -> RequestId {
        RequestId { list: xxh3_64(list.as_bytes()), whole: xxh3_64(path.as_bytes()) }
    }
}

impl TryFrom<String> for RequestId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<RequestId, Self::Error> {
        let hash = |text: &str| u64::from_str_radix(text, 16).ok();
        let (list, whole) = text.split_once('-').ok_or("a request has two hashes")?;
        let hashes = hash(list).zip(hash(whole));
        hashes.map(|(list, whole)| RequestId { list, whole }).ok_or("a hash is not a number")
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> String {
        format!("{:016x}-{:016x}", id.list, id.whole)
    }
}

/// What is known about one answer, besides its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerHead {
    /// The request; `None` for an answer that an earlier version of the program stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// The entity tag (RFC 9110 §8.8.3), with quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Number of bytes.
    pub length: u64,
}

/// The answers of one list. A list that the mapping does not name has no answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    bytes: Bytes,
    heads: Vec<AnswerHead>,
}

impl Body {
    /// Makes the body of a list that comes in one answer.
    pub fn one(request: RequestId, etag: Option<String>, bytes: Bytes) -> Body {
        let length = bytes.len() as u64;
        Body { bytes, heads: vec![AnswerHead { request: Some(request), etag, length }] }
    }

    /// Makes the body of a list that comes in one answer to a request that is not known. An ETag
    /// of such an answer is of no use.
    pub fn whole(bytes: impl Into<Bytes>) -> Body {
        let bytes = bytes.into();
        let length = bytes.len() as u64;
        Body { bytes, heads: vec![AnswerHead { request: None, etag: None, length }] }
    }

    /// Makes a body from its stored parts. Returns `None` if the heads do not fit the bytes.
    pub fn stored(bytes: Bytes, heads: Vec<AnswerHead>) -> Option<Body> {
        let length = heads.iter().try_fold(0_u64, |sum, head| sum.checked_add(head.length));
        (length == Some(bytes.len() as u64)).then_some(Body { bytes, heads })
    }

    /// Makes a body from its stored parts. `None` for the heads means that an earlier version of the
    /// program stored the body. Returns `None` if the heads do not fit the bytes.
    pub fn restored(bytes: Bytes, heads: Option<Vec<AnswerHead>>) -> Option<Body> {
        match heads {
            Some(heads) => Body::stored(bytes, heads),
            None => Some(Body::whole(bytes)),
        }
    }

    /// Returns all answers, one after another.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the heads of the answers, in the order of the answers.
    pub fn heads(&self) -> &[AnswerHead] {
        &self.heads
    }

    /// Returns the bytes of each answer.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[..];
        self.heads.iter().map(move |head| {
            let length = usize::try_from(head.length).unwrap_or(usize::MAX).min(rest.len());
            let (text, after) = rest.split_at(length);
            rest = after;
            text
        })
    }

    /// Returns the answer to a request, which shares the memory of the body.
    pub fn answer_to(&self, request: RequestId) -> Option<(&AnswerHead, Bytes)> {
        let mut answers = self.heads.iter().zip(self.texts());
        let (head, text) = answers.find(|(head, _)| head.request == Some(request))?;
        Some((head, self.bytes.slice_ref(text)))
    }

    /// Whether both bodies have the same answers, whatever their requests and ETags are.
    pub fn has_answers_of(&self, other: &Body) -> bool {
        let lengths = |body: &Body| body.heads.iter().map(|head| head.length).collect::<Vec<_>>();
        lengths(self) == lengths(other) && self.bytes == other.bytes
    }

    /// Whether the body may be the list for which this first request asks. A body of an
    /// earlier version does not say to which request it belongs, so it may belong to each.
    pub fn may_answer(&self, first: RequestId) -> bool {
        let head = self.heads.first();
        head.is_some_and(|head| head.request.is_none_or(|request| request.list == first.list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str) -> RequestId {
        RequestId::of(path, path.split('?').next().unwrap_or_default())
    }

    fn head(path: &str, length: u64) -> AnswerHead {
        AnswerHead { request: Some(request(path)), etag: None, length }
    }

    #[test]
    fn answers_are_slices_of_the_body() {
        let bytes = Bytes::from_static(b"[1][2,3]");
        let body = Body::stored(bytes, vec![head("/a?page=1", 3), head("/a?page=2", 5)]);
        let body = body.expect("a body");
        let texts: Vec<_> = body.texts().collect();
        assert_eq!(texts, [&b"[1]"[..], b"[2,3]"]);
        let (_, second) = body.answer_to(request("/a?page=2")).expect("the second answer");
        assert_eq!(second, &b"[2,3]"[..]);
        assert!(body.answer_to(request("/b")).is_none());
    }

    #[test]
    fn heads_that_do_not_fit_the_bytes_make_no_body() {
        let bytes = || Bytes::from_static(b"[1][2]");
        assert!(Body::stored(bytes(), vec![head("/a", 3)]).is_none());
        assert!(Body::stored(bytes(), vec![head("/a", u64::MAX), head("/b", 7)]).is_none());
        assert!(Body::stored(bytes(), vec![]).is_none());
        assert!(Body::stored(Bytes::new(), vec![]).is_some());
    }

    #[test]
    fn the_same_bytes_in_other_answers_are_not_the_same() {
        let of = |lengths: [u64; 2]| {
            let heads = lengths.map(|length| head("/a", length));
            Body::stored(Bytes::from_static(b"[1][2]"), heads.to_vec()).expect("a body")
        };
        assert!(of([3, 3]).has_answers_of(&of([3, 3])));
        assert!(!of([3, 3]).has_answers_of(&of([2, 4])));
    }

    #[test]
    fn a_body_belongs_to_its_request_and_an_old_body_to_any_request() {
        let films = request("/films?limit=7");
        let body = Body::one(films, None, Bytes::from_static(b"[]"));
        assert!(body.may_answer(films));
        assert!(body.may_answer(request("/films")) && body.answer_to(request("/films")).is_none());
        assert!(!body.may_answer(request("/movies")));
        assert!(Body::whole("[]").may_answer(films));
        assert!(!Body::default().may_answer(films));
    }

    #[test]
    fn the_name_of_a_request_survives_its_text() {
        let id = request("/films?limit=250");
        let text = serde_json::to_string(&id).expect("serialized");
        assert_eq!(serde_json::from_str::<RequestId>(&text).expect("read"), id);
    }
}
