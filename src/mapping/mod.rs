//! How the answers of an API become films and people.
//!
//! Owns the mapping file. An expression (JMESPath) says where a value is, and a few keys say what
//! the value is. A field that is not mapped is not known, even if a record has a field of that
//! name: records of media servers have paths of files and data about users. This module exists so
//! that no other module knows the name or the fields of an API. This module must not do I/O, and
//! must not judge values: the catalogue judges them.
//!
//! 1. A file is parsed to values with their places ([`node`]). One file may lie over another.
//! 2. The values are read to rules ([`list`], [`rule`], [`api`]). A mistake is a [`MappingFault`]
//!    with its place.
//! 3. [`ListMapping::records`] finds the records in an answer, and [`ListMapping::apply`] finds the
//!    values in one record.

mod api;
mod built_in;
mod draft;
mod expression;
mod fault;
mod format;
mod found;
mod kept;
mod list;
mod list_path;
mod mapped;
mod names;
mod node;
mod records;
mod rule;
mod rule_set;
mod section;
mod text_parts;
mod unmatched;

use std::path::{Path, PathBuf};

pub use api::{Api, HeaderText, MappedUpstream, SecretPlace};
pub use built_in::{DEFAULT, built_in, built_in_names};
pub use draft::{DraftSource, draft};
pub use fault::MappingFault;
pub use format::Format;
pub(crate) use found::FoundFields;
pub use list::ListMapping;
use list::{OF_A_FILM, OF_A_PERSON};
pub use list_path::ListPath;
pub use mapped::Mapped;
use node::{Entries, NodeValue, laid_over, parsed};
pub(crate) use records::{fields, further_records};
pub(crate) use rule::{LengthUnit, Rule};
use section::MappingTable;
pub(crate) use unmatched::Unmatched;

use crate::payload::Requests;
use crate::texts::Words;

/// Top-level keys of a mapping.
pub const TOP_KEYS: [&str; 5] = ["attribution", "words", "api", "films", "people"];

/// Longest attribution in characters.
const LONGEST_ATTRIBUTION: usize = 1_000;
/// Longest word for a film or a person in characters.
const LONGEST_WORD: usize = 60;

/// How the answers of an API become films and people.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// Text for the footer of every page, with links in Markdown.
    pub attribution: Option<String>,
    /// What the site calls films and people.
    pub words: Words,
    /// How to ask the upstream.
    pub api: Api,
    /// The list of films.
    pub films: ListMapping,
    /// The list of people; `None` if people come from the records of films alone.
    pub people: Option<ListMapping>,
}

/// The text of a mapping, with its name for messages.
#[derive(Debug, Clone, Copy)]
pub struct MappingFile<'t> {
    /// The name of the file.
    pub name: &'t str,
    /// The content of the file.
    pub text: &'t str,
}

impl Mapping {
    /// Reads a mapping. The keys of `over`, which may have other keys than a mapping, lie over the
    /// keys of `base`, which is a file or the name of a built-in mapping.
    ///
    /// # Errors
    /// Fails with the first fault of the files.
    pub fn read(
        base: Option<Base<'_>>,
        over: Option<MappingFile<'_>>,
    ) -> Result<Mapping, MappingFault> {
        let mut top = match base {
            Some(Base::BuiltIn(name)) => {
                let text = built_in(name).unwrap_or_default();
                entries(&format!("the built-in mapping {name}"), text, true)?
            }
            Some(Base::File(file)) => entries(file.name, file.text, false)?,
            None => Entries::new(),
        };
        if let Some(over) = over {
            let mut over = entries(over.name, over.text, false)?;
            over.retain(|key, _| TOP_KEYS.contains(&key.as_str()));
            top = laid_over(top, over);
        }
        let name = over.map_or("", |file| file.name);
        let whole = match base {
            Some(Base::File(file)) => file,
            _ => MappingFile { name, text: "" },
        };
        let spot = parsed(whole.name, whole.text, false)?.spot.from(0);
        let mut section = MappingTable::of("", &top);
        let attribution = section.text("attribution")?;
        if let Some((node, text)) = attribution
            && text.chars().count() > LONGEST_ATTRIBUTION
        {
            let why = format!("`attribution` has more than {LONGEST_ATTRIBUTION} characters");
            return Err(node.spot.fault(why));
        }
        let attribution = attribution.map(|(_, text)| text.to_owned());
        let words = section.take("words").map(words).transpose()?.unwrap_or_default();
        let films = section.take("films");
        let films = films.ok_or_else(|| {
            spot.fault("the mapping has no [films]; add the table with `get`, `id` and `title`")
        })?;
        let films = ListMapping::read("films", films, OF_A_FILM, "title")?;
        let people = section.take("people");
        let people = people.map(|people| ListMapping::read("people", people, OF_A_PERSON, "name"));
        let people = people.transpose()?;
        let lists = 1 + u64::from(people.is_some());
        let api = section.take("api").map(|node| Api::read(node, lists)).transpose()?;
        section.end()?;
        Ok(Mapping { attribution, words, api: api.unwrap_or_default(), films, people })
    }

