//! The search index: which films have which words.
//!
//! Owns what is found: words of titles, in all their scripts, of directors and of
//! people, folded so that no accent and no case has to be typed. It is split by
//! the first letters of the words, further where many films have words that begin
//! alike, so that a keystroke loads a little however large the catalogue is. A
//! script in the page reads it, and folds what is typed
//! by the same rule.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::Serialize;

use super::paths::film_path;
use super::split::MOST;
use super::view::Views;
use crate::catalogue::{Catalogue, Film, FilmIndex};
use crate::letters::folded;

/// Letters by which the index is split; of scripts with many letters the first is
/// enough.
const PREFIX: usize = 2;
/// Films that a file names where too many have words that begin so; a longer word
/// finds the others.
const NEWEST: usize = 200;
/// Words of one text that count.
const MOST_WORDS: usize = 200;
/// Words of all films together, and of each film if they are very many: the index must
/// not take more memory than the catalogue.
const MOST_WORDS_OF_ALL: usize = 500_000;
const LEAST_WORDS_OF_A_FILM: usize = 60;
/// Letters of a word that count: nobody types more before they see what they want.
const LONGEST_WORD: usize = 24;

/// Files by the prefix of the words in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index(BTreeMap<String, IndexFile>);

/// One file of the index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct IndexFile {
    words: Words,
    /// Longer prefixes, which have files of their own: the words here are cut to
    /// the prefix and to the newest films.
    more: Vec<String>,
    is_cut: bool,
}

/// Words, each with its films.
type Words = BTreeMap<Box<str>, Vec<u32>>;

impl Index {
    pub(super) fn of(catalogue: &Catalogue) -> Index {
        let mut by_prefix: BTreeMap<String, Words> = BTreeMap::new();
        let share = MOST_WORDS_OF_ALL / catalogue.films.len().max(1);
        let most = share.max(LEAST_WORDS_OF_A_FILM);
        for (at, film) in catalogue.films.iter().enumerate() {
            for word in words_of(catalogue, film, most) {
                let words = by_prefix.entry(prefix_of(&word)).or_default();
                // Films come in order, and each word of a film once.
                words.entry(word.into()).or_default().push(at as u32);
            }
        }
        let mut index = Index::default();
        for (prefix, words) in by_prefix {
            index.put(prefix, words);
        }
        index
    }

    /// Words that begin with `prefix`: as one file, or as one for each next letter.
    fn put(&mut self, prefix: String, mut words: Words) {
        let films: BTreeSet<u32> = words.values().flatten().copied().collect();
        if films.len() <= MOST {
            self.0.insert(prefix, IndexFile { words, more: Vec::new(), is_cut: false });
            return;
        }
        // What ends here has no next letter.
        words.remove(prefix.as_str());
        let mut longer: BTreeMap<String, Words> = BTreeMap::new();
        let letters = prefix.chars().count() + 1;
        for (word, films) in words {
            longer.entry(word.chars().take(letters).collect()).or_default().insert(word, films);
        }
        let newest = films.into_iter().take(NEWEST).collect();
        let file = IndexFile {
            words: Words::from([(prefix.as_str().into(), newest)]),
            more: longer.keys().cloned().collect(),
            is_cut: true,
        };
        self.0.insert(prefix, file);
        for (prefix, words) in longer {
            self.put(prefix, words);
        }
    }

    /// The prefixes that have a file.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// One file: its words with numbers of films, and those films.
    pub(super) fn file(&self, prefix: &str, views: Views<'_>) -> Bytes {
        let empty = IndexFile::default();
        let file = self.0.get(prefix).unwrap_or(&empty);
        let films: BTreeSet<u32> = file.words.values().flatten().copied().collect();
        let numbers: BTreeMap<u32, usize> =
            films.iter().enumerate().map(|(number, &film)| (film, number)).collect();
        let words = file.words.iter().map(|(word, films)| {
            (&**word, films.iter().filter_map(|film| numbers.get(film)).collect())
        });
        let part = Part {
            words: words.collect(),
            films: films.iter().map(|&film| IndexEntry::of(film as FilmIndex, views)).collect(),
            more: &file.more,
            cut: file.is_cut,
        };
        // Text and numbers always have a JSON form.
        let mut json = serde_json::to_vec(&part).unwrap_or_default();
        json.push(b'\n');
        json.into()
    }
}

