//! One table of texts: the content of a file `texts/<language>.toml`.
//!
//! Owns the form of this file. Sections only group keys: `films` in `[nav]` is `nav.films`. A text
//! is a string, or a table with one string for each plural category (CLDR). The category `other` is
//! required.
//!
//! Three sections are special. `[noun]` has the nouns of the language for films and people.
//! `[own_words]` has the wordings of other texts for a site whose owner has other nouns: the key
//! `own_words.nav.films` has the other wording of `nav.films`. `[score_name]` has, in the same way,
//! the wordings of texts for a site whose scores have a name.

use std::collections::{BTreeMap, BTreeSet};

use icu_plurals::PluralCategory;

use super::pattern::Pattern;
use super::words::{SCORE_PLACE, Words, as_shown, noun_of};

/// Plural categories by their CLDR names.
const CATEGORIES: [(&str, PluralCategory); 6] = [
    ("zero", PluralCategory::Zero),
    ("one", PluralCategory::One),
    ("two", PluralCategory::Two),
    ("few", PluralCategory::Few),
    ("many", PluralCategory::Many),
    ("other", PluralCategory::Other),
];

/// Start of the keys of the wordings for words of the owner.
pub const OWN_WORDS: &str = "own_words.";
/// Start of the keys of the wordings for a score with a name.
pub const SCORE_NAME: &str = "score_name.";
/// Start of the keys of the nouns.
pub const NOUN: &str = "noun.";
/// Ending of the keys of texts that are HTML.
pub const HTML: &str = "_html";

/// A text with all its plural forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    other: Pattern,
    /// Forms of the other categories, by CLDR name.
    forms: BTreeMap<&'static str, Pattern>,
}

/// The texts of one language, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table(BTreeMap<String, Text>);

/// A fault of a table.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableFault {
    /// The file is not TOML. The message has the position and the source line.
    #[error("{0}")]
    NoToml(String),
    /// The value of a key is not a valid text.
    #[error("`{key}`: {why}")]
    Key {
        /// The key.
        key: String,
        /// Description of the fault.
        why: String,
    },
}

impl Text {
    /// Returns the form for a category. Returns `other` if there is no category or no such form.
    pub fn form(&self, category: Option<PluralCategory>) -> &Pattern {
        let named = CATEGORIES.iter().find(|(_, other)| Some(*other) == category);
        named.and_then(|(name, _)| self.forms.get(name)).unwrap_or(&self.other)
    }

    /// Returns each form with its category. `other` is the last.
    pub fn forms(&self) -> impl Iterator<Item = (&'static str, &Pattern)> {
        let some = self.forms.iter().map(|(name, pattern)| (*name, pattern));
        some.chain([("other", &self.other)])
    }

    /// Returns a text without placeholders and plural forms, whatever braces it has.
    fn literal(text: &str) -> Text {
        Text { other: Pattern::literal(text), forms: BTreeMap::new() }
    }

    /// Returns the text with values in place of the placeholders that have one.
    fn with(&self, value: impl Fn(&str) -> Option<String>) -> Text {
        let forms = self.forms.iter().map(|(name, pattern)| (*name, pattern.with(&value)));
        Text { other: self.other.with(&value), forms: forms.collect() }
    }

    /// Returns the names of the placeholders of all forms.
    pub fn places(&self) -> BTreeSet<&str> {
        self.forms().flat_map(|(_, pattern)| pattern.places()).collect()
    }
}

impl Table {
    /// Parses a table.
    ///
    /// # Errors
    /// Fails with the first fault.
    pub fn parse(text: &str) -> Result<Table, TableFault> {
        let parsed: toml::Table =
            text.parse().map_err(|error: toml::de::Error| TableFault::NoToml(error.to_string()))?;
        let mut table = Table::default();
        table.take("", &parsed)?;
        Ok(table)
    }

