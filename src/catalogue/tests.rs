//! Tests of the rules of the join. Each test has the name of its rule.

use serde_json::json;

use super::*;
use crate::clock::{BootId, BootTime, Stamp, WallTime};
use crate::mapping::{Base, DEFAULT, MappingFile};
use crate::payload::{AnswerHead, Body, Endpoint, Fence};

pub(super) fn payload(films: &Value, people: &Value) -> Payload {
    let body = |value: &Value| Body::whole(value.to_string());
    Payload {
        fence: Fence(1),
        origin: Stamp { boot_id: BootId("b".into()), boot: BootTime(0), wall: WallTime(0) },
        films: body(films),
        people: body(people),
    }
}

#[test]
fn a_list_may_come_in_several_answers() {
    let pages = [json!([{"id": "a", "title": "A"}]), json!([]), json!([{"id": "b", "title": "B"}])];
    let texts = pages.map(|page| page.to_string());
    let heads = texts.iter().map(|text| AnswerHead {
        request: None,
        etag: None,
        length: text.len() as u64,
    });
    let films = Body::stored(texts.concat().into(), heads.collect()).expect("a body");
    let payload = Payload { films, ..payload(&json!([]), &json!([])) };
    let (catalogue, warnings) = join(&payload, &mapping()).expect("a catalogue");
    let titles: Vec<_> = catalogue.films().map(|(_, film)| film.title.as_str()).collect();
    assert_eq!((titles, warnings.len()), (vec!["A", "B"], 0));
    let bounds = Bounds { records: 1, ..Bounds::of(1 << 20) };
    let fault = join_within(&payload, &mapping(), bounds).expect_err("too many");
    assert_eq!(fault, Fault::TooMany { endpoint: Endpoint::Films, most: 1 });
}

pub(super) fn joined(films: &Value, people: &Value) -> (Catalogue, Vec<Warning>) {
    join(&payload(films, people), &mapping()).expect("a catalogue")
}

fn mapping() -> Mapping {
    Mapping::read(Some(Base::BuiltIn(DEFAULT)), None).expect("a mapping")
}

/// The default mapping, which also keeps further fields of films.
fn keeping() -> Mapping {
    let keep = "films.keep = [\"tagline\", \"x\"]";
    let over = MappingFile { name: "over.toml", text: keep };
    Mapping::read(Some(Base::BuiltIn(DEFAULT)), Some(over)).expect("a mapping")
}

fn newest(catalogue: &Catalogue) -> &Film {
    catalogue.films().next().expect("a film").1
}

fn pairs_of(catalogue: &Catalogue) -> Vec<(String, String)> {
    let of_film = |(index, film): (FilmIndex, &'_ Film)| {
        let people = catalogue.cast(index).iter().map(|&person| catalogue.person(person));
        people.map(|person| (film.id.clone(), person.id.clone())).collect::<Vec<_>>()
    };
    catalogue.films().flat_map(of_film).collect()
}

#[test]
fn either_direction_makes_a_pair_and_both_make_one() {
    let (catalogue, warnings) = joined(
        &json!([{"id": "f1", "title": "A", "people": ["x/people/p1", "x/people/"]},
                {"id": "f2", "title": "B", "people": ["x/people/p2"]}]),
        &json!([{"id": "p1", "name": "P", "films": ["y/films/f1", "y/films/f2"]},
                {"id": "p2", "name": "Q"}]),
    );
    let wanted = [("f1", "p1"), ("f2", "p1"), ("f2", "p2")];
    assert_eq!(pairs_of(&catalogue), wanted.map(|(film, person)| (film.into(), person.into())));
    assert!(warnings.contains(&Warning::OneWay { only_people: 1, only_films: 1 }));
    assert!(warnings.contains(&Warning::BrokenReferences { endpoint: Endpoint::Films, count: 1 }));
}

