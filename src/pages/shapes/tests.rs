//! Shapes that follow a catalogue are the shapes from nothing.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::catalogue::{Bounds, Joined};
use crate::changes::between;
use crate::clock::{BootId, BootTime, Stamp, WallTime};
use crate::mapping::Mapping;
use crate::payload::{Body, Fence, Payload};

/// More than fit in one part, so that every list is cut.
const FILMS: usize = 1_150;
const PEOPLE: usize = 1_050;

fn film(n: usize) -> Value {
    json!({
        "id": format!("f{n}"), "title": format!("The {} {}", WORDS[n % 5], n / 7),
        "release_date": 1900 + n % 90, "director": format!("D{}", n % 40),
    })
}

fn person(n: usize) -> Value {
    let films: Vec<_> = (0..n % 4).map(|at| format!("h/films/f{}", (n * 3 + at) % FILMS)).collect();
    json!({"id": format!("p{n}"), "name": format!("{} {n}", WORDS[n % 5]), "films": films})
}

const WORDS: [&str; 5] = ["Storm", "Straße", "となり", "Stone", "Ōgaki"];

/// One edit. The numbers choose the record and the new value.
#[derive(Debug, Clone)]
struct Edit {
    is_film: bool,
    at: usize,
    to: usize,
    kind: u8,
}

fn edit() -> impl Strategy<Value = Edit> {
    let edit = (any::<bool>(), 0..FILMS, 0..9_000_usize, 0_u8..7);
    edit.prop_map(|(is_film, at, to, kind)| Edit { is_film, at, to, kind })
}

fn apply(lists: &mut [Vec<Value>; 2], edit: &Edit) {
    let Edit { is_film, at, to, kind } = *edit;
    let list = &mut lists[usize::from(!is_film)];
    let place = at % list.len();
    let name = if is_film { "title" } else { "name" };
    let record = &mut list[place];
    match kind {
        0 => record[name] = json!(format!("{} anew {to}", WORDS[to % 5])),
        1 => record["release_date"] = json!(1900 + to % 120),
        2 => record["description"] = json!("x".repeat(to)),
        3 => record["id"] = json!(format!("other{to}")),
        4 if is_film => record["people"] = json!([format!("h/people/p{}", to % PEOPLE)]),
        4 => record["films"] = json!([format!("h/films/f{}", to % FILMS)]),
        5 => drop(list.remove(place)),
        _ if is_film => list.push(film(FILMS + to)),
        _ => list.push(person(PEOPLE + to)),
    }
}

fn next(joined: &Joined, lists: &[Vec<Value>; 2]) -> Joined {
    let body = |list: &Vec<Value>| Body::whole(json!(list).to_string());
    let payload = Payload {
        fence: Fence(1),
        origin: Stamp { boot_id: BootId("b".into()), boot: BootTime(0), wall: WallTime(0) },
        films: body(&lists[0]),
        people: body(&lists[1]),
    };
    joined.next(&payload, &Mapping::default_mapping(), Bounds::none()).expect("a catalogue")
}

/// Compares what a plan takes from the shapes.
fn assert_same(shapes: &Shapes, catalogue: &Catalogue) {
    let Touched { films, people } = Touched::between(&Catalogue::default(), catalogue);
    let fresh = Shapes::of(catalogue, [films.slots, people.slots]);
    assert!(shapes.movies == fresh.movies, "the data file of films");
    assert!(shapes.people == fresh.people, "the data file of people");
    assert!(shapes.all_people == fresh.all_people, "the list of people");
    assert!(shapes.words == fresh.words, "the search index");
    for (film, _) in catalogue.films() {
        let [one, other] = [shapes, &fresh].map(|of| &of.films_by_index[film.slot()]);
        assert_eq!(one, other);
    }
    for (person, _) in catalogue.people() {
        let [one, other] = [shapes, &fresh].map(|of| &of.people_by_index[person.slot()]);
        assert_eq!(one, other);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn shapes_after_edits_are_the_shapes_from_nothing(
        edits in proptest::collection::vec(proptest::collection::vec(edit(), 0..9), 1..6),
    ) {
        let mut lists = [(0..FILMS).map(film).collect::<Vec<_>>(), (0..PEOPLE).map(person).collect()];
        let mut joined = next(&Joined::default(), &lists);
        let mut shapes = Shapes::default();
        shapes.follow(&joined.catalogue);
        let mut lists_before = lists.clone();
        for edits in &edits {
            edits.iter().for_each(|edit| apply(&mut lists, edit));
            let before = lists_before;
            lists_before = lists.clone();
            let step = next(&joined, &lists);
            shapes.follow(&step.catalogue);
            assert_same(&shapes, &step.catalogue);
            // All records of catalogues that were joined from nothing are compared.
            let [old, new] = [before, lists.clone()].map(|lists| next(&Joined::default(), &lists));
            let all = between(&old.catalogue, &new.catalogue);
            prop_assert_eq!(between(&joined.catalogue, &step.catalogue), all);
            joined = step;
        }
    }
}

#[test]
fn an_empty_catalogue_has_empty_files() {
    let mut shapes = Shapes::default();
    shapes.follow(&Catalogue::default());
    assert_eq!(shapes.movies.prefixes().count(), 1);
    assert_eq!(shapes.words.prefixes().collect::<Vec<_>>(), [""]);
}
