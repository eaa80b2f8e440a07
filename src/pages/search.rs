//! The search index: words, with the films that have each word.
//!
//! Owns which words are found: words of titles in all their scripts, of directors and of people, and
//! the year. If all films are on one page, words of descriptions are found too, and the index only
//! has ids, because the page has the rest. In a larger catalogue, descriptions would make the index
//! larger than the pages.
//! The words are folded, so that visitors need not type accents or upper case. The index is split
//! by the first letters of the words, and by more letters where many films have words with the same
//! first letters. Therefore a keystroke loads little, however large the catalogue is. A script of
//! the page reads the index, and folds what the visitor types by the same rule.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use bytes::Bytes;
use rayon::prelude::*;
use serde::Serialize;
use xxhash_rust::xxh64::Xxh64;

use super::paths::film_path;
use super::split::MOST;
use super::view::Views;
use crate::catalogue::{Catalogue, Film, FilmIndex};
use crate::letters::{self, folded};

/// Number of letters by which the index is split. For a word that does not begin with an ASCII
/// letter or a digit, one letter is enough, because other scripts have many letters.
const PREFIX: usize = 2;
/// Number of films in a file, if too many films have words with the prefix of the file. These are
/// the newest films; a longer word finds the other films.
const NEWEST: usize = 200;
/// Largest number of words of one text.
const MOST_WORDS: usize = 200;
/// Largest number of words of all films together. The index must not take more memory than the
/// catalogue.
const MOST_WORDS_OF_ALL: usize = 500_000;
/// Number of words that each film may have, even if there are very many films.
const LEAST_WORDS_OF_A_FILM: usize = 60;
/// Characters that are used as an apostrophe.
const APOSTROPHES: [char; 5] = ['\'', '’', 'ʼ', '`', '´'];
/// Largest number of letters of a word. Visitors find a film before they type more letters.
const LONGEST_WORD: usize = 24;

/// The files of the index, by the prefix of their words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index(BTreeMap<String, IndexFile>);

/// One file of the index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct IndexFile {
    words: Words,
    /// Longer prefixes that have their own files. If there are any, this file has only the prefix
    /// as a word, with only the newest films.
    more: Vec<String>,
    is_cut: bool,
}

/// Words, each with the places of its films.
type Words = BTreeMap<Box<str>, Vec<u32>>;

impl Index {
    pub(super) fn of(catalogue: &Catalogue) -> Index {
        let mut by_prefix: BTreeMap<String, Words> = BTreeMap::new();
        let share = MOST_WORDS_OF_ALL / catalogue.films().len().max(1);
        let most = share.max(LEAST_WORDS_OF_A_FILM);
        let films: Vec<_> = catalogue.films().collect();
        let words = films.par_iter().map(|(index, film)| words_of(catalogue, *index, film, most));
        let words: Vec<_> = words.collect();
        for (place, words) in words.into_iter().enumerate() {
            for word in words {
                let words = by_prefix.entry(prefix_of(&word)).or_default();
                // The list stays sorted and has no duplicates: films come in order, and each word
                // of a film comes once.
                words.entry(word.into()).or_default().push(place as u32);
            }
        }
        let mut index = Index::default();
        for (prefix, words) in by_prefix {
            index.put(prefix, words);
        }
        index
    }

    /// Adds the words that begin with `prefix`. They are in one file, or in one file for each next
    /// letter if they have more than [`MOST`] films.
    fn put(&mut self, prefix: String, mut words: Words) {
        let films: BTreeSet<u32> = words.values().flatten().copied().collect();
        if films.len() <= MOST {
            self.0.insert(prefix, IndexFile { words, more: Vec::new(), is_cut: false });
            return;
        }
        // The word that equals the prefix has no next letter.
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

    /// Returns the prefixes that have a file. The file of the empty prefix has the list of the other
    /// prefixes, so that no search requests a file that does not exist.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = &str> {
        std::iter::once("").chain(self.0.keys().map(String::as_str))
    }

