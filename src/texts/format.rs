//! Numbers, dates and plural categories of a language.
//!
//! Owns the use of the CLDR data that is compiled into the program.

use icu_calendar::{Date, Gregorian};
use icu_datetime::FixedCalendarDateTimeFormatter;
use icu_datetime::fieldsets::YMD;
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRules};

/// The formats of a language. The compiled data has all languages of CLDR. A language that CLDR
/// does not know has the formats of no language (`und`). If a format cannot be made, the field is
/// `None`, and numbers are written plainly.
pub(super) struct Formats {
    plurals: Option<PluralRules>,
    numbers: Option<DecimalFormatter>,
    days: Option<FixedCalendarDateTimeFormatter<Gregorian, YMD>>,
}

impl Formats {
    pub(super) fn of(lang: &str) -> Formats {
        let locale = lang.parse::<Locale>().unwrap_or(Locale::UNKNOWN);
        Formats {
            plurals: PluralRules::try_new_cardinal((&locale).into()).ok(),
            numbers: DecimalFormatter::try_new((&locale).into(), Default::default()).ok(),
            days: FixedCalendarDateTimeFormatter::try_new((&locale).into(), YMD::long()).ok(),
        }
    }

    pub(super) fn category(&self, count: u64) -> PluralCategory {
        self.plurals.as_ref().map_or(PluralCategory::Other, |rules| rules.category_for(count))
    }

    pub(super) fn number(&self, number: u64) -> String {
        self.decimal(&Decimal::from(number))
    }

    /// Returns a number that is given in tenths: `14` gives `1.4`.
    pub(super) fn tenths(&self, tenths: u64) -> String {
        let mut decimal = Decimal::from(tenths);
        decimal.multiply_pow10(-1);
        self.decimal(&decimal)
    }

    fn decimal(&self, decimal: &Decimal) -> String {
        match &self.numbers {
            Some(numbers) => numbers.format(decimal).to_string(),
            None => decimal.to_string(),
        }
    }

    /// Returns a day in words. Returns `None` if there is no such day.
    pub(super) fn day(&self, year: i32, month: u8, day: u8) -> Option<String> {
        let date = Date::try_new_gregorian(year, month, day).ok()?;
        let days = self.days.as_ref()?;
        Some(days.format(&date).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_days_follow_the_language() {
        for (lang, number, day) in [
            ("en", "1,234,567", "November 4, 2026"),
            ("en-GB", "1,234,567", "4 November 2026"),
            ("de", "1.234.567", "4. November 2026"),
            ("es", "1.234.567", "4 de noviembre de 2026"),
            ("fr", "1\u{202f}234\u{202f}567", "4 novembre 2026"),
            ("ja", "1,234,567", "2026年11月4日"),
        ] {
            let formats = Formats::of(lang);
            assert_eq!(formats.number(1_234_567), number, "{lang}");
            assert_eq!(formats.day(2026, 11, 4).as_deref(), Some(day), "{lang}");
        }
        assert_eq!(Formats::of("de").tenths(14), "1,4");
        assert_eq!(Formats::of("en").day(2026, 2, 30), None);
    }

    #[test]
    fn plural_forms_follow_the_language() {
        let category = |lang: &str, count| Formats::of(lang).category(count);
        assert_eq!(category("en", 0), PluralCategory::Other);
        assert_eq!(category("fr", 0), PluralCategory::One);
        assert_eq!(category("ja", 1), PluralCategory::Other);
        assert_eq!(category("pl", 3), PluralCategory::Few);
    }
}
