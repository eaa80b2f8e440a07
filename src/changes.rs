//! The differences between two catalogues.
//!
//! Owns the comparison, record by record and by id, so that the ledger, the feeds and open pages
//! report the same changes. This module must not know when a change happened: the ledger does.

mod value;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::catalogue::{Catalogue, Credit, Extra, Film, FilmIndex, Person, PersonIndex, Touched};
use value::{shown, without_query};

/// The kind of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A film.
    Film,
    /// A person.
    Person,
}

/// The change of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The kind of the record.
    pub kind: Kind,
    /// The id of the record.
    pub id: String,
    /// The title or name of the record; of a removed record, the last one.
    pub title: String,
    /// What happened to the record.
    pub what: What,
    /// Number of changed fields that are not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What happened to a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The record is new.
    Added,
    /// The record is gone.
    Removed,
    /// Fields of the record changed.
    Changed(Vec<FieldChange>),
}

/// The change of one field. Values are text for people, cut to [`LONGEST_VALUE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The name of the field in the data of the API.
    pub field: String,
    /// The name of the person of the film whose field changed; `None` for a field of the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The value before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The value now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// Longest value in a change, in characters: enough for any title. The bound keeps the ledger
/// small, whatever the length of a description is.
pub const LONGEST_VALUE: usize = 300;
/// Longest name of a field in a change, in characters.
pub const LONGEST_NAME: usize = 100;
/// Largest number of fields in a change: as many as a page shows of one change.
pub const MOST_FIELDS: usize = 20;
/// Bytes of names and values in all changes of one comparison, far more than a ledger keeps. Of
/// further records, only the number of changed fields is kept.
const MOST_BYTES: usize = 4 << 20;

/// Names of fields by kind of record.
pub type Fields = BTreeMap<Kind, BTreeSet<String>>;

/// Largest number of names of fields of one kind.
const MOST_NAMES: usize = 1_000;

/// The result of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// The changes: films first, each kind by id.
    pub changes: Vec<Change>,
    /// The fields that changed in any record, including ignored fields.
    pub fields: Fields,
}

/// Returns the changes from `old` to `new`: films first, each kind by id.
pub fn between(old: &Catalogue, new: &Catalogue) -> Vec<Change> {
    compared(old, new, &|_, _| false).changes
}

/// As [`between`], but a change of an ignored field makes no change of the record.
pub fn compared(
    old: &Catalogue,
    new: &Catalogue,
    is_ignored: &dyn Fn(Kind, &str) -> bool,
) -> Compared {
    let mut changes = Vec::new();
    let mut names = Fields::new();
    let mut room = Room { bytes: MOST_BYTES, names: &mut names, is_ignored };
    let Touched { films, people } = Touched::between(old, new);
    let of_films = |of: &'_ [FilmIndex], catalogue| {
        let film = |&index| (index, Catalogue::film(catalogue, index));
        of.iter().map(film).map(|(index, film)| (&*film.id, (index, film))).collect()
    };
    let of_people = |of: &'_ [PersonIndex], catalogue| {
        let person = |&index| Catalogue::person(catalogue, index);
        of.iter().map(person).map(|person| (&*person.id, person)).collect()
    };
    compare(
        Kind::Film,
        [of_films(&films.before, old), of_films(&films.now, new)],
        |(_, film)| &film.title,
        |film, other, fields| film_fields(*film, old, *other, new, fields),
        &mut room,
        &mut changes,
    );
    compare(
        Kind::Person,
        [of_people(&people.before, old), of_people(&people.now, new)],
        |person| &person.name,
        |person, other, fields| person_fields(person, other, fields),
        &mut room,
        &mut changes,
    );
    Compared { changes, fields: names }
}

/// The room of one comparison for all records.
struct Room<'a> {
    /// Bytes of names and values that may still be added.
    bytes: usize,
    /// Names of the fields that changed.
    names: &'a mut Fields,
    is_ignored: &'a dyn Fn(Kind, &str) -> bool,
}

