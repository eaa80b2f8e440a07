//! The kinds of page.
//!
//! Owns which template renders a page, and how an error names the record of a page.

use bytes::Bytes;

use super::lists::List;
use crate::catalogue::{Catalogue, FilmIndex, PersonIndex};

/// The content of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Page {
    /// The list of all films, or of the newest films.
    Films,
    Film(FilmIndex),
    Poster(FilmIndex),
    Person(PersonIndex),
    /// A list, or the part of the list under a prefix.
    List(List, String),
    /// A part of the people of a film, or of the films of a person.
    Part(Named, String),
    /// The people of a film, or the films of a person, as data, or the part under a prefix.
    PartJson(Named, String),
    Changes,
    AtomFeed,
    JsonFeed,
    /// The part of the search index whose words begin with a prefix.
    Search(String),
    WebManifest,
    NotFound,
    /// All films as data, or the part under a prefix.
    MoviesJson(String),
    /// All people as data, or the part under a prefix.
    PeopleJson(String),
    /// The sitemap, or the part under a prefix.
    Sitemap(String),
    Robots,
    /// A former address: the path that replaces the address, and the record.
    Moved(String, Named),
    /// A page that the owner of the theme wrote, by its place in the theme.
    Custom(usize),
    /// A file of the theme, unchanged.
    File(Bytes),
}

/// A record by its place in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Film(FilmIndex),
    Person(PersonIndex),
}

impl Named {
    /// Returns the title or the name of the record.
    pub(super) fn title(self, catalogue: &Catalogue) -> &str {
        match self {
            Named::Film(film) => &catalogue.film(film).title,
            Named::Person(person) => &catalogue.person(person).name,
        }
    }
}

impl Page {
    /// Returns the built-in template of the page; none if the program writes the page itself, or if
    /// the theme names the template.
    pub(super) fn template(&self) -> Option<&'static str> {
        match self {
            Page::Films => Some("index.html"),
            Page::Film(_) | Page::Part(Named::Film(_), _) => Some("film.html"),
            Page::Person(_) | Page::Part(Named::Person(_), _) => Some("person.html"),
            Page::List(list, _) => Some(list.template()),
            Page::Changes => Some("changes.html"),
            Page::AtomFeed => Some("feed.xml"),
            Page::JsonFeed => Some("feed.json"),
            Page::NotFound => Some("404.html"),
            Page::Sitemap(_) => Some("sitemap.xml"),
            Page::Robots => Some("robots.txt"),
            Page::Moved(..) => Some("moved.html"),
            Page::WebManifest => Some("manifest.webmanifest"),
            Page::Poster(_)
            | Page::MoviesJson(_)
            | Page::PeopleJson(_)
            | Page::PartJson(..)
            | Page::Search(_)
            | Page::Custom(_)
            | Page::File(_) => None,
        }
    }

    /// Returns the record for the text of an error, after the path of the page.
    pub(super) fn record(&self, catalogue: &Catalogue) -> String {
        match self {
            Page::Film(film) | Page::Part(Named::Film(film), _) => {
                format!(" for the film {:?}", catalogue.film(*film).title)
            }
            Page::Person(person) | Page::Part(Named::Person(person), _) => {
                format!(" for {:?}", catalogue.person(*person).name)
            }
            _ => String::new(),
        }
    }
}
