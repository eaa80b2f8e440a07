//! What differs between two catalogues.
//!
//! Owns the comparison, record by record and by id. It exists so that the
//! ledger, the feeds and open pages all speak of the same changes. It must not
//! know when they happened: that is the ledger's knowledge.

mod value;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalogue::{Catalogue, Extra, Film, Person};
use value::{shown, without_query};

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A film.
    Film,
    /// A person.
    Person,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What the record is.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Its title or name; of a removed record the last one.
    pub title: String,
    /// What happened to it.
    pub what: What,
    /// Fields that changed too and are not named.
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
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Some of its fields changed.
    Changed(Vec<FieldChange>),
}

/// One field's change. Values are text for people, cut to [`LONGEST_VALUE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The field's name in the upstream's data.
    pub field: String,
    /// What it said before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What it says now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// Characters of a value that a change keeps: enough for any title, so that
/// the ledger stays bounded whatever a description grows to.
pub const LONGEST_VALUE: usize = 300;
/// Characters of a field's name that a change keeps.
pub const LONGEST_NAME: usize = 100;
/// Fields that a change names, as many as a page shows of one change.
pub const MOST_FIELDS: usize = 20;
/// Bytes of names and values that all changes of one comparison keep; of records beyond
/// that only the number of changed fields is kept. Far more than a ledger has room for.
const MOST_BYTES: usize = 4 << 20;

/// What happened from `old` to `new`: films first, each kind by id.
pub fn between(old: &Catalogue, new: &Catalogue) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut room = MOST_BYTES;
    compare(
        Kind::Film,
        old.films.iter().map(|film| (film.id.as_str(), film)),
        new.films.iter().map(|film| (film.id.as_str(), film)),
        |film| &film.title,
        |film, other, fields| film_fields(film, old, other, new, fields),
        &mut room,
        &mut changes,
    );
    compare(
        Kind::Person,
        old.people.iter().map(|person| (person.id.as_str(), person)),
        new.people.iter().map(|person| (person.id.as_str(), person)),
        |person| &person.name,
        person_fields,
        &mut room,
        &mut changes,
    );
    changes
}

fn compare<'a, T: 'a>(
    kind: Kind,
    old: impl Iterator<Item = (&'a str, &'a T)>,
    new: impl Iterator<Item = (&'a str, &'a T)>,
    title: impl Fn(&T) -> &str,
    fields: impl Fn(&T, &T, &mut Fields),
    room: &mut usize,
    changes: &mut Vec<Change>,
) {
    let old: BTreeMap<_, _> = old.collect();
    let new: BTreeMap<_, _> = new.collect();
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
                let mut found = Fields { kept: Vec::new(), more: 0, room: *room };
                fields(before, record, &mut found);
                let Fields { kept, more, room: left } = found;
                *room = left;
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

/// What happened in two steps, as if it were one.
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
            // Which fields are others than before it went is not known any more.
            (Some(What::Removed), What::Added) => What::Changed(Vec::new()),
            (_, what) => what,
        };
        all.insert(key, change);
    }
    all.into_values().collect()
}

/// Reads an optional text field of a record.
type Optional<T> = fn(&T) -> Option<&str>;