fn compare<'a, T>(
    kind: Kind,
    [old, new]: [BTreeMap<&'a str, T>; 2],
    title: impl Fn(&T) -> &'a str,
    fields: impl Fn(&T, &T, &mut Differing<'_, '_>),
    room: &mut Room<'_>,
    changes: &mut Vec<Change>,
) {
    let change = |id: &str, record: &T, what| Change {
        kind,
        id: id.to_owned(),
        title: cut(title(record)),
        what,
        more: 0,
    };
    for (id, record) in &new {
        match old.get(id) {
            None => changes.push(change(id, record, What::Added)),
            Some(before) => {
                let mut found = Differing { kind, kept: Vec::new(), more: 0, room: &mut *room };
                fields(before, record, &mut found);
                let Differing { kept, more, .. } = found;
                if !kept.is_empty() || more > 0 {
                    changes.push(Change { more, ..change(id, record, What::Changed(kept)) });
                }
            }
        }
    }
    for (id, record) in &old {
        if !new.contains_key(id) {
            changes.push(change(id, record, What::Removed));
        }
    }
}

/// Joins the changes of two successive steps into the changes of one step.
pub fn joined(before: Vec<Change>, then: Vec<Change>) -> Vec<Change> {
    if before.is_empty() {
        return then;
    }
    let key = |change: &Change| (change.kind, change.id.clone());
    let mut all: BTreeMap<_, _> = before.into_iter().map(|change| (key(&change), change)).collect();
    for mut change in then {
        let key = key(&change);
        change.what = match (all.remove(&key).map(|before| before.what), change.what) {
            (Some(What::Added), What::Removed) => continue,
            (Some(What::Added), _) => What::Added,
            // The fields of the record before its removal are no longer known.
            (Some(What::Removed), What::Added) => What::Changed(Vec::new()),
            (_, what) => what,
        };
        all.insert(key, change);
    }
    all.into_values().collect()
}

/// Reads an optional text field of a record.
type Optional<T> = fn(&T) -> Option<&str>;

fn film_fields(
    (old_index, old): (FilmIndex, &Film),
    before: &Catalogue,
    (new_index, new): (FilmIndex, &Film),
    after: &Catalogue,
    fields: &mut Differing<'_, '_>,
) {
    fields.text("title", Some(&old.title), Some(&new.title));
    let optional: [(&str, Optional<Film>); 9] = [
        ("original_title", |film| film.original_title.as_deref()),
        ("original_title_romanised", |film| film.original_title_romanised.as_deref()),
        ("original_language", |film| film.original_language.as_deref()),
        ("image", |film| film.image.as_deref().map(without_query)),
        ("movie_banner", |film| film.movie_banner.as_deref().map(without_query)),
        ("description", |film| film.description.as_deref()),
        ("director", |film| film.director.as_deref()),
        ("producer", |film| film.producer.as_deref()),
        ("release_date", |film| film.release_date.as_deref()),
    ];
    for (name, field) in optional {
        fields.text(name, field(old), field(new));
    }
    fields.number("running_time", old.running_time, new.running_time);
    fields.number("rt_score", old.rt_score, new.rt_score);
    let names = |film: FilmIndex, catalogue: &Catalogue| {
        let people = || catalogue.cast(film).iter().map(|&index| catalogue.person(index));
        let ids: Vec<_> = people().map(|person| person.id.clone()).collect();
        let names: Vec<_> = people().map(|person| &*person.name).collect();
        (ids, names.join(", "))
    };
    let (old_ids, old_names) = names(old_index, before);
    let (new_ids, new_names) = names(new_index, after);
    if sorted(old_ids) != sorted(new_ids) {
        fields.push("people", None, Some(&old_names), Some(&new_names));
    }
    roles((old_index, old), before, (new_index, new), after, fields);
    fields.extra(&old.extra, &new.extra);
}

