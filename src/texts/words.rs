//! The words of the owner for films and people.
//!
//! Owns which words an owner may replace, and how a text gets these words. A site may show other
//! things than films and characters, such as shows and actors. Only the noun of a table is replaced
//! by a word; a text around an unknown noun has its own wording in the section `[own_words]` of the
//! table, because an article or an adjective may depend on the gender of the noun.

use std::collections::BTreeSet;

use serde::Serialize;

use super::upper_first;

/// Placeholders of the four words.
const PLACES: [&str; 4] = ["film", "films", "person", "people"];
/// Placeholders of the four words with a first letter in upper case, in the same order.
const UPPER_PLACES: [&str; 4] = ["Film", "Films", "Person", "People"];

/// The words of the owner, in the language of the site. A word that is not given, or that is blank,
/// is the noun of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Words {
    /// One film: `show`.
    pub film: Option<String>,
    /// Several films: `shows`.
    pub films: Option<String>,
    /// One person: `actor`.
    pub person: Option<String>,
    /// Several people: `actors`.
    pub people: Option<String>,
    /// The name of the score of a film: `IMDb`. Without a name, texts have the word of the language.
    pub score: Option<String>,
}

impl Words {
    /// Returns each word that is given, with the name of its placeholder.
    pub(super) fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Words { film, films, person, people, score: _ } = self;
        let words = [film, films, person, people].map(|word| word.as_deref().map(str::trim));
        let words = PLACES.into_iter().zip(words);
        words.filter_map(|(name, word)| Some((name, word.filter(|word| !word.is_empty())?)))
    }

    /// Returns the word for films as a title, if the owner gives the word.
    pub fn title(&self) -> Option<String> {
        let films = self.given().find(|(name, _)| *name == "films")?.1;
        Some(upper_first(films))
    }

    /// Returns whether a wording with these placeholders shows a word that is given. A wording
    /// without any word only avoids a noun or a gender, so that it fits every word.
    pub(super) fn concern(&self, places: &BTreeSet<&str>) -> bool {
        let mut given = self.given().map(|(name, _)| name).peekable();
        let is_any = given.peek().is_some();
        let mut shown = places.iter().filter_map(|place| noun_of(place)).peekable();
        is_any && (shown.peek().is_none() || given.any(|name| shown.clone().any(|of| of == name)))
    }
}

/// Placeholder of the name of the score, in the wordings for a score with a name.
pub(super) const SCORE_PLACE: &str = "score_name";

/// Returns the word for which a placeholder stands: `films` for `{films}` and for `{Films}`.
pub(super) fn noun_of(place: &str) -> Option<&'static str> {
    let at = PLACES.iter().chain(&UPPER_PLACES).position(|name| *name == place)?;
    Some(PLACES[at % PLACES.len()])
}

/// Returns whether a placeholder stands for a word at the start of a sentence.
pub(super) fn is_upper(place: &str) -> bool {
    UPPER_PLACES.contains(&place)
}

/// Returns a word as a placeholder shows the word.
pub(super) fn as_shown(place: &str, word: &str) -> String {
    if is_upper(place) { upper_first(word) } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        let word = |word: &str| Some(word.to_owned());
        let (films, person, people) = (word("shows"), word(" actor "), word(" "));
        Words { films, person, people, ..Words::default() }
    }

    #[test]
    fn a_blank_word_is_not_given_and_spaces_around_a_word_are_left_out() {
        let words = words();
        assert_eq!(words.given().collect::<Vec<_>>(), [("films", "shows"), ("person", "actor")]);
        assert_eq!(Words::default().given().count(), 0);
        assert_eq!((words.title().as_deref(), Words::default().title()), (Some("Shows"), None));
    }

    #[test]
    fn a_wording_concerns_the_words_that_it_shows() {
        let concerns = |words: &Words, places: &[&str]| {
            words.concern(&BTreeSet::from_iter(places.iter().copied()))
        };
        for (places, expected) in [
            (&["films"][..], true),
            (&["Films", "count"], true),
            (&["film"], false),
            (&["People"], false),
            (&["film", "Person"], true),
            (&["count"], true),
            (&[], true),
        ] {
            assert_eq!(concerns(&words(), places), expected, "{places:?}");
            assert!(!concerns(&Words::default(), places), "{places:?}");
        }
    }

    #[test]
    fn a_word_at_the_start_of_a_sentence_has_an_upper_case_letter() {
        assert_eq!(as_shown("Films", "épisodes"), "Épisodes");
        assert_eq!(as_shown("films", "iPods"), "iPods");
        assert_eq!(
            ["Person", "people", "title"].map(noun_of),
            [Some("person"), Some("people"), None]
        );
    }
}