    fn take(&mut self, section: &str, values: &toml::Table) -> Result<(), TableFault> {
        for (name, value) in values {
            let key = if section.is_empty() { name.clone() } else { format!("{section}.{name}") };
            match value {
                toml::Value::String(text) => {
                    let other = pattern(&key, text)?;
                    self.0.insert(key, Text { other, forms: BTreeMap::new() });
                }
                toml::Value::Table(forms) if is_plural(forms) => {
                    let text = plural(&key, forms)?;
                    self.0.insert(key, text);
                }
                toml::Value::Table(section) => self.take(&key, section)?,
                other => {
                    let why = format!("the value must be a text, not {}", other.type_str());
                    return Err(TableFault::Key { key, why });
                }
            }
        }
        Ok(())
    }

    /// Returns the text of a key.
    pub fn get(&self, key: &str) -> Option<&Text> {
        self.0.get(key)
    }

    /// Returns all keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Adds the texts of `over`. They replace texts with the same key. A text also replaces the
    /// wordings for words of the owner and for a score with a name, because these wordings belong to
    /// the replaced text.
    pub fn extend(&mut self, over: Table) {
        for key in over.keys() {
            for of_wordings in [OWN_WORDS, SCORE_NAME] {
                self.0.remove(&format!("{of_wordings}{key}"));
            }
        }
        self.0.extend(over.0);
    }

    /// Returns the texts of a site with these words of the owner. The wordings in `[own_words]` take
    /// the places of the texts that show a given word, and the section itself is left out. A word
    /// that is not given is the noun of the table. If the score has a name, the wordings in
    /// `[score_name]` take the places of the texts about scores.
    #[must_use]
    pub fn worded(self, words: &Words) -> Table {
        let (wordings, mut texts): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.0.into_iter().partition(|(key, _)| key.starts_with(OWN_WORDS));
        name_the_score(&mut texts, words.score.as_deref());
        for (name, word) in words.given() {
            texts.insert(format!("{NOUN}{name}"), Text::literal(word));
        }
        for (key, wording) in wordings {
            let key = key.strip_prefix(OWN_WORDS).unwrap_or(&key);
            let Some(values) = texts.get(key).map(Text::places) else { continue };
            if words.concern(&wording.places().difference(&values).copied().collect()) {
                let word = |place: &str| {
                    // The value of a placeholder that the text has anyway comes from the program.
                    let noun = noun_of(place).filter(|_| !values.contains(place))?;
                    let noun = texts.get(&format!("{NOUN}{noun}"))?.other.to_plain()?;
                    Some(in_text(key, &as_shown(place, &noun)))
                };
                let wording = wording.with(word);
                texts.insert(key.to_owned(), wording);
            }
        }
        Table(texts)
    }

    /// Checks that each text has only placeholders that the text of the same key in `model` has.
    /// The program and the templates give values only to the placeholders of `model`. A wording for
    /// words of the owner may also have the placeholders of the words, and a wording for a score with
    /// a name the placeholder of the name.
    ///
    /// # Errors
    /// Fails with the first text that has another placeholder.
    pub fn fits(&self, model: &Table) -> Result<(), TableFault> {
        for (key, text) in &self.0 {
            let (worded, named) = (key.strip_prefix(OWN_WORDS), key.strip_prefix(SCORE_NAME));
            let known = model.get(worded.or(named).unwrap_or(key)).map(Text::places);
            let Some(known) = known else { continue };
            let is_strange = |place: &&&str| {
                let is_word = worded.is_some() && noun_of(place).is_some();
                let is_name = named.is_some() && **place == SCORE_PLACE;
                !is_word && !is_name
            };
            if let Some(strange) = text.places().difference(&known).find(is_strange) {
                let known: Vec<_> = known.iter().map(|name| format!("{{{name}}}")).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let why = format!("{{{strange}}} gets no value; allowed placeholders: {known}");
                return Err(TableFault::Key { key: key.clone(), why });
            }
        }
        Ok(())
    }
}