/// Compares the roles of the people who are in the film before and after. The order of the credits
/// and the order of several roles of a person do not count.
fn roles(
    (old_index, old): (FilmIndex, &Film),
    before: &Catalogue,
    (new_index, new): (FilmIndex, &Film),
    after: &Catalogue,
    fields: &mut Differing<'_, '_>,
) {
    if old.credits == new.credits {
        return;
    }
    let [old_credits, new_credits] = [old, new].map(|film| {
        let credits = film.credits.iter().map(|credit| (&*credit.person, credit));
        credits.collect::<BTreeMap<&str, &Credit>>()
    });
    let of_before = before.cast(old_index).iter().map(|&index| &*before.person(index).id);
    let of_before: BTreeSet<&str> = of_before.collect();
    for &index in after.cast(new_index) {
        let Person { id, name, .. } = after.person(index);
        let both = [&old_credits, &new_credits].map(|credits| credits.get(&**id).copied());
        let [old, new] = both.map(|credit| credit.and_then(|credit| credit.role.as_deref()));
        // A person may have several roles in a film, in any order.
        let [old_roles, new_roles] = both
            .map(|credit| credit.into_iter().flat_map(Credit::roles).collect::<BTreeSet<&str>>());
        if old_roles != new_roles && of_before.contains(&**id) {
            fields.push("role", Some(name), old, new);
        }
    }
}

fn person_fields(old: &Person, new: &Person, fields: &mut Differing<'_, '_>) {
    // The cast of a film includes this change. A change of the person too would report one
    // change twice.
    fields.text("name", Some(&old.name), Some(&new.name));
    let optional: [(&str, Optional<Person>); 5] = [
        ("gender", |person| person.gender.as_deref()),
        ("age", |person| person.age.as_deref()),
        ("eye_color", |person| person.eye_color.as_deref()),
        ("hair_color", |person| person.hair_color.as_deref()),
        ("image", |person| person.image.as_deref().map(without_query)),
    ];
    for (name, field) in optional {
        fields.text(name, field(old), field(new));
    }
    fields.extra(&old.extra, &new.extra);
}

/// The changed fields of one record.
struct Differing<'r, 'a> {
    kind: Kind,
    kept: Vec<FieldChange>,
    /// Number of fields that are not kept.
    more: u32,
    room: &'r mut Room<'a>,
}

impl Differing<'_, '_> {
    fn text(&mut self, field: &str, old: Option<&str>, new: Option<&str>) {
        if old != new {
            self.push(field, None, old, new);
        }
    }

    fn number(&mut self, field: &str, old: Option<u32>, new: Option<u32>) {
        let (old, new) = (old.map(|n| n.to_string()), new.map(|n| n.to_string()));
        self.text(field, old.as_deref(), new.as_deref());
    }

    fn extra(&mut self, old: &Extra, new: &Extra) {
        let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
        for name in names {
            let (old, new) = (old.get(name), new.get(name));
            if old != new {
                self.text(name, old.map(shown).as_deref(), new.map(shown).as_deref());
            }
        }
    }

    /// Adds a change. `of` is the name of the person whose field changed.
    fn push(&mut self, field: &str, of: Option<&str>, old: Option<&str>, new: Option<&str>) {
        let names = self.room.names.entry(self.kind).or_default();
        if names.len() < MOST_NAMES && !names.contains(field) {
            names.insert(field.to_owned());
        }
        if (self.room.is_ignored)(self.kind, field) {
            return;
        }
        let (field, of, old, new) = (cut_name(field), of.map(cut_name), old.map(cut), new.map(cut));
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let bytes = field.len() + length(&of) + length(&old) + length(&new);
        if self.kept.len() < MOST_FIELDS && bytes <= self.room.bytes {
            self.room.bytes -= bytes;
            self.kept.push(FieldChange { field, of, old, new });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

/// Cuts a value to [`LONGEST_VALUE`]. A value that was cut before stays as it is.
pub fn cut(text: &str) -> String {
    cut_to(text, LONGEST_VALUE)
}

/// Cuts the name of a field to [`LONGEST_NAME`].
pub fn cut_name(name: &str) -> String {
    cut_to(name, LONGEST_NAME)
}

fn cut_to(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) if &text[end..] != "…" => format!("{}…", &text[..end]),
        _ => text.to_owned(),
    }
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

#[cfg(test)]
mod tests;
