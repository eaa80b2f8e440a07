//! The data of the demo upstream at each step, as records and as bodies.
//!
//! Owns the data files in this directory. The module is separate from the server, so that a
//! step depends on its number alone and can be tested without a socket. The module must not
//! repair the data: its faults are faults of the real API, and the tests below list them.

use serde_json::Value;

/// Steps after which the catalogue starts again. The period is so long that a viewer does not
/// notice the start, and so short that `cycle.json` stays readable.
const PERIOD: u64 = 24;

const FILMS: &str = include_str!("films.json");
const PEOPLE: &str = include_str!("people.json");
const SPECIES: &str = include_str!("species.json");
const LOCATIONS: &str = include_str!("locations.json");
const VEHICLES: &str = include_str!("vehicles.json");
const CYCLE: &str = include_str!("cycle.json");

/// Returns the JSON that a GET of `target` gets at `step`, or `None` for an unknown path.
///
/// `base` is put before each reference. As in the real API, the query is ignored, and a missing
/// id (`/people/`) means the whole list.
pub(super) fn body(target: &str, step: u64, base: &str) -> Option<String> {
    let path = target.split_once('?').map_or(target, |(path, _)| path).strip_prefix('/')?;
    let (route, id) = path.split_once('/').unwrap_or((path, ""));
    let mut list = match route {
        "films" => catalogue_at(step).0,
        "people" => catalogue_at(step).1,
        "species" => records(SPECIES),
        "locations" => records(LOCATIONS),
        "vehicles" => records(VEHICLES),
        _ => return None,
    };
    list.iter_mut().for_each(|record| make_absolute(record, base));
    if id.is_empty() {
        return Some(Value::Array(list).to_string());
    }
    list.iter().find(|record| record["id"] == id).map(Value::to_string)
}

fn make_absolute(value: &mut Value, base: &str) {
    match value {
        Value::String(text) if text.starts_with('/') => text.insert_str(0, base),
        Value::Array(values) => values.iter_mut().for_each(|value| make_absolute(value, base)),
        Value::Object(fields) => fields.values_mut().for_each(|value| make_absolute(value, base)),
        _ => {}
    }
}

/// Returns the films and people at `step`, with references relative to the root.
///
/// Each entry of `cycle.json` is a change to the data files that holds from position `from` of
/// the cycle up to, but not including, position `until`. The entry may continue over the end
/// of the cycle. Therefore each record that goes comes back.
pub(super) fn catalogue_at(step: u64) -> (Vec<Value>, Vec<Value>) {
    let (mut films, mut people) = (records(FILMS), records(PEOPLE));
    for departure in records(CYCLE).iter().filter(|departure| holds(departure, step % PERIOD)) {
        let reference = &departure["record"];
        for (route, list) in [("films", &mut films), ("people", &mut people)] {
            if let Some(fields) = departure["set"].as_object() {
                for record in list.iter_mut().filter(|record| is_named(record, route, reference)) {
                    for (field, value) in fields {
                        record[field] = value.clone();
                    }
                }
            } else {
                list.retain(|record| !is_named(record, route, reference));
                list.iter_mut().for_each(|record| forget(record, reference));
            }
        }
    }
    (films, people)
}

fn holds(departure: &Value, position: u64) -> bool {
    let bound = |name: &str| departure[name].as_u64().unwrap_or(0);
    let (from, until) = (bound("from"), bound("until"));
    if from < until {
        (from..until).contains(&position)
    } else {
        position >= from || position < until
    }
}

/// Compares by id, never by `url`: two people have the `url` of another person.
fn is_named(record: &Value, route: &str, reference: &Value) -> bool {
    record["id"].as_str().is_some_and(|id| *reference == format!("/{route}/{id}"))
}

/// Removes the references to a record that is gone, so that the demo always has the same one
/// dangling reference and not another warning at each step.
fn forget(record: &mut Value, gone: &Value) {
    for field in ["films", "people"] {
        if let Some(references) = record.get_mut(field).and_then(Value::as_array_mut) {
            references.retain(|reference| reference != gone);
        }
    }
}

