//! The few facts that every page shares.
//!
//! Owns how addresses inside the site are made: always the base path, then a
//! path below it; absolute ones only from `--site-url`, never from a request.
//! What stands here is in every page: a change re-renders all of them, so
//! nothing that comes from the data belongs here.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

/// All but what stands for itself in a path (RFC 3986 §3.3).
pub const NOT_IN_A_PATH: AsciiSet =
    NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where the site lives and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its name.
    pub title: String,
    /// Language of its texts (BCP 47).
    pub lang: String,
    /// Its public address, ending in `/`; none if it is not known.
    pub url: Option<Url>,
    /// Whether the data is made up.
    pub demo: bool,
    /// Whether pages reload on a save and show what is wrong with templates.
    pub dev: bool,
}

impl Site {
    /// Path prefix of every address in the site; starts and ends with `/`.
    pub fn base(&self) -> &str {
        self.url.as_ref().map_or("/", |url| url.path())
    }

    /// The address of a path of the site as pages link to it: `index.html` is
    /// the directory's own.
    pub fn link(&self, path: &str) -> String {
        let path = match path.strip_suffix("index.html") {
            Some(directory) if directory.is_empty() || directory.ends_with('/') => directory,
            _ => path,
        };
        format!("{}{}", self.base(), utf8_percent_encode(path, &NOT_IN_A_PATH))
    }

    /// The same with scheme and host, if the site's address is known.
    pub fn absolute(&self, path: &str) -> String {
        let link = self.link(path);
        match &self.url {
            Some(url) => url.join(&link).map_or(link, String::from),
            None => link,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(url: Option<&str>) -> Site {
        let url = url.map(|url| Url::parse(url).expect("an address"));
        Site { title: "t".into(), lang: "en".into(), url, demo: false, dev: false }
    }

    #[test]
    fn every_link_stands_under_the_base_path() {
        let at_root = site(None);
        assert_eq!(at_root.link("index.html"), "/");
        assert_eq!(at_root.link("movies/ponyo/index.html"), "/movies/ponyo/");
        assert_eq!(at_root.absolute("movies.json"), "/movies.json");
        assert_eq!(at_root.link("assets/my logo-é.svg"), "/assets/my%20logo-%C3%A9.svg");
        let below = site(Some("https://films.example/ghibli/"));
        assert_eq!(below.link("index.html"), "/ghibli/");
        assert_eq!(below.link("404.html"), "/ghibli/404.html");
        assert_eq!(below.absolute("people/index.html"), "https://films.example/ghibli/people/");
    }
}