    /// Returns the default mapping.
    pub fn default_mapping() -> Mapping {
        // The tests read every built-in mapping.
        #[expect(clippy::expect_used, reason = "a part of the program, which the tests read")]
        Mapping::read(Some(Base::BuiltIn(DEFAULT)), None).expect("the default mapping")
    }

    /// Returns the mapping for an upstream with this base address.
    pub fn with_api(self, base: &str) -> Mapping {
        let films = self.films.with_api(base);
        let people = self.people.map(|people| people.with_api(base));
        Mapping { films, people, ..self }
    }

    /// Returns the mapping with another number of records to ask for; 0 asks for all records.
    pub fn with_limit(mut self, limit: u32) -> Mapping {
        for list in [Some(&mut self.films), self.people.as_mut()].into_iter().flatten() {
            list.get = list.get.with_limit(limit);
        }
        self
    }

    /// Returns the paths of the files with films and people, for an upstream of local files.
    pub fn files_in(&self, directory: &Path) -> [Option<PathBuf>; 2] {
        let path = |list: &ListMapping| directory.join(list.get.as_str().trim_start_matches('/'));
        [Some(path(&self.films)), self.people.as_ref().map(path)]
    }

    /// Returns the mapping for an upstream of local files, whose suffixes say the format.
    ///
    /// # Errors
    /// Returns the name of a file whose suffix is not known.
    pub fn with_files(self) -> Result<Mapping, String> {
        let films = self.films.with_file()?;
        let people = self.people.map(ListMapping::with_file).transpose()?;
        Ok(Mapping { films, people, ..self })
    }

    /// Whether the address of a picture begins with the address of the upstream.
    pub fn needs_api(&self) -> bool {
        self.films.needs_api() || self.people.as_ref().is_some_and(ListMapping::needs_api)
    }

    /// Returns the name of the score of a film, if the owner gives one.
    pub fn score_name(&self) -> Option<&str> {
        self.films.fields.rules.iter().find_map(|rule| rule.name.as_deref())
    }

    /// Whether the mapping names people: in a list, or in the records of films.
    pub fn names_people(&self) -> bool {
        self.people.is_some() || self.films.has_credits()
    }

    /// Returns the first request of each list.
    pub fn requests(&self) -> Requests {
        let people = self.people.as_ref().map(|people| people.get.request());
        Requests { films: self.films.get.request(), people }
    }

    /// Returns a hash that changes with every part that decides how records are read.
    pub fn digest(&self) -> u64 {
        let people = self.people.as_ref().map_or(0, ListMapping::digest);
        self.films.digest() ^ people.rotate_left(1)
    }
}

/// The mapping that lies below the tables of the configuration file.
#[derive(Debug, Clone, Copy)]
pub enum Base<'t> {
    /// The name of a built-in mapping.
    BuiltIn(&'t str),
    /// A file.
    File(MappingFile<'t>),
}

fn entries(name: &str, text: &str, is_built_in: bool) -> Result<Entries, MappingFault> {
    match parsed(name, text, is_built_in)?.value {
        NodeValue::Table(entries) => Ok(entries),
        _ => Ok(Entries::new()),
    }
}

/// Reads what the site calls films and people.
fn words(node: &node::MappingNode) -> Result<Words, MappingFault> {
    let mut section = MappingTable::of("words", rule::table(node, "words")?);
    let mut word = |key| match section.text(key)? {
        Some((node, text)) => {
            let word = crate::plain::cleaned(text).trim().to_owned();
            if word.is_empty() || word.chars().count() > LONGEST_WORD {
                let why = format!("`{key}` must have 1 to {LONGEST_WORD} characters");
                return Err(node.spot.fault(why));
            }
            Ok(Some(word))
        }
        None => Ok(None),
    };
    let words = Words {
        film: word("film")?,
        films: word("films")?,
        person: word("person")?,
        people: word("people")?,
        score: None,
    };
    section.end()?;
    Ok(words)
}

#[cfg(test)]
mod tests;
