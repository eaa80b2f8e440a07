//! The address of Redis, without the password in any text.
//!
//! Owns the forms that `--redis` may have: the address of one server, and the addresses of
//! sentinels with the name of a master.

use std::fmt;

use anyhow::{Context, Result, anyhow, bail};
use percent_encoding::percent_decode_str;
use redis::{ConnectionInfo, IntoConnectionInfo};
use url::Url;

/// The port of a sentinel whose address has no port.
const SENTINEL_PORT: u16 = 26379;

/// A Redis address whose text forms leave out user and password.
#[derive(Clone)]
pub struct RedisAddress {
    info: ConnectionInfo,
    sentinels: Option<Sentinels>,
    shown: String,
}

/// The sentinels that know the address of the master.
#[derive(Clone)]
pub(super) struct Sentinels {
    pub(super) servers: Vec<ConnectionInfo>,
    /// The name under which the sentinels watch the master.
    pub(super) master: String,
}

impl RedisAddress {
    /// Parses an address with `redis://`, `rediss://`, `unix://`, `redis+sentinel://` or
    /// `rediss+sentinel://`. `password` replaces the password of Redis in the address.
    ///
    /// # Errors
    /// Fails if the text is not such an address. The message does not repeat the text, because the
    /// text may contain a password.
    pub fn parse(url: &str, password: Option<&str>) -> Result<RedisAddress> {
        let mut address = match sentinel_parts(url) {
            Some(parts) => of_sentinels(&parts)?,
            None => of_server(url)?,
        };
        if let Some(password) = password {
            let settings = address.info.redis_settings().clone().set_password(password);
            address.info = address.info.set_redis_settings(settings);
        }
        Ok(address)
    }

    /// Returns the address and the settings of Redis. With sentinels, only the settings count: the
    /// host and the port are those of a sentinel.
    pub(super) fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    pub(super) fn sentinels(&self) -> Option<&Sentinels> {
        self.sentinels.as_ref()
    }
}

/// Takes the address of one server.
fn of_server(url: &str) -> Result<RedisAddress> {
    let parsed = redis::parse_redis_url(url).context(
        "--redis is not an address; use a form such as redis://127.0.0.1:6379/0 or \
         redis+sentinel://host1:26379,host2:26379/mymaster",
    )?;
    let info = usable(parsed.clone())?;
    let mut shown = parsed;
    // This fails only for addresses that can have no password.
    let _ = shown.set_password(None);
    let _ = shown.set_username("");
    shown.set_query(None);
    Ok(RedisAddress { info, sentinels: None, shown: shown.into() })
}

/// The parts of `redis+sentinel://[user:password@]hosts/master[/db][?query]`.
struct SentinelParts<'a> {
    /// The scheme of each server: `redis` or `rediss`.
    scheme: &'static str,
    /// User and password of Redis, with the `@`.
    user: &'a str,
    hosts: Vec<&'a str>,
    master: &'a str,
    db: &'a str,
    query: &'a str,
}

/// Splits the address of sentinels. Returns `None` for another scheme. A list of hosts is no valid
/// host of a URL, so the whole text cannot be parsed as a URL.
fn sentinel_parts(url: &str) -> Option<SentinelParts<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "redis+sentinel" => "redis",
        "rediss+sentinel" => "rediss",
        _ => return None,
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    let (master, db) = path.split_once('/').unwrap_or((path, ""));
    let hosts = hosts.split(',').map(str::trim).collect();
    Some(SentinelParts { scheme, user, hosts, master, db, query })
}

/// Takes the addresses of sentinels.
fn of_sentinels(parts: &SentinelParts<'_>) -> Result<RedisAddress> {
    let SentinelParts { scheme, user, hosts, master, db, query } = parts;
    let db = db.trim_end_matches('/');
    if master.is_empty() {
        bail!(
            "--redis names no master; put the name by which the sentinels know the master after \
             the sentinels, such as redis+sentinel://host1:26379,host2:26379/mymaster"
        );
    }
    let first = hosts.first().copied().unwrap_or_default();
    let mut redis = parsed(&format!("{scheme}://{user}{first}/{db}?{query}"))?;
    let of_sentinel = |name: &str| {
        redis.query_pairs().find(|(key, _)| *key == name).map(|(_, value)| value.into_owned())
    };
    let (user, password) = (of_sentinel("sentinel_username"), of_sentinel("sentinel_password"));
    let others: Vec<(String, String)> = redis
        .query_pairs()
        .filter(|(key, _)| !key.starts_with("sentinel_"))
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    redis.query_pairs_mut().clear().extend_pairs(others);
    let (mut servers, mut names) = (Vec::new(), Vec::new());
    for host in hosts {
        let mut sentinel = parsed(&format!("{scheme}://{host}/"))?;
        if sentinel.port().is_none() {
            sentinel.set_port(Some(SENTINEL_PORT)).map_err(|()| no_address())?;
        }
        names.push(sentinel.authority().to_owned());
        sentinel.set_username(user.as_deref().unwrap_or_default()).map_err(|()| no_address())?;
        sentinel.set_password(password.as_deref()).map_err(|()| no_address())?;
        servers.push(usable(sentinel)?);
    }
    let slash = if db.is_empty() { "" } else { "/" };
    let shown = format!("{scheme}+sentinel://{}/{master}{slash}{db}", names.join(","));
    let master = percent_decode_str(master).decode_utf8_lossy().into_owned();
    Ok(RedisAddress { info: usable(redis)?, sentinels: Some(Sentinels { servers, master }), shown })
}

