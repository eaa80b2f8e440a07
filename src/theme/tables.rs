//! The tables of texts of a theme: the built-in tables, overridden by the tables of the owner.
//!
//! Owns which files are tables, and the name of the file in each error. A table of the owner may
//! have only a few texts. All other texts come from the built-in table of the language, or from the
//! English table if the built-in table lacks the text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;

use super::Embedded;
use crate::texts::{
    ENGLISH, NOUN, OWN_WORDS, SCORE_NAME, Table, Tables, Texts, Words, is_tag, nearest,
};

/// Folder of the tables.
const FOLDER: &str = "texts/";
/// Ending of the name of a table, after the language.
const SUFFIX: &str = ".toml";

/// Returns whether a file of a theme is a table.
pub(super) fn is_table(name: &str) -> bool {
    name.starts_with(FOLDER) && name.ends_with(SUFFIX)
}

/// All tables of a theme.
pub(super) struct Spoken {
    tables: Tables,
    /// Languages of the tables of the owner.
    own: BTreeSet<String>,
    first: Link,
}

/// The texts that were made before, as a chain. A site uses one language and one set of words, so
/// the chain is short.
type Link = OnceLock<Box<LanguageTexts>>;

struct LanguageTexts {
    lang: String,
    words: Words,
    texts: Arc<Texts>,
    next: Link,
}

impl Spoken {
    /// Reads the built-in tables, and the tables among the owner's `files`, which override the
    /// built-in tables. The files come from `directory`, which error messages name.
    ///
    /// # Errors
    /// Fails if a file is not a valid table. The error has the file, and the key at fault.
    pub(super) fn of(directory: Option<&Path>, files: &BTreeMap<String, Bytes>) -> Result<Spoken> {
        let mut tables = Tables::new();
        for name in Embedded::iter().filter(|name| is_table(name)) {
            let Some(file) = Embedded::get(&name) else { continue };
            let (tag, table) = read(&name, &file.data).context("(built in)")?;
            tables.insert(tag, table);
        }
        let mut own = BTreeSet::new();
        let is_english = |name: &str| name.eq_ignore_ascii_case("texts/en.toml");
        let names = || files.iter().filter(|(name, _)| is_table(name));
        // The English table of the owner is first, because other tables may use its new keys.
        let english = names().filter(|(name, _)| is_english(name));
        let others = names().filter(|(name, _)| !is_english(name));
        for (name, bytes) in english.chain(others) {
            let at = || match directory {
                Some(directory) => directory.join(name).display().to_string(),
                None => name.clone(),
            };
            let (tag, table) = read(name, bytes).with_context(at)?;
            if let Some(model) = tables.get(ENGLISH) {
                table.fits(model).with_context(at)?;
            }
            tables.entry(tag.clone()).or_default().extend(table);
            own.insert(tag);
        }
        Ok(Spoken { tables, own, first: Link::new() })
    }

    /// Returns the texts in a language, or in the nearest language with a table, or in English if
    /// there is none, with these words of the owner.
    pub(super) fn texts(&self, lang: &str, words: &Words) -> &Arc<Texts> {
        let mut link = &self.first;
        loop {
            let asked = link.get_or_init(|| {
                let texts = Arc::new(Texts::of(&self.tables, lang, words));
                let (lang, words) = (lang.to_owned(), words.clone());
                Box::new(LanguageTexts { lang, words, texts, next: Link::new() })
            });
            if asked.lang == lang && asked.words == *words {
                return &asked.texts;
            }
            link = &asked.next;
        }
    }

    /// Returns whether a language (`pt-BR`), or its prefix (`pt`), has a table.
    pub(super) fn speaks(&self, lang: &str) -> bool {
        !nearest(lang, &self.tables).is_empty()
    }

    /// Returns the keys that the tables of a language lack, by language: for the languages of the
    /// owner's tables, and for the language of the site. The texts of these keys are in English. A
    /// text without a wording for words of the owner, or for a score with a name, stays as it is, so
    /// these wordings are not counted. Nouns are needed only beside such wordings.
    pub(super) fn missing(&self, lang: &str) -> BTreeMap<String, Vec<String>> {
        let Some(english) = self.tables.get(ENGLISH) else { return BTreeMap::new() };
        let site = nearest(lang, &self.tables).first().map(|tag| (*tag).to_owned());
        let tags: BTreeSet<_> = self.own.iter().cloned().chain(site).collect();
        let lacking = tags.into_iter().map(|tag| {
            let near = nearest(&tag, &self.tables);
            let has = |key: &str| near.iter().any(|tag| self.tables[*tag].get(key).is_some());
            let is_worded =
                |tag: &&str| self.tables[*tag].keys().any(|key| key.starts_with(OWN_WORDS));
            let has_wordings = near.iter().any(is_worded);
            let is_wording = |key: &str| key.starts_with(OWN_WORDS) || key.starts_with(SCORE_NAME);
            let is_needed =
                |key: &str| !is_wording(key) && (has_wordings || !key.starts_with(NOUN));
            let lacking = english.keys().filter(|key| !has(key) && is_needed(key));
            let lacking = lacking.map(str::to_owned).collect();
            (tag, lacking)
        });
        lacking.filter(|(_, lacking): &(_, Vec<_>)| !lacking.is_empty()).collect()
    }
}

