//! A draft of a mapping from an answer.
//!
//! Owns what is recognised in an answer: the list of records, and the fields whose names and values
//! have a usual form. What is not recognised is in the draft as comments, so that the owner sees
//! every field.

mod seen;
mod usual;

use std::collections::HashSet;
use std::fmt::Write;

use seen::{SeenField, SeenFields, best, plain, seen};
use usual::{JOBS, OF_A_CREDIT, OF_A_FILM, OF_A_PERSON, PEOPLE, UsualNames, WORTH_KEEPING};

use super::format::Format;
use super::records::{fields, further_records, step};
use crate::plain::clip;
use crate::raw::{self, kind};

/// Largest number of records that are read.
const MOST_READ: usize = 200;
/// Largest number of items of lists that are read.
const MOST_ITEMS: usize = 2_000;
/// Largest number of fields that are listed as comments.
const MOST_LISTED: usize = 60;

/// Where an answer comes from.
#[derive(Debug, Clone)]
pub struct DraftSource {
    /// The base address of the API, or `file:` and a directory.
    pub upstream: String,
    /// Path and query under the upstream, or the name of the file.
    pub get: String,
    /// The format of the answer.
    pub format: Format,
}

/// The records of an answer.
struct DraftRecords<'a> {
    /// The path to the list; empty if the answer is the list.
    path: String,
    /// The first records.
    first: Vec<&'a str>,
    count: usize,
}

impl DraftRecords<'_> {
    fn of(json: &str) -> Result<DraftRecords<'_>, String> {
        let read = serde_json::from_str::<&serde_json::value::RawValue>(json);
        read.map_err(|error| format!("the answer is not JSON: {error}"))?;
        let (path, list) = list_in(json.trim(), 0).ok_or("the answer has no list of records")?;
        let mut first = Vec::new();
        raw::each_item(list, |item| first.push(item));
        let count = first.len();
        first.truncate(MOST_READ);
        Ok(DraftRecords { path, first, count })
    }
}

/// Drafts the mapping of an answer with films, and of an answer with people if the API has one.
///
/// # Errors
/// Returns the reason if an answer has no list of records.
pub fn draft(
    films: (&DraftSource, &str),
    people: Option<(&DraftSource, &str)>,
) -> Result<String, String> {
    let mut text = of_films(films.0, films.1)?;
    match people {
        Some((source, answer)) => text.push_str(&of_people(source, answer)?),
        None => text.push_str(
            "\n# If the API has a list of people:\n# [people]\n# get = \"/people\"\n# id = \"id\"\n\
             # name = \"name\"\n# films = \"films\"\n",
        ),
    }
    Ok(text)
}

fn of_films(source: &DraftSource, answer: &str) -> Result<String, String> {
    let json = source.format.as_json(answer.trim_start_matches('\u{feff}'))?;
    let records = DraftRecords::of(&json)?;
    let (seen, of) = (seen(&records.first), records.first.len());
    let mut text = format!(
        "# A draft. Number of records: {}. Check each line, and remove the comment sign of each line \
         that is right.\n# The form of this file: docs/mappings.md\n\n[api]\nupstream = {}\n\
         # headers = {{ Authorization = \"Bearer {{secret}}\" }}\n# secret-env = \"NAME\"\n\n\
         [films]\nget = {}\n",
        records.count,
        quoted(&source.upstream),
        quoted(&source.get),
    );
    note_records(&json, &records, &mut text);
    let mut used = usual_fields(OF_A_FILM, &seen, of, &source.upstream, &mut text);
    makers(&seen, &mut used, &mut text);
    people(&seen, &mut used.paths, &mut text);
    rest(&seen, &used.paths, of, &mut text);
    Ok(text)
}

fn of_people(source: &DraftSource, answer: &str) -> Result<String, String> {
    let json = source.format.as_json(answer.trim_start_matches('\u{feff}'))?;
    let records = DraftRecords::of(&json)?;
    let (seen, of) = (seen(&records.first), records.first.len());
    let mut text = format!("\n[people]\nget = {}\n", quoted(&source.get));
    note_records(&json, &records, &mut text);
    let used = usual_fields(OF_A_PERSON, &seen, of, &source.upstream, &mut text);
    rest(&seen, &used.paths, of, &mut text);
    Ok(text)
}

