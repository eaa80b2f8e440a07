//! Header fields that answers have in common.
//!
//! Owns the fields for the age of the data, caching and security.

use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, AGE, CONTENT_SECURITY_POLICY,
    HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

use super::answer::Met;
use crate::hold::Decision;

/// Origin time of the data (RFC 3339 with milliseconds).
const X_DATA_AS_OF: HeaderName = HeaderName::from_static("x-data-as-of");
/// Id of the generation that the answer comes from.
const X_GENERATION: HeaderName = HeaderName::from_static("x-generation");
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");

/// Scripts and styles come only from the site. Images may come from any host, because the
/// catalogue names the hosts of posters.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' https: http:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Adds the true age of the data, and how the age came about. `has_page` says whether the answer has
/// content of the site, and not a page in its place.
pub(super) fn say_age(fields: &mut HeaderMap, met: &Met, has_page: bool) {
    let Met { snapshot, now, .. } = met;
    let Some(site) = &snapshot.site else {
        fields.insert(CACHE_STATUS, HeaderValue::from_static("movies-gen; fwd=miss"));
        return;
    };
    let age = site.origin.age(*now);
    fields.insert(AGE, HeaderValue::from(age.as_secs()));
    for (name, value) in [
        (X_DATA_AS_OF, site.origin.wall.rfc3339()),
        (X_GENERATION, site.generation.id.to_string()),
        (CACHE_STATUS, cache_status(met, age, has_page)),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            fields.insert(name, value);
        }
    }
}

/// `Cache-Status` (RFC 9211): whether the request waited for newer data, `--max-age` minus the
/// age of the data in seconds (negative if the data is older), and why old data was sent.
fn cache_status(met: &Met, age: Duration, has_page: bool) -> String {
    if !has_page {
        return "movies-gen; fwd=stale; detail=too-old".to_owned();
    }
    let bound = met.snapshot.frame.bound.max_age;
    let ttl = bound.as_secs_f64() - age.as_secs_f64();
    let way = if met.held.is_some() { "fwd=stale; collapsed" } else { "hit" };
    let why = match met.decision {
        Decision::Old(because) => format!("; detail={because}"),
        Decision::Fresh | Decision::Wait(_) => String::new(),
    };
    format!("movies-gen; {way}; ttl={}{why}", ttl.floor() as i64)
}

/// Adds the fields that keep a page secure whatever the catalogue contains.
pub(super) fn secure(fields: &mut HeaderMap) {
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (PERMISSIONS_POLICY, "camera=(), geolocation=(), microphone=(), browsing-topics=()"),
        (CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    ] {
        fields.insert(name, HeaderValue::from_static(value));
    }
}

/// Lets scripts of other origins read data files (CORS).
pub(super) fn share(fields: &mut HeaderMap, path: &str) {
    if path.ends_with(".json") || path == "feed.xml" {
        fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        let exposed = "age, cache-status, date, etag, x-data-as-of, x-generation";
        fields.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    }
}

/// Returns the time for which a file may be cached: one year for a file with its hash in the name,
/// no time for all other files.
pub(super) fn cache_control(path: &str) -> HeaderValue {
    HeaderValue::from_static(if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    })
}

/// Returns the media type of a file.
pub(super) fn content_type(path: &str) -> &'static str {
    match path {
        "feed.xml" => return "application/atom+xml; charset=utf-8",
        // JSON has no charset parameter (RFC 8259 §11).
        "feed.json" => return "application/feed+json",
        _ => {}
    }
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json; charset=utf-8",
        "xml" => "application/xml; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml; charset=utf-8",
        "webmanifest" => "application/manifest+json; charset=utf-8",
        _ => mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream"),
    }
}