/// Parses a table. Returns the tag of its language, in lower case, and the table.
fn read(name: &str, bytes: &[u8]) -> Result<(String, Table)> {
    let tag = name.strip_prefix(FOLDER).and_then(|file| file.strip_suffix(SUFFIX));
    let Some(tag) = tag.filter(|tag| is_tag(tag)) else {
        bail!("the name of a table must be a language tag, such as texts/de.toml");
    };
    let text = std::str::from_utf8(bytes).context("the table is not UTF-8 text; save as UTF-8")?;
    Ok((tag.to_ascii_lowercase(), Table::parse(text)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(files: &[(&str, &str)]) -> Result<Spoken> {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.to_string().into()));
        Spoken::of(Some(Path::new("theme")), &files.collect())
    }

    #[test]
    fn an_own_table_overrides_some_texts_and_adds_others() {
        let files = [
            ("texts/de.toml", "[nav]\nfilms = \"Streifen\"\n[own]\nhello = \"Hallo {name}\""),
            ("texts/en.toml", "[own]\nhello = \"Hello {name}\""),
        ];
        let spoken = spoken(&files).expect("tables");
        let texts = spoken.texts("de", &Words::default());
        assert_eq!(texts.say("nav.films", &[]), "Streifen");
        assert_eq!(texts.say("own.hello", &[("name", &"Ida")]), "Hallo Ida");
        assert_ne!(texts.say("nav.people", &[]), "nav.people");
        assert_eq!(
            spoken.texts("fr", &Words::default()).say("own.hello", &[("name", &"Ida")]),
            "Hello Ida"
        );
        assert!(
            Arc::ptr_eq(texts, spoken.texts("de", &Words::default())),
            "the texts are made once"
        );
    }

    #[test]
    fn an_own_text_wins_over_the_built_in_wording_and_an_own_wording_over_both() {
        let files = [
            (
                "texts/de.toml",
                "[nav]\nfilms = \"Streifen\"\nall_films = \"Alle\"\n\
             [own_words.nav]\nall_films = \"Sämtliche {films}\"\npeople = \"Die {people}\"",
            ),
            ("texts/nl.toml", "[nav]\nall_films = \"Alle films\""),
        ];
        let spoken = spoken(&files).expect("tables");
        let word = |word: &str| Some(word.to_owned());
        let words = Words { films: word("Serien"), people: word("Rollen"), ..Words::default() };
        let said = |lang: &str, key: &str| spoken.texts(lang, &words).say(key, &[]);
        for (lang, key, text) in [
            ("de", "nav.films", "Streifen"),
            ("de", "nav.all_films", "Sämtliche Serien"),
            ("de", "nav.people", "Die Rollen"),
            ("de", "nav.all_people", "Alle Rollen"),
            ("de", "noun.films", "Serien"),
            ("de", "noun.film", "Film"),
            ("nl", "nav.all_films", "Alle films"),
            ("nl", "nav.all_people", "All Rollen"),
        ] {
            assert_eq!(said(lang, key), text, "{lang}: {key}");
        }
        let plain = spoken.texts("de", &Words::default());
        assert_eq!(
            plain.say("nav.all_films", &[]),
            "Alle",
            "another set of words has its own texts"
        );
    }

    #[test]
    fn an_error_names_the_file_and_the_key() {
        for (name, text, parts) in [
            ("texts/de.toml", "[nav]\nfilms = 1", &["theme/texts/de.toml", "`nav.films`"][..]),
            ("texts/de.toml", "[live]\nage = \"{alter}\"", &["de.toml", "`live.age`", "{age}"]),
            ("texts/de.toml", "[nav\n", &["theme/texts/de.toml", "line 1"]),
            ("texts/deutsches.toml", "", &["theme/texts/deutsches.toml", "must be a language tag"]),
        ] {
            let error = spoken(&[(name, text)]).err().expect(name);
            let error = format!("{error:#}");
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }

    #[test]
    fn missing_texts_are_named_for_own_tables_and_for_the_site() {
        let spoken = spoken(&[
            ("texts/nl.toml", "[nav]\nfilms = \"Films\""),
            ("texts/en.toml", "own = \"Mine\""),
        ]);
        let spoken = spoken.expect("tables");
        let missing = spoken.missing("de-AT");
        assert_eq!(missing["de"], ["own"]);
        assert!(missing["nl"].len() > 50 && !missing["nl"].contains(&"nav.films".to_owned()));
        let is_word = |key: &String| key.starts_with(NOUN) || key.starts_with(OWN_WORDS);
        assert!(!missing["nl"].iter().any(is_word), "a table needs no wordings for other words");
        assert_eq!(
            missing.len(),
            2,
            "the owner has no table for fr, and fr is not the language of the site"
        );
        assert!(spoken.speaks("nl-BE") && !spoken.speaks("pl"));
    }
}
