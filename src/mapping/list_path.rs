//! Path and query of a list under the upstream.
//!
//! Owns the query parameter `limit`, by which many APIs bound the number of records.

use crate::payload::RequestId;

/// Path and query of a list under the upstream, or the name of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPath(String);

impl ListPath {
    pub(super) fn of(get: &str) -> ListPath {
        ListPath(get.to_owned())
    }

    /// Returns path and query as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the request.
    pub fn request(&self) -> RequestId {
        RequestId::of(&self.0, self.with_limit(0).as_str())
    }

    /// Returns the number of records that the request asks for.
    pub(crate) fn limit(&self) -> Option<u32> {
        let (_, query) = self.0.split_once('?')?;
        let value = query.split('&').find_map(|pair| pair.strip_prefix("limit="))?;
        value.parse().ok().filter(|limit| *limit > 0)
    }

    /// Asks for another number of records; 0 asks for all records.
    pub(super) fn with_limit(&self, limit: u32) -> ListPath {
        let (path, query) = self.0.split_once('?').unwrap_or((&self.0, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("limit="));
        let own = (limit > 0).then(|| format!("limit={limit}"));
        let pairs: Vec<_> = pairs.map(str::to_owned).chain(own).collect();
        let mark = if pairs.is_empty() { "" } else { "?" };
        ListPath(format!("{path}{mark}{}", pairs.join("&")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_a_parameter_of_the_query() {
        let path = ListPath::of("/films?limit=250&full=1");
        assert_eq!(path.limit(), Some(250));
        assert_eq!(path.with_limit(7).as_str(), "/films?full=1&limit=7");
        assert_eq!(path.with_limit(0).as_str(), "/films?full=1");
        assert_eq!(ListPath::of("/films").with_limit(7).as_str(), "/films?limit=7");
        assert_eq!(ListPath::of("/films?limit=250").with_limit(0).as_str(), "/films");
        assert_eq!(
            (ListPath::of("/films").limit(), ListPath::of("/f?limit=0").limit()),
            (None, None)
        );
    }
}
