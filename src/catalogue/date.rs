//! Reads the dates of film data.
//!
//! Owns the forms of a date: a year alone, ISO 8601, a year after a month in words or in figures,
//! and a range of years. Only the year has to be certain. Month and day are used only to order the
//! films of one year.

use crate::plain::folded;

/// A year, with the month and the day if they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// The year, 1000 to 9999.
    pub year: u32,
    /// The month, 1 to 12; 0 if the month is not known.
    pub month: u32,
    /// The day, 1 to 31; 0 if the day is not known.
    pub day: u32,
}

/// Number of characters of a date that are read.
const READ: usize = 100;

/// The beginnings of the names of months in English, German, French, Spanish, Italian, Portuguese,
/// Dutch and the Scandinavian languages, without accents. The first match counts.
const MONTHS: &[(&str, u32)] = &[
    ("jan", 1),
    ("ene", 1),
    ("gen", 1),
    ("feb", 2),
    ("fev", 2),
    ("mar", 3),
    ("maart", 3),
    ("mrt", 3),
    ("apr", 4),
    ("avr", 4),
    ("abr", 4),
    ("may", 5),
    ("mai", 5),
    ("mag", 5),
    ("mei", 5),
    ("maj", 5),
    ("juil", 7),
    ("jul", 7),
    ("lug", 7),
    ("jun", 6),
    ("juin", 6),
    ("giu", 6),
    ("aug", 8),
    ("aou", 8),
    ("ago", 8),
    ("sep", 9),
    ("set", 9),
    ("oct", 10),
    ("okt", 10),
    ("ott", 10),
    ("out", 10),
    ("nov", 11),
    ("dec", 12),
    ("dez", 12),
    ("dic", 12),
    ("des", 12),
];

/// A run of digits, or a run of letters in lower case without accents.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Number(String),
    Word(String),
}

/// Returns the date that a text states, if the text states a year.
pub(super) fn date(text: &str) -> Option<Date> {
    let tokens = tokens(text);
    let at = tokens.iter().position(|token| year(token).is_some())?;
    let year = year(&tokens[at])?;
    let (before, after) = (&tokens[..at], &tokens[at + 1..]);
    let compact = match &tokens[at] {
        Token::Number(digits) if digits.len() == 8 => month_and_day(&digits[4..6], &digits[6..]),
        _ => None,
    };
    let month_in_words = tokens.iter().find_map(month);
    let (month, day) = match (compact, month_in_words) {
        (Some(found), _) => found,
        (None, Some(month)) => (month, before.iter().chain(after).find_map(day).unwrap_or(0)),
        (None, None) if before.is_empty() => iso(after),
        (None, None) => in_figures(before),
    };
    Some(Date { year, month, day })
}

/// Returns month and day after a year, as in `1998-06-12` and `1998年6月12日`.
fn iso(after: &[Token]) -> (u32, u32) {
    let mut figures = after.iter().filter_map(|token| match token {
        Token::Number(digits) => Some(digits.as_str()),
        Token::Word(_) => None,
    });
    let month = figures.next().and_then(|digits| part(digits, 12)).unwrap_or(0);
    let day = if month == 0 { None } else { figures.next().and_then(|digits| part(digits, 31)) };
    (month, day.unwrap_or(0))
}

/// Returns month and day before a year, as in `12/06/1998`. The first number is the day, as in most
/// countries, unless only the other order gives a date.
fn in_figures(before: &[Token]) -> (u32, u32) {
    match before {
        [Token::Number(month)] => (part(month, 12).unwrap_or(0), 0),
        [Token::Number(first), Token::Number(second)] => {
            month_and_day(second, first).or_else(|| month_and_day(first, second)).unwrap_or((0, 0))
        }
        _ => (0, 0),
    }
}

fn month_and_day(month: &str, day: &str) -> Option<(u32, u32)> {
    Some((part(month, 12)?, part(day, 31)?))
}

/// Reads a number of one or two digits from 1 to `most`.
fn part(digits: &str, most: u32) -> Option<u32> {
    let number = digits.parse().ok().filter(|number| (1..=most).contains(number));
    number.filter(|_| digits.len() <= 2)
}

/// Reads a year: four digits, or the first four of the eight digits of a compact date.
fn year(token: &Token) -> Option<u32> {
    let Token::Number(digits) = token else { return None };
    let is_date = digits.len() == 8 && month_and_day(&digits[4..6], &digits[6..]).is_some();
    let year = digits.get(..4).filter(|_| digits.len() == 4 || is_date)?;
    year.parse().ok().filter(|&year| year >= 1000)
}

fn month(token: &Token) -> Option<u32> {
    let Token::Word(word) = token else { return None };
    MONTHS.iter().find(|(start, _)| word.starts_with(start)).map(|&(_, month)| month)
}

fn day(token: &Token) -> Option<u32> {
    match token {
        Token::Number(digits) => part(digits, 31),
        Token::Word(_) => None,
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let start: String = text.chars().take(READ).collect();
    let mut tokens = Vec::new();
    let mut last = None;
    for c in folded(&start).chars() {
        let kind = (c.is_ascii_digit(), c.is_alphabetic());
        match (kind, tokens.last_mut()) {
            ((true, _), Some(Token::Number(digits))) if last == Some(kind) => digits.push(c),
            ((true, _), _) => tokens.push(Token::Number(c.into())),
            ((_, true), Some(Token::Word(word))) if last == Some(kind) => word.push(c),
            ((_, true), _) => tokens.push(Token::Word(c.into())),
            _ => {}
        }
        last = Some(kind);
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(text: &str, year: u32, month: u32, day: u32) {
        assert_eq!(date(text), Some(Date { year, month, day }), "{text}");
    }

    #[test]
    fn a_year_stands_first_or_last_or_alone() {
        is("1986", 1986, 0, 0);
        is("c. 1986 (restored)", 1986, 0, 0);
        for text in ["1998-06-12", "1998-06-12T10:30:00Z", "1998/6/12", "19980612", "1998年6月12日"]
        {
            is(text, 1998, 6, 12);
        }
        for text in ["Jun 12 1998", "12/06/1998", "12. Juni 1998", "June 12th, 1998 (USA)"] {
            is(text, 1998, 6, 12);
        }
        for text in
            ["12 de junio de 1998", "12 juin 1998", "12 giugno 1998", "１２．０６．１９９８"]
        {
            is(text, 1998, 6, 12);
        }
        is("Sat, 28 Nov 2026 12:00:00 GMT", 2026, 11, 28);
        is("06/25/1998", 1998, 6, 25);
        is("06/1998", 1998, 6, 0);
        is("3. März 1998", 1998, 3, 3);
        is("1er août 1998", 1998, 8, 1);
        is("juillet 1998", 1998, 7, 0);
        is("Summer 1998", 1998, 0, 0);
        is("99/99/1998", 1998, 0, 0);
    }

    #[test]
    fn the_first_year_of_a_range_counts() {
        for text in ["2014-", "2014–2016", "2014/2015", "2014 - present", "2014-15"] {
            is(text, 2014, 0, 0);
        }
    }

    #[test]
    fn without_a_year_there_is_no_date() {
        for text in ["soon", "19860", "0999", "12/06/98", "", "123456789", "99999999"] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
