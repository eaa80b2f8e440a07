//! What a mapping finds in a payload, field by field.
//!
//! Owns the table of `movies-gen check`: how many records have a field, an example of the value, and
//! what became of the value. Then the fields of the records that no rule reads.

use std::collections::BTreeMap;

use serde::Serialize;

use super::answered_list::{AnsweredList, answers_of};
use super::listed::RawRecord;
use super::record::{Record, id_in};
use super::{Catalogue, Film, Person};
use crate::mapping::{ListMapping, Mapping, fields};
use crate::payload::{Endpoint, Fault, Payload};
use crate::plain::clip;
use crate::raw;

/// Largest number of records that are looked up to find a value that the site shows.
const MOST_LOOKED: usize = 1_000;

/// What a mapping finds in one list.
#[derive(Debug, Serialize)]
pub struct ListCoverage {
    /// The name of the list: `films` or `people`.
    pub list: &'static str,
    /// Number of records in the answer.
    pub records: usize,
    /// The fields of the mapping.
    pub fields: Vec<FieldCoverage>,
    /// The names of fields that no rule reads, with the number of records that have the field.
    pub unread: BTreeMap<String, usize>,
}

/// What a mapping finds for one field.
#[derive(Debug, Serialize)]
pub struct FieldCoverage {
    /// The key of the mapping.
    pub field: String,
    /// Where the mapping looks for the value.
    pub expression: String,
    /// Number of records that have the value; for a field of a credit, the number of credits.
    pub found: usize,
    /// Number of records, or of credits.
    pub of: usize,
    /// An example of the value in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// What became of the example on the site; `None` if the value is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
}

/// Returns what a mapping finds in a payload. `catalogue` is the catalogue of the payload.
///
/// # Errors
/// Fails with a [`Fault`] if a body is not a list of records.
pub fn coverage(
    payload: &Payload,
    mapping: &Mapping,
    catalogue: &Catalogue,
) -> Result<Vec<ListCoverage>, Fault> {
    let of_film = |id: &str, key: &str| {
        let (_, film) = catalogue.films().find(|(_, film)| film.id == id)?;
        film.shown(key)
    };
    let mut lists = vec![of_list(Endpoint::Films, payload, &mapping.films, &of_film)?];
    if let Some(people) = &mapping.people {
        let of_person = |id: &str, key: &str| {
            let (_, person) = catalogue.people().find(|(_, person)| person.id == id)?;
            person.shown(key)
        };
        lists.push(of_list(Endpoint::People, payload, people, &of_person)?);
    }
    Ok(lists)
}

fn of_list(
    endpoint: Endpoint,
    payload: &Payload,
    list: &ListMapping,
    shown: &dyn Fn(&str, &str) -> Option<String>,
) -> Result<ListCoverage, Fault> {
    let texts = answers_of(endpoint, payload, list)?;
    let records = AnsweredList::of(endpoint, &texts, list, usize::MAX)?.records;
    let mut found: Vec<FieldCoverage> =
        list.places().map(|(field, expression)| FieldCoverage::of(field, expression)).collect();
    let mut credits = list.credits_place().map(|place| FieldCoverage::of("credits", place));
    let mut kept: Vec<FieldCoverage> =
        list.kept_places().map(|place| FieldCoverage::of("keep", place)).collect();
    let mut of_credits: Vec<FieldCoverage> = list
        .credit_places()
        .map(|(field, expression)| FieldCoverage::of(&format!("credits.{field}"), expression))
        .collect();
    let read = list.names_read();
    let mut unread: BTreeMap<String, usize> = BTreeMap::new();
    let mut looked = 0;
    for record in &records {
        for (name, value) in fields(record.text) {
            if value != "null" && !read.contains(name.as_str()) {
                *unread.entry(clip(&name)).or_default() += 1;
            }
        }
        let Ok(mut mapped) = list.apply(record.text) else { continue };
        let id = id_of(record, list);
        for field in &mut found {
            let Some((_, Ok(value))) = mapped.take(&field.field) else { continue };
            field.found += 1;
            if field.example.is_none() || field.shown.is_none() {
                // References become pairs, which no single field shows.
                let is_value = !matches!(field.field.as_str(), "people" | "films");
                let id = id.as_deref().filter(|_| is_value && looked < MOST_LOOKED);
                looked += usize::from(id.is_some());
                field.shown = id.and_then(|id| shown(id, &field.field));
                field.example = Some(brief(&value));
            }
        }
        for (field, value) in kept.iter_mut().zip(mapped.kept_values()) {
            let Some(value) = value.filter(|value| *value != "null") else { continue };
            field.found += 1;
            field.example.get_or_insert_with(|| brief(value));
            field.shown = field.example.clone();
        }
        if let (Some(Ok(value)), Some(field)) = (mapped.take_credits(), &mut credits) {
            let mut count = 0;
            raw::each_item(&value, |item| {
                count += 1;
                note_credit(item, list, &mut of_credits);
            });
            field.found += usize::from(count > 0);
            if field.shown.is_none() && count > 0 {
                field.shown = id.as_deref().and_then(|id| shown(id, "credits"));
                field.example = Some(brief(&value));
            }
        }
    }
    found.extend(credits);
    kept.iter_mut().chain(&mut found).for_each(|field| field.of = records.len());
    found.extend(of_credits);
    found.extend(kept);
    Ok(ListCoverage { list: endpoint.segment(), records: records.len(), fields: found, unread })
}