#[expect(clippy::expect_used, reason = "the texts are compiled in, and the tests parse each")]
fn records(text: &str) -> Vec<Value> {
    serde_json::from_str(text).expect("the demo's data is an array of records")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn by_id(records: &[Value]) -> BTreeMap<&str, &Value> {
        records.iter().map(|record| (record["id"].as_str().unwrap(), record)).collect()
    }

    fn references<'a>(record: &'a Value, field: &str) -> Vec<&'a str> {
        record[field].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
    }

    fn count(records: &[Value], test: impl Fn(&Value) -> bool) -> usize {
        records.iter().filter(|record| test(record)).count()
    }

    #[test]
    fn each_step_has_at_least_twenty_films_and_forty_people() {
        for step in 0..PERIOD {
            let (films, people) = catalogue_at(step);
            assert!(by_id(&films).len() >= 20 && by_id(&people).len() >= 40, "step {step}");
        }
    }

    #[test]
    fn every_step_changes_something_and_no_step_changes_much() {
        for step in 0..PERIOD {
            let (before, after) = (catalogue_at(step), catalogue_at(step + 1));
            assert_ne!(before, after, "step {step} changes nothing");
            for (before, after) in [(&before.0, &after.0), (&before.1, &after.1)] {
                let (before, after) = (by_id(before), by_id(after));
                let gone = before.keys().filter(|id| !after.contains_key(*id)).count();
                assert!(gone <= 2, "{gone} gone after step {step}");
                let differ = after.iter().filter(|(id, record)| before.get(*id) != Some(record));
                assert!(differ.count() <= 10, "much changes after step {step}");
            }
        }
    }

    #[test]
    fn the_catalogue_starts_again_after_each_period() {
        assert_eq!(catalogue_at(5), catalogue_at(5 + PERIOD));
        assert_eq!(catalogue_at(u64::MAX), catalogue_at(u64::MAX % PERIOD));
    }

    #[test]
    fn every_departure_names_an_existing_record_and_existing_fields() {
        for departure in records(CYCLE) {
            assert!(departure["from"].as_u64().is_some_and(|from| from < PERIOD), "{departure}");
            assert!(departure["until"].as_u64().is_some_and(|until| until < PERIOD), "{departure}");
            assert_ne!(departure["absent"] == true, departure["set"].is_object(), "{departure}");
            let record = body(departure["record"].as_str().unwrap(), 12, "");
            let record: Value = serde_json::from_str(&record.expect("a record on file")).unwrap();
            for field in departure["set"].as_object().into_iter().flat_map(|fields| fields.keys()) {
                assert!(record.get(field).is_some(), "{departure}");
            }
        }
    }

    #[test]
    fn exactly_one_reference_dangles_at_every_step() {
        for step in 0..PERIOD {
            let (films, people) = catalogue_at(step);
            let mut known = BTreeSet::from(["/people/".to_owned()]);
            known.extend(by_id(&films).keys().map(|id| format!("/films/{id}")));
            known.extend(by_id(&people).keys().map(|id| format!("/people/{id}")));
            let cast = films.iter().flat_map(|film| references(film, "people"));
            let all = cast.chain(people.iter().flat_map(|person| references(person, "films")));
            let dangling = all.filter(|reference| !known.contains(*reference));
            assert_eq!(dangling.count(), 1, "step {step}");
        }
    }

    #[test]
    fn every_body_contains_its_own_base_and_no_other_host() {
        for route in ["/films", "/people/", "/species?limit=250", "/locations", "/vehicles"] {
            let body = body(route, 0, "demo:").unwrap();
            assert!(body.contains("\"url\":\"demo:/") && !body.contains("://"), "{route}");
            assert!(!body.contains("\"/") && !body.contains("demo:demo:"), "{route}");
        }
        assert_eq!(
            body("/films/whisper-1995?x=1", 0, "").map(|text| text.contains("耳")),
            Some(true)
        );
        for nothing in ["", "/", "/film", "/films/nobody", "/people//", "/people/muta/x", "*"] {
            assert_eq!(body(nothing, 0, ""), None, "{nothing}");
        }
    }

    #[test]
    fn the_data_has_the_faults_of_the_real_api() {
        let (films, people) = (records(FILMS), records(PEOPLE));
        let films_of = |person: &Value| references(person, "films").len();
        assert_eq!(count(&films, |film| film["release_date"].is_number()), 1);
        assert_eq!(count(&films, |film| film["rt_score"].is_number()), 1);
        assert_eq!(count(&films, |film| film.get("tagline").is_some()), 1);
        assert!(count(&films, |film| references(film, "people").contains(&"/people/")) >= 3);
        let url = |film: &Value| film["url"].as_str().unwrap().to_owned();
        let has =
            |film: &Value| people.iter().any(|one| references(one, "films").contains(&&*url(film)));
        assert!(count(&films, |film| !has(film)) >= 4, "films without people");
        assert!(count(&people, |person| films_of(person) > 1) >= 3, "people in two films");
        for age in ["late teens", "NA", "", "14"] {
            assert!(count(&people, |person| person["age"] == age) > 0, "age {age:?}");
        }
        assert_eq!(count(&people, |person| person.get("gander").is_some()), 1);
        assert_eq!(count(&people, |person| !is_named(person, "people", &person["url"])), 2);
        assert_eq!(people.len() - by_id(&people).len(), 1, "an id that occurs twice");
        assert!(
            count(&people, |person| films.iter().any(|film| film["title"] == person["name"])) > 0
        );
    }
}
