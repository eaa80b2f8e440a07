//! The search index: words, with the films that have each word.
//!
//! Owns into which files the words are cut: by their first letters, and by more letters where many
//! films have words with the same first letters. Therefore a keystroke loads little, however large
//! the catalogue is. The index follows the catalogue: only the files with words of touched films are
//! cut again.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use rayon::prelude::*;

use super::split::MOST;
use super::words::{WordRule, words_of};
use crate::catalogue::{Catalogue, FilmIndex, TouchedRecords};

/// Number of letters by which the index is split. For a word that does not begin with an ASCII
/// letter or a digit, one letter is enough, because other scripts have many letters.
const PREFIX: usize = 2;
/// Number of films in a file, if too many films have words with the prefix of the file. These are
/// the newest films; a longer word finds the other films.
const NEWEST: usize = 200;

/// The words of all films, and the files of the index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// By the first letters of the words.
    groups: BTreeMap<String, Arc<IndexGroup>>,
    rule: WordRule,
}

/// The words with the same first letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct IndexGroup {
    words: FilmsByWord,
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
type FilmsByWord = BTreeMap<Box<str>, Vec<FilmIndex>>;

impl Index {
    pub(super) fn of(catalogue: &Catalogue) -> Index {
        let mut by_prefix: BTreeMap<String, FilmsByWord> = BTreeMap::new();
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
        let words = |catalogue, films: &[FilmIndex]| -> BTreeSet<IndexWord> {
            films.iter().flat_map(|&film| entries(catalogue, film, self.rule)).collect()
        };
        let (mut leaving, mut entering) =
            (words(before, &touched.before), words(catalogue, &touched.now));
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

    /// Returns the first letters of all words.
    pub(super) fn starts(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(String::as_str)
    }

    /// Returns the file of a prefix; `None` for the empty prefix.
    pub(super) fn file<'i>(&'i self, prefix: &'i str) -> Option<SearchFile<'i>> {
        let group = self.groups.get(&prefix_of(prefix))?;
        let file = group.files.get(prefix)?;
        let (words, more, is_cut) = match file {
            IndexFile::Whole => (group.words_with(prefix).collect(), &[][..], false),
            IndexFile::Cut { newest, more } => (vec![(prefix, &**newest)], &**more, true),
        };
        Some(SearchFile { words, more, is_cut })
    }
}

/// What is in one file.
pub(super) struct SearchFile<'i> {
    /// Words with their films, newest first.
    pub(super) words: Vec<(&'i str, &'i [FilmIndex])>,
    /// Longer prefixes that have their own files.
    pub(super) more: &'i [String],
    /// Whether further films have words with the prefix.
    pub(super) is_cut: bool,
}

impl IndexGroup {
    fn of(prefix: &str, words: FilmsByWord, catalogue: &Catalogue) -> IndexGroup {
        let mut files = BTreeMap::new();
        let all: Vec<_> = words.iter().map(|(word, films)| (&**word, &**films)).collect();
        cut(prefix, &all, catalogue, &mut files);
        IndexGroup { words, files }
    }

    /// Returns the words that begin with `prefix`, with their films.
    fn words_with<'g>(
        &'g self,
        prefix: &'g str,
    ) -> impl Iterator<Item = (&'g str, &'g [FilmIndex])> {
        let words = self.words.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        let words = words.take_while(move |(word, _)| word.starts_with(prefix));
        words.map(|(word, films)| (&**word, &**films))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_the_same_first_letters_are_in_the_same_file() {
        assert_eq!(prefix_of("totoro"), "to");
        assert_eq!(prefix_of("a"), "a");
        assert_eq!(prefix_of("となりの"), "と");
    }
}