/// The letters of a word that decide in which file it stands.
fn prefix_of(word: &str) -> String {
    let is_plain = word.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    word.chars().take(if is_plain { PREFIX } else { 1 }).collect()
}

/// Path of the file of a prefix; letters that are not plain are written as their
/// numbers.
pub(super) fn path(prefix: &str) -> String {
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

/// A film as a search finds it.
#[derive(Serialize)]
struct IndexEntry<'a> {
    id: &'a str,
    title: &'a str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    year: Option<u32>,
    /// Of its title, where the letters tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    lang: Option<&'static str>,
}

impl<'a> IndexEntry<'a> {
    fn of(index: FilmIndex, views: Views<'a>) -> IndexEntry<'a> {
        let film = &views.catalogue.films[index];
        let url = views.site.link(&film_path(views.film_slug(index)));
        let lang = views.texts.other_language(&film.title);
        IndexEntry { id: &film.id, title: &film.title, url, year: film.year, lang }
    }
}

/// The first `most` words of a film: those of its titles come first.
fn words_of(catalogue: &Catalogue, film: &Film, most: usize) -> BTreeSet<String> {
    let texts = [
        Some(film.title.as_str()),
        film.original_title.as_deref(),
        film.original_title_romanised.as_deref(),
        film.director.as_deref(),
    ];
    let people = film.people.iter().map(|&person| catalogue.people[person].name.as_str());
    let mut found = BTreeSet::new();
    for text in texts.into_iter().flatten().chain(people) {
        for word in words(text) {
            if found.len() >= most {
                return found;
            }
            found.insert(word);
        }
    }
    found
}

/// The words of a text. Scripts that are written without spaces have a word from
/// each letter on, so that any part of them is found.
fn words(text: &str) -> Vec<String> {
    let folded = folded(text);
    let mut words = Vec::new();
    for run in folded.split(|letter: char| !letter.is_alphanumeric()).filter(|run| !run.is_empty())
    {
        let letters: Vec<char> = run.chars().collect();
        let starts = if letters.iter().all(char::is_ascii) { 1 } else { letters.len() };
        for start in 0..starts {
            words.push(letters[start..].iter().take(LONGEST_WORD).collect());
        }
        if words.len() >= MOST_WORDS {
            words.truncate(MOST_WORDS);
            break;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_and_case_need_not_be_typed() {
        assert_eq!(words("Kanta Ōgaki"), ["kanta", "ogaki"]);
        assert_eq!(words("Porco-Rosso, 1992!"), ["porco", "rosso", "1992"]);
        assert_eq!(words("ＦＵＬＬ"), ["full"]);
        assert_eq!(words("Łódź, Straße"), ["lodz", "strasse"]);
        assert_eq!(words(" … "), Vec::<String>::new());
    }

    #[test]
    fn any_part_of_a_text_without_spaces_is_found() {
        let words = words("となりのトトロ");
        assert!(words.contains(&"となりのトトロ".to_owned()));
        assert!(words.contains(&"トトロ".to_owned()));
    }

    #[test]
    fn a_word_stands_with_those_that_begin_like_it() {
        assert_eq!(prefix_of("totoro"), "to");
        assert_eq!(prefix_of("a"), "a");
        assert_eq!(prefix_of("となりの"), "と");
    }

    #[test]
    fn every_prefix_has_a_plain_path_of_its_own() {
        assert_eq!(path("to"), "search/to.json");
        assert_eq!(path("とな"), "search/_3068_306a.json");
        assert_ne!(path("a_"), path("a"));
    }
}