/// Puts the wordings for a score with this name in the places of their texts. Without a name, the
/// wordings are left out.
fn name_the_score(texts: &mut BTreeMap<String, Text>, name: Option<&str>) {
    let is_wording = |key: &String, _: &mut Text| key.starts_with(SCORE_NAME);
    let wordings: Vec<_> = texts.extract_if(.., is_wording).collect();
    let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else { return };
    for (key, wording) in wordings {
        let key = key.strip_prefix(SCORE_NAME).unwrap_or(&key);
        if let Some(text) = texts.get_mut(key) {
            let name = |place: &str| (place == SCORE_PLACE).then(|| in_text(key, name));
            *text = wording.with(name);
        }
    }
}

/// Returns whether a TOML table has the plural forms of one text, and is not a section.
fn is_plural(forms: &toml::Table) -> bool {
    let is_category = |name: &String| CATEGORIES.iter().any(|(category, _)| category == name);
    forms.contains_key("other") || (!forms.is_empty() && forms.keys().all(is_category))
}

/// Returns a word as the text of a key has the word: in HTML, the word is escaped.
fn in_text(key: &str, word: &str) -> String {
    if !key.ends_with(HTML) {
        return word.to_owned();
    }
    let escaped = |letter: char| match letter {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#x27;".to_owned(),
        letter => letter.to_string(),
    };
    word.chars().map(escaped).collect()
}

fn plural(key: &str, values: &toml::Table) -> Result<Text, TableFault> {
    let fault = |why: String| TableFault::Key { key: key.to_owned(), why };
    let (mut forms, mut other) = (BTreeMap::new(), None);
    for (name, value) in values {
        let Some((name, _)) = CATEGORIES.iter().find(|(category, _)| category == name) else {
            let names = CATEGORIES.map(|(name, _)| name).join(", ");
            return Err(fault(format!("`{name}` is not a plural category; use one of: {names}")));
        };
        let Some(text) = value.as_str() else {
            let why = format!("the form `{name}` must be a text, not {}", value.type_str());
            return Err(fault(why));
        };
        let form = pattern(key, text)?;
        if *name == "other" {
            other = Some(form);
        } else {
            forms.insert(*name, form);
        }
    }
    let other =
        other.ok_or_else(|| fault("the form `other` is missing; add the form".to_owned()))?;
    Ok(Text { other, forms })
}

