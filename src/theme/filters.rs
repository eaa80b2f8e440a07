//! The filters that templates have beside Tera's own.

use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

/// Registers all filters. To be called before templates are added.
pub(super) fn register(tera: &mut Tera) {
    tera.register_filter("json", |value: Value, _: Kwargs, _: &State| json(&value));
    tera.register_filter("duration", |minutes: u64, _: Kwargs, _: &State| duration(minutes));
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

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn minutes_are_said_in_hours_and_minutes() {
        assert_eq!(duration(86), "1 h 26 min");
        assert_eq!(duration(120), "2 h");
        assert_eq!(duration(45), "45 min");
    }
}
