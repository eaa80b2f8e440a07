//! Reads one record of a list.
//!
//! Owns the fields of a film and of a person, and the rule for records that cannot be used.

use std::borrow::Cow;

use super::credit::credits;
use super::date::date;
use super::ignored::Ignored;
use super::record::{ADDRESS, Record, language, web_address};
use super::{Extra, Film, Person};
use crate::mapping::{FoundFields, ListMapping};
use crate::plain::clip;
use crate::raw;

/// A record that can be used.
pub(super) struct Read<'r, T> {
    pub(super) item: T,
    /// The raw references: a JSON list of references, or one reference.
    pub(super) references: Option<Cow<'r, str>>,
    pub(super) ignored: Ignored,
    /// Units of memory of the further fields.
    pub(super) units: usize,
    /// The fields of the mapping that the record has.
    pub(super) found: FoundFields,
}

/// A record that cannot be used.
#[derive(Debug)]
pub(super) struct Unusable {
    /// The id, title or name of the record, if the record has one.
    pub(super) name: Option<String>,
    /// The reason.
    pub(super) why: String,
    /// The fields of the mapping that the record has.
    pub(super) found: FoundFields,
}

/// The flaws of a record.
#[derive(Debug)]
pub(super) enum RowFlaws {
    /// The record is left out.
    LeftOut(Unusable),
    /// Fields are left out or cut.
    Ignored(Ignored),
}

/// Reads a film.
pub(super) fn film<'r>(raw: &'r str, list: &ListMapping) -> Result<Read<'r, Film>, Unusable> {
    let (id, title, mut found, mut record) = begun(raw, list, "title")?;
    let release_date = record.line("release_date").map(without_time);
    let released = release_date.as_deref().and_then(date);
    let (directors, producers) = (record.names("director"), record.names("producer"));
    let references = record.references("people");
    let credits = match record.credits() {
        Some(raw) => credits(&raw, list, &mut record.ignored, &mut found),
        None => Vec::new(),
    };
    let mut item = Film {
        id,
        title,
        original_title: record.line("original_title"),
        original_title_romanised: record.line("original_title_romanised"),
        original_language: record.checked(
            "original_language",
            language,
            "a language tag such as ja or pt-BR",
        ),
        image: record.checked("image", web_address, ADDRESS),
        movie_banner: record.checked("movie_banner", web_address, ADDRESS),
        description: record.prose("description"),
        director: listed(&directors),
        directors,
        producer: listed(&producers),
        producers,
        year: released.map(|date| date.year),
        released,
        release_date,
        running_time: record.minutes("running_time", 10_000),
        rt_score: record.score("score"),
        credits,
        extra: Extra::new(),
    };
    let (extra, ignored, units) = record.rest();
    item.extra = extra;
    Ok(Read { item, references, ignored, units, found })
}

/// Reads a person.
pub(super) fn person<'r>(raw: &'r str, list: &ListMapping) -> Result<Read<'r, Person>, Unusable> {
    let (id, name, found, mut record) = begun(raw, list, "name")?;
    let references = record.references("films");
    let mut item = Person {
        id,
        name,
        gender: record.line("gender"),
        age: record.line("age"),
        eye_color: record.line("eye_color"),
        hair_color: record.line("hair_color"),
        image: record.checked("image", web_address, ADDRESS),
        extra: Extra::new(),
    };
    let (extra, ignored, units) = record.rest();
    item.extra = extra;
    Ok(Read { item, references, ignored, units, found })
}

/// Joins names to one text; `None` if there is no name.
fn listed(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| names.join(", "))
}

/// Returns a date without the time of day: `2001-07-20T00:00:00Z` is the day of a release, not a
/// moment.
fn without_time(date: String) -> String {
    let is_day = |day: &str| {
        let digit_at = |(at, byte): (usize, u8)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        };
        day.bytes().enumerate().all(digit_at)
    };
    match (date.get(..10), date.as_bytes().get(10)) {
        (Some(day), Some(b'T' | b' ')) if is_day(day) && is_time(&date[11..]) => day.to_owned(),
        _ => date,
    }
}

/// Whether a text begins with hours and minutes.
fn is_time(text: &str) -> bool {
    match text.as_bytes() {
        [a, b, b':', c, d, ..] => [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

/// Starts to read a record. Returns the id, the title or name in the field `called`, the fields
/// that the record has, and the record with the remaining fields.
fn begun<'r, 'm>(
    raw: &'r str,
    list: &'m ListMapping,
    called: &str,
) -> Result<(String, String, FoundFields, Record<'r, 'm>), Unusable> {
    let unusable = |name, why, found| Unusable { name, why, found };
    let mapped =
        list.apply(raw).map_err(|why| unusable(None, clip(&why), FoundFields::default()))?;
    let found = mapped.found();
    let mut record = Record::of(mapped);
    let id = match record.id() {
        Ok(id) => id,
        Err(why) => return Err(unusable(record.line(called), why, found)),
    };
    match record.title(called) {
        Ok(title) => Ok((id, title, found, record)),
        Err(why) => Err(unusable(Some(id), why, found)),
    }
}

/// A credit that names a person whom the list of people lacks, as the record of the person.
pub(super) fn credited<'r>(raw: &'r str) -> Result<Read<'r, Person>, Unusable> {
    let mut texts = Vec::new();
    raw::each_item(raw, |item| texts.push(raw::text(item).ok().flatten()));
    let mut texts = texts.into_iter();
    let mut next = || texts.next().flatten();
    let (id, name, image) = (next(), next(), next());
    let found = FoundFields::default();
    let why = || Unusable { name: None, why: "a credit has no name".to_owned(), found };
    let (id, name) = id.zip(name).ok_or_else(why)?;
    let item = Person {
        id,
        name,
        gender: None,
        age: None,
        eye_color: None,
        hair_color: None,
        image,
        extra: Extra::new(),
    };
    Ok(Read { item, references: None, ignored: Ignored::default(), units: 0, found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_shown_without_the_time_of_day() {
        for (date, shown) in [
            ("2001-07-20T00:00:00.0000000Z", "2001-07-20"),
            ("1988-04-16 00:00:00.000Z", "1988-04-16"),
            ("1988-04-16 Tokyo", "1988-04-16 Tokyo"),
            ("2001-07-20", "2001-07-20"),
            ("20 July 2001 10:00", "20 July 2001 10:00"),
            ("éééééééééT00:00", "éééééééééT00:00"),
        ] {
            assert_eq!(without_time(date.to_owned()), shown);
        }
    }
}
