//! The last changes, as pages and feeds show them.
//!
//! Owns the order of the last changes of the ledger, and the names of their fields for templates.
//! `/changes/`, the pages of films and the feeds all show the same changes. Times are origin times.
//! The first payload is not a change, so its time is shown nowhere.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::paths::{film_path, person_path};
use super::view::Views;
use crate::changes::{FieldChange, Kind, MOST_FIELDS, What};
use crate::ledger::{Dated, Ledger};
use crate::texts::upper_first;

/// Largest number of changes on the page of a film.
const MOST_OF_A_FILM: usize = 20;

/// The last changes, newest first.
pub(super) struct ChangeList<'a> {
    changes: Vec<&'a Dated>,
    /// Indexes of the changes of each film, by the id of the film.
    films: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> ChangeList<'a> {
    pub(super) fn of(ledger: &'a Ledger) -> ChangeList<'a> {
        let mut changes: Vec<&Dated> = ledger.changes.iter().collect();
        changes.sort_by_key(|dated| {
            let Dated { at, change } = dated;
            (Reverse(*at), change.kind, rank(&change.what), change.id.as_str())
        });
        let mut films: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, dated) in changes.iter().enumerate() {
            if dated.change.kind == Kind::Film {
                films.entry(&dated.change.id).or_default().push(place);
            }
        }
        ChangeList { changes, films }
    }

    /// Returns all changes.
    pub(super) fn all(&self) -> &[&'a Dated] {
        &self.changes
    }

    /// Returns the last changes of one film, newest first.
    pub(super) fn of_film(&self, id: &str) -> impl Iterator<Item = &'a Dated> {
        let places = self.films.get(id).map_or(&[][..], Vec::as_slice);
        places.iter().take(MOST_OF_A_FILM).map(|&place| self.changes[place])
    }
}

/// Returns the rank of a change among changes of the same time: new records come first.
fn rank(what: &What) -> u8 {
    match what {
        What::Added => 0,
        What::Changed(_) => 1,
        What::Removed => 2,
    }
}

/// A day, with the changes of the day.
#[derive(Debug, Serialize)]
pub(super) struct DayView<'a> {
    /// `YYYY-MM-DD`, in UTC.
    day: String,
    changes: Vec<ChangeView<'a>>,
}

/// A change of one record.
#[derive(Debug, Serialize)]
pub(super) struct ChangeView<'a> {
    /// `film` or `person`.
    kind: Kind,
    /// `added`, `changed` or `removed`.
    what: &'static str,
    /// Title or name of the record at the time of the change.
    title: &'a str,
    /// Address of the page of the record; `None` if the record was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Origin time (RFC 3339).
    at: String,
    fields: Vec<FieldView<'a>>,
    /// Number of further fields that changed and are not in `fields`.
    more_fields: usize,
}

/// The change of one field.
#[derive(Debug, Serialize)]
pub(super) struct FieldView<'a> {
    /// Name of the field in the data of the upstream.
    pub(super) field: &'a str,
    /// Name of the field for readers.
    pub(super) label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) old: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) new: Option<&'a str>,
}

