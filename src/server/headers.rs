//! Header fields that answers have in common.
//!
//! Owns what is said of the data's age, of caching and of safety.

use hyper::HeaderMap;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, AGE, CONTENT_SECURITY_POLICY,
    HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

use crate::clock::Now;
use crate::live::Site;

/// When the data was asked for, RFC 3339 with milliseconds.
const X_DATA_AS_OF: HeaderName = HeaderName::from_static("x-data-as-of");
/// Which generation answered.
const X_GENERATION: HeaderName = HeaderName::from_static("x-generation");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");

/// Scripts and styles from the site's own files alone; pictures from wherever
/// the catalogue says, since their hosts are the upstream's choice.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' https: http:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Says how old the answer's data is, truthfully.
pub(super) fn say_age(fields: &mut HeaderMap, site: &Site, now: Now) {
    fields.insert(AGE, HeaderValue::from(site.origin.age(now).as_secs()));
    for (name, value) in
        [(X_DATA_AS_OF, site.origin.wall.rfc3339()), (X_GENERATION, site.generation.id.to_string())]
    {
        if let Ok(value) = HeaderValue::from_str(&value) {
            fields.insert(name, value);
        }
    }
}

/// What keeps a page safe whatever the upstream put into it.
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

/// Lets pages of other origins read data files.
pub(super) fn share(fields: &mut HeaderMap, path: &str) {
    if path.ends_with(".json") {
        fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        let exposed = "age, etag, x-data-as-of, x-generation";
        fields.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    }
}

/// How long a file may be kept without asking: one with its hash in the name
/// for a year, all others not at all.
pub(super) fn cache_control(path: &str) -> HeaderValue {
    HeaderValue::from_static(if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    })
}

/// The media type of a file, by its name.
pub(super) fn content_type(path: &str) -> &'static str {
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
