//! The filters that templates have beside Tera's own.

use tera::{Kwargs, State, Tera};

/// Registers all filters. To be called before templates are added.
pub(super) fn register(tera: &mut Tera) {
    tera.register_filter("duration", |minutes: u64, _: Kwargs, _: &State| duration(minutes));
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
