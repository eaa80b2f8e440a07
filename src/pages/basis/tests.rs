//! Bases against fingerprints, over random histories of a catalogue.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::tests::{catalogue, credited, site};
use super::super::{LastPages, Plan, Records, Site};
use crate::catalogue::Catalogue;
use crate::changes::between;
use crate::clock::WallTime;
use crate::ledger::Ledger;
use crate::theme::Theme;

/// One edit of the lists of an upstream. The numbers choose records and values.
#[derive(Debug, Clone)]
enum Edit {
    Add(bool, u8),
    Remove(bool, u8),
    SetField(bool, u8, u8, u8),
    Recast(u8, Vec<u8>),
    /// The people of a film, each with a role.
    Credit(u8, Vec<(u8, u8)>),
    ChangeId(bool, u8, u8),
}

fn edit() -> impl Strategy<Value = Edit> {
    let (is_film, n) = (any::<bool>(), 0_u8..10);
    let cast = proptest::collection::vec(n.clone(), 0..5);
    let credits = proptest::collection::vec((n.clone(), n.clone()), 0..4);
    let field = (is_film, n.clone(), n.clone(), n.clone());
    prop_oneof![
        1 => (is_film, n.clone()).prop_map(|(f, a)| Edit::Add(f, a)),
        1 => (is_film, n.clone()).prop_map(|(f, a)| Edit::Remove(f, a)),
        5 => field.prop_map(|(f, a, b, c)| Edit::SetField(f, a, b, c)),
        1 => (n.clone(), cast).prop_map(|(a, b)| Edit::Recast(a, b)),
        3 => (n.clone(), credits).prop_map(|(a, b)| Edit::Credit(a, b)),
        1 => (is_film, n.clone(), n).prop_map(|(f, a, b)| Edit::ChangeId(f, a, b)),
    ]
}

/// The lists of the upstream: people and films.
type Lists = [Vec<Value>; 2];

/// Returns a text that is sometimes so long that few cards fit on a page.
fn text(n: u8) -> String {
    if n == 9 { "Long ".repeat(2_000) } else { format!("Text {}", n % 4) }
}

fn apply(lists: &mut Lists, edit: &Edit) {
    let chosen = |list: &[Value], n: u8| usize::from(n) % list.len().max(1);
    match edit {
        Edit::Add(is_film, n) => {
            let name = if *is_film { "title" } else { "name" };
            lists[usize::from(*is_film)].push(json!({"id": n.to_string(), name: text(*n)}));
        }
        Edit::Remove(is_film, n) => {
            let list = &mut lists[usize::from(*is_film)];
            if !list.is_empty() {
                let place = chosen(list, *n);
                list.remove(place);
            }
        }
        Edit::SetField(is_film, n, field, value) => {
            let list = &mut lists[usize::from(*is_film)];
            let place = chosen(list, *n);
            let Some(record) = list.get_mut(place) else { return };
            let fields: &[&str] = if *is_film {
                &[
                    "title",
                    "image",
                    "description",
                    "director",
                    "producer",
                    "release_date",
                    "rt_score",
                    "x",
                ]
            } else {
                &["name", "gender", "age", "image", "x"]
            };
            let field = fields[usize::from(*field) % fields.len()];
            record[field] = match field {
                "release_date" => json!(1990 + u32::from(value % 4)),
                "rt_score" => json!(value),
                "image" => json!(format!("https://i.example/{value}.png")),
                "director" | "producer" => json!(format!("Name {}", value % 3)),
                _ => json!(text(*value)),
            };
        }
        Edit::Recast(n, cast) => {
            let place = chosen(&lists[0], *n);
            if let Some(person) = lists[0].get_mut(place) {
                person["films"] = cast.iter().map(|id| json!(id.to_string())).collect();
            }
        }
        Edit::Credit(n, cast) => {
            let place = chosen(&lists[1], *n);
            if let Some(film) = lists[1].get_mut(place) {
                let credit = |&(id, role): &(u8, u8)| {
                    let face = format!("https://i.example/{}.png", role % 3);
                    json!({"id": id.to_string(), "name": text(id), "as": text(role), "face": face})
                };
                film["cast"] = cast.iter().map(credit).collect();
            }
        }
        Edit::ChangeId(is_film, n, id) => {
            let list = &mut lists[usize::from(*is_film)];
            let place = chosen(list, *n);
            if let Some(record) = list.get_mut(place) {
                record["id"] = json!(id.to_string());
            }
        }
    }
}

