//! The addresses that options name.
//!
//! Owns the rules for valid URLs and for URLs on this machine. An error never repeats a URL,
//! because the URL may contain a key.

use anyhow::Result;
use url::{Host, Url};

use super::invalid;

/// Reads the http or https URL of an option.
pub(super) fn web(option: &str, text: &str) -> Result<Url> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.filter(Url::has_host).ok_or_else(|| {
        invalid(format!(
            "{option} is not an http or https URL; use a URL such as https://host/path"
        ))
    })
}

/// Reads the URL of `--site-url`. The path of the result ends in `/`.
pub(super) fn site(text: &str) -> Result<Url> {
    let mut url = web("--site-url", text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("--site-url has a query or a fragment; omit the part from ? or # on"));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

/// Whether an address is on this machine. The minimum interval does not apply to such an address.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_address_ends_in_a_slash() {
        let url = |text: &str| site(text).map(String::from).map_err(|error| error.to_string());
        assert_eq!(url("https://h/films"), Ok("https://h/films/".into()));
        assert_eq!(url("https://h"), Ok("https://h/".into()));
        assert!(url("h/films").is_err() && url("https://h/?q").is_err());
    }

    #[test]
    fn only_loopback_addresses_are_this_machine() {
        let loopback = |text: &str| is_loopback(&Url::parse(text).expect("an address"));
        for here in ["http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:2", "http://localhost"]
        {
            assert!(loopback(here), "{here}");
        }
        for there in ["http://10.0.0.1", "http://localhost.example", "http://127.0.0.1.example"] {
            assert!(!loopback(there), "{there}");
        }
    }
}
