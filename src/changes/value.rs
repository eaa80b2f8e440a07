//! The form in which values are compared and reported.
//!
//! Owns the parts of a value that count. The query of a URL does not count, because content
//! delivery networks put a new signature into the query of each answer. The host of URLs in a
//! list does not count either, so that a move of the API does not change every film. Pages show
//! each value unchanged.

use std::borrow::Cow;

use serde_json::Value;

/// Formats a value of a field that the program does not know. A list of URLs is formatted as a
/// list of references.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => without_query(text).to_owned(),
        Value::Array(values) if values.iter().all(Value::is_string) => {
            let texts = values.iter().filter_map(Value::as_str);
            texts.map(|text| without_host(without_query(text))).collect::<Vec<_>>().join(", ")
        }
        other => unsigned(other).to_string(),
    }
}

/// Removes the query of a URL; other text stays as it is. A `?` after a `#` does not start a query
/// (RFC 3986 §3.5).
pub(super) fn without_query(text: &str) -> &str {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let is_web = scheme.is_some_and(|scheme| {
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    });
    if !is_web || text.contains(char::is_whitespace) {
        return text;
    }
    match text.find(['?', '#']) {
        Some(end) if text.as_bytes()[end] == b'?' => &text[..end],
        _ => text,
    }
}

/// Removes the queries of all URLs in a value.
fn unsigned(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::String(text) => Cow::Owned(Value::from(without_query(text))),
        Value::Array(values) => {
            Cow::Owned(values.iter().map(|value| unsigned(value).into_owned()).collect())
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| (name.clone(), unsigned(value).into_owned()));
            Cow::Owned(Value::Object(fields.collect()))
        }
        other => Cow::Borrowed(other),
    }
}

fn without_host(address: &str) -> &str {
    match address.split_once("://") {
        Some(("http" | "https", rest)) => rest.find('/').map_or("", |path| &rest[path..]),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_query_of_an_address_does_not_count() {
        for (text, counts) in [
            ("https://cdn.example/a.jpg?X-Amz-Signature=1&e=2", "https://cdn.example/a.jpg"),
            ("HTTP://cdn.example/a.jpg?sig=1#t", "HTTP://cdn.example/a.jpg"),
            ("https://cdn.example/a.jpg", "https://cdn.example/a.jpg"),
            ("https://app.example/#/film?id=1", "https://app.example/#/film?id=1"),
            ("Where is https://a.example/?x=1", "Where is https://a.example/?x=1"),
            ("What? Who?", "What? Who?"),
            ("", ""),
        ] {
            assert_eq!(without_query(text), counts, "{text}");
        }
    }

    #[test]
    fn a_new_signature_anywhere_in_a_value_makes_no_difference() {
        let signed = |signature: &str| {
            let address = format!("https://cdn.example/a.mp4?s={signature}");
            [
                json!(address),
                json!([address, "b"]),
                json!({"trailer": {"url": address, "minutes": 2}}),
                json!([{"url": address}, 7]),
            ]
        };
        for (one, other) in signed("1").iter().zip(&signed("2")) {
            assert_eq!(shown(one), shown(other));
        }
        assert_ne!(
            shown(&json!({"url": "https://cdn.example/a?s=1"})),
            shown(&json!({"url": "https://cdn.example/b?s=1"}))
        );
    }
}
