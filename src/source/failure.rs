//! The failure of a request, with a name.
//!
//! Owns the translation of transport errors and statuses into failures whose messages say what
//! to do. This module must not decide what follows from a failure.

use std::error::Error;
use std::time::{Duration, SystemTime};

use reqwest::Response;
use reqwest::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};
use url::Url;

use crate::outcome::{Failure, FailureKind};
use crate::payload::Endpoint;
use crate::upstream::shown;

/// Names the failure of a request that got no complete answer.
pub(super) fn of_error(endpoint: Endpoint, url: &Url, error: &reqwest::Error) -> Failure {
    let causes = causes(error);
    let at = shown(url);
    let lower = causes.join(": ").to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if error.is_timeout() {
        let what = if error.is_connect() { "no connection to" } else { "no complete answer from" };
        return Failure::new(FailureKind::Timeout, format!("{endpoint}: {what} {at} in time"));
    }
    let failure =
        if error.is_connect() && has(&["certificate", "tls", "handshake", "corrupt message"]) {
            Failure::new(FailureKind::Tls, format!("{endpoint}: no secure connection to {at}"))
                .advised("check the address, its certificate and the clock of this machine")
        } else if error.is_connect() {
            Failure::new(FailureKind::Unreachable, format!("{endpoint}: cannot reach {at}"))
                .advised("check --upstream and the network")
        } else {
            let how = if has(&["incomplete", "end of file", "eof", "closed before", "reset"]) {
                "broke off"
            } else {
                "is not valid HTTP"
            };
            Failure::new(FailureKind::Truncated, format!("{endpoint}: the answer of {at} {how}"))
        };
    Failure { causes, ..failure }
}

/// Names the failure of a complete answer without data.
pub(super) fn of_status(endpoint: Endpoint, url: &Url, response: &Response) -> Failure {
    let status = response.status();
    let at = shown(url);
    let (kind, what, advice) = match status.as_u16() {
        429 => (
            FailureKind::RateLimited,
            format!("{endpoint}: {at} asks for fewer requests ({status})"),
            Some("if this lasts, raise --interval"),
        ),
        401 => (
            FailureKind::Refused,
            format!("{endpoint}: {at} answered {status}"),
            Some("check the secret and the headers in the table [api] of the mapping"),
        ),
        402 | 403 | 404 | 410 => (
            FailureKind::Refused,
            format!("{endpoint}: {at} answered {status}"),
            Some("the address is probably no longer the address of the API: check --upstream"),
        ),
        304 => (
            FailureKind::BadStatus,
            format!("{endpoint}: {at} answered {status} to a request without a condition"),
            None,
        ),
        300..=399 => {
            let to = response
                .headers()
                .get(LOCATION)
                .and_then(|to| response.url().join(to.to_str().ok()?).ok())
                .map_or_else(|| "no address".to_owned(), |to| shown(&to));
            (
                FailureKind::Redirected,
                format!(
                    "{endpoint}: {at} redirects ({status}) to {to}; the redirect is not followed"
                ),
                Some("if the API has moved, give the new address to --upstream"),
            )
        }
        _ => (FailureKind::BadStatus, format!("{endpoint}: {at} answered {status}"), None),
    };
    Failure { advice, retry_after: retry_after(response.headers()), ..Failure::new(kind, what) }
}

/// Reads `Retry-After` (RFC 9110 §10.2.3). The wait until a date counts from the `Date` of the same
/// answer, so that the result does not depend on the wall clock of this machine.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // A number that is too large counts as the largest number.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let date = headers.get(DATE)?.to_str().ok()?;
    let from: SystemTime = httpdate::parse_http_date(date).ok()?;
    Some(until.duration_since(from).unwrap_or_default())
}

/// Returns the messages of the causes of an error. The message of reqwest itself repeats the
/// address with its query, so that message is left out.
fn causes(error: &reqwest::Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !causes.iter().any(|known: &String| known.contains(&words)) {
            causes.push(words);
        }
        source = cause.source();
    }
    if causes.is_empty() {
        causes.push("the cause is not known".to_owned());
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn headers(retry_after: &'static str, date: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(retry_after));
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_static(date));
        }
        headers
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = Some("Tue, 24 Nov 2026 11:00:00 GMT");
        let seconds = |text, date| retry_after(&headers(text, date)).map(|wait| wait.as_secs());
        assert_eq!(seconds("120", None), Some(120));
        assert_eq!(seconds("Tue, 24 Nov 2026 11:02:00 GMT", date), Some(120));
        assert_eq!(seconds("Tue, 24 Nov 2026 10:02:00 GMT", date), Some(0));
        assert_eq!(seconds("Tue, 24 Nov 2026 11:02:00 GMT", None), None);
        assert_eq!(seconds("99999999999999999999999", None), Some(u64::MAX));
        assert_eq!(seconds("soon", date), None);
    }
}
