//! Which requests are answered at all.
//!
//! Owns the checks of a request before its path is looked up: framing, host, target and method, in
//! this order (RFC 9110 and RFC 9112). Pure: the input is the head of the request.

use hyper::header::{HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode, Version};

/// Largest length of a request target in bytes (414 beyond).
pub(super) const LONGEST_TARGET: usize = 8 << 10;

/// The methods that the server knows. Every other method is not implemented (RFC 9110 §9.1).
const KNOWN: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::CONNECT,
    Method::TRACE,
];

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotAdmitted {
    pub(super) status: StatusCode,
    /// The reason, for people.
    pub(super) text: &'static str,
    /// Whether the connection must end, because the end of the request is not certain.
    pub(super) closes: bool,
}

/// Returns why a request is refused, if it is. `allowed` are the methods of the listener.
pub(super) fn refused(request: &Parts, allowed: &[Method]) -> Option<NotAdmitted> {
    let refusal = |status, text| Some(NotAdmitted { status, text, closes: false });
    if let Some(status) = bad_framing(&request.headers) {
        let text = "The only transfer coding of requests is chunked, once.\n";
        return Some(NotAdmitted { status, text, closes: true });
    }
    if !has_one_host(request) {
        return refusal(StatusCode::BAD_REQUEST, "The request must name one host.\n");
    }
    let uri = &request.uri;
    let length = uri.path_and_query().map_or(0, |target| target.as_str().len());
    if length > LONGEST_TARGET {
        return refusal(StatusCode::URI_TOO_LONG, "The address is too long.\n");
    }
    // RFC 9112 §3.2: origin-form or absolute-form, `*` for OPTIONS, and authority-form for CONNECT.
    let is_target = match request.method {
        Method::CONNECT => true,
        Method::OPTIONS if uri.path() == "*" => true,
        _ => uri.path().starts_with('/'),
    };
    if !is_target {
        return refusal(StatusCode::BAD_REQUEST, "The target is not the address of a page.\n");
    }
    if !KNOWN.contains(&request.method) {
        return refusal(StatusCode::NOT_IMPLEMENTED, "The method is not known here.\n");
    }
    if !allowed.contains(&request.method) {
        return refusal(StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed here.\n");
    }
    None
}

/// Returns the status for a request whose transfer codings are not `chunked` alone (RFC 9112 §6.1).
fn bad_framing(headers: &HeaderMap) -> Option<StatusCode> {
    let lines = headers.get_all(TRANSFER_ENCODING).iter();
    let codings: Vec<_> = lines
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|coding| !coding.is_empty())
        .collect();
    let is_chunked = |coding: &&[u8]| coding.eq_ignore_ascii_case(b"chunked");
    match codings.iter().filter(|coding| is_chunked(coding)).count() {
        count if count > 1 => Some(StatusCode::BAD_REQUEST),
        count if count == codings.len() => None,
        _ => Some(StatusCode::NOT_IMPLEMENTED),
    }
}

/// Whether the request names one host, or none with HTTP/1.0 (RFC 9112 §3.2). With HTTP/2, the name is
/// in `:authority`, in `Host`, or in both (RFC 9113 §8.3.1).
fn has_one_host(request: &Parts) -> bool {
    let mut hosts = request.headers.get_all(HOST).iter().map(HeaderValue::as_bytes);
    // The target of a request over HTTP/1.1 may name another host, which has no meaning here.
    let authority = || match request.version {
        Version::HTTP_2 => request.uri.authority().map(|name| name.as_str().as_bytes()),
        _ => None,
    };
    match (hosts.next(), hosts.next()) {
        (None, _) => request.version < Version::HTTP_11 || authority().is_some_and(is_host),
        (Some(host), None) => {
            is_host(host) && authority().is_none_or(|name| name.eq_ignore_ascii_case(host))
        }
        _ => false,
    }
}

/// Whether a value is empty, or a host with an optional port (RFC 3986 §3.2.2, §3.2.3).
fn is_host(value: &[u8]) -> bool {
    let (is_name, rest) = match value.strip_prefix(b"[") {
        Some(rest) => {
            let Some(end) = rest.iter().position(|&byte| byte == b']') else { return false };
            (is_ip_literal(&rest[..end]), &rest[end + 1..])
        }
        None => {
            let end = value.iter().position(|&byte| byte == b':').unwrap_or(value.len());
            (is_registered_name(&value[..end]), &value[end..])
        }
    };
    let is_port = match rest.split_first() {
        None => true,
        Some((colon, port)) => *colon == b':' && port.iter().all(u8::is_ascii_digit),
    };
    is_name && is_port
}

fn is_ip_literal(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let is_future = || {
        let (version, address) = text.strip_prefix(['v', 'V'])?.split_once('.')?;
        let is_version =
            !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_address =
            !address.is_empty() && address.bytes().all(|byte| is_plain(byte) || byte == b':');
        Some(is_version && is_address)
    };
    text.parse::<std::net::Ipv6Addr>().is_ok() || is_future().unwrap_or(false)
}

fn is_registered_name(text: &[u8]) -> bool {
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        let mut is_encoded = || {
            let mut digit = || bytes.next().is_some_and(u8::is_ascii_hexdigit);
            digit() && digit()
        };
        if !(is_plain(byte) || byte == b'%' && is_encoded()) {
            return false;
        }
    }
    true
}

/// Whether a byte is *unreserved* or a *sub-delim* (RFC 3986 §2).
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_an_optional_port() {
        for host in [
            "",
            "a",
            "a:80",
            "a:",
            "films.example",
            "127.0.0.1:8000",
            "[::1]",
            "[::1]:80",
            "%41",
            "[v1.a:b]",
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "a:b", "a:-1", "[zz]", "[::1", "[::1]x", "a b", "u@a", "a/b", "a:80:80", "%4", "%zz",
            "[v.a]",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn over_http_2_the_authority_or_the_field_names_the_host() {
        let is_one = |uri: &str, hosts: &[&str]| {
            let mut request = Request::builder().version(Version::HTTP_2).uri(uri);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            has_one_host(&request.body(()).expect("a request").into_parts().0)
        };
        assert!(is_one("http://a/", &[]));
        assert!(is_one("http://a/", &["A"]));
        assert!(is_one("/", &["a"]));
        assert!(!is_one("/", &[]));
        assert!(!is_one("http://a/", &["b"]));
        assert!(!is_one("http://a/", &["a:80"]));
        assert!(!is_one("http://a/", &["a", "a"]));
        assert!(!is_one("http://u@a/", &[]));
    }

    #[test]
    fn a_body_is_chunked_once_or_not_at_all() {
        let bad = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(TRANSFER_ENCODING, HeaderValue::from_static(line));
            }
            bad_framing(&headers).map(|status| status.as_u16())
        };
        assert_eq!(bad(&[]), None);
        assert_eq!(bad(&["Chunked"]), None);
        assert_eq!(bad(&["chunked, chunked"]), Some(400));
        assert_eq!(bad(&["chunked", "chunked"]), Some(400));
        assert_eq!(bad(&["gzip, chunked"]), Some(501));
        assert_eq!(bad(&["gzip"]), Some(501));
    }
}