#[test]
fn a_bad_record_is_left_out_and_the_others_are_kept() {
    let (catalogue, warnings) = joined(
        &json!([{"title": "no id"}, 7, {"id": {}, "title": "odd"}, {"id": "f"}, {"id": "g", "title": "G"}]),
        &json!([]),
    );
    assert_eq!(catalogue.films().len(), 1);
    let left_out = warnings.iter().filter(|w| matches!(w, Warning::LeftOut { .. })).count();
    assert_eq!(left_out, 4);
    assert!(warnings[0].to_string().contains("record 1 of /films (\"no id\")"), "{}", warnings[0]);
}

#[test]
fn a_bad_field_is_left_out_and_its_record_is_kept() {
    let (catalogue, warnings) = joined(
        &json!([{"id": "f", "title": "F", "rt_score": {"of": 1}, "image": "javascript:1", "people": 3}]),
        &json!([]),
    );
    let film = newest(&catalogue);
    assert_eq!((film.rt_score, &film.image), (None, &None));
    let counted = Warning::Counted { endpoint: Endpoint::Films, left_out: 0, ignored: 3, cut: 0 };
    assert_eq!((warnings.len(), &warnings[3]), (4, &counted), "{warnings:?}");
}

#[test]
fn the_first_record_of_a_repeated_id_counts_with_the_references_of_all() {
    let (catalogue, warnings) = joined(
        &json!([{"id": "f", "title": "F"}, {"id": "g", "title": "G"}]),
        &json!([{"id": "p", "name": "first", "films": ["f"]}, {"id": "p", "name": "second", "films": ["g"]}]),
    );
    assert_eq!(catalogue.people().len(), 1);
    let (index, person) = catalogue.people().next().expect("a person");
    assert_eq!(person.name, "first");
    assert_eq!(catalogue.filmography(index).len(), 2);
    assert!(matches!(&warnings[0], Warning::Duplicates { ids, .. } if ids == &["p"]));
}

#[test]
fn the_order_of_the_upstream_changes_nothing() {
    let films = json!([{"id": "a", "title": "A", "release_date": "1986"},
        {"id": "b", "title": "B", "release_date": 2001}, {"id": "c", "title": "C"}]);
    let people = json!([{"id": "p", "name": "zoe", "films": ["a", "b"]}, {"id": "q", "name": "Anna", "films": ["b"]}]);
    let reversed = |value: &Value| {
        Value::Array(value.as_array().expect("a list").iter().rev().cloned().collect())
    };
    let (one, _) = joined(&films, &people);
    let (other, _) = joined(&reversed(&films), &reversed(&people));
    assert_eq!(one, other);
    let order: Vec<_> = one.films().map(|(_, film)| &*film.id).collect();
    assert_eq!(order, ["b", "a", "c"], "newest first, without a year last");
    let zoe = one.person_at(1).expect("a person");
    let films: Vec<_> = one.filmography(zoe).iter().map(|&film| one.film_place(film)).collect();
    assert_eq!(films, [1, 0], "a filmography is oldest first");
}

#[test]
fn unknown_fields_are_kept_and_fields_that_the_program_sets_are_dropped() {
    let payload = payload(
        &json!([{"id": "f", "title": "F", "tagline": "t", "url": "x", "slug": "y", "poster": "z"}]),
        &json!([]),
    );
    let (catalogue, _) = join(&payload, &keeping()).expect("a catalogue");
    assert_eq!(newest(&catalogue).extra, Extra::from([("tagline".into(), json!("t"))]));
}

#[test]
fn as_many_records_as_the_limit_are_probably_cut() {
    let films = json!([{"id": "a", "title": "A"}, {"id": "b", "title": "B"}]);
    let limited = |limit| Mapping::default_mapping().with_limit(limit);
    let payload = payload(&films, &json!([]));
    let (_, warnings) = join(&payload, &limited(2)).expect("a catalogue");
    assert_eq!(warnings, [Warning::ProbablyCut { endpoint: Endpoint::Films, limit: 2 }]);
    let (_, warnings) = join(&payload, &limited(0)).expect("a catalogue");
    assert!(warnings.is_empty());
}

