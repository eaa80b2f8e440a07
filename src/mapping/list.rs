//! What a mapping says about one list: where its records are, and where the fields of a record are.
//!
//! Owns the keys of `[films]` and `[people]`.

use xxhash_rust::xxh3::xxh3_64;

use super::expression::Expression;
use super::fault::MappingFault;
use super::format::Format;
use super::kept::KeptField;
use super::list_path::ListPath;
use super::node::MappingNode;
use super::records::RecordsPlace;
use super::rule::{FieldKind, Whence, expression, rules, table};
use super::rule_set::RuleSet;
use super::section::MappingTable;

/// The fields of a film.
pub(super) const OF_A_FILM: &[(&str, FieldKind)] = &[
    ("id", FieldKind::Plain),
    ("title", FieldKind::Text),
    ("original_title", FieldKind::Text),
    ("original_title_romanised", FieldKind::Text),
    ("original_language", FieldKind::Plain),
    ("image", FieldKind::Picture),
    ("movie_banner", FieldKind::Picture),
    ("description", FieldKind::Text),
    ("director", FieldKind::Names),
    ("producer", FieldKind::Names),
    ("release_date", FieldKind::Text),
    ("running_time", FieldKind::Length),
    ("score", FieldKind::Score),
    ("people", FieldKind::Plain),
];

/// The fields of a person.
pub(super) const OF_A_PERSON: &[(&str, FieldKind)] = &[
    ("id", FieldKind::Plain),
    ("name", FieldKind::Text),
    ("gender", FieldKind::Text),
    ("age", FieldKind::Text),
    ("eye_color", FieldKind::Text),
    ("hair_color", FieldKind::Text),
    ("image", FieldKind::Picture),
    ("films", FieldKind::Plain),
];

/// The fields of a credit.
const OF_A_CREDIT: &[(&str, FieldKind)] = &[
    ("id", FieldKind::Plain),
    ("name", FieldKind::Text),
    ("role", FieldKind::Text),
    ("image", FieldKind::Picture),
];

/// What a mapping says about one list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListMapping {
    /// Path and query of the list under the upstream.
    pub get: ListPath,
    /// The format of the answer.
    pub(crate) format: Format,
    /// Where the records are in the answer.
    pub(crate) records: RecordsPlace,
    pub(super) fields: RuleSet,
    pub(super) credits: Option<Credits>,
    /// Whether the owner names further fields. No record needs to have those of a built-in mapping.
    pub(super) is_keep_own: bool,
    /// Changes with every part of the mapping of the list.
    digest: u64,
}

/// What a mapping says about the people in the record of a film.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Credits {
    pub(super) at: Expression,
    /// The fields of one credit.
    pub(super) fields: RuleSet,
    /// Whether the credits stem from a built-in mapping. No record needs to have credits.
    pub(super) is_built_in: bool,
}

impl ListMapping {
    /// Reads `[films]` or `[people]`.
    pub(super) fn read(
        name: &'static str,
        node: &MappingNode,
        keys: &[(&'static str, FieldKind)],
        title: &'static str,
    ) -> Result<ListMapping, MappingFault> {
        let mut section = MappingTable::of(name, table(node, name)?);
        let get = section.text("get")?;
        let records = section.take("records").map(RecordsPlace::read).transpose()?;
        let records = records.unwrap_or_default();
        let later = ["pages", "detail"].map(|later| (later, section.refused(later)));
        let rules = rules(&mut section, keys)?;
        let keep = section.take("keep");
        let is_keep_own = keep.is_some_and(|node| !node.spot.file.is_built_in);
        let keep = keep.map(KeptField::read_all).transpose()?.unwrap_or_default();
        let credits = match name {
            "films" => section.take("credits").map(Credits::read).transpose()?,
            _ => None,
        };
        // A key that is misspelt explains a key that is missing.
        section.end()?;
        if let Some((later, Some(node))) = later.iter().find(|(_, node)| node.is_some()) {
            return Err(node.spot.fault(format!(
                "`{later}` is not supported by this version of movies-gen; ask for the whole list \
                 with one request"
            )));
        }
        let Some((at, get)) = get else {
            return Err(node.spot.fault(format!(
                "[{name}] has no `get`; add `get = \"/{name}\"` with the path of the list"
            )));
        };
        if !get.starts_with('/') && get.contains(':') {
            return Err(at.spot.fault(
                "`get` must be a path under the upstream, such as /films; write scheme and host \
                 into `upstream`",
            ));
        }
        for needed in ["id", title] {
            if !rules.iter().any(|rule| rule.key == needed) {
                return Err(node.spot.fault(format!(
                    "[{name}] has no `{needed}`; add `{needed} = \"…\"` with the name of the field \
                     in a record"
                )));
            }
        }
        let (get, fields) = (ListPath::of(get), RuleSet::of(rules, keep));
        let format = Format::Json;
        let digest = 0;
        Ok(ListMapping { get, format, records, fields, credits, is_keep_own, digest }.sealed())
    }

    fn sealed(mut self) -> ListMapping {
        self.digest = 0;
        self.digest = xxh3_64(format!("{self:?}").as_bytes());
        self
    }

    /// Puts the base address of the upstream into the addresses of pictures.
    pub(super) fn with_api(mut self, base: &str) -> ListMapping {
        let credits = self.credits.iter_mut().flat_map(|credits| &mut credits.fields.rules);
        for rule in self.fields.rules.iter_mut().chain(credits) {
            if let Whence::Text(parts) = &mut rule.found {
                parts.put_api(base);
            }
        }
        self.sealed()
    }

    /// Whether a picture has the address of the upstream.
    pub(super) fn needs_api(&self) -> bool {
        let credits = self.credits.iter().flat_map(|credits| &credits.fields.rules);
        let mut rules = self.fields.rules.iter().chain(credits);
        rules.any(|rule| matches!(&rule.found, Whence::Text(parts) if parts.needs_api()))
    }

    /// Returns a hash that changes with every part of the mapping of the list.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Returns the fields of the mapping: the key, and where the value is.
    pub fn places(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.fields.rules.iter().map(|rule| (rule.key, rule.place()))
    }

    /// Reads the answer in the format that the suffix of the file says.
    pub(super) fn with_file(mut self) -> Result<ListMapping, String> {
        self.format = Format::of(self.get.as_str()).ok_or_else(|| self.get.as_str().to_owned())?;
        Ok(self.sealed())
    }

    /// Returns where the list of credits is.
    pub fn credits_place(&self) -> Option<&str> {
        self.credits.as_ref().map(|credits| credits.at.as_str())
    }

    /// Whether films have their people in their own records.
    pub fn has_credits(&self) -> bool {
        self.credits.is_some()
    }
}

impl Credits {
    fn read(node: &MappingNode) -> Result<Credits, MappingFault> {
        let mut section = MappingTable::of("credits", table(node, "credits")?);
        let at = section.take("at").map(expression).transpose()?.ok_or_else(|| {
            node.spot
                .fault("`credits` has no `at`; add `credits.at = \"…\"` with the list of people")
        })?;
        let fields = rules(&mut section, OF_A_CREDIT)?;
        if !fields.iter().any(|rule| matches!(rule.key, "id" | "name")) {
            return Err(node.spot.fault(
                "`credits` has neither `id` nor `name`; add one of them with the name of the \
                 field in a credit",
            ));
        }
        section.end()?;
        let is_built_in = node.spot.file.is_built_in;
        Ok(Credits { at, fields: RuleSet::of(fields, Vec::new()), is_built_in })
    }
}
