//! Reads one record of a list.
//!
//! Owns the fields of a film and of a person, and the rule for records that cannot be used.

use super::date::date;
use super::record::{Ignored, Record};
use super::{Extra, Film, Person};

/// A record that can be used.
pub(super) struct Read<'r, T> {
    pub(super) item: T,
    /// The raw references: a JSON list of references, or one reference.
    pub(super) references: Option<&'r str>,
    pub(super) ignored: Ignored,
    /// Units of memory of the fields that the program does not know.
    pub(super) units: usize,
}

/// A record that cannot be used.
#[derive(Debug)]
pub(super) struct Unusable {
    /// The id, title or name of the record, if the record has one.
    pub(super) name: Option<String>,
    /// The reason.
    pub(super) why: String,
}

/// The flaws of a record.
#[derive(Debug)]
pub(super) enum RowFlaws {
    /// The record is left out.
    LeftOut(Unusable),
    /// Fields are left out or cut.
    Ignored(Ignored),
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
        id,
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
    Ok(Read { item, references, ignored, units })
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
        id,
        name,
        gender: record.line("gender").or(misspelt),
        age: record.line("age"),
        eye_color: record.line("eye_color"),
        hair_color: record.line("hair_color"),
        extra: Extra::new(),
    };
    let (extra, ignored, units) = record.rest(&["url", "slug"]);
    item.extra = extra;
    Ok(Read { item, references, ignored, units })
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
