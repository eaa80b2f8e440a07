//! Tests of the rules for changes: what counts as a change, and how much of a change is kept.

use serde_json::Value;

use super::*;

fn catalogue(films: &[(&str, &str, u32)]) -> Catalogue {
    let films = films
        .iter()
        .map(|&(id, title, score)| Film {
            id: id.into(),
            title: title.into(),
            original_title: None,
            original_title_romanised: None,
            original_language: None,
            image: None,
            movie_banner: None,
            description: None,
            director: None,
            directors: Vec::new(),
            producer: None,
            producers: Vec::new(),
            release_date: None,
            released: None,
            year: None,
            running_time: None,
            rt_score: Some(score),
            credits: Vec::new(),
            extra: Extra::new(),
        })
        .collect();
    Catalogue::of_films(films)
}

#[test]
fn a_catalogue_does_not_differ_from_itself() {
    let one = catalogue(&[("a", "A", 1), ("b", "B", 2)]);
    assert!(between(&one, &one).is_empty());
}

#[test]
fn records_are_matched_by_id_in_any_order() {
    let old = catalogue(&[("a", "A", 1), ("b", "B", 2), ("c", "C", 3)]);
    let new = catalogue(&[("d", "D", 4), ("b", "B", 5), ("a", "A", 1)]);
    let changes = between(&old, &new);
    let told: Vec<_> = changes.iter().map(|change| (&*change.id, &change.what)).collect();
    let (old, new) = (Some("2".into()), Some("5".into()));
    let score = FieldChange { field: "rt_score".into(), of: None, old, new };
    assert_eq!(
        told,
        [("b", &What::Changed(vec![score])), ("d", &What::Added), ("c", &What::Removed)]
    );
}

#[test]
fn a_move_of_the_upstream_to_another_host_is_not_a_change_of_every_film() {
    let with = |species: Value| {
        let mut one = catalogue(&[("a", "A", 1)]);
        one.film_mut("a").extra.insert("species".into(), species);
        one
    };
    let old = with(serde_json::json!(["http://a.example/species/1"]));
    let moved = with(serde_json::json!(["https://b.example:81/species/1"]));
    assert!(between(&old, &moved).is_empty());
    let grown = with(serde_json::json!(["https://b.example/species/1", "x/species/2"]));
    let What::Changed(fields) = &between(&old, &grown)[0].what else { panic!("changed") };
    assert_eq!(fields[0].old.as_deref(), Some("/species/1"));
    assert_eq!(fields[0].new.as_deref(), Some("/species/1, x/species/2"));
}

#[test]
fn a_new_signature_of_a_picture_is_not_a_change() {
    let with = |address: &str| {
        let mut one = catalogue(&[("a", "A", 1)]);
        let film = one.film_mut("a");
        film.image = Some(address.into());
        film.movie_banner = Some(address.into());
        film.extra.insert("trailer".into(), address.into());
        one
    };
    let one = with("https://cdn.example/a.jpg?sig=1");
    assert!(between(&one, &with("https://cdn.example/a.jpg?sig=2&more=3")).is_empty());
    let changes = between(&one, &with("https://cdn.example/b.jpg?sig=2"));
    let What::Changed(fields) = &changes[0].what else { panic!("changed") };
    let names: Vec<_> = fields.iter().map(|field| &*field.field).collect();
    assert_eq!(names, ["image", "movie_banner", "trailer"]);
    assert_eq!(fields[0].new.as_deref(), Some("https://cdn.example/b.jpg"));
}

#[test]
fn an_ignored_field_makes_no_change_and_is_listed_among_the_fields() {
    let (old, new) = (catalogue(&[("a", "A", 1)]), catalogue(&[("a", "A", 2)]));
    let found = compared(&old, &new, &|kind, field| (kind, field) == (Kind::Film, "rt_score"));
    assert!(found.changes.is_empty());
    assert_eq!(found.fields, Fields::from([(Kind::Film, ["rt_score".to_owned()].into())]));
}

#[test]
fn the_changes_of_two_steps_are_joined_to_one_step() {
    let steps = [
        catalogue(&[("a", "A", 1), ("b", "B", 2), ("c", "C", 3)]),
        catalogue(&[("a", "A", 9), ("b", "B", 2), ("d", "D", 4), ("e", "E", 5)]),
        catalogue(&[("a", "A", 9), ("c", "C", 3), ("d", "D!", 4)]),
    ];
    let [first, second] = [0, 1].map(|at| between(&steps[at], &steps[at + 1]));
    let joined = joined(first, second);
    let told: Vec<_> = joined
        .iter()
        .map(|change| {
            let what = match change.what {
                What::Added => "added",
                What::Removed => "removed",
                What::Changed(_) => "changed",
            };
            (&*change.id, what, &*change.title)
        })
        .collect();
    assert_eq!(
        told,
        [("a", "changed", "A"), ("b", "removed", "B"), ("c", "changed", "C"), ("d", "added", "D!"),]
    );
}

#[test]
fn a_change_of_many_fields_of_one_record_is_bounded() {
    let with = |value: &str| {
        let mut one = catalogue(&[("a", "A", 1)]);
        let name = |n: usize| format!("{n}{}", "n".repeat(1_000));
        one.film_mut("a").extra = (0..10_000).map(|n| (name(n), Value::from(value))).collect();
        one
    };
    let changes = between(&with("x"), &with("y"));
    let What::Changed(fields) = &changes[0].what else { panic!("changed") };
    assert_eq!((fields.len(), changes[0].more), (MOST_FIELDS, 10_000 - MOST_FIELDS as u32));
    assert!(fields.iter().all(|field| field.field.chars().count() == LONGEST_NAME + 1));
}

#[test]
fn the_changes_of_many_records_are_bounded() {
    let of = |text: &str| {
        let ids: Vec<_> = (0..20_000).map(|id| format!("{id:05}")).collect();
        let one = catalogue(&[("a", "A", 1)]).film_mut("a").clone();
        let film = |id| Film { id, description: Some(text.repeat(400)), ..one.clone() };
        Catalogue::of_films(ids.into_iter().map(film).collect())
    };
    let changes = between(&of("x"), &of("y"));
    assert_eq!(changes.len(), 20_000);
    let bytes = serde_json::to_vec(&changes).expect("JSON").len();
    assert!(bytes < MOST_BYTES + 20_000 * 100, "{bytes}");
    assert_eq!(changes.last().map(|change| change.more), Some(1));
}

#[test]
fn a_long_value_is_cut() {
    let long = "ō".repeat(LONGEST_VALUE + 50);
    let changes = between(&catalogue(&[("a", "A", 1)]), &catalogue(&[("a", &long, 1)]));
    assert_eq!(changes[0].title.chars().count(), LONGEST_VALUE + 1);
}
