//! The identity of the upstream whose data a directory or a key contains.
//!
//! Owns the identity of an upstream, the rule that no message, file or key contains the secret parts
//! of an address, and the error for a directory that contains data of another upstream. The data of
//! two upstreams is never mixed.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

/// The identity of the upstream to which a state directory, an `--out` or a key in Redis belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UpstreamId(pub String);

/// The policy for a directory that was made for another upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strange {
    /// Refuse the directory with an error that names both upstreams.
    Refuse,
    /// Take the directory over, because the owner says so (`--adopt`), for example after the
    /// upstream has moved.
    Adopt,
}

/// The error for a directory that belongs to another upstream.
#[derive(Debug, thiserror::Error)]
#[error(
    "the state in {} was made for {}, not for {}: use another --state (and --out), or --adopt if they are the same catalogue at another address",
    directory.display(), found.0, wanted.0
)]
pub struct OtherUpstream {
    /// The directory.
    pub directory: PathBuf,
    /// The upstream whose data the directory contains.
    pub found: UpstreamId,
    /// The upstream in the configuration.
    pub wanted: UpstreamId,
}

/// Returns an address for logs: without user information and query, which may contain keys.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // This fails only for addresses that can have no user information.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// Returns the identity of an address: the address for logs, and a hash of the secret parts. Two
/// tenants of one API may differ only in the query or in the user.
pub fn identity(url: &Url) -> String {
    let shown = shown(url).trim_end_matches('/').to_owned();
    // Some APIs take a key as the user name, without a password.
    let secret = (url.username(), url.password(), url.query());
    if secret == ("", None, None) {
        return shown;
    }
    let mut hasher = blake3::Hasher::new();
    for part in [Some(secret.0), secret.1, secret.2] {
        // An absent part and an empty part differ.
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        hasher.update(&length.to_le_bytes());
        hasher.update(part.unwrap_or_default().as_bytes());
    }
    format!("{shown} (user and query {})", &hasher.finalize().to_hex()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    #[test]
    fn an_identity_differs_for_each_address_and_shows_no_secret() {
        let named = |text: &str| identity(&url(text));
        assert_eq!(named("https://h.example/a/"), "https://h.example/a");
        let tenants = [
            "https://h/a?t=1",
            "https://h/a?t=2",
            "https://v:p@h/a",
            "https://u:p@h/a",
            "https://key@h/a",
        ];
        let names: std::collections::BTreeSet<_> = tenants.map(named).into();
        assert_eq!(names.len(), tenants.len(), "{names:?}");
        assert!(names.iter().all(|name| name.starts_with("https://h/a (user and query ")));
        assert!(!named("https://h/a?key=s3cret").contains("s3cret"));
    }

    #[test]
    fn a_shown_address_has_no_secret() {
        assert_eq!(shown(&url("https://u:p@h.example:8443/a?key=k#f")), "https://h.example:8443/a");
    }
}
