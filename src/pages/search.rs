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
use std::sync::Arc;

use bytes::Bytes;
use rayon::prelude::*;
use serde::Serialize;
use xxhash_rust::xxh64::Xxh64;

use super::paths::film_path;
use super::split::MOST;
use super::view::Views;
use crate::catalogue::{Catalogue, FilmIndex, TouchedRecords};
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

/// The words of all films, and the files of the index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// By the first letters of the words.
    groups: BTreeMap<String, Arc<IndexGroup>>,
    rule: WordRule,
}

/// Which words of a film are in the index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct WordRule {
    /// Largest number of words of one film.
    most: usize,
    /// Whether words of descriptions are in the index.
    has_descriptions: bool,
}

/// The words with the same first letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct IndexGroup {
    words: Words,
    /// The files by the prefix of their words.
    files: BTreeMap<String, IndexFile>,
}

/// One file of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
enum IndexFile {
    /// The file has all words with its prefix.
    Whole,
    /// Too many films have words with the prefix, so the file has only the prefix as a word, with
    /// the newest of the films.
    Cut {
        newest: Vec<FilmIndex>,
        /// Longer prefixes that have their own files.
        more: Vec<String>,
    },
}

/// Words, each with its films, newest first.
type Words = BTreeMap<Box<str>, Vec<FilmIndex>>;

impl Index {
    pub(super) fn of(catalogue: &Catalogue) -> Index {
        let mut by_prefix: BTreeMap<String, Words> = BTreeMap::new();
        let rule = WordRule::of(catalogue);
        let films: Vec<_> = catalogue.films().map(|(film, _)| film).collect();
        let words: Vec<_> = films.par_iter().map(|&film| words_of(catalogue, film, rule)).collect();
        for (film, words) in films.into_iter().zip(words) {
            for word in words {
                let words = by_prefix.entry(prefix_of(&word)).or_default();
                // The list has no duplicates, because each word of a film comes once.
                words.entry(word.into()).or_default().push(film);
            }
        }
        let by_prefix: Vec<_> = by_prefix.into_iter().collect();
        let groups = by_prefix.into_par_iter().map(|(prefix, words)| {
            let group = IndexGroup::of(&prefix, words, catalogue);
            (prefix, Arc::new(group))
        });
        Index { groups: groups.collect(), rule }
    }

    /// Makes the index of the catalogue `before` the index of the next catalogue, in which these
    /// films are touched.
    pub(super) fn follow(
        &mut self,
        before: &Catalogue,
        catalogue: &Catalogue,
        touched: &TouchedRecords<FilmIndex>,
    ) {
        if self.rule != WordRule::of(catalogue) {
            *self = Index::of(catalogue);
            return;
        }
        let gone: BTreeSet<_> = touched.gone.iter().collect();
        let stays = |film: &&FilmIndex| before.find_film(**film).is_some() && !gone.contains(film);
        let left = gone.iter().copied().chain(touched.now.iter().filter(stays));
        let mut leaving: BTreeSet<_> =
            left.flat_map(|&film| entries(before, film, self.rule)).collect();
        let now = touched.now.iter();
        let mut entering: BTreeSet<_> =
            now.flat_map(|&film| entries(catalogue, film, self.rule)).collect();
        if touched.is_in_order {
            // A word that stays with a film, which keeps its place, needs no change.
            let stay: Vec<_> = leaving.intersection(&entering).cloned().collect();
            for entry in &stay {
                leaving.remove(entry);
                entering.remove(entry);
            }
        }
        let mut prefixes = BTreeSet::new();
        for IndexWord { word, film } in leaving {
            let prefix = prefix_of(&word);
            if let Some(group) = self.groups.get_mut(&prefix)
                && let Some(films) = Arc::make_mut(group).words.get_mut(&*word)
            {
                films.retain(|&other| other != film);
            }
            prefixes.insert(prefix);
        }
        for IndexWord { word, film } in entering {
            let prefix = prefix_of(&word);
            let group = Arc::make_mut(self.groups.entry(prefix.clone()).or_default());
            let films = group.words.entry(word).or_default();
            let place = catalogue.film_place(film);
            let at = films.partition_point(|&other| catalogue.film_place(other) < place);
            films.insert(at, film);
            prefixes.insert(prefix);
        }
        for prefix in prefixes {
            let Some(group) = self.groups.get_mut(&prefix) else { continue };
            let mut words = std::mem::take(&mut Arc::make_mut(group).words);
            words.retain(|_, films| !films.is_empty());
            if words.is_empty() {
                self.groups.remove(&prefix);
            } else {
                *group = Arc::new(IndexGroup::of(&prefix, words, catalogue));
            }
        }
    }