fn joined([people, films]: &Lists) -> Catalogue {
    credited(json!(films), json!(people))
}

/// Returns the paths whose bases differ, and fails if a page has the same basis and another
/// fingerprint.
fn other_bases(before: &Plan<'_>, after: &Plan<'_>) -> Vec<String> {
    let mut other = Vec::new();
    for path in after.paths() {
        let (old, new) = (before.prepare(path), after.prepare(path));
        if !before.paths().any(|known| known == path) {
            continue;
        }
        if new.basis.is_some() && old.basis == new.basis {
            assert_eq!(old.fingerprint(), new.fingerprint(), "{path}");
        } else {
            other.push(path.to_owned());
        }
    }
    other
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_page_with_the_same_basis_has_the_same_fingerprint(
        edits in proptest::collection::vec(proptest::collection::vec(edit(), 1..4), 1..12),
    ) {
        let (site, theme) = (site(Some("https://films.example/a/")), Theme::load(None).expect("the theme"));
        let record = |name: &str, n: u8| json!({"id": n.to_string(), name: text(n), "films": ["1", "2"]});
        let mut lists: Lists = [
            (0..6).map(|n| record("name", n)).collect(),
            (0..6).map(|n| record("title", n)).collect(),
        ];
        let mut before = joined(&lists);
        let mut ledger = Ledger::baseline(&before, WallTime(1));
        let mut last = LastPages::default();
        for (step, edits) in edits.iter().enumerate() {
            edits.iter().for_each(|edit| apply(&mut lists, edit));
            let after = joined(&lists);
            let at = WallTime(1_000_000 * (step as u64 + 2));
            let next = ledger.advanced(&between(&before, &after), &after, at);
            let old_records = Records::of(&before, &ledger);
            let old = Plan::new(&site, &old_records, &theme);
            let new_records = Records::of(&after, &next);
            let new = Plan::new(&site, &new_records, &theme);
            other_bases(&old, &new);
            let following = Plan::after(&mut last, &site, &new_records, &theme);
            let are_same = following.planned.pages == new.planned.pages;
            prop_assert!(are_same, "other pages than in a plan from nothing");
            for path in new.paths().filter(|path| path.starts_with("sitemap")) {
                let [one, other] = [&following, &new].map(|plan| plan.prepare(path));
                prop_assert_eq!((one.basis, one.fingerprint()), (other.basis, other.fingerprint()));
            }
            drop((old, new, following));
            (before, ledger) = (after, next);
        }
    }
}

#[test]
fn another_score_of_one_film_leaves_the_bases_of_other_films_and_people() {
    let films = |score: u32| {
        let film = |n: u32| {
            json!({"id": n.to_string(), "title": format!("Film {n}"), "director": format!("D{n}"),
                   "release_date": 1900 + n, "rt_score": if n == 7 { score } else { 50 }})
        };
        json!((0..40).map(film).collect::<Vec<_>>())
    };
    let people = || {
        let person = |n: u32| json!({"id": n.to_string(), "name": format!("P {n}"), "films": [n.to_string(), "8"]});
        json!((0..40).map(person).collect::<Vec<_>>())
    };
    let (site, theme) = (Site::named("Films"), Theme::load(None).expect("the theme"));
    let (before, after) = (catalogue(films(50), people()), catalogue(films(60), people()));
    let ledger = Ledger::baseline(&before, WallTime(1));
    let old_records = Records::of(&before, &ledger);
    let old = Plan::new(&site, &old_records, &theme);
    let new_records = Records::of(&after, &ledger);
    let new = Plan::new(&site, &new_records, &theme);
    let other = other_bases(&old, &new);
    let is_record =
        |path: &&String| path.starts_with("movies/film") || path.starts_with("people/p");
    assert_eq!(other.iter().filter(is_record).collect::<Vec<_>>(), ["movies/film-7/index.html"]);
    assert!(other.contains(&"years/1907/index.html".to_owned()), "{other:?}");
    assert!(!other.contains(&"years/1908/index.html".to_owned()), "{other:?}");
}
