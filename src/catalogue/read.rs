//! Reads the records of one list.
//!
//! Owns the fields of a film and of a person, and the rules for records that cannot be used and
//! for records that repeat an id. Only the first few bad records and bad fields get a warning of
//! their own, so that a list of bad records cannot fill the memory with warnings.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::value::RawValue;

use super::date::date;
use super::pairs::References;
use super::record::{Flaw, Ignored, Record};
use super::text::clip;
use super::warning::{IdSample, Warning};
use super::{Extra, Film, Person};
use crate::payload::{Endpoint, Fault};

/// Largest number of bad records and bad fields of one list that get a warning of their own. The
/// others are counted.
const MOST_NAMED: usize = 20;

/// A record that can be used.
pub(super) struct Read<'r, T> {
    id: String,
    item: T,
    references: Option<&'r str>,
    ignored: Ignored,
    /// Units of memory of the fields that the program does not know.
    units: usize,
}

/// A record that cannot be used.
pub(super) struct Unusable {
    /// The id, title or name of the record, if the record has one.
    name: Option<String>,
    /// The reason.
    why: String,
}

/// Reads all usable records of a list, each with its references.
///
/// # Errors
/// Fails if the fields that the program does not know take more than `most_units`.
pub(super) fn read<'r, T>(
    endpoint: Endpoint,
    raw: &[&'r RawValue],
    build: fn(&'r str) -> Result<Read<'r, T>, Unusable>,
    most_units: usize,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<(T, References<'r>)>, Fault> {
    let mut units = 0;
    let mut items: Vec<(T, References<'r>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut repeated = IdSample::default();
    let mut told = ToldProblems { endpoint, named: Vec::new(), left_out: 0, ignored: 0, cut: 0 };
    for (index, raw) in raw.iter().enumerate() {
        let read = match build(raw.get()) {
            Ok(read) => read,
            Err(unusable) => {
                told.left_out(index + 1, unusable);
                continue;
            }
        };
        units += read.units;
        if units > most_units {
            return Err(Fault::TooManyValues { endpoint, most: most_units });
        }
        match places.entry(read.id) {
            Entry::Occupied(first) => {
                repeated.push(first.key());
                items[*first.get()].1.extend(read.references);
            }
            Entry::Vacant(vacant) => {
                told.ignored(vacant.key(), read.ignored);
                vacant.insert(items.len());
                items.push((read.item, read.references.into_iter().collect()));
            }
        }
    }
    told.end(warnings);
    if let Some((ids, count)) = repeated.told() {
        warnings.push(Warning::Duplicates { endpoint, ids, count });
    }
    Ok(items)
}

/// The warnings about bad records and bad fields of one list.
struct ToldProblems {
    endpoint: Endpoint,
    named: Vec<Warning>,
    left_out: usize,
    ignored: usize,
    cut: usize,
}

impl ToldProblems {
    fn left_out(&mut self, position: usize, unusable: Unusable) {
        self.left_out += 1;
        if self.named.len() < MOST_NAMED {
            let Unusable { name, why } = unusable;
            let name = name.map(|name| clip(&name));
            self.named.push(Warning::LeftOut { endpoint: self.endpoint, position, name, why });
        }
    }

    fn ignored(&mut self, id: &str, ignored: Ignored) {
        self.ignored += ignored.count;
        self.cut += ignored.cut;
        let endpoint = self.endpoint;
        for (field, flaw) in ignored.named {
            if self.named.len() >= MOST_NAMED {
                break;
            }
            let id = clip(id);
            self.named.push(match flaw {
                Flaw::Unusable(why) => Warning::FieldIgnored { endpoint, id, field, why },
                Flaw::Cut(after) => Warning::FieldCut { endpoint, id, field, after },
            });
        }
    }

    fn end(self, warnings: &mut Vec<Warning>) {
        let ToldProblems { endpoint, named, left_out, ignored, cut } = self;
        warnings.extend(named);
        if left_out + ignored + cut > 1 {
            warnings.push(Warning::Counted { endpoint, left_out, ignored, cut });
        }
    }
}

/// The fields of a film that the program knows.
pub(super) const OF_A_FILM: &[&str] = &[
    "id",
    "title",
    "original_title",
    "original_title_romanised",
    "image",
    "movie_banner",
    "description",
    "director",
    "producer",
    "release_date",
    "running_time",
    "rt_score",
    "people",
];

/// Reads a film.
pub(super) fn film(raw: &str) -> Result<Read<'_, Film>, Unusable> {
    let (id, title, mut record) = begun(raw, OF_A_FILM, "title")?;
    let release_date = record.line("release_date");
    let released = release_date.as_deref().and_then(date);
    let (directors, producers) = (record.names("director"), record.names("producer"));
    let references = record.references("people");
    let mut item = Film {
        id: id.clone(),
        title,
        original_title: record.line("original_title"),
        original_title_romanised: record.line("original_title_romanised"),
        image: record.address("image"),
        movie_banner: record.address("movie_banner"),
        description: record.prose("description"),
        director: listed(&directors),
        directors,
        producer: listed(&producers),
        producers,
        year: released.map(|date| date.year),
        released,
        release_date,
        running_time: record.minutes("running_time", 10_000),
        rt_score: record.number("rt_score", 0, 100),
        extra: Extra::new(),
    };
    let (extra, ignored, units) = record.rest(&["url", "slug", "poster", "year", "first_seen"]);
    item.extra = extra;
    Ok(Read { id, item, references, ignored, units })
}

/// The fields of a person that the program knows. One record of the real data has `gander` instead
/// of `gender`.
pub(super) const OF_A_PERSON: &[&str] =
    &["id", "name", "gender", "gander", "age", "eye_color", "hair_color", "films"];

/// Reads a person.
pub(super) fn person(raw: &str) -> Result<Read<'_, Person>, Unusable> {
    let (id, name, mut record) = begun(raw, OF_A_PERSON, "name")?;
    let references = record.references("films");
    let misspelt = record.line("gander");
    let mut item = Person {
        id: id.clone(),
        name,
        gender: record.line("gender").or(misspelt),
        age: record.line("age"),
        eye_color: record.line("eye_color"),
        hair_color: record.line("hair_color"),
        extra: Extra::new(),
    };
    let (extra, ignored, units) = record.rest(&["url", "slug"]);
    item.extra = extra;
    Ok(Read { id, item, references, ignored, units })
}

/// Joins names to one text; `None` if there is no name.
fn listed(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| names.join(", "))
}

/// Starts to read a record. Returns the id, the title or name in the field `called`, and the
/// remaining fields.
fn begun<'r>(
    raw: &'r str,
    used: &[&str],
    called: &str,
) -> Result<(String, String, Record<'r>), Unusable> {
    let unusable = |name, why| Unusable { name, why };
    let mut record = Record::parse(raw, used).map_err(|why| unusable(None, why))?;
    let id = match record.id() {
        Ok(id) => id,
        Err(why) => return Err(unusable(record.text(called), why)),
    };
    match record.title(called) {
        Ok(title) => Ok((id, title, record)),
        Err(why) => Err(unusable(Some(id), why)),
    }
}
