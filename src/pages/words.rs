//! The words by which a film is found.
//!
//! Owns which words these are: words of titles in all their scripts, of directors and of people, and
//! the year. If all films are on one page, words of descriptions are found too. In a larger
//! catalogue, descriptions would make the index larger than the pages. The words are folded, so that
//! visitors need not type accents or upper case. A script of the page folds what the visitor types
//! by the same rule.

use std::collections::BTreeSet;

use super::split::MOST;
use crate::catalogue::{Catalogue, FilmIndex};
use crate::letters::folded;

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

/// Which words of a film are in the index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct WordRule {
    /// Largest number of words of one film.
    most: usize,
    /// Whether words of descriptions are in the index.
    has_descriptions: bool,
}

impl WordRule {
    pub(super) fn of(catalogue: &Catalogue) -> WordRule {
        let share = MOST_WORDS_OF_ALL / catalogue.films().len().max(1);
        let has_descriptions = is_on_one_page(catalogue);
        WordRule { most: share.max(LEAST_WORDS_OF_A_FILM), has_descriptions }
    }
}

/// Whether the list of films has all films.
pub(super) fn is_on_one_page(catalogue: &Catalogue) -> bool {
    catalogue.films().len() <= MOST
}

/// Returns the words of a film. The words of its titles come first.
pub(super) fn words_of(
    catalogue: &Catalogue,
    index: FilmIndex,
    rule: WordRule,
) -> BTreeSet<String> {
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
}