impl FieldCoverage {
    fn of(field: &str, expression: &str) -> FieldCoverage {
        let (field, expression) = (field.to_owned(), expression.to_owned());
        FieldCoverage { field, expression, found: 0, of: 0, example: None, shown: None }
    }
}

/// Notes the values in one credit.
fn note_credit(raw: &str, list: &ListMapping, fields: &mut [FieldCoverage]) {
    let mut mapped = list.apply_to_credit(raw).ok();
    for field in fields {
        field.of += 1;
        let key = field.field.strip_prefix("credits.").unwrap_or_default();
        let Some((_, Ok(value))) = mapped.as_mut().and_then(|mapped| mapped.take(key)) else {
            continue;
        };
        field.found += 1;
        if field.example.is_none() {
            field.example = Some(brief(&value));
            field.shown = raw::text(&value).ok().flatten().map(|text| clip(&text));
        }
    }
}

/// Returns the start of a value in one line.
fn brief(raw: &str) -> String {
    let words: Vec<&str> = raw.split_whitespace().take(60).collect();
    clip(&words.join(" "))
}

fn id_of(record: &RawRecord<'_>, list: &ListMapping) -> Option<String> {
    let mut record = Record::of(list.apply(record.text).ok()?);
    record.id().ok().map(id_in)
}

impl Film {
    /// Returns what the site shows of a field of the mapping.
    fn shown(&self, key: &str) -> Option<String> {
        let number = |number: Option<u32>| number.map(|number| number.to_string());
        match key {
            "id" => Some(self.id.clone()),
            "title" => Some(self.title.clone()),
            "original_title" => self.original_title.clone(),
            "original_title_romanised" => self.original_title_romanised.clone(),
            "original_language" => self.original_language.clone(),
            "image" => self.image.clone(),
            "movie_banner" => self.movie_banner.clone(),
            "description" => self.description.as_deref().map(clip),
            "director" => self.director.clone(),
            "producer" => self.producer.clone(),
            "release_date" => self.release_date.clone(),
            "running_time" => number(self.running_time).map(|minutes| format!("{minutes} min")),
            "score" => number(self.rt_score).map(|score| format!("{score} of 100")),
            "credits" => {
                (!self.credits.is_empty()).then(|| format!("{} people", self.credits.len()))
            }
            _ => None,
        }
    }
}

impl Person {
    /// Returns what the site shows of a field of the mapping.
    fn shown(&self, key: &str) -> Option<String> {
        match key {
            "id" => Some(self.id.clone()),
            "name" => Some(self.name.clone()),
            "gender" => self.gender.clone(),
            "age" => self.age.clone(),
            "eye_color" => self.eye_color.clone(),
            "hair_color" => self.hair_color.clone(),
            "image" => self.image.clone(),
            _ => None,
        }
    }
}
