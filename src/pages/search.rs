//! The files of the search index.
//!
//! Owns the paths and the form of these files. If all films are on one page, the files only have ids
//! of films, because the page has the rest. A script of the page reads the files.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use bytes::Bytes;
use serde::Serialize;
use xxhash_rust::xxh64::Xxh64;

use super::paths::film_path;
use super::view::Views;
use super::word_index::{Index, SearchFile};
use super::words::is_on_one_page;
use crate::catalogue::FilmIndex;
use crate::letters;

/// Returns the basis of a file; `None` for the list of prefixes. `name` returns the hash of the name
/// of a film.
pub(super) fn basis(
    index: &Index,
    prefix: &str,
    views: Views<'_>,
    name: impl Fn(FilmIndex) -> u64,
) -> Option<u64> {
    let SearchFile { words, more, is_cut } = index.file(prefix)?;
    let mut hasher = Xxh64::new(0);
    for (word, films) in words {
        word.hash(&mut hasher);
        films.iter().for_each(|&film| name(film).hash(&mut hasher));
    }
    (more, is_cut, is_on_one_page(views.catalogue)).hash(&mut hasher);
    Some(hasher.finish())
}

/// Returns what each search begins with: the prefixes, and the table of letters, by which the script
/// of the page folds what a visitor types.
fn list(index: &Index) -> Bytes {
    let prefixes: Vec<_> = index.starts().collect();
    let list = serde_json::json!({"prefixes": prefixes, "letters": letters::steps()});
    format!("{list}\n").into()
}

/// Returns the content of a file: its words with numbers of films, and these films.
pub(super) fn file(index: &Index, prefix: &str, views: Views<'_>) -> Bytes {
    let Some(SearchFile { words, more, is_cut }) = index.file(prefix) else { return list(index) };
    let place = |film: &FilmIndex| views.catalogue.film_place(*film);
    let films: BTreeSet<_> = words.iter().flat_map(|(_, films)| *films).map(place).collect();
    let numbers: BTreeMap<usize, usize> =
        films.iter().enumerate().map(|(number, &place)| (place, number)).collect();
    let words = words.into_iter().map(|(word, films)| {
        (word, films.iter().filter_map(|film| numbers.get(&place(film))).collect())
    });
    let part = Part {
        words: words.collect(),
        films: films.iter().filter_map(|&place| IndexEntry::of(place, views)).collect(),
        more,
        cut: is_cut,
    };
    // Cannot fail: strings and numbers always have a JSON form.
    let mut json = serde_json::to_vec(&part).unwrap_or_default();
    json.push(b'\n');
    json.into()
}

/// Returns the path of the file of a prefix. A letter that is not an ASCII letter or a digit is
/// written as its code point.
pub(super) fn path(prefix: &str) -> String {
    if prefix.is_empty() {
        return "search/_.json".to_owned();
    }
    let name: String = prefix
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter.to_string()
            } else {
                format!("_{:x}", u32::from(letter))
            }
        })
        .collect();
    format!("search/{name}.json")
}

#[derive(Serialize)]
struct Part<'a> {
    words: BTreeMap<&'a str, Vec<&'a usize>>,
    films: Vec<IndexEntry<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    more: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

/// A film in the search index.
#[derive(Serialize)]
struct IndexEntry<'a> {
    id: &'a str,
    /// What the page shows of a film that is not on the page.
    #[serde(flatten)]
    shown: Option<ShownFilm<'a>>,
}

#[derive(Serialize)]
struct ShownFilm<'a> {
    title: &'a str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    year: Option<u32>,
    /// Language of the title, if its letters determine another language than that of the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    lang: Option<&'static str>,
}

impl<'a> IndexEntry<'a> {
    fn of(place: usize, views: Views<'a>) -> Option<IndexEntry<'a>> {
        let index = views.catalogue.film_at(place)?;
        let film = views.catalogue.film(index);
        let shown = (!is_on_one_page(views.catalogue)).then(|| ShownFilm {
            title: &film.title,
            url: views.site.link(&film_path(views.film_slug(index))),
            year: film.year,
            lang: views.texts.other_language(&film.title),
        });
        Some(IndexEntry { id: &film.id, shown })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_has_a_plain_path_of_its_own() {
        assert_eq!(path("to"), "search/to.json");
        assert_eq!(path("とな"), "search/_3068_306a.json");
        assert_ne!(path("a_"), path("a"));
    }
}
