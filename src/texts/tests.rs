//! Tests of the texts of a language. Each test is named after its rule.

use super::*;

fn tables() -> Tables {
    let table = |text: &str| Table::parse(text).expect("a table");
    Tables::from([
        (
            ENGLISH.to_owned(),
            table(
                "a = \"Hello {name}\"\nb = \"only here\"\n\
                 films = { one = \"{count} film\", other = \"{count} films\" }\n\
                 [unit]\nhour_minute = \"{hours} h {minutes} min\"\nday = \"{count} d\"\n\
                 hour = \"{count} h\"\nminute = \"{count} min\"\nsecond = \"{count} s\"\n\
                 millisecond = \"{count} ms\"",
            ),
        ),
        ("de".to_owned(), table("a = \"Hallo {name}\"\nfilms = \"{count} Filme\"")),
        ("de-at".to_owned(), table("a = \"Servus {name}\"")),
    ])
}

#[test]
fn texts_come_from_the_nearest_table_and_otherwise_from_the_english_table() {
    for (lang, shown, hello) in [
        ("de", "de", "Hallo Ida"),
        ("de-AT", "de-AT", "Servus Ida"),
        ("de-CH", "de-CH", "Hallo Ida"),
        ("en-GB", "en-GB", "Hello Ida"),
        ("nl", "en", "Hello Ida"),
        ("x-mine", "en", "Hello Ida"),
        ("de-toolong9chars", "de", "Hallo Ida"),
    ] {
        let texts = Texts::of(&tables(), lang, &Words::default());
        assert_eq!(texts.lang(), shown, "{lang}");
        assert_eq!(texts.say("a", &[("name", &"Ida")]), hello, "{lang}");
        assert_eq!(texts.say("b", &[]), "only here", "{lang}");
    }
}

#[test]
fn a_count_selects_the_plural_form_and_is_written_as_the_language_writes_numbers() {
    let [english, german] = ["en", "de"].map(|lang| Texts::of(&tables(), lang, &Words::default()));
    assert_eq!(english.count("films", 1, &[]), "1 film");
    assert_eq!(english.count("films", 1234, &[]), "1,234 films");
    assert_eq!(german.count("films", 1234, &[]), "1.234 Filme");
    assert_eq!(
        english.forms("films"),
        Ok(vec![("one", "{count} film".to_owned()), ("other", "{count} films".to_owned())])
    );
}

#[test]
fn an_unknown_key_is_reported_with_the_most_similar_key() {
    let texts = Texts::of(&tables(), "en", &Words::default());
    let error = texts.filled("unit.hours", None, |_| None).expect_err("no such text");
    assert_eq!(error.to_string(), "there is no text `unit.hours`; did you mean `unit.hour`?");
    let error = texts.filled("a", None, |_| None).expect_err("no value");
    assert_eq!(error.to_string(), "the text `a` needs a value for the placeholder {name}");
}

#[test]
fn a_duration_has_a_suitable_unit() {
    let [english, german] = ["en", "de"].map(|lang| Texts::of(&tables(), lang, &Words::default()));
    let told = [0, 320, 1_000, 1_450, 60_000, 119_000, 600_000, 7_200_000, 400_000_000]
        .map(|milliseconds| english.time(Duration::from_millis(milliseconds)));
    assert_eq!(told, ["0 ms", "320 ms", "1 s", "1.4 s", "60 s", "119 s", "10 min", "2 h", "4 d"]);
    assert_eq!(german.time(Duration::from_millis(1_450)), "1,4 s");
    let told = [86, 120, 45].map(|minutes| english.minutes(minutes));
    assert_eq!(told, ["1 h 26 min", "2 h", "45 min"]);
}

#[test]
fn a_value_that_is_written_from_right_to_left_is_isolated() {
    let texts = Texts::of(&tables(), "en", &Words::default());
    assert_eq!(texts.say("a", &[("name", &"שלום")]), "Hello \u{2068}שלום\u{2069}");
}

#[test]
fn only_the_first_letter_changes_to_upper_case() {
    assert_eq!(upper_first("élan Vital"), "Élan Vital");
    assert_eq!(upper_first(""), "");
}