/// The fields that lines of the draft read.
#[derive(Default)]
struct UsedFields {
    /// The keys of the lines for fields with usual names.
    keys: Vec<&'static str>,
    paths: Vec<String>,
}

/// Adds a line for each field that has a usual name.
fn usual_fields(
    usual: UsualNames,
    seen: &SeenFields<'_>,
    of: usize,
    upstream: &str,
    text: &mut String,
) -> UsedFields {
    let mut used = UsedFields::default();
    for (key, names) in usual {
        // An id differs from record to record.
        let repeated = if *key == "id" { repeated(seen) } else { Vec::new() };
        let taken = [&used.paths[..], &repeated].concat();
        if let Some((path, field)) = best(seen, names, &taken, "") {
            let _ = writeln!(text, "{}", rule(key, path, field, of, upstream));
            used.keys.push(key);
            used.paths.push(path.clone());
        } else if matches!(*key, "id" | "title" | "name") {
            let _ = writeln!(text, "# {key} = \"…\"   # required; no field has a usual name");
        }
    }
    used
}

/// Returns the fields that have the same value in two records.
fn repeated(seen: &SeenFields<'_>) -> Vec<String> {
    let is_repeated = |(_, field): &(&String, &SeenField<'_>)| {
        let values: HashSet<&str> = field.values.iter().copied().collect();
        values.len() < field.values.len()
    };
    seen.iter().filter(is_repeated).map(|(path, _)| path.clone()).collect()
}

/// Adds directors and producers who are in a list of people with their jobs, unless a field of the
/// records has them.
fn makers(seen: &SeenFields<'_>, used: &mut UsedFields, text: &mut String) {
    let names = OF_A_CREDIT.iter().find(|(key, _)| *key == "name").map_or(&[][..], |(_, all)| *all);
    let is_list = |(path, field): &(&String, &SeenField<'_>)| {
        field.example.starts_with('[') && !path.contains('"')
    };
    let lists: Vec<_> = seen
        .iter()
        .filter(is_list)
        .map(|(path, field)| (path, self::seen::seen(&items_of(field))))
        .collect();
    let mut found = Vec::new();
    for job in ["director", "producer"].into_iter().filter(|job| !used.keys.contains(job)) {
        let is_job = |value: &&&str| value.trim_matches('"').eq_ignore_ascii_case(job);
        let place = lists.iter().find_map(|(path, inside)| {
            let jobs = inside.iter().filter(|(at, _)| JOBS.contains(&plain(at).as_str()));
            let with_job = |(at, field): (&String, &SeenField<'_>)| {
                let value = field.values.iter().find(is_job)?;
                Some((at.clone(), value.trim_matches('"').to_owned()))
            };
            let (at, value) = jobs.into_iter().find_map(with_job)?;
            let (name, _) = best(inside, names, std::slice::from_ref(&at), "")?;
            Some(((*path).clone(), format!("{path}[?{at}=='{value}'].{name}")))
        });
        if let Some((path, place)) = place {
            let _ = writeln!(text, "{job} = {}", quoted(&place));
            found.push(path);
        }
    }
    used.paths.extend(found);
}

/// Returns the items of the lists in a field.
fn items_of<'a>(field: &SeenField<'a>) -> Vec<&'a str> {
    let mut items = Vec::new();
    field.values.iter().take(MOST_READ).for_each(|list| {
        raw::each_item(list, |item| {
            if items.len() < MOST_ITEMS {
                items.push(item);
            }
        });
    });
    items
}

/// Adds where the records are, and a comment if the answer is only a part of the list.
fn note_records(json: &str, records: &DraftRecords<'_>, text: &mut String) {
    if records.path.is_empty() {
        return;
    }
    let _ = writeln!(text, "records = {}", quoted(&records.path));
    if let Some(why) = further_records(json, records.count) {
        let _ = writeln!(
            text,
            "# The answer is probably only a part of the list: {why}. Ask for the whole list in `get`."
        );
    }
}

