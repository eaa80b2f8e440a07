//! The tables of texts of a theme: the built-in ones, with those of the owner's over them.
//!
//! Owns which files are tables, and whose fault names which file. A table of the owner's may
//! say a few texts only: the built-in table of the language has the others, then English.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;

use super::Embedded;
use crate::texts::{ENGLISH, Table, Tables, Texts, is_tag, nearest};

/// Where tables are.
const FOLDER: &str = "texts/";
/// What their names end in after the language.
const SUFFIX: &str = ".toml";

/// Whether a file of a theme is a table.
pub(super) fn is_table(name: &str) -> bool {
    name.starts_with(FOLDER) && name.ends_with(SUFFIX)
}

/// All tables of a theme.
pub(super) struct Spoken {
    tables: Tables,
    /// Languages that the owner has a table of.
    own: BTreeSet<String>,
    first: Link,
}

/// The texts that were made before, in a chain: a site uses one language.
type Link = OnceLock<Box<LanguageTexts>>;

struct LanguageTexts {
    lang: String,
    texts: Arc<Texts>,
    next: Link,
}

impl Spoken {
    /// The built-in tables, and over them those among the owner's files in `directory`.
    ///
    /// # Errors
    /// Which file is no table, and which of its keys is at fault.
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
        // English first: its new keys are what the others are compared with.
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

    /// The texts in a language, or in the nearest that there is.
    pub(super) fn texts(&self, lang: &str) -> &Arc<Texts> {
        let mut link = &self.first;
        loop {
            let asked = link.get_or_init(|| {
                let texts = Arc::new(Texts::of(&self.tables, lang));
                Box::new(LanguageTexts { lang: lang.to_owned(), texts, next: Link::new() })
            });
            if asked.lang == lang {
                return &asked.texts;
            }
            link = &asked.next;
        }
    }

    /// Whether there is a table for a language, or for one near it.
    pub(super) fn speaks(&self, lang: &str) -> bool {
        !nearest(lang, &self.tables).is_empty()
    }

    /// Texts that stay English: by the languages of the owner's tables and that of the site,
    /// the keys that their tables lack.
    pub(super) fn missing(&self, lang: &str) -> BTreeMap<String, Vec<String>> {
        let Some(english) = self.tables.get(ENGLISH) else { return BTreeMap::new() };
        let site = nearest(lang, &self.tables).first().map(|tag| (*tag).to_owned());
        let tags: BTreeSet<_> = self.own.iter().cloned().chain(site).collect();
        let lacking = tags.into_iter().map(|tag| {
            let near = nearest(&tag, &self.tables);
            let has = |key: &str| near.iter().any(|tag| self.tables[*tag].get(key).is_some());
            let lacking = english.keys().filter(|key| !has(key)).map(str::to_owned).collect();
            (tag, lacking)
        });
        lacking.filter(|(_, lacking): &(_, Vec<_>)| !lacking.is_empty()).collect()
    }
}

/// A table and the language it is of.
fn read(name: &str, bytes: &[u8]) -> Result<(String, Table)> {
    let tag = name.strip_prefix(FOLDER).and_then(|file| file.strip_suffix(SUFFIX));
    let Some(tag) = tag.filter(|tag| is_tag(tag)) else {
        bail!("a table of texts is named by its language, such as texts/de.toml");
    };
    let text = std::str::from_utf8(bytes).context("the table is not UTF-8 text")?;
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
        let texts = spoken.texts("de");
        assert_eq!(texts.say("nav.films", &[]), "Streifen");
        assert_eq!(texts.say("own.hello", &[("name", &"Ida")]), "Hallo Ida");
        assert_ne!(texts.say("nav.people", &[]), "nav.people");
        assert_eq!(spoken.texts("fr").say("own.hello", &[("name", &"Ida")]), "Hello Ida");
        assert!(Arc::ptr_eq(texts, spoken.texts("de")), "made once");
    }

    #[test]
    fn a_fault_names_file_and_key() {
        for (name, text, parts) in [
            ("texts/de.toml", "[nav]\nfilms = 1", &["theme/texts/de.toml", "`nav.films`"][..]),
            ("texts/de.toml", "[live]\nage = \"{alter}\"", &["de.toml", "`live.age`", "{age}"]),
            ("texts/de.toml", "[nav\n", &["theme/texts/de.toml", "line 1"]),
            ("texts/deutsches.toml", "", &["theme/texts/deutsches.toml", "by its language"]),
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
        assert_eq!(missing.len(), 2, "fr is neither the owner's nor the site's");
        assert!(spoken.speaks("nl-BE") && !spoken.speaks("pl"));
    }
}
