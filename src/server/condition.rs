//! Conditional requests (RFC 9110 §13).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::HeaderMap;
use hyper::header::{
    HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};

/// The result of the conditions of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConditionVerdict {
    /// Answer as without conditions.
    Answer,
    /// Answer 304: the client has this form.
    NotModified,
    /// Answer 412: the client wants another form.
    Failed,
}

/// What names the content of the chosen form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Validators<'a> {
    /// The strong entity tag of the form.
    pub(super) etag: &'a str,
    /// The modification time in seconds since 1970, if the file has one.
    pub(super) mtime: Option<u64>,
    /// Whether the file has several forms, which have one modification time.
    pub(super) has_forms: bool,
}

impl Validators<'_> {
    /// Evaluates the conditions in the order of RFC 9110 §13.2.2.
    pub(super) fn weigh(&self, headers: &HeaderMap) -> ConditionVerdict {
        if headers.contains_key(IF_MATCH) {
            if !lists(headers, &IF_MATCH, self.etag, Comparison::Strong) {
                return ConditionVerdict::Failed;
            }
        } else if let Some(modified) = self.modified()
            && date(headers, &IF_UNMODIFIED_SINCE).is_some_and(|since| modified > since)
        {
            return ConditionVerdict::Failed;
        }
        if headers.contains_key(IF_NONE_MATCH) {
            if lists(headers, &IF_NONE_MATCH, self.etag, Comparison::Weak) {
                return ConditionVerdict::NotModified;
            }
        } else if let Some(modified) = self.modified()
            && date(headers, &IF_MODIFIED_SINCE).is_some_and(|since| modified <= since)
        {
            return ConditionVerdict::NotModified;
        }
        ConditionVerdict::Answer
    }

    /// Whether a range of this form may be answered: there is no `If-Range`, or `If-Range` names this
    /// form (RFC 9110 §13.1.5). A date does not tell forms apart.
    pub(super) fn permit_range(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(IF_RANGE) else { return true };
        match value.to_str().map(str::trim) {
            Ok(text) if text.starts_with('"') => text == self.etag,
            Ok(text) if !self.has_forms => {
                httpdate::parse_http_date(text).is_ok_and(|date| Some(date) == self.modified())
            }
            _ => false,
        }
    }

    fn modified(&self) -> Option<SystemTime> {
        self.mtime.map(|mtime| UNIX_EPOCH + Duration::from_secs(mtime))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

fn lists(headers: &HeaderMap, name: &HeaderName, etag: &str, comparison: Comparison) -> bool {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.trim() == "*"
            || value.split(',').map(str::trim).any(|listed| match listed.strip_prefix("W/") {
                Some(opaque) => comparison == Comparison::Weak && opaque == etag,
                None => listed == etag,
            })
    })
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    const DAY: &str = "Tue, 24 Nov 2026 11:00:00 GMT";
    const FORM: Validators<'_> =
        Validators { etag: "\"a\"", mtime: Some(1_795_518_000), has_forms: false };

    fn weighed(fields: &[(HeaderName, &str)]) -> ConditionVerdict {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        FORM.weigh(&headers)
    }

    #[test]
    fn if_none_match_compares_weakly_and_overrides_the_date() {
        assert_eq!(weighed(&[(IF_NONE_MATCH, "\"a\"")]), ConditionVerdict::NotModified);
        assert_eq!(weighed(&[(IF_NONE_MATCH, "\"x\", W/\"a\"")]), ConditionVerdict::NotModified);
        assert_eq!(weighed(&[(IF_NONE_MATCH, "*")]), ConditionVerdict::NotModified);
        let both = [(IF_NONE_MATCH, "\"b\""), (IF_MODIFIED_SINCE, DAY)];
        assert_eq!(weighed(&both), ConditionVerdict::Answer);
    }

    #[test]
    fn if_modified_since_compares_whole_seconds() {
        assert_eq!(weighed(&[(IF_MODIFIED_SINCE, DAY)]), ConditionVerdict::NotModified);
        let before = "Tue, 24 Nov 2026 10:59:59 GMT";
        assert_eq!(weighed(&[(IF_MODIFIED_SINCE, before)]), ConditionVerdict::Answer);
        assert_eq!(weighed(&[(IF_MODIFIED_SINCE, "yesterday")]), ConditionVerdict::Answer);
    }

    #[test]
    fn if_match_compares_strongly() {
        assert_eq!(weighed(&[(IF_MATCH, "\"a\"")]), ConditionVerdict::Answer);
        assert_eq!(weighed(&[(IF_MATCH, "W/\"a\"")]), ConditionVerdict::Failed);
        assert_eq!(weighed(&[(IF_MATCH, "\"b\"")]), ConditionVerdict::Failed);
        let before = "Tue, 24 Nov 2026 10:59:59 GMT";
        assert_eq!(weighed(&[(IF_UNMODIFIED_SINCE, before)]), ConditionVerdict::Failed);
    }

    #[test]
    fn if_range_needs_exactly_the_chosen_form() {
        let applies = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_RANGE, HeaderValue::from_str(value).expect("a value"));
            FORM.permit_range(&headers)
        };
        assert!(FORM.permit_range(&HeaderMap::new()));
        assert!(applies("\"a\"") && applies(DAY));
        assert!(!applies("W/\"a\"") && !applies("\"b\""));
        assert!(!applies("Tue, 24 Nov 2026 11:00:01 GMT"));
    }

    #[test]
    fn a_date_says_nothing_about_a_file_without_a_date_or_with_several_forms() {
        let without = Validators { mtime: None, ..FORM };
        for name in [IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE] {
            for text in [DAY, "Thu, 01 Jan 1970 00:00:00 GMT"] {
                let headers =
                    HeaderMap::from_iter([(name.clone(), HeaderValue::from_static(text))]);
                assert_eq!(without.weigh(&headers), ConditionVerdict::Answer);
            }
        }
        let headers = HeaderMap::from_iter([(IF_RANGE, HeaderValue::from_static(DAY))]);
        assert!(!without.permit_range(&headers));
        assert!(!Validators { has_forms: true, ..FORM }.permit_range(&headers));
    }
}
