//! The mapping as a whole.

use super::*;

fn mapping(text: &str) -> Result<Mapping, MappingFault> {
    Mapping::read(Some(Base::File(MappingFile { name: "m.toml", text })), None)
}

fn fault(text: &str) -> String {
    mapping(text).expect_err(text).to_string()
}

const FILMS: &str = "[films]\nget = \"/f\"\nid = \"i\"\ntitle = \"t\"\n";

#[test]
fn every_built_in_mapping_can_be_read() {
    for name in built_in_names() {
        let read = Mapping::read(Some(Base::BuiltIn(name)), None);
        assert!(read.is_ok(), "{}", read.expect_err("a fault"));
    }
    assert!(built_in_names().any(|name| name == DEFAULT));
}

#[test]
fn a_mistake_is_shown_with_its_place_and_the_nearest_key() {
    let mut wrong = Vec::new();
    for (text, place, part) in [
        (
            format!("{FILMS}titel = \"t\""),
            "m.toml:5:1",
            "unknown key `titel` in `films`; did you mean `title`?",
        ),
        (
            "atribution = \"\"".to_owned() + "\n" + FILMS,
            "m.toml:1:1",
            "did you mean `attribution`?",
        ),
        (format!("{FILMS}score = {{ at = \"s\", off = 10 }}"), "m.toml:5:21", "did you mean `of`?"),
        (format!("{FILMS}score = {{ at = \"s\", of = \"10\" }}"), "m.toml:5:26", "largest score"),
        (
            format!("{FILMS}score = {{ at = \"s\", name = \" \" }}"),
            "m.toml:5:28",
            "1 to 60 characters",
        ),
        (
            format!("{FILMS}image = {{ at = \"s\", name = \"x\" }}"),
            "m.toml:5:21",
            "unknown key `name`",
        ),
        (
            format!("{FILMS}running_time = {{ at = \"s\", unit = \"h\" }}"),
            "m.toml:5:35",
            "ticks, ms, s, min",
        ),
        (format!("{FILMS}score = \"a[\""), "m.toml:5:", "not a valid expression"),
        (format!("{FILMS}keep = [\"x\", \"title\"]"), "m.toml:5:14", "`keep` cannot have `title`"),
        (
            format!("{FILMS}keep = [\"a.x\", \"x\"]"),
            "m.toml:5:16",
            "cannot have both `a.x` and `x`",
        ),
        (format!("{FILMS}keep = [\"tags[-1]\"]"), "m.toml:5:9", "names and plain paths"),
        (
            format!("{FILMS}keep = {{ x = \"x\" }}"),
            "m.toml:5:8",
            "must be a list of names, such as",
        ),
        (format!("{FILMS}credits.id = \"x\""), "m.toml:", "`credits` has no `at`"),
        (format!("{FILMS}credits.at = \"x\""), "m.toml:", "neither `id` nor `name`"),
        (format!("{FILMS}pages = {{ link = true }}"), "m.toml:5:", "not supported by this version"),
        (format!("{FILMS}records = \"a[*].b\""), "m.toml:5:11", "plain path"),
        ("[films]\nget = \"/f\"\nid = \"i\"".to_owned(), "m.toml:1:", "[films] has no `title`"),
        (
            "[films]\nget = \"https://h/f\"\nid = \"i\"".to_owned(),
            "m.toml:2:7",
            "path under the upstream",
        ),
        ("[people]\nget = \"/p\"".to_owned(), "m.toml:1:1", "no [films]"),
        (
            format!("{FILMS}[api]\nheaders = {{ A = \"x {{secret}}\" }}"),
            "m.toml:5:",
            "`secret-file` or `secret-env`",
        ),
        (
            format!("{FILMS}[api]\nheaders = {{ A = \"x {{key}}\" }}"),
            "m.toml:6:",
            "only placeholder",
        ),
        (format!("{FILMS}[api]\nrequests = 0"), "m.toml:6:12", "at least 1"),
        (format!("{FILMS}[api]\npace = \"fast\""), "m.toml:6:8", "20 per 10s"),
        (format!("{FILMS}[words]\nfilm = \"\""), "m.toml:6:8", "1 to 60 characters"),
        ("x = 1979-05-27".to_owned(), "m.toml:1:5", "a date has no meaning"),
    ] {
        let fault = fault(&text);
        if !(fault.starts_with(place) && fault.contains(part)) {
            wrong.push(format!("{place} {part}\n{fault}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_tables_of_the_configuration_lie_over_the_mapping() {
    let over = "out = \"x\"\nattribution = \"a\"\n[films]\nscore = { at = \"s\", of = 10 }\n";
    let over = Some(MappingFile { name: "movies-gen.toml", text: over });
    let both = Mapping::read(Some(Base::BuiltIn(DEFAULT)), over).expect("a mapping");
    let alone = Mapping::default_mapping();
    assert_eq!(
        (both.films.get.as_str(), both.attribution.as_deref()),
        (alone.films.get.as_str(), Some("a"))
    );
    assert_ne!(both.digest(), alone.digest());
    let wrong = Some(MappingFile { name: "movies-gen.toml", text: "[films]\nscor = \"s\"" });
    let fault = Mapping::read(Some(Base::BuiltIn(DEFAULT)), wrong).expect_err("a fault");
    assert!(fault.to_string().starts_with("movies-gen.toml:2:1: "), "{fault}");
}

#[test]
fn an_answer_without_the_list_is_named_with_the_list_that_is_probably_meant() {
    let films = mapping(&format!("{FILMS}records = \"results\"")).expect("a mapping").films;
    assert_eq!(films.records.list_in(r#"{"results": [1]}"#, "films"), Ok("[1]"));
    let answer = r#"{"count": 2, "next": null, "items": [{}, {}], "tags": ["a"]}"#;
    assert_eq!(
        films.records.list_in(answer, "films").expect_err("a message"),
        "`results` is not in the answer of /films; there are count, next, items (2 objects), tags (a list \
         without objects). Did you mean `items`?"
    );
    assert!(
        films
            .records
            .list_in(r#"{"results": 7}"#, "films")
            .is_err_and(|why| why.contains("a number, not a list"))
    );
    assert!(
        films
            .records
            .list_in("[{}]", "films")
            .is_err_and(|why| why.contains("the answer is 1 object"))
    );
}

#[test]
fn records_may_have_a_condition() {
    let films =
        |records: &str| mapping(&format!("{FILMS}records = \"{records}\"")).expect(records).films;
    let all = films("[?hasFile]");
    assert_eq!(all.records.list_in("[{}]", "films"), Ok("[{}]"));
    assert!(
        all.records.takes(r#"{"hasFile": true}"#) == Ok(true)
            && all.records.takes(r#"{"hasFile": false}"#) == Ok(false)
            && all.records.takes("7") == Ok(false)
    );
    let nested = films("data.items[?kind == 'film' && size > `3`]");
    assert_eq!(nested.records.list_in(r#"{"data": {"items": [7]}}"#, "films"), Ok("[7]"));
    assert!(
        nested.records.takes(r#"{"kind": "film", "size": 4}"#) == Ok(true)
            && nested.records.takes(r#"{"kind": "film"}"#) == Ok(false)
    );
}