impl<'a> Views<'a> {
    /// Groups changes by day. The changes must be sorted newest first.
    pub(super) fn days(self, changes: &[&'a Dated]) -> Vec<DayView<'a>> {
        let on_one_day = |one: &&Dated, other: &&Dated| one.at.day() == other.at.day();
        let day = |changes: &[&'a Dated]| DayView {
            day: changes[0].at.day(),
            changes: changes.iter().map(|dated| self.change(dated)).collect(),
        };
        changes.chunk_by(on_one_day).map(day).collect()
    }

    pub(super) fn change(self, dated: &'a Dated) -> ChangeView<'a> {
        let change = &dated.change;
        let fields = fields(&change.what);
        ChangeView {
            kind: change.kind,
            what: word(&change.what),
            title: &change.title,
            url: self.page_of(dated).map(|path| self.site.link(&path)),
            at: dated.at.rfc3339(),
            fields: fields.iter().take(MOST_FIELDS).map(|change| self.field(change)).collect(),
            more_fields: fields.len().saturating_sub(MOST_FIELDS) + change.more as usize,
        }
    }

    pub(super) fn field(self, change: &'a FieldChange) -> FieldView<'a> {
        let FieldChange { field, of: _, old, new } = change;
        let name = self.field_text(change).map(|name| upper_first(&name));
        let label = name.unwrap_or_else(|| plain(field));
        FieldView { field, label, old: old.as_deref(), new: new.as_deref() }
    }

    /// Returns the name of a field for readers, in the form for a sentence.
    pub(super) fn field_name(self, change: &FieldChange) -> String {
        self.field_text(change).unwrap_or_else(|| plain(&change.field))
    }

    /// Returns the text for the name of a field, with the person whose field it is: "role of Ida".
    /// Returns `None` for a field that only the data has.
    fn field_text(self, change: &FieldChange) -> Option<String> {
        let FieldChange { field, of, .. } = change;
        if let Some(name) = of {
            let key = format!("field.{field}_of");
            return self.texts.has(&key).then(|| self.texts.say(&key, &[("name", name)]));
        }
        let key = format!("field.{field}");
        self.texts.has(&key).then(|| self.texts.say(&key, &[]))
    }

    /// Returns the path of the page of the record that changed. Returns `None` if the record was
    /// removed.
    pub(super) fn page_of(self, dated: &Dated) -> Option<String> {
        let kind = dated.change.kind;
        let entry = self.ledger.entries(kind).get(&dated.change.id).filter(|entry| !entry.gone)?;
        Some(match kind {
            Kind::Film => film_path(&entry.slug),
            Kind::Person => person_path(&entry.slug),
        })
    }
}

pub(super) fn word(what: &What) -> &'static str {
    match what {
        What::Added => "added",
        What::Changed(_) => "changed",
        What::Removed => "removed",
    }
}

fn fields(what: &What) -> &[FieldChange] {
    match what {
        What::Changed(fields) => fields,
        What::Added | What::Removed => &[],
    }
}

/// Returns the name of a field that has no text.
fn plain(field: &str) -> String {
    field.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::changes::between;
    use crate::clock::WallTime;

    const DAY: u64 = 86_400_000_000;

    fn grown(steps: &[(&[(&str, &str)], u64)]) -> Ledger {
        let mut known = Catalogue::of_people(&[]);
        let mut ledger = Ledger::baseline(&known, WallTime(0));
        for &(people, at) in steps {
            let next = Catalogue::of_people(people);
            ledger = ledger.advanced(&between(&known, &next), &next, WallTime(at));
            known = next;
        }
        ledger
    }

    #[test]
    fn changes_are_sorted_newest_first_and_new_records_first_at_the_same_time() {
        let ledger = grown(&[
            (&[("1", "Sen"), ("2", "Lin")], DAY),
            (&[("1", "Chihiro"), ("3", "Haku")], 2 * DAY),
        ]);
        let news = ChangeList::of(&ledger);
        let told = news.all().iter().map(|dated| (word(&dated.change.what), &*dated.change.title));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("added", "Haku"),
                ("changed", "Chihiro"),
                ("removed", "Lin"),
                ("added", "Sen"),
                ("added", "Lin")
            ]
        );
    }

    #[test]
    fn the_label_of_an_unknown_field_is_its_name_without_underscores() {
        let (site, catalogue) = (crate::pages::tests::site(None), Catalogue::default());
        let ledger = Ledger::baseline(&catalogue, WallTime(0));
        let theme = crate::theme::Theme::load(None).expect("a theme");
        let label = |field: &str| {
            let change = FieldChange { field: field.into(), of: None, old: None, new: None };
            let records = crate::pages::Records::of(&catalogue, &ledger);
            let plan = crate::pages::Plan::new(&site, &records, &theme);
            plan.contents.views.field(&change).label
        };
        assert_eq!(label("rt_score"), "Score");
        assert_eq!(label("award_of_the_year"), "award of the year");
    }
}