/// Returns the list of objects with the most objects, with its path.
fn list_in(value: &str, depth: usize) -> Option<(String, &str)> {
    if value.starts_with('[') {
        return Some((String::new(), value));
    }
    if depth > 2 || !value.starts_with('{') {
        return None;
    }
    let mut best: Option<(String, &str, usize)> = None;
    for (name, inside) in fields(value) {
        let Some((path, list)) = list_in(inside, depth + 1) else { continue };
        let mut objects = 0;
        raw::each_item(list, |item| objects += usize::from(item.starts_with('{')));
        let path = if path.is_empty() { step(&name) } else { format!("{}.{path}", step(&name)) };
        if objects > best.as_ref().map_or(0, |best| best.2) {
            best = Some((path, list, objects));
        }
    }
    best.map(|(path, list, _)| (path, list))
}

/// Returns the line of a field.
fn rule(key: &str, path: &str, field: &SeenField<'_>, of: usize, upstream: &str) -> String {
    let numbers =
        || field.values.iter().filter_map(|value| value.trim_matches('"').parse::<f64>().ok());
    let largest = numbers().fold(0.0, f64::max);
    let at = quoted(path);
    let is_text_with = |part: &str| field.values.iter().any(|value| value.contains(part));
    let line = match key {
        "running_time" => match length_unit(path, largest) {
            "min" => format!("{key} = {at}"),
            unit => format!("{key} = {{ at = {at}, unit = \"{unit}\" }}"),
        },
        "score" if largest <= 5.0 => format!("{key} = {{ at = {at}, of = 5 }}"),
        "score" if largest <= 10.0 => format!("{key} = {{ at = {at}, of = 10 }}"),
        "description" | "title" if is_text_with("</") || is_text_with("&amp;") => {
            format!("{key} = {{ at = {at}, html = true }}")
        }
        "director" | "producer" if !field.example.starts_with('[') && is_text_with(", ") => {
            format!("{key} = {{ at = {at}, split = \", \" }}")
        }
        "image" | "movie_banner" if !is_text_with("://") => {
            let base = if upstream.starts_with("file:") { "https://…" } else { "{api}" };
            let between = if field.example.starts_with("\"/") { "" } else { "/…" };
            let text = quoted(&format!("{base}{between}{{{path}}}"));
            format!("# {key} = {{ text = {text} }}   # the address is not whole: complete the text")
        }
        _ => format!("{key} = {at}"),
    };
    let example = remark(field.example);
    let found =
        if field.count < of { format!(", in {} of {of}", field.count) } else { String::new() };
    format!("{line}   # {example}{found}")
}

fn length_unit(path: &str, largest: f64) -> &'static str {
    let name = plain(path);
    match () {
        () if name.contains("tick") || largest >= 1e9 => "ticks",
        () if name.ends_with("ms") || largest >= 600_000.0 => "ms",
        () if name.contains("sec") || largest > 1_000.0 => "s",
        () => "min",
    }
}

/// Drafts the people of films.
fn people(seen: &SeenFields<'_>, used: &mut Vec<String>, text: &mut String) {
    let is_of_people = |(path, field): &(&String, &SeenField<'_>)| {
        PEOPLE.contains(&plain(path).as_str()) && field.example.starts_with('[')
    };
    let Some((path, field)) = seen.iter().find(is_of_people) else { return };
    let items = items_of(field);
    let at = quoted(path);
    if items.first().is_none_or(|item| !item.starts_with('{')) {
        let _ = writeln!(text, "people = {at}   # {}", remark(field.example));
    } else {
        let inside = self::seen::seen(&items);
        let mut lines = Vec::new();
        let mut near = String::new();
        let mut of_credit = Vec::new();
        for (key, names) in OF_A_CREDIT {
            let Some((path, field)) = best(&inside, names, &of_credit, &near) else { continue };
            if *key == "name" {
                // The id is the id of the person, and not of the credit.
                near.clone_from(path);
            }
            of_credit.push(path.clone());
            lines.push((*key, path, remark(field.example)));
        }
        let is_named = lines.iter().any(|(key, ..)| matches!(*key, "id" | "name"));
        let sign = if is_named { "" } else { "# " };
        let _ = writeln!(text, "{sign}credits.at = {at}");
        for (key, path, example) in &lines {
            let _ = if *key == "image" && !example.contains("://") {
                let place = quoted(&format!("https://…{{{path}}}"));
                writeln!(
                    text,
                    "# credits.image = {{ text = {place} }}   # {example}: complete the address"
                )
            } else {
                writeln!(text, "{sign}credits.{key} = {}   # {example}", quoted(path))
            };
        }
        if !is_named {
            let names: Vec<_> = inside.keys().map(|path| remark(path)).collect();
            let _ = writeln!(text, "# credits.name = \"…\"   # one of: {}", names.join(", "));
        }
        let kind = inside.iter().find(|(at, _)| plain(at) == "type");
        // A quote or an escape in the value would need another form.
        let is_plain = |value: &str| !value.contains(['\'', '\\']);
        if let Some((at, field)) = kind.filter(|(_, field)| is_plain(field.example)) {
            let example = clip(field.example.trim_matches('"'));
            let place = quoted(&format!("{path}[?{at}=='{example}']"));
            let _ = writeln!(text, "# People of one kind only: credits.at = {place}");
        }
    }
    used.push(path.clone());
}

