//! One table of texts: the content of a file `texts/<language>.toml`.
//!
//! Owns the form of this file. Sections only group keys: `films` in `[nav]` is `nav.films`. A text
//! is a string, or a table with one string for each plural category (CLDR). The category `other` is
//! required.

use std::collections::{BTreeMap, BTreeSet};

use icu_plurals::PluralCategory;

use super::pattern::Pattern;

/// Plural categories by their CLDR names.
const CATEGORIES: [(&str, PluralCategory); 6] = [
    ("zero", PluralCategory::Zero),
    ("one", PluralCategory::One),
    ("two", PluralCategory::Two),
    ("few", PluralCategory::Few),
    ("many", PluralCategory::Many),
    ("other", PluralCategory::Other),
];

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

    /// Adds the texts of `over`. They replace texts with the same key.
    pub fn extend(&mut self, over: Table) {
        self.0.extend(over.0);
    }

    /// Checks that each text has only placeholders that the text of the same key in `model` has.
    /// The program and the templates give values only to the placeholders of `model`.
    ///
    /// # Errors
    /// Fails with the first text that has another placeholder.
    pub fn fits(&self, model: &Table) -> Result<(), TableFault> {
        for (key, text) in &self.0 {
            let Some(known) = model.get(key).map(Text::places) else { continue };
            if let Some(strange) = text.places().difference(&known).next() {
                let known: Vec<_> = known.iter().map(|name| format!("{{{name}}}")).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let why = format!("{{{strange}}} gets no value; allowed placeholders: {known}");
                return Err(TableFault::Key { key: key.clone(), why });
            }
        }
        Ok(())
    }
}

/// Returns whether a TOML table has the plural forms of one text, and is not a section.
fn is_plural(forms: &toml::Table) -> bool {
    let is_category = |name: &String| CATEGORIES.iter().any(|(category, _)| category == name);
    forms.contains_key("other") || (!forms.is_empty() && forms.keys().all(is_category))
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
    }
}
