//! Reads the running time of a film.
//!
//! Owns the rules that turn a length into minutes. The forms in film data are `86`, `86 min`,
//! `1 h 26 min`, `1h26`, `1:26`, and the ISO 8601 duration `PT1H26M`.

use crate::plain::folded;

/// Number of characters of a length that are read.
const READ: usize = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Hours,
    Minutes,
    Seconds,
}

/// Returns the length that a text states, in whole minutes; `None` if the text states no length.
pub(super) fn minutes(text: &str) -> Option<f64> {
    let text: String = text.chars().take(READ).collect();
    let text = folded(text.trim());
    if let Ok(minutes) = text.trim_end_matches('%').trim_end().parse::<f64>() {
        return Some(minutes.round());
    }
    if text.contains(':') && text.chars().all(|c| c.is_ascii_digit() || c == ':') {
        return by_colons(&text);
    }
    let mut total = None;
    let mut last = None;
    for (number, word) in quantities(&text) {
        let unit = match (unit(word), last) {
            (Some(unit), _) => unit,
            // `1 h 26`
            (None, Some(Unit::Hours)) if word.is_empty() => Unit::Minutes,
            (None, Some(_)) => break,
            (None, None) => return None,
        };
        // `90 min / 95 min`: the first length counts.
        if last.is_some_and(|last| unit as u8 <= last as u8) {
            break;
        }
        let minutes = match unit {
            Unit::Hours => number * 60.0,
            Unit::Minutes => number,
            Unit::Seconds => number / 60.0,
        };
        total = Some(total.unwrap_or(0.0) + minutes);
        last = Some(unit);
    }
    total.map(f64::round)
}

/// Reads `1:26` or `1:26:30`. If there are two parts and the first part is 10 or more, the parts
/// are minutes and seconds: no film runs for 10 hours, but short films run for 10 minutes.
fn by_colons(text: &str) -> Option<f64> {
    let parts: Option<Vec<f64>> = text.split(':').map(|part| part.parse().ok()).collect();
    let seconds = match parts?[..] {
        [minutes, seconds] if minutes >= 10.0 && seconds < 60.0 => minutes * 60.0 + seconds,
        [hours, minutes] if minutes < 60.0 => hours * 3600.0 + minutes * 60.0,
        [hours, minutes, seconds] if minutes < 60.0 && seconds < 60.0 => {
            hours * 3600.0 + minutes * 60.0 + seconds
        }
        _ => return None,
    };
    Some((seconds / 60.0).round())
}

/// Returns each number with the word after the number.
fn quantities(text: &str) -> impl Iterator<Item = (f64, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(|c: char| c.is_ascii_digit())?;
        let from = &rest[start..];
        let is_of_number = |(at, c): (usize, char)| {
            c.is_ascii_digit() || (matches!(c, '.' | ',') && is_inside(from, at))
        };
        let end = from.char_indices().find(|&found| !is_of_number(found));
        let end = end.map_or(from.len(), |(at, _)| at);
        let number = from[..end].replace(',', ".").parse().ok()?;
        let after = from[end..].trim_start();
        let word = after.find(|c: char| !is_of_word(c)).map_or(after, |end| &after[..end]);
        rest = &after[word.len()..];
        Some((number, word))
    })
}

/// Whether a digit follows the decimal separator at `at`.
fn is_inside(text: &str, at: usize) -> bool {
    text[at + 1..].starts_with(|c: char| c.is_ascii_digit())
}

fn is_of_word(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '\'' | '"' | '′' | '″' | '’')
}

/// Returns the unit that a word names in one of the languages of film data.
fn unit(word: &str) -> Option<Unit> {
    let starts = |starts: &[&str]| starts.iter().any(|start| word.starts_with(start));
    if word.is_empty() {
        None
    } else if starts(&[
        "h", "std", "stund", "ora", "ore", "uur", "uren", "tim", "u", "час", "時", "时", "小时",
        "시간",
    ]) {
        Some(Unit::Hours)
    } else if starts(&["m", "'", "′", "’", "мин", "分", "분"]) {
        Some(Unit::Minutes)
    } else if starts(&["s", "\"", "″", "сек", "秒", "초"]) {
        Some(Unit::Seconds)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_come_in_many_forms() {
        let forms = [
            "86",
            "86.0",
            " 86 ",
            "86 min",
            "86min.",
            "86 minutes",
            "86 Minuten",
            "86m",
            "86'",
            "86 мин",
            "86分",
            "1 h 26 min",
            "1h26",
            "1h 26m",
            "1 hr 26 min",
            "1 h 26",
            "1hr. 26min.",
            "1 hour and 26 minutes",
            "1 Std. 26 Min.",
            "1 ora e 26 minuti",
            "1時間26分",
            "1:26",
            "01:26:00",
            "1:26:10",
            "PT1H26M",
            "PT86M",
            "PT5160S",
            "pt1h26m5s",
            "approx. 86 min",
            "86 min (USA) / 90 min",
            "86 min 10 s",
            "１h２６",
        ];
        for form in forms {
            assert_eq!(minutes(form), Some(86.0), "{form}");
        }
        for (form, expected) in
            [("2 h", 120.0), ("1.5 hours", 90.0), ("1,5 h", 90.0), ("12:30", 13.0)]
        {
            assert_eq!(minutes(form), Some(expected), "{form}");
        }
    }

    #[test]
    fn a_text_that_states_no_length_gives_none() {
        for form in ["", "long", "86 films", "90/95", "1:99", ":", "1:2:3:4", "min", "P"] {
            assert_eq!(minutes(form), None, "{form}");
        }
    }
}
