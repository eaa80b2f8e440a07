//! What is known about the answers of a body, as Redis keeps it.
//!
//! Owns the text in the field beside a body. Earlier versions kept the ETag of the body there, so a
//! text that is no list is ignored. To an earlier version, the list is an ETag that the upstream
//! does not know, so that it asks for the whole body.

use anyhow::{Context, Result};
use bytes::Bytes;

use crate::payload::Body;

/// Returns the text about the answers of a body.
pub(super) fn written(body: &Body) -> Result<String> {
    serde_json::to_string(body.heads()).context("cannot serialize what is known about the answers")
}

/// Returns the body with these bytes, or `None` if the text does not fit the bytes.
pub(super) fn body(bytes: Bytes, text: &str) -> Option<Body> {
    let heads = text.starts_with('[').then(|| serde_json::from_str(text)).transpose().ok()?;
    Body::restored(bytes, heads)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::RequestId;

    #[test]
    fn a_body_survives_its_text() {
        let etag = Some("W/\"a\"".to_owned());
        let one = Body::one(RequestId::of("/films", "/films"), etag, Bytes::from_static(b"[]"));
        for kept in [one, Body::default()] {
            let text = written(&kept).expect("a text");
            assert_eq!(body(kept.bytes().clone(), &text), Some(kept));
        }
        assert_eq!(body(Bytes::from_static(b"[]"), "[{\"length\":3}]"), None);
    }

    #[test]
    fn the_etag_of_an_earlier_version_is_ignored() {
        for etag in ["\"a\"", "W/\"a\"", ""] {
            assert_eq!(body(Bytes::from_static(b"[]"), etag), Some(Body::whole("[]")));
        }
    }
}