fn pattern(key: &str, text: &str) -> Result<Pattern, TableFault> {
    Pattern::parse(text).map_err(|why| TableFault::Key { key: key.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_dots_name_the_same_keys() {
        let table =
            Table::parse("a.b = \"x\"\n[c]\nd = { one = \"1\", other = \"n\" }\n[c.e]\nf = \"\"");
        let table = table.expect("a table");
        assert_eq!(table.keys().collect::<Vec<_>>(), ["a.b", "c.d", "c.e.f"]);
        let forms: Vec<_> = table.get("c.d").expect("a text").forms().map(|(of, _)| of).collect();
        assert_eq!(forms, ["one", "other"]);
    }

    #[test]
    fn an_invalid_text_is_reported_with_its_key() {
        for (text, key, part) in [
            ("[a]\nb = 1", "a.b", "not integer"),
            ("[a]\nb = { one = \"x\" }", "a.b", "`other` is missing"),
            ("[a]\nb = { other = \"x\", nine = \"y\" }", "a.b", "not a plural category"),
            ("[a]\nb = { other = 1 }", "a.b", "not integer"),
            ("a = \"{\"", "a", "not a placeholder"),
        ] {
            match Table::parse(text).expect_err(text) {
                TableFault::Key { key: of, why } => {
                    assert!(of == key && why.contains(part), "{text}: {of}: {why}");
                }
                fault @ TableFault::NoToml(_) => panic!("{text}: {fault}"),
            }
        }
        let fault = Table::parse("[a]\nb = ").expect_err("a fault").to_string();
        assert!(fault.contains("line 2"), "{fault}");
    }

    #[test]
    fn a_placeholder_without_a_value_is_reported() {
        let model = Table::parse("a = \"{count} of {all}\"\nb = \"\"").expect("a table");
        let own = |text: &str| Table::parse(text).expect("a table").fits(&model);
        assert_eq!(own("a = \"{all}\"\nc = \"{new}\""), Ok(()));
        let fault = own("a = \"{al}\"").expect_err("a fault").to_string();
        assert!(fault.contains("`a`: {al} gets no value") && fault.contains("{all}"), "{fault}");
        assert_eq!(own("[own_words]\na = \"{all} {films} {People}\""), Ok(()));
        let fault = own("[own_words]\na = \"{al}\"").expect_err("a fault").to_string();
        assert!(fault.contains("`own_words.a`: {al} gets no value"), "{fault}");
        let fault = own("a = \"{Films}\"").expect_err("a fault").to_string();
        assert!(fault.contains("{Films} gets no value"), "{fault}");
    }

    fn worded(table: &str, words: &Words) -> Table {
        Table::parse(table).expect("a table").worded(words)
    }

    fn shows() -> Words {
        Words { films: Some("<{title}s>".to_owned()), ..Words::default() }
    }

    const NOUNS: &str = "[noun]\nfilm = \"film\"\nfilms = \"films\"\nperson = \"person\"\n\
                         people = \"people\"\n";

    #[test]
    fn without_words_the_table_has_its_own_texts() {
        let table =
            format!("[nav]\nfilms = \"Films\"\n[own_words.nav]\nfilms = \"{{Films}}\"\n{NOUNS}");
        let plain = worded(&table, &Words::default());
        assert_eq!(plain.get("nav.films").expect("a text").other.to_string(), "Films");
        assert_eq!(plain.get("own_words.nav.films"), None);
    }

    #[test]
    fn a_word_is_text_in_every_form_and_a_missing_word_is_the_noun_of_the_table() {
        let table = format!(
            "[count]\nfilms = {{ one = \"1 film\", other = \"{{count}} films\" }}\n\
             see_html = \"<a>films</a>\"\npeople = \"people\"\n\
             [own_words.count]\n\
             films = {{ one = \"{{count}} {{film}}\", other = \"{{count}} {{Films}}\" }}\n\
             see_html = \"<a>{{films}}</a>\"\npeople = \"{{People}}\"\n{NOUNS}"
        );
        let table = worded(&table, &shows());
        let filled = |key: &str, at: usize| {
            let (_, form) = table.get(key).expect("a text").forms().nth(at).expect("a form");
            form.filled(|name| (name == "count").then(|| "2".to_owned())).expect("a text")
        };
        assert_eq!(filled("count.films", 0), "2 film");
        assert_eq!(filled("count.films", 1), "2 <{title}s>");
        assert_eq!(filled("count.see_html", 0), "<a>&lt;{title}s&gt;</a>");
        assert_eq!(filled("count.people", 0), "people");
        assert_eq!(filled("noun.films", 0), "<{title}s>");
        assert_eq!(table.get("count.films").expect("a text").places(), BTreeSet::from(["count"]));
    }

    #[test]
    fn a_placeholder_of_the_text_itself_keeps_its_value() {
        let table =
            "a = \"With {films}.\"\nown_words.a = \"{Films}: {films}.\"\n".to_owned() + NOUNS;
        let table = worded(&table, &shows());
        let filled = table.get("a").expect("a text").other.filled(|_| Some("Ponyo".to_owned()));
        assert_eq!(filled.as_deref(), Ok("<{title}s>: Ponyo."));
    }

    #[test]
    fn a_text_that_replaces_a_text_replaces_its_wording_too() {
        let table = || Table::parse("a = \"film\"\nown_words.a = \"{film}\"").expect("a table");
        for (over, keys) in [
            ("a = \"movie\"", &["a"][..]),
            ("a = \"movie\"\nown_words.a = \"{Film}\"", &["a", "own_words.a"]),
            ("own_words.a = \"{Film}\"", &["a", "own_words.a"]),
            ("b = \"\"", &["a", "b", "own_words.a"]),
        ] {
            let mut table = table();
            table.extend(Table::parse(over).expect("a table"));
            assert_eq!(table.keys().collect::<Vec<_>>(), keys, "{over}");
        }
    }
}