#[test]
fn dangling_references_are_named_and_make_no_pair() {
    let (catalogue, warnings) = joined(
        &json!([{"id": "f", "title": "F"}]),
        &json!([{"id": "p", "name": "P", "films": ["gone"]}]),
    );
    assert!(pairs_of(&catalogue).is_empty());
    assert_eq!(
        warnings,
        [Warning::Dangling { endpoint: Endpoint::People, ids: vec!["gone".into()], count: 1 }]
    );
}

#[test]
fn dates_in_odd_forms_keep_the_order_newest_first() {
    let dates =
        ["Jun 12 1998", "2014-", "1998-03-01", "12. Juli 1998", "1998", "soon", "01/02/2005"];
    let films = dates
        .iter()
        .enumerate()
        .map(|(at, date)| json!({"id": at.to_string(), "title": "T", "release_date": date}));
    let (catalogue, _) = joined(&films.collect(), &json!([]));
    let order: Vec<_> = catalogue.films().map(|(_, film)| film.release_date.as_deref()).collect();
    let wanted =
        ["2014-", "01/02/2005", "12. Juli 1998", "Jun 12 1998", "1998-03-01", "1998", "soon"];
    assert_eq!(order, wanted.map(Some));
}

#[test]
fn a_director_may_be_a_text_or_a_list_of_names() {
    let (catalogue, warnings) = joined(
        &json!([{"id": "a", "title": "A", "director": ["X", "NA", "Y\n Z", "X", ""], "producer": ["P"]},
                {"id": "b", "title": "B", "director": "X", "producer": [7, {"name": "Q"}]}]),
        &json!([]),
    );
    let films: Vec<_> = catalogue.films().map(|(_, film)| film).collect();
    let [a, b] = films[..] else { panic!("two films") };
    assert_eq!(
        (a.director.as_deref(), &a.directors[..]),
        (Some("X, Y Z"), &["X".to_owned(), "Y Z".to_owned()][..])
    );
    assert_eq!((a.producer.as_deref(), b.producer.as_deref()), (Some("P"), Some("7")));
    assert_eq!(b.directors, ["X"]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[test]
fn an_answer_that_exceeds_the_bounds_is_refused_as_too_large() {
    let films: Value =
        (0..30).map(|at| json!({"id": at, "title": "T", "director": at, "x": [1, 2]})).collect();
    let ids: Value = (0..30).collect();
    let people =
        json!([{"id": 1, "name": "P", "films": ids}, {"id": 2, "name": "Q", "films": ids}]);
    let payload = payload(&films, &people);
    let within = |bounds: Bounds| join_within(&payload, &keeping(), bounds).map(drop);
    let none = Bounds::none();
    let most = 20;
    assert_eq!(within(none), Ok(()));
    let films = Endpoint::Films;
    for (bounds, fault) in [
        (Bounds { pairs: most, ..none }, Fault::TooManyPairs { most }),
        (Bounds { pairs: 59, ..none }, Fault::TooManyPairs { most: 59 }),
        (Bounds { records: most, ..none }, Fault::TooMany { endpoint: films, most }),
        (Bounds { units: most, ..none }, Fault::TooManyValues { endpoint: films, most }),
        (Bounds { site: 1000, ..none }, Fault::TooLargeSite { most: 1000 }),
    ] {
        assert_eq!(within(bounds), Err(fault.clone()));
        assert!(fault.is_too_large(), "{fault}");
    }
}

/// A mapping of films with embedded people.
fn with_credits(people: &str) -> Mapping {
    let text = format!(
        "[films]\nget = \"/f\"\nid = \"id\"\ntitle = \"title\"\nrelease_date = \"year\"\n\
         credits.at = \"People[?Type=='Actor']\"\ncredits.id = \"Id\"\ncredits.name = \"Name\"\n\
         credits.role = \"Role\"\ncredits.image = {{ text = \"{{api}}/p/{{Id}}?t={{Tag}}\" }}\n{people}"
    );
    let read = Mapping::read(Some(Base::File(MappingFile { name: "m.toml", text: &text })), None);
    read.expect("a mapping").with_api("http://h")
}

#[test]
fn people_come_from_credits_with_their_roles_in_the_order_of_the_credits() {
    let actor = |id: &str, name: &str, role: &str| json!({"Id": id, "Name": name, "Role": role, "Type": "Actor"});
    let films = json!([
        {"id": "f", "title": "F", "year": 2001, "People": [
            actor("z", "Zed", "Hero"), actor("a", "Ann", ""), actor("z", "Zed", "Villain"),
            {"Id": "d", "Name": "Dee", "Type": "Director"}, {"Type": "Actor"}, 7]},
        {"id": "g", "title": "G", "year": 1999, "People": [
            {"Id": "a", "Name": "Anne (old)", "Type": "Actor", "Tag": "x y"},
            {"Name": "No Id", "Type": "Actor"}]},
        {"id": "h", "title": "H"},
    ]);
    let (catalogue, warnings) =
        join(&payload(&films, &json!([])), &with_credits("")).expect("a catalogue");
    let pairs = [("f", "z"), ("f", "a"), ("g", "a"), ("g", "No Id")];
    assert_eq!(pairs_of(&catalogue), pairs.map(|(film, person)| (film.into(), person.into())));
    let names: Vec<_> = catalogue.people().map(|(_, person)| person.name.as_str()).collect();
    assert_eq!(names, ["Ann", "No Id", "Zed"], "the newest film names a person");
    let (film, _) = catalogue.films().next().expect("a film");
    let role = |place| {
        catalogue.credit(film, catalogue.cast(film)[place]).expect("a credit").role.as_deref()
    };
    assert_eq!((role(0), role(1)), (Some("Hero, Villain"), None));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].to_string().contains("1 of its people are left out"), "{}", warnings[0]);
}