/// Lists the fields that are not used.
fn rest(seen: &SeenFields<'_>, used: &[String], of: usize, text: &mut String) {
    let is_below = |path: &String| used.iter().any(|used| path.starts_with(&format!("{used}.")));
    let is_unused = |(path, field): &(&String, &SeenField<'_>)| {
        !used.contains(path) && !is_below(path) && !field.is_object()
    };
    let unused: Vec<_> = seen.iter().filter(is_unused).collect();
    if unused.is_empty() {
        return;
    }
    let worth = unused.iter().filter(|(path, _)| WORTH_KEEPING.contains(&plain(path).as_str()));
    let mut names = HashSet::new();
    let worth = worth.filter(|(path, _)| names.insert(path.rsplit('.').next()));
    let worth: Vec<_> = worth.map(|(path, _)| quoted(path)).collect();
    let examples = if worth.is_empty() { "\"…\"".to_owned() } else { worth.join(", ") };
    let _ = writeln!(
        text,
        "# keep = [{examples}]   # further fields for templates and data files; everything listed is published"
    );
    let _ = writeln!(text, "\n# Fields that no line above reads:");
    for (path, field) in unused.iter().take(MOST_LISTED) {
        let example = match field.example.starts_with(['[', '{']) {
            true => format!("{}, such as {}", kind(field.example), remark(field.example)),
            false => remark(field.example),
        };
        let path = remark(path);
        let _ = writeln!(text, "#   {path} = {example}, in {} of {of}", field.count);
    }
    let more = unused.len().saturating_sub(MOST_LISTED);
    if more > 0 {
        let _ = writeln!(text, "#   and {more} more");
    }
}

/// Returns the start of a value for a comment in one line.
fn remark(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).take(40).collect();
    clip(&words.join(" "))
}

