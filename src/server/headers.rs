//! Header fields that answers have in common.
//!
//! Owns the fields for the age of the data, caching and security.

use hyper::HeaderMap;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, AGE, CONTENT_SECURITY_POLICY,
    HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

use super::answer::Met;
use super::shown::AgeValues;
use crate::hold::Decision;

/// Origin time of the data (RFC 3339 with milliseconds).
const X_DATA_AS_OF: HeaderName = HeaderName::from_static("x-data-as-of");
/// Id of the generation that the answer comes from.
const X_GENERATION: HeaderName = HeaderName::from_static("x-generation");
pub(super) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
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
    let Met { shown, now, decision, held } = met;
    let (Some(site), Some(names)) = (&shown.site, &shown.names) else {
        fields.insert(CACHE_STATUS, HeaderValue::from_static("movies-gen; fwd=miss"));
        return;
    };
    let age = site.origin.age(*now);
    let bound = shown.frame.bound.max_age;
    let rest = (bound.as_secs_f64() - age.as_secs_f64()).floor() as i64;
    let AgeValues { age, hit } = shown.age_values((age.as_secs(), rest), || AgeValues {
        age: HeaderValue::from(age.as_secs()),
        hit: value(&format!("movies-gen; hit; ttl={rest}")),
    });
    fields.insert(AGE, age);
    fields.insert(X_DATA_AS_OF, names.as_of.clone());
    fields.insert(X_GENERATION, names.generation.clone());
    let status = match (has_page, decision, held) {
        (false, ..) => HeaderValue::from_static("movies-gen; fwd=stale; detail=too-old"),
        (true, Decision::Fresh | Decision::Wait(_), None) => hit,
        (true, decision, held) => value(&cache_status(*decision, held.is_some(), rest)),
    };
    fields.insert(CACHE_STATUS, status);
}

/// Makes a value of visible ASCII characters.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("movies-gen"))
}

/// `Cache-Status` (RFC 9211): whether the request waited for newer data, `--max-age` minus the
/// age of the data in seconds (negative if the data is older), and why old data was sent.
fn cache_status(decision: Decision, was_held: bool, rest: i64) -> String {
    let way = if was_held { "fwd=stale; collapsed" } else { "hit" };
    let why = match decision {
        Decision::Old(because) => format!("; detail={because}"),
        Decision::Fresh | Decision::Wait(_) => String::new(),
    };
    format!("movies-gen; {way}; ttl={rest}{why}")
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