    /// Returns the prefixes that have a file. The file of the empty prefix has the list of the other
    /// prefixes, so that no search requests a file that does not exist.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = &str> {
        let groups = self.groups.values();
        let prefixes = groups.flat_map(|group| group.files.keys()).map(String::as_str);
        std::iter::once("").chain(prefixes)
    }

    fn file_of(&self, prefix: &str) -> Option<(&IndexGroup, &IndexFile)> {
        let group = self.groups.get(&prefix_of(prefix))?;
        Some((group, group.files.get(prefix)?))
    }

    /// Returns what each search begins with: the prefixes, and the table of letters, by which the
    /// script of the page folds what a visitor types.
    fn list(&self) -> Bytes {
        let prefixes: Vec<_> = self.groups.keys().collect();
        let list = serde_json::json!({"prefixes": prefixes, "letters": letters::steps()});
        format!("{list}\n").into()
    }

    /// Returns the basis of a file; `None` for the list of prefixes. `name` returns the hash of the
    /// name of a film.
    pub(super) fn basis(
        &self,
        prefix: &str,
        views: Views<'_>,
        name: impl Fn(FilmIndex) -> u64,
    ) -> Option<u64> {
        let (group, file) = self.file_of(prefix)?;
        let mut hasher = Xxh64::new(0);
        for (word, films) in group.words_of(prefix, file) {
            word.hash(&mut hasher);
            films.iter().for_each(|&film| name(film).hash(&mut hasher));
        }
        (file.more(), is_on_one_page(views.catalogue)).hash(&mut hasher);
        Some(hasher.finish())
    }

    /// Returns the content of a file: its words with numbers of films, and these films.
    pub(super) fn file(&self, prefix: &str, views: Views<'_>) -> Bytes {
        let Some((group, file)) = self.file_of(prefix) else { return self.list() };
        let place = |film: &FilmIndex| views.catalogue.film_place(*film);
        let words: Vec<_> = group.words_of(prefix, file).collect();
        let films: BTreeSet<_> = words.iter().flat_map(|(_, films)| *films).map(place).collect();
        let numbers: BTreeMap<usize, usize> =
            films.iter().enumerate().map(|(number, &place)| (place, number)).collect();
        let words = words.into_iter().map(|(word, films)| {
            (word, films.iter().filter_map(|film| numbers.get(&place(film))).collect())
        });
        let part = Part {
            words: words.collect(),
            films: films.iter().filter_map(|&place| IndexEntry::of(place, views)).collect(),
            more: file.more(),
            cut: matches!(file, IndexFile::Cut { .. }),
        };
        // Cannot fail: strings and numbers always have a JSON form.
        let mut json = serde_json::to_vec(&part).unwrap_or_default();
        json.push(b'\n');
        json.into()
    }
}

impl WordRule {
    fn of(catalogue: &Catalogue) -> WordRule {
        let share = MOST_WORDS_OF_ALL / catalogue.films().len().max(1);
        let has_descriptions = is_on_one_page(catalogue);
        WordRule { most: share.max(LEAST_WORDS_OF_A_FILM), has_descriptions }
    }
}

impl IndexGroup {
    fn of(prefix: &str, words: Words, catalogue: &Catalogue) -> IndexGroup {
        let mut files = BTreeMap::new();
        let all: Vec<_> = words.iter().map(|(word, films)| (&**word, &**films)).collect();
        cut(prefix, &all, catalogue, &mut files);
        IndexGroup { words, files }
    }

    /// Returns the words of a file with their films.
    fn words_of<'g>(
        &'g self,
        prefix: &'g str,
        file: &'g IndexFile,
    ) -> impl Iterator<Item = (&'g str, &'g [FilmIndex])> {
        let cut = match file {
            IndexFile::Cut { newest, .. } => Some((prefix, &**newest)),
            IndexFile::Whole => None,
        };
        let from = (std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded);
        let words = self.words.range::<str, _>(from);
        let words = words.take_while(move |(word, _)| cut.is_none() && word.starts_with(prefix));
        words.map(|(word, films)| (&**word, &**films)).chain(cut)
    }
}

/// Adds the files of the words that begin with `prefix`. The words are in one file, or in one file
/// for each next letter if they have more than [`MOST`] films.
fn cut(
    prefix: &str,
    words: &[(&str, &[FilmIndex])],
    catalogue: &Catalogue,
    files: &mut BTreeMap<String, IndexFile>,
) {
    let films = words.iter().flat_map(|(_, films)| *films);
    let mut films: Vec<_> = films.copied().collect();
    films.sort_unstable_by_key(|&film| catalogue.film_place(film));
    films.dedup();
    if films.len() <= MOST {
        files.insert(prefix.to_owned(), IndexFile::Whole);
        return;
    }
    let letters = prefix.chars().count() + 1;
    let longer = |word: &str| word.chars().take(letters).collect::<String>();
    // The word that equals the prefix has no next letter.
    let words: Vec<_> = words.iter().filter(|(word, _)| *word != prefix).copied().collect();
    let parts: Vec<_> =
        words.chunk_by(|(one, _), (other, _)| longer(one) == longer(other)).collect();
    films.truncate(NEWEST);
    let more = parts.iter().map(|words| longer(words[0].0)).collect();
    files.insert(prefix.to_owned(), IndexFile::Cut { newest: films, more });
    for words in parts {
        cut(&longer(words[0].0), words, catalogue, files);
    }
}

impl IndexFile {
    fn more(&self) -> &[String] {
        match self {
            IndexFile::Whole => &[],
            IndexFile::Cut { more, .. } => more,
        }
    }
}

/// A word of a film.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct IndexWord {
    word: Box<str>,
    film: FilmIndex,
}

fn entries(
    catalogue: &Catalogue,
    film: FilmIndex,
    rule: WordRule,
) -> impl Iterator<Item = IndexWord> {
    let words = words_of(catalogue, film, rule).into_iter();
    words.map(move |word| IndexWord { word: word.into(), film })
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

/// Whether the list of films has all films.
fn is_on_one_page(catalogue: &Catalogue) -> bool {
    catalogue.films().len() <= MOST
}

/// Returns the words of a film. The words of its titles come first.
fn words_of(catalogue: &Catalogue, index: FilmIndex, rule: WordRule) -> BTreeSet<String> {
    let film = catalogue.film(index);
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
    let description = film.description.as_deref().filter(|_| rule.has_descriptions);
    for text in texts.into_iter().flatten().chain(people).chain(description) {
        for word in words(text) {
            if found.len() >= rule.most {
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