/// Returns a text as a TOML string.
fn quoted(text: &str) -> String {
    if text.contains(['"', '\\']) && !text.contains('\'') && !text.contains(char::is_control) {
        return format!("'{text}'");
    }
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{Base, Mapping, MappingFile};
    use super::*;

    fn source(format: Format) -> DraftSource {
        DraftSource { upstream: "https://h/api".into(), get: "/films?all=1".into(), format }
    }

    /// Drafts a mapping, and reads the draft as a mapping.
    fn drafted(format: Format, answer: &str) -> (String, Mapping) {
        let text = draft((&source(format), answer), None).expect("a draft");
        let file = MappingFile { name: "draft.toml", text: &text };
        let mapping = Mapping::read(Some(Base::File(file)), None);
        (text.clone(), mapping.unwrap_or_else(|fault| panic!("{fault}\n{text}")))
    }

    #[test]
    fn usual_fields_are_recognised_and_the_others_are_comments() {
        let answer = r#"{"page": 1, "total_pages": 4, "tags": ["a"], "data": {"items": [
            {"Id": 7, "name": {"rendered": "A &amp; B</i>"}, "overview": "<p>x</p>", "runtime_ms": 1,
             "RunTimeTicks": 51600000000, "vote_average": 7.9, "ProductionYear": 1999,
             "poster_path": "/a.jpg", "odd key": true, "directors": "A, B",
             "People": [{"Id": "p", "Name": "P", "Role": "R", "Type": "Actor"}]},
            {"Id": 8, "name": {"rendered": "C"}, "vote_average": null}]}}"#;
        let (text, mapping) = drafted(Format::Json, answer);
        for line in [
            "records = \"data.items\"",
            "id = \"Id\"   # 7",
            "title = { at = \"name.rendered\", html = true }",
            "running_time = { at = \"RunTimeTicks\", unit = \"ticks\" }",
            "score = { at = \"vote_average\", of = 10 }   # 7.9, in 1 of 2",
            "description = { at = \"overview\", html = true }",
            "director = { at = \"directors\", split = \", \" }",
            "credits.role = \"Role\"",
            "# People of one kind only: credits.at = \"People[?Type=='Actor']\"",
            "only a part of the list: `total_pages` is 4",
            "#   \"odd key\" = true, in 1 of 2",
            "#   poster_path = \"/a.jpg\"",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert_eq!(mapping.films.get.as_str(), "/films?all=1");
    }

    #[test]
    fn fields_in_objects_and_people_with_their_jobs_are_recognised() {
        let answer = r#"{"data": [{"id": 1, "attributes": {"name": "A", "lengthSeconds": 5400,
            "poster": {"data": {"attributes": {"url": "/p.jpg"}}}, "genres": ["drama"],
            "crew": [{"job": "Writer", "who": "W"}, {"job": "Director", "who": "D"}],
            "roles": [{"id": 9, "as": "R", "actor": {"data": {"id": 7, "attributes": {
                "fullName": "N", "headshot": {"data": {"attributes": {"url": "/h.jpg"}}}}}}}]}}]}"#;
        let (text, _) = drafted(Format::Json, answer);
        for line in [
            "id = \"id\"",
            "title = \"attributes.name\"",
            "running_time = { at = \"attributes.lengthSeconds\", unit = \"s\" }",
            "# image = { text = \"{api}{attributes.poster.data.attributes.url}\" }",
            "director = \"attributes.crew[?job=='Director'].who\"",
            "credits.at = \"attributes.roles\"",
            "credits.name = \"actor.data.attributes.fullName\"",
            "credits.id = \"actor.data.id\"   # 7",
            "credits.role = \"as\"",
            "# credits.image = { text = \"https://…{actor.data.attributes.headshot.data.attributes.url}",
            "# keep = [\"attributes.genres\"]",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("producer"), "{text}");
    }

    #[test]
    fn a_field_of_the_record_comes_before_a_field_in_an_object_and_an_id_is_not_repeated() {
        let record = |id: u32| {
            format!(
                r#"{{"filmId": {id}, "kind": 1, "slug": "s{id}", "headline": "H{id}",
                "genre": {{"id": 5, "name": "Drama"}}, "regie": "X",
                "crew": [{{"job": "Director", "name": "X"}}],
                "cast": [{{"actor": "Bob", "character": "Producer",
                           "agency": {{"id": 7, "name": "CAA"}}}}]}}"#
            )
        };
        let answer = format!("[{}, {}]", record(1), record(2));
        let text = draft((&source(Format::Json), &answer), None).expect("a draft");
        for line in ["id = \"slug\"", "director = \"regie\"", "credits.name = \"actor\""] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert_eq!(text.matches("director =").count(), 1, "{text}");
        assert!(!text.contains("producer ="), "a character is no job: {text}");
    }

    #[test]
    fn a_list_of_csv_or_of_unusual_fields_gives_a_draft_that_names_what_is_missing() {
        let (text, _) = drafted(Format::Csv, "nr,Titel,Jahr\n1,A,1999\n");
        assert!(text.contains("id = \"nr\"") && text.contains("title = \"Titel\""), "{text}");
        let text = draft((&source(Format::Json), r#"[{"x": 1}]"#), None).expect("a draft");
        assert!(text.contains("# title = \"…\"   # required"), "{text}");
        for answer in ["", "<html>", "7", "{\"a\": 1}"] {
            assert!(draft((&source(Format::Json), answer), None).is_err(), "{answer}");
        }
    }

    #[test]
    fn the_drafts_of_hostile_answers_are_mappings() {
        let answer =
            r##"[{"id": "a\nb = \"", "title": "\u0007'\"", "x\"y": "#\n[films]", "z'": "\\"}]"##;
        let (text, _) = drafted(Format::Json, answer);
        assert!(!text.contains('\u{7}'), "{text}");
    }
}
