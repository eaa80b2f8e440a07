//! The addresses in `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! Owns the syntax of both fields. Pure: each function returns the way of a request, the nearest address
//! last. An element without a usable address is `None`.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::{FORWARDED, GetAll, HeaderName, HeaderValue};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The addresses of a request on its way, if the field is there.
pub(super) type Way = Option<Vec<Option<IpAddr>>>;

/// Returns the addresses in `X-Forwarded-For`.
pub(super) fn x_forwarded_for(fields: &HeaderMap) -> Way {
    let all = joined(fields.get_all(X_FORWARDED_FOR))?;
    Some(all.split(',').map(|address| node(address.trim())).collect())
}

/// Returns the addresses in `Forwarded`.
pub(super) fn forwarded(fields: &HeaderMap) -> Way {
    let all = joined(fields.get_all(FORWARDED))?;
    let elements = outside_quotes(&all, ',');
    Some(elements.into_iter().map(element).collect())
}

/// Joins several fields with one name, as RFC 9110 §5.3 permits.
fn joined(values: GetAll<'_, HeaderValue>) -> Option<String> {
    // A value that is not text has no address.
    let texts: Vec<_> = values.iter().map(|value| value.to_str().unwrap_or("?")).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

/// Returns the address in one element of `Forwarded`.
fn element(text: &str) -> Option<IpAddr> {
    outside_quotes(text, ';').into_iter().find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        let value = value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'));
        node(value.filter(|_| name.eq_ignore_ascii_case("for"))?)
    })
}

/// Reads an address with or without a port.
fn node(text: &str) -> Option<IpAddr> {
    let plain = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = plain.parse().ok();
    let address = address.or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()));
    address.map(|address| address.to_canonical())
}

/// Splits a text at a character that is not inside quotation marks.
fn outside_quotes(text: &str, at: char) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let is_end = |c: char| {
        let is_end = c == at && !is_quoted;
        let was_escaped = is_escaped;
        is_escaped = is_quoted && c == '\\' && !was_escaped;
        if c == '"' && !was_escaped {
            is_quoted = !is_quoted;
        }
        is_end
    };
    text.split(is_end).collect()
}