/// Parses the address of one of the servers. A user in the list of hosts would be shown.
fn parsed(url: &str) -> Result<Url> {
    Url::parse(url)
        .ok()
        .filter(|url| url.host_str().is_some_and(|host| !host.is_empty()))
        .ok_or_else(no_address)
}

fn no_address() -> anyhow::Error {
    anyhow!(
        "--redis has a sentinel without a valid host or port; use a form such as \
         redis+sentinel://host1:26379,host2:26379/mymaster"
    )
}

fn usable(url: Url) -> Result<ConnectionInfo> {
    url.into_connection_info().map_err(|error| {
        anyhow!("--redis cannot be used: {}", error.detail().unwrap_or("bad address"))
    })
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

    fn address(url: &str) -> RedisAddress {
        RedisAddress::parse(url, None).expect("an address")
    }

    fn refusal(url: &str) -> String {
        let error = RedisAddress::parse(url, None).expect_err("refused");
        format!("{error:#?}")
    }

    /// Returns the servers with the user and the password for each.
    fn servers(address: &RedisAddress) -> Vec<(String, Option<&str>, Option<&str>)> {
        let servers = address.sentinels().expect("sentinels").servers.iter();
        let one = |info: &'_ ConnectionInfo| info.addr().to_string();
        servers
            .map(|info| {
                let settings = info.redis_settings();
                (one(info), settings.username(), settings.password())
            })
            .collect()
    }

    #[test]
    fn no_text_form_shows_user_or_password() {
        let plain = address("redis://bob:s3cret@127.0.0.1:6380/2");
        let sentinels = address(
            "redis+sentinel://bob:s3cret@a:1,b,[::1]:3/main/2?sentinel_username=eve&\
             sentinel_password=s3cret&protocol=resp3",
        );
        let shown = "redis+sentinel://a:1,b:26379,[::1]:3/main/2";
        for (address, shown) in [(&plain, "redis://127.0.0.1:6380/2"), (&sentinels, shown)] {
            assert_eq!([address.to_string(), format!("{address:?}")], [shown; 2]);
            assert_eq!(address.info().redis_settings().password(), Some("s3cret"));
            assert_eq!(address.info().redis_settings().db(), 2);
        }
        for bad in [
            "http://bob:s3cret@h/",
            "redis+sentinel://bob:s3cret@h",
            "redis+sentinel://bob:s3cret@h:port/main",
            "redis+sentinel://h,bob:s3cret@/main",
            "redis+sentinel://bob:s3cret@h/main/db",
        ] {
            let said = refusal(bad);
            assert!(said.contains("--redis") && !said.contains("s3cret"), "{bad}: {said}");
        }
    }

    #[test]
    fn a_separate_password_overrides_the_password_in_the_address() {
        for url in ["redis://:old@127.0.0.1/", "redis+sentinel://:old@127.0.0.1/main"] {
            let address = RedisAddress::parse(url, Some("new")).expect("an address");
            assert_eq!(address.info().redis_settings().password(), Some("new"), "{url}");
        }
    }

    #[test]
    fn sentinels_have_a_user_and_a_password_of_their_own() {
        let bare = address("redis+sentinel://bob:s3cret@a,b:7/main");
        assert_eq!(servers(&bare), [("a:26379".into(), None, None), ("b:7".into(), None, None)]);
        assert_eq!(bare.sentinels().expect("sentinels").master, "main");
        let url = "rediss+sentinel://a/m%20n?sentinel_username=eve&sentinel_password=p%40ss%2Fword";
        let with = address(url);
        assert_eq!(servers(&with), [("a:26379".into(), Some("eve"), Some("p@ss/word"))]);
        assert_eq!(with.sentinels().expect("sentinels").master, "m n");
        assert_eq!(with.info().redis_settings().password(), None);
        assert!(matches!(with.info().addr(), redis::ConnectionAddr::TcpTls { .. }));
    }

    #[test]
    fn an_address_of_sentinels_without_a_master_is_refused_with_the_form() {
        for url in ["redis+sentinel://a:1,b:2", "redis+sentinel://a:1/", "Redis+Sentinel://a//1"] {
            assert!(refusal(url).contains("names no master"), "{url}");
        }
        assert!(refusal("redis+sentinel://a,,b/main").contains("valid host"));
        assert!(address("redis://h").sentinels().is_none());
    }
}
