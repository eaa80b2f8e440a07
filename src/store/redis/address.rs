//! The address of Redis, without the password in any text.

use std::fmt;

use anyhow::{Context, Result};
use redis::{ConnectionInfo, IntoConnectionInfo};

/// A Redis address whose text forms leave out user and password.
#[derive(Clone)]
pub struct RedisAddress {
    info: ConnectionInfo,
    shown: String,
}

impl RedisAddress {
    /// Parses an address with `redis://`, `rediss://` or `unix://`. `password` replaces the
    /// password in the address.
    ///
    /// # Errors
    /// Fails if the text is not such an address. The message does not repeat the text, because the
    /// text may contain a password.
    pub fn parse(url: &str, password: Option<&str>) -> Result<RedisAddress> {
        let parsed = redis::parse_redis_url(url)
            .context("--redis is not an address; use a form such as redis://127.0.0.1:6379/0")?;
        let mut info = parsed.clone().into_connection_info().map_err(|error| {
            anyhow::anyhow!("--redis cannot be used: {}", error.detail().unwrap_or("bad address"))
        })?;
        if let Some(password) = password {
            let settings = info.redis_settings().clone().set_password(password);
            info = info.set_redis_settings(settings);
        }
        let mut shown = parsed;
        // This fails only for addresses that can have no password.
        let _ = shown.set_password(None);
        let _ = shown.set_username("");
        shown.set_query(None);
        Ok(RedisAddress { info, shown: shown.into() })
    }

    pub(super) fn info(&self) -> &ConnectionInfo {
        &self.info
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_form_shows_user_or_password() {
        let address =
            RedisAddress::parse("redis://bob:s3cret@127.0.0.1:6380/2", None).expect("an address");
        for text in [address.to_string(), format!("{address:?}")] {
            assert_eq!(text, "redis://127.0.0.1:6380/2");
        }
        assert_eq!(address.info().redis_settings().password(), Some("s3cret"));
        let error = RedisAddress::parse("http://bob:s3cret@h/", None).expect_err("refused");
        assert!(!format!("{error:#?}").contains("s3cret"));
    }

    #[test]
    fn a_separate_password_overrides_the_password_in_the_address() {
        let address =
            RedisAddress::parse("redis://:old@127.0.0.1/", Some("new")).expect("an address");
        assert_eq!(address.info().redis_settings().password(), Some("new"));
    }
}
