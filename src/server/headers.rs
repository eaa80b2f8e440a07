//! Header fields that answers have in common.
//!
//! Owns the fields for the age of the data, caching and security.

use std::time::{Duration, UNIX_EPOCH};

use hyper::HeaderMap;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, AGE, CACHE_CONTROL,
    CONTENT_SECURITY_POLICY, DATE, EXPIRES, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};

use super::answer::Met;
use super::shown::{Accelerated, AgeValues};
use crate::clock::WallTime;
use crate::hold::{Asker, Decision};

/// Origin time of the data (RFC 3339 with milliseconds).
const X_DATA_AS_OF: HeaderName = HeaderName::from_static("x-data-as-of");
/// Id of the generation that the answer comes from.
const X_GENERATION: HeaderName = HeaderName::from_static("x-generation");
pub(super) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");
const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");
/// Browsers ask before they show a page again. The fields `Expires: 0` and `Cache-Control:
/// must-revalidate` have the same effect, but nginx keeps no answer that says `no-cache`.
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const X_ACCEL_EXPIRES: HeaderName = HeaderName::from_static("x-accel-expires");
/// The names that caches give to the field of tags.
const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");
const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");

/// Scripts and styles come only from the site. Images may come from any host, because the
/// catalogue names the hosts of posters.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' https: http:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Adds the true age of the data, and how the age came about. `has_page` says whether the answer has
/// content of the site, and not a page in its place. `for_caches` is who gets the answer, if the answer
/// depends on the data: then the fields say how long a shared cache may keep the answer, until the data
/// is as old as `--max-age`. Browsers ignore `CDN-Cache-Control` (RFC 9213). The cache of nginx knows
/// only its own field, which nginx does not pass on.
pub(super) fn say_age(
    fields: &mut HeaderMap,
    met: &Met,
    has_page: bool,
    for_caches: Option<Asker>,
) {
    let Met { shown, now, decision, held } = met;
    let (Some(site), Some(names)) = (&shown.site, &shown.names) else {
        fields.insert(CACHE_STATUS, HeaderValue::from_static("movies-gen; fwd=miss"));
        return;
    };
    let age = site.origin.age(*now);
    let bound = shown.frame.bound;
    let rest = (bound.max_age.as_secs_f64() - age.as_secs_f64()).floor() as i64;
    let values = shown.age_values((age.as_secs(), rest), || AgeValues {
        age: HeaderValue::from(age.as_secs()),
        hit: value(&format!("movies-gen; hit; ttl={rest}")),
        accelerated: accelerated(rest, bound.renewal(shown.takes)),
        targeted: value(&format!("max-age={}", rest.max(0))),
    });
    let AgeValues { age, hit, accelerated, targeted } = values;
    fields.insert(AGE, age);
    fields.insert(X_DATA_AS_OF, names.as_of.clone());
    fields.insert(X_GENERATION, names.generation.clone());
    let status = match (has_page, decision, held) {
        (false, ..) => HeaderValue::from_static("movies-gen; fwd=stale; detail=too-old"),
        (true, Decision::Fresh | Decision::Wait(_), None) => hit,
        (true, decision, held) => value(&cache_status(*decision, held.is_some(), rest)),
    };
    fields.insert(CACHE_STATUS, status);
    if let Some(asker) = for_caches {
        fields.insert(CDN_CACHE_CONTROL, targeted);
        if asker == Asker::Cache {
            let Accelerated { expires, control } = accelerated;
            // The order counts: nginx ignores the other fields after its own field.
            if let Some(standing) = fields.get_mut(CACHE_CONTROL)
                && *standing == NO_CACHE
            {
                *standing = control;
                fields.insert(X_ACCEL_EXPIRES, expires);
                fields.insert(EXPIRES, HeaderValue::from_static("0"));
            }
        }
    }
}

/// Returns how long nginx may keep an answer whose data is fresh for `rest` seconds, if newer data is
/// there for the last `renewal` seconds.
fn accelerated(rest: i64, renewal: u64) -> Accelerated {
    // The clock of nginx has whole seconds, so nginx keeps a page up to a second longer.
    let left = (rest - 1).max(0);
    // If no newer data came, nginx keeps the answer for one second at a time.
    let expires = left.saturating_sub_unsigned(renewal).max(left.min(1));
    let stale = left - expires;
    let control = match stale {
        0 => HeaderValue::from_static("must-revalidate"),
        _ => value(&format!("must-revalidate, stale-while-revalidate={stale}")),
    };
    Accelerated { expires: expires.into(), control }
}

/// Says when the answer was made, in an answer whose head the HTTP library does not write.
pub(super) fn say_date(fields: &mut HeaderMap, now: WallTime) {
    let now = UNIX_EPOCH + Duration::from_micros(now.0);
    fields.insert(DATE, value(&httpdate::fmt_http_date(now)));
}

/// Removes what [`say_age`] says to caches only. The other fields of the age stay, because `say_age`
/// replaces their values.
pub(super) fn forget_caches(fields: &mut HeaderMap) {
    if fields.remove(EXPIRES).is_some() {
        fields.remove(X_ACCEL_EXPIRES);
        fields.insert(CACHE_CONTROL, NO_CACHE);
    }
}

/// Names the record that a file shows, so that a cache can remove all answers with the record.
pub(super) fn tag(fields: &mut HeaderMap, path: &str) {
    if path.starts_with("assets/") || path.starts_with("static/") {
        return;
    }
    let path = path.strip_prefix("json/").unwrap_or(path);
    let kind = [("movies/", "film"), ("people/", "person")];
    let record = kind.into_iter().find_map(|(directory, kind)| {
        let (slug, _) = path.strip_prefix(directory)?.split_once('/')?;
        HeaderValue::from_str(&format!("{kind}-{slug}")).ok()
    });
    let record = record.unwrap_or(HeaderValue::from_static("list"));
    fields.insert(SURROGATE_KEY, record.clone());
    fields.insert(CACHE_TAG, record);
}

/// Returns who gets the answer: a cache names itself (RFC 8586).
pub(super) fn asker(fields: &HeaderMap) -> Asker {
    if fields.contains_key(CDN_LOOP) { Asker::Cache } else { Asker::Visitor }
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