    /// Returns what each search begins with: the prefixes, and the table of letters, by which the
    /// script of the page folds what a visitor types.
    fn list(&self) -> Bytes {
        let first = self.0.keys().filter(|prefix| **prefix == prefix_of(prefix));
        let prefixes: Vec<_> = first.collect();
        let list = serde_json::json!({"prefixes": prefixes, "letters": letters::steps()});
        format!("{list}\n").into()
    }

    /// Returns the basis of a file; `None` for the list of prefixes. `name` returns the hash of
    /// the name of the film at a place.
    pub(super) fn basis(
        &self,
        prefix: &str,
        views: Views<'_>,
        name: impl Fn(u32) -> Option<u64>,
    ) -> Option<u64> {
        let IndexFile { words, more, is_cut } = self.0.get(prefix)?;
        let mut hasher = Xxh64::new(0);
        for (word, films) in words {
            word.hash(&mut hasher);
            films.iter().for_each(|&film| name(film).hash(&mut hasher));
        }
        (more, is_cut, is_on_one_page(views.catalogue)).hash(&mut hasher);
        Some(hasher.finish())
    }

    /// Returns the content of a file: its words with numbers of films, and these films.
    pub(super) fn file(&self, prefix: &str, views: Views<'_>) -> Bytes {
        if prefix.is_empty() {
            return self.list();
        }
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
            films: films.iter().filter_map(|&place| IndexEntry::of(place, views)).collect(),
            more: &file.more,
            cut: file.is_cut,
        };
        // Cannot fail: strings and numbers always have a JSON form.
        let mut json = serde_json::to_vec(&part).unwrap_or_default();
        json.push(b'\n');
        json.into()
    }
}

/// Returns the first letters of a word, which determine the file of the word.
fn prefix_of(word: &str) -> String {
    let is_plain = word.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    word.chars().take(if is_plain { PREFIX } else { 1 }).collect()
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
    fn of(place: u32, views: Views<'a>) -> Option<IndexEntry<'a>> {
        let index = views.catalogue.film_at(place as usize)?;
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

/// Whether the list of films has all films.
fn is_on_one_page(catalogue: &Catalogue) -> bool {
    catalogue.films().len() <= MOST
}

/// Returns the first `most` words of a film. The words of its titles come first.
fn words_of(catalogue: &Catalogue, index: FilmIndex, film: &Film, most: usize) -> BTreeSet<String> {
    let year = film.year.map(|year| year.to_string());
    let texts = [
        Some(film.title.as_str()),
        film.original_title.as_deref(),
        film.original_title_romanised.as_deref(),
        film.director.as_deref(),
        year.as_deref(),
    ];
    let people = catalogue.cast(index).iter();
    let people = people.map(|&person| catalogue.person(person).name.as_str());
    let mut found = BTreeSet::new();
    let description = film.description.as_deref().filter(|_| is_on_one_page(catalogue));
    for text in texts.into_iter().flatten().chain(people).chain(description) {
        for word in words(text) {
            if found.len() >= most {
                return found;
            }
            found.insert(word);
        }
    }
    found
}

/// Returns the words of a text. Some scripts have no spaces between words. Therefore, if a run of
/// letters is not all ASCII, a word begins at each letter, so that any part of the run is found.
fn words(text: &str) -> Vec<String> {
    let folded = folded(text);
    // A word is found with and without its apostrophe: `howls` and `howl` find Howl's.
    let joined = folded.replace(APOSTROPHES, "");
    let mut words = split(&folded);
    if joined.len() < folded.len() {
        words.extend(split(&joined));
        words.truncate(MOST_WORDS);
    }
    words
}

fn split(folded: &str) -> Vec<String> {
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
    fn a_word_with_an_apostrophe_is_found_with_and_without_the_apostrophe() {
        assert_eq!(words("Howl’s"), ["howl", "s", "howls"]);
        assert_eq!(words("L'Âge d'or"), ["l", "age", "d", "or", "lage", "dor"]);
    }

    #[test]
    fn any_part_of_a_text_without_spaces_is_found() {
        let words = words("となりのトトロ");
        assert!(words.contains(&"となりのトトロ".to_owned()));
        assert!(words.contains(&"トトロ".to_owned()));
    }

    #[test]
    fn words_with_the_same_first_letters_are_in_the_same_file() {
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