#[test]
fn credits_and_a_list_of_people_are_united() {
    let mapping =
        with_credits("[people]\nget = \"/p\"\nid = \"id\"\nname = \"name\"\nfilms = \"films\"");
    let films = json!([{"id": "f", "title": "F", "year": 1, "People": [
        {"Id": "p", "Name": "Other", "Role": "R", "Tag": "t", "Type": "Actor"},
        {"Id": "q", "Name": "Q", "Type": "Actor"}]}]);
    let people = json!([{"id": "p", "name": "P"}, {"id": "r", "name": "A", "films": ["f"]}]);
    let (catalogue, warnings) = join(&payload(&films, &people), &mapping).expect("a catalogue");
    let pairs = [("f", "p"), ("f", "q"), ("f", "r")];
    assert_eq!(pairs_of(&catalogue), pairs.map(|(film, person)| (film.into(), person.into())));
    let names: Vec<_> = catalogue.people().map(|(_, person)| person.name.as_str()).collect();
    assert_eq!(names, ["A", "P", "Q"]);
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn a_required_field_that_no_record_has_is_a_failure_with_the_field_that_is_meant() {
    let films = json!([{"Id": 1, "title": "F"}, {"Id": 2, "title": "G"}]);
    let fault = join(&payload(&films, &json!([])), &mapping()).expect_err("a fault");
    assert_eq!(
        fault.to_string(),
        "`id` (`id`) is in none of the 2 records of /films; did you mean `Id`?"
    );
}

#[test]
fn an_optional_field_that_no_record_has_is_one_warning() {
    let actor = json!({"Type": "Actor", "Id": "a", "Name": "A", "Role": "R", "Tag": "t"});
    let films =
        json!([{"id": 1, "title": "F", "Year": 1, "People": [actor]}, {"id": 2, "title": "G"}]);
    let (_, warnings) = join(&payload(&films, &json!([])), &with_credits("")).expect("a catalogue");
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(
        warning.to_string(),
        "`release_date` (`year`) is in no record of /films; did you mean `Year`?"
    );
}
