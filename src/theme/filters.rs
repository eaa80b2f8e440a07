//! The filters that templates have beside Tera's own.

use chrono::{DateTime, NaiveDate, Utc};
use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

/// Registers all filters. To be called before templates are added.
pub(super) fn register(tera: &mut Tera) {
    tera.register_filter("json", |value: Value, _: Kwargs, _: &State| json(&value));
    tera.register_filter("duration", |minutes: u64, _: Kwargs, _: &State| duration(minutes));
    tera.register_filter("day", |time: &str, _: Kwargs, _: &State| day(time));
    tera.register_filter("hour", |time: &str, _: Kwargs, _: &State| of_day(time, "%H:%M UTC"));
    tera.register_filter("clock", |time: &str, _: Kwargs, _: &State| of_day(time, "%H:%M:%S UTC"));
}

/// A value as JSON that may stand in a script element: `<` is written as its
/// number. To be followed by `safe`.
fn json(value: &Value) -> TeraResult<String> {
    match serde_json::to_string(value) {
        Ok(json) => Ok(json.replace('<', "\\u003c")),
        Err(error) => Err(Error::message(format!("this has no JSON form: {error}"))),
    }
}

/// Minutes as people say them: `86` → `1 h 26 min`.
fn duration(minutes: u64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// A day or a time (RFC 3339) as its day in words: `24 November 2026`.
fn day(time: &str) -> TeraResult<String> {
    let day = time.get(..10).and_then(|day| day.parse::<NaiveDate>().ok());
    let day = day.ok_or_else(|| Error::message(format!("{time:?} is no day")))?;
    Ok(day.format("%-d %B %Y").to_string())
}

/// A time (RFC 3339) as its time of day: `18:34 UTC`.
fn of_day(time: &str, format: &str) -> TeraResult<String> {
    let parsed = time.parse::<DateTime<Utc>>();
    let time = parsed.map_err(|_| Error::message(format!("{time:?} is no time")))?;
    Ok(time.format(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_words() {
        assert_eq!(day("2026-11-04").expect("a day"), "4 November 2026");
        assert_eq!(day("2026-11-24T18:34:12.123Z").expect("a day"), "24 November 2026");
        let hour = |time| of_day(time, "%H:%M UTC");
        assert_eq!(hour("2026-11-24T18:34:12.123Z").expect("a time"), "18:34 UTC");
        assert!(day("soon").is_err() && hour("2026-11-24").is_err());
    }

    #[test]
    fn minutes_are_said_in_hours_and_minutes() {
        assert_eq!(duration(86), "1 h 26 min");
        assert_eq!(duration(120), "2 h");
        assert_eq!(duration(45), "45 min");
    }
}
