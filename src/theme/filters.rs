//! The filters that templates have in addition to the filters of Tera.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

use super::said;
use crate::texts::upper_first;

/// Registers all filters. Must be called before templates are added.
pub(super) fn register(tera: &mut Tera) {
    said::register(tera);
    tera.register_filter("json", |value: Value, _: Kwargs, _: &State| json(&value));
    tera.register_filter("duration", |minutes: u64, _: Kwargs, _: &State| {
        said::by(|texts| Ok(texts.minutes(minutes)))
    });
    tera.register_filter("day", |time: &str, _: Kwargs, _: &State| day(time));
    tera.register_filter("date", |text: Value, _: Kwargs, _: &State| date(&text.to_string()));
    tera.register_filter("hour", |time: &str, _: Kwargs, _: &State| of_day(time, "%H:%M"));
    tera.register_filter("clock", |time: &str, _: Kwargs, _: &State| of_day(time, "%H:%M:%S"));
    tera.register_filter("upper_first", |text: &str, _: Kwargs, _: &State| upper_first(text));
}

/// Returns a value as JSON for a script element. `<` is written as `\u003c`, because no value may
/// end the element. A template must apply `safe` to the result.
fn json(value: &Value) -> TeraResult<String> {
    match serde_json::to_string(value) {
        Ok(json) => Ok(json.replace('<', "\\u003c")),
        Err(error) => Err(Error::message(format!("this value has no JSON form: {error}"))),
    }
}

/// Returns a day, or the day of a time (RFC 3339), in words: `November 24, 2026`.
fn day(time: &str) -> TeraResult<String> {
    let day = time.get(..10).and_then(|day| day.parse::<NaiveDate>().ok());
    let words = day
        .map(|day| said::by(|texts| Ok(texts.day(day.year(), day.month() as u8, day.day() as u8))));
    words
        .transpose()?
        .flatten()
        .ok_or_else(|| Error::message(format!("{time:?} is not a day such as 2026-11-24")))
}

/// Returns a whole date (`2026-11-24`) in words. Returns any other text, such as a year, unchanged.
fn date(text: &str) -> TeraResult<String> {
    let is_date = text.len() == 10 && text.parse::<NaiveDate>().is_ok();
    if is_date { day(text) } else { Ok(text.to_owned()) }
}

/// Returns the time of day of a time (RFC 3339): `18:34 UTC`.
fn of_day(time: &str, format: &str) -> TeraResult<String> {
    let parsed = time.parse::<DateTime<Utc>>();
    let time = parsed.map_err(|_| {
        Error::message(format!("{time:?} is not a time such as 2026-11-24T18:34:12Z"))
    })?;
    let time = time.format(format);
    said::by(|texts| Ok(texts.say("unit.utc", &[("time", &time)])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::said::in_english as english;

    #[test]
    fn days_and_times_are_written_in_words() {
        english(|| {
            assert_eq!(day("2026-11-04").expect("a day"), "November 4, 2026");
            assert_eq!(day("2026-11-24T18:34:12.123Z").expect("a day"), "November 24, 2026");
            let hour = |time| of_day(time, "%H:%M");
            assert_eq!(hour("2026-11-24T18:34:12.123Z").expect("a time"), "18:34 UTC");
            assert!(day("soon").is_err() && hour("2026-11-24").is_err());
        });
    }

    #[test]
    fn a_text_that_is_not_a_whole_date_stays_unchanged() {
        english(|| {
            assert_eq!(date("1988-04-16").expect("a date"), "April 16, 1988");
            for text in ["1988", "April 1988", "1988-13-01", "16/04/1988"] {
                assert_eq!(date(text).as_deref().expect("a text"), text);
            }
        });
    }
}