fn film_fields(old: &Film, before: &Catalogue, new: &Film, after: &Catalogue, fields: &mut Fields) {
    fields.text("title", Some(&old.title), Some(&new.title));
    let optional: [(&str, Optional<Film>); 8] = [
        ("original_title", |film| film.original_title.as_deref()),
        ("original_title_romanised", |film| film.original_title_romanised.as_deref()),
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
    let names = |film: &Film, catalogue: &Catalogue| {
        let ids: Vec<_> = film.people.iter().map(|&p| catalogue.people[p].id.clone()).collect();
        let names: Vec<_> = film.people.iter().map(|&p| &*catalogue.people[p].name).collect();
        (ids, names.join(", "))
    };
    let ((old_ids, old_names), (new_ids, new_names)) = (names(old, before), names(new, after));
    if sorted(old_ids) != sorted(new_ids) {
        fields.push("people", Some(&old_names), Some(&new_names));
    }
    fields.extra(&old.extra, &new.extra);
}

fn person_fields(old: &Person, new: &Person, fields: &mut Fields) {
    // A film that gains or loses a person says so itself; saying it of both
    // would tell one change twice.
    fields.text("name", Some(&old.name), Some(&new.name));
    let optional: [(&str, Optional<Person>); 4] = [
        ("gender", |person| person.gender.as_deref()),
        ("age", |person| person.age.as_deref()),
        ("eye_color", |person| person.eye_color.as_deref()),
        ("hair_color", |person| person.hair_color.as_deref()),
    ];
    for (name, field) in optional {
        fields.text(name, field(old), field(new));
    }
    fields.extra(&old.extra, &new.extra);
}

/// The fields of one record that changed.
struct Fields {
    kept: Vec<FieldChange>,
    /// Those that are not kept.
    more: u32,
    /// Bytes that may still be kept, of this record and those after it.
    room: usize,
}

impl Fields {
    fn text(&mut self, field: &str, old: Option<&str>, new: Option<&str>) {
        if old != new {
            self.push(field, old, new);
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

    fn push(&mut self, field: &str, old: Option<&str>, new: Option<&str>) {
        let (field, old, new) = (cut_name(field), old.map(cut), new.map(cut));
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let bytes = field.len() + length(&old) + length(&new);
        if self.kept.len() < MOST_FIELDS && bytes <= self.room {
            self.room -= bytes;
            self.kept.push(FieldChange { field, old, new });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

/// A value, cut to [`LONGEST_VALUE`]. A value that was cut before stays as it is.
pub fn cut(text: &str) -> String {
    cut_to(text, LONGEST_VALUE)
}

/// The name of a field, cut to [`LONGEST_NAME`].
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
mod tests {
    use serde_json::Value;

    use super::*;

    fn catalogue(films: &[(&str, &str, u32)]) -> Catalogue {
        let films = films
            .iter()
            .map(|&(id, title, score)| Film {
                id: id.into(),
                title: title.into(),
                original_title: None,
                original_title_romanised: None,
                image: None,
                movie_banner: None,
                description: None,
                director: None,
                directors: Vec::new(),
                producer: None,
                producers: Vec::new(),
                release_date: None,
                released: None,
                year: None,
                running_time: None,
                rt_score: Some(score),
                people: Vec::new(),
                extra: Extra::new(),
            })
            .collect();
        Catalogue { films, people: Vec::new() }
    }

    #[test]
    fn a_catalogue_does_not_differ_from_itself() {
        let one = catalogue(&[("a", "A", 1), ("b", "B", 2)]);
        assert!(between(&one, &one).is_empty());
    }

    #[test]
    fn records_are_matched_by_id_whatever_their_order() {
        let old = catalogue(&[("a", "A", 1), ("b", "B", 2), ("c", "C", 3)]);
        let new = catalogue(&[("d", "D", 4), ("b", "B", 5), ("a", "A", 1)]);
        let changes = between(&old, &new);
        let told: Vec<_> = changes.iter().map(|change| (&*change.id, &change.what)).collect();
        let score =
            FieldChange { field: "rt_score".into(), old: Some("2".into()), new: Some("5".into()) };
        assert_eq!(
            told,
            [("b", &What::Changed(vec![score])), ("d", &What::Added), ("c", &What::Removed)]
        );
    }

    #[test]
    fn an_upstream_that_moves_has_not_changed_every_film() {
        let with = |species: Value| {
            let mut one = catalogue(&[("a", "A", 1)]);
            one.films[0].extra.insert("species".into(), species);
            one
        };
        let old = with(serde_json::json!(["http://a.example/species/1"]));
        let moved = with(serde_json::json!(["https://b.example:81/species/1"]));
        assert!(between(&old, &moved).is_empty());
        let grown = with(serde_json::json!(["https://b.example/species/1", "x/species/2"]));
        let What::Changed(fields) = &between(&old, &grown)[0].what else { panic!("changed") };
        assert_eq!(fields[0].old.as_deref(), Some("/species/1"));
        assert_eq!(fields[0].new.as_deref(), Some("/species/1, x/species/2"));
    }

    #[test]
    fn a_new_signature_of_a_picture_is_no_change() {
        let with = |address: &str| {
            let mut one = catalogue(&[("a", "A", 1)]);
            one.films[0].image = Some(address.into());
            one.films[0].movie_banner = Some(address.into());
            one.films[0].extra.insert("trailer".into(), address.into());
            one
        };
        let one = with("https://cdn.example/a.jpg?sig=1");
        assert!(between(&one, &with("https://cdn.example/a.jpg?sig=2&more=3")).is_empty());
        let changes = between(&one, &with("https://cdn.example/b.jpg?sig=2"));
        let What::Changed(fields) = &changes[0].what else { panic!("changed") };
        let names: Vec<_> = fields.iter().map(|field| &*field.field).collect();
        assert_eq!(names, ["image", "movie_banner", "trailer"]);
        assert_eq!(fields[0].new.as_deref(), Some("https://cdn.example/b.jpg"));
    }

    #[test]
    fn two_steps_are_joined_to_what_they_come_to() {
        let steps = [
            catalogue(&[("a", "A", 1), ("b", "B", 2), ("c", "C", 3)]),
            catalogue(&[("a", "A", 9), ("b", "B", 2), ("d", "D", 4), ("e", "E", 5)]),
            catalogue(&[("a", "A", 9), ("c", "C", 3), ("d", "D!", 4)]),
        ];
        let [first, second] = [0, 1].map(|at| between(&steps[at], &steps[at + 1]));
        let joined = joined(first, second);
        let told: Vec<_> = joined
            .iter()
            .map(|change| {
                let what = match change.what {
                    What::Added => "added",
                    What::Removed => "removed",
                    What::Changed(_) => "changed",
                };
                (&*change.id, what, &*change.title)
            })
            .collect();
        assert_eq!(
            told,
            [
                ("a", "changed", "A"),
                ("b", "removed", "B"),
                ("c", "changed", "C"),
                ("d", "added", "D!"),
            ]
        );
    }

    #[test]
    fn a_record_whose_fields_all_change_makes_a_small_change() {
        let with = |value: &str| {
            let mut one = catalogue(&[("a", "A", 1)]);
            let name = |n: usize| format!("{n}{}", "n".repeat(1_000));
            one.films[0].extra = (0..10_000).map(|n| (name(n), Value::from(value))).collect();
            one
        };
        let changes = between(&with("x"), &with("y"));
        let What::Changed(fields) = &changes[0].what else { panic!("changed") };
        assert_eq!((fields.len(), changes[0].more), (MOST_FIELDS, 10_000 - MOST_FIELDS as u32));
        assert!(fields.iter().all(|field| field.field.chars().count() == LONGEST_NAME + 1));
    }

    #[test]
    fn however_many_records_change_what_is_kept_of_them_is_bounded() {
        let of = |text: &str| {
            let ids: Vec<_> = (0..20_000).map(|id| format!("{id:05}")).collect();
            let mut all = catalogue(&[]);
            let one = catalogue(&[("a", "A", 1)]).films.remove(0);
            all.films = ids
                .into_iter()
                .map(|id| Film { id, description: Some(text.repeat(400)), ..one.clone() })
                .collect();
            all
        };
        let changes = between(&of("x"), &of("y"));
        assert_eq!(changes.len(), 20_000);
        let bytes = serde_json::to_vec(&changes).expect("JSON").len();
        assert!(bytes < MOST_BYTES + 20_000 * 100, "{bytes}");
        assert_eq!(changes.last().map(|change| change.more), Some(1));
    }

    #[test]
    fn a_long_value_is_cut() {
        let long = "ō".repeat(LONGEST_VALUE + 50);
        let changes = between(&catalogue(&[("a", "A", 1)]), &catalogue(&[("a", &long, 1)]));
        assert_eq!(changes[0].title.chars().count(), LONGEST_VALUE + 1);
    }
}
