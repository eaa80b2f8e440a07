//! The few facts that every page shares.
//!
//! Owns how addresses inside the site are made: the base path, followed by the path of the page.
//! Absolute addresses come only from `--site-url`, never from a request. A change of these facts
//! renders all pages again, so facts that come from the data do not belong here.

use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::attribution::Attribution;
use crate::texts::{Texts, Words};
use crate::theme::Theme;

/// Characters that are percent-encoded in a path (RFC 3986 §3.3).
pub const NOT_IN_A_PATH: AsciiSet =
    NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The age from which pages show a notice that their data is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeAge {
    /// No notice.
    Off,
    /// Twice the maximum age, which pages read from `freshness.json`: another `--max-age` must not
    /// change the pages.
    TwiceMaxAge,
    /// A notice from this age on.
    From(Duration),
}

/// Name, language and address of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Name of the site.
    pub title: String,
    /// Language of the site (BCP 47). Pages use the nearest language for which the theme has texts.
    pub lang: String,
    /// Words of the owner for films and people, in the language of the site.
    pub words: Words,
    /// Name of the scores, such as `IMDb`; `None` if the scores have no name.
    pub score_name: Option<String>,
    /// Whose data the site shows, as the owner words it; `None` if the owner says nothing.
    pub attribution: Option<Attribution>,
    /// Public address of the site, which ends in `/`; `None` if the address is not known.
    pub url: Option<Url>,
    /// Age from which pages show a notice that their data is old.
    pub stale_notice: NoticeAge,
    /// Whether the data is made up.
    pub demo: bool,
    /// Whether open pages reload after a file of the theme was saved, and show errors of
    /// templates.
    pub dev: bool,
    /// Names this build of the program, which may make other pages of the same data. No page
    /// shows this name.
    pub program: String,
}

impl Site {
    /// Returns a site with this title, in English and with the usual notice, whose address is not
    /// known.
    pub fn named(title: &str) -> Site {
        Site {
            title: title.to_owned(),
            lang: "en".to_owned(),
            words: Words::default(),
            score_name: None,
            attribution: None,
            url: None,
            stale_notice: NoticeAge::TwiceMaxAge,
            demo: false,
            dev: false,
            program: String::new(),
        }
    }

    /// Returns the texts of a theme in the language and with the words of the site.
    pub(super) fn texts<'t>(&self, theme: &'t Theme) -> &'t Arc<Texts> {
        let words = Words { score: self.score_name.clone(), ..self.words.clone() };
        theme.texts(&self.lang, &words)
    }

    /// Returns the path prefix of every address in the site. The prefix starts and ends with `/`.
    pub fn base(&self) -> &str {
        self.url.as_ref().map_or("/", |url| url.path())
    }

    /// Returns the address of a path, as pages link to the path. The address of an `index.html` is
    /// the address of its directory.
    pub fn link(&self, path: &str) -> String {
        let path = match path.strip_suffix("index.html") {
            Some(directory) if directory.is_empty() || directory.ends_with('/') => directory,
            _ => path,
        };
        format!("{}{}", self.base(), utf8_percent_encode(path, &NOT_IN_A_PATH))
    }

    /// Returns the address of a path with scheme and host. Without a known address of the site,
    /// returns the same as [`Site::link`].
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
        Site { url, ..Site::named("t") }
    }

    #[test]
    fn every_link_begins_with_the_base_path() {
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
