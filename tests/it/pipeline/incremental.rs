//! A site that follows its data through many edits is, byte for byte, the site that is made at once
//! from the last data.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use movies_gen::catalogue::{Bounds, Joined};
use movies_gen::changes::between;
use movies_gen::clock::{BootId, BootTime, Stamp, WallTime};
use movies_gen::ledger::Ledger;
use movies_gen::mapping::{Base, DEFAULT, Mapping, MappingFile};
use movies_gen::pages::{Plan, Records, Shapes, Site as Frame, look};
use movies_gen::payload::{Body, Fence, Payload};
use movies_gen::publish::manifest::Manifest;
use movies_gen::publish::{Exchange, Publisher, SiteInputs, Volatile};
use movies_gen::theme::Theme;
use movies_gen::upstream::{Strange, UpstreamId};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::{Answer, Redis, Site, Upstream, contents, identities, write};

/// Number of films, and number of people. Only a small share is edited in a step.
const RECORDS: usize = 70;

/// One edit. The numbers choose the record and the value.
#[derive(Debug, Clone)]
struct Edit {
    is_film: bool,
    at: usize,
    to: usize,
    kind: u8,
}

fn edit() -> impl Strategy<Value = Edit> {
    let edit = (any::<bool>(), 0..RECORDS, 0..40_usize, 0_u8..14);
    edit.prop_map(|(is_film, at, to, kind)| Edit { is_film, at, to, kind })
}

fn film(n: usize) -> Value {
    json!({
        "id": format!("f{n}"), "title": format!("Film {}", n / 2), "release_date": 1950 + n % 30,
        "director": format!("D{}", n % 9), "description": format!("About {n}."),
        "cast": (0..n % 5).map(|at| credit(n * 2 + at)).collect::<Vec<_>>(),
    })
}

/// A credit of a person of the list, or of a person whom only credits name.
fn credit(n: usize) -> Value {
    let kind = if n.is_multiple_of(3) { "p" } else { "c" };
    let (id, name) = (format!("{kind}{}", n % RECORDS), format!("Person {}", n % RECORDS));
    json!({"id": id, "name": name, "as": format!("Role {}", n % 7), "face": face(n % 11)})
}

fn face(n: usize) -> String {
    format!("https://i.example/{n}.jpg")
}

/// The default mapping, with the people in `cast` if `is_credited`.
fn mapping(is_credited: bool) -> Mapping {
    let text = "[films]\ncredits = { at = \"cast\", id = \"id\", name = \"name\", role = \"as\", image = \"face\" }";
    let over = is_credited.then_some(MappingFile { name: "test.toml", text });
    Mapping::read(Some(Base::BuiltIn(DEFAULT)), over).expect("a mapping")
}

fn person(n: usize) -> Value {
    let films: Vec<_> =
        (0..n % 4).map(|at| format!("h/films/f{}", (n * 3 + at) % RECORDS)).collect();
    json!({"id": format!("p{n}"), "name": format!("Person {n}"), "films": films})
}

type Lists = [Vec<Value>; 2];

fn lists() -> Lists {
    [(0..RECORDS).map(film).collect(), (0..RECORDS).map(person).collect()]
}

/// An edit that is not one of the data.
enum LookEdit {
    /// The text of a template.
    Template(String),
    /// The name of the score.
    ScoreName(String),
}

/// Applies an edit of the data. Returns any other edit.
fn apply(lists: &mut Lists, edit: &Edit) -> Option<LookEdit> {
    let Edit { is_film, at, to, kind } = *edit;
    if kind >= 10 {
        return apply_to_cast(&mut lists[0], edit);
    }
    let list = &mut lists[usize::from(!is_film)];
    let place = at % list.len();
    let name = if is_film { "title" } else { "name" };
    let record = &mut list[place];
    match kind {
        0 => record[name] = json!(format!("Renamed {to}")),
        // The mapping names these fields of films only.
        1 | 2 | 4 if !is_film => record["age"] = json!(100 * usize::from(kind) + to),
        1 => record["release_date"] = json!(1940 + to),
        2 => record["rt_score"] = json!(to),
        3 => record["id"] = json!(format!("other{to}")),
        4 => record["director"] = json!(format!("D{to}")),
        5 if is_film => record["people"] = json!([format!("h/people/p{to}")]),
        5 => record["films"] = json!([format!("h/films/f{to}"), "h/films/f1"]),
        6 => drop(list.remove(place)),
        7 if is_film => list.push(film(RECORDS + to)),
        7 => list.push(person(RECORDS + to)),
        8 => record["species"] = json!({"note": to}),
        _ => {
            let text = format!("<p>{to}</p>");
            return Some(LookEdit::Template(format!(
                "{{% extends \"default/film.html\" %}}{{% block main %}}{text}{{{{ super() }}}}{{% endblock %}}"
            )));
        }
    }
    None
}

/// Applies an edit of the credits of a film: a role, the order, a picture, or the whole cast. Returns
/// the edit of the name of the score.
fn apply_to_cast(films: &mut [Value], edit: &Edit) -> Option<LookEdit> {
    let Edit { at, to, kind, .. } = *edit;
    let place = at % films.len();
    let cast = films[place]["cast"].as_array_mut()?;
    match (kind, cast.first_mut()) {
        (10, Some(credit)) => credit["as"] = json!(format!("New role {to}")),
        (11, Some(_)) => cast.reverse(),
        (12, Some(credit)) => credit["face"] = json!(face(20 + to)),
        (13, _) if to % 2 == 0 => return Some(LookEdit::ScoreName(format!("Score {to}"))),
        _ => *cast = (0..to % 4).map(|n| credit(to + n)).collect(),
    }
    None
}

fn payload(lists: &Lists, step: u64) -> Payload {
    let body = |list: &Vec<Value>| Body::whole(json!(list).to_string());
    let wall = WallTime(1_700_000_000_000_000 + step * 60_000_000);
    let origin = Stamp { boot_id: BootId("boot".into()), boot: BootTime(wall.0 as i64), wall };
    Payload { fence: Fence(step + 1), origin, films: body(&lists[0]), people: body(&lists[1]) }
}

/// A publisher with its directories.
struct Press {
    directory: tempfile::TempDir,
    publisher: Publisher,
}

impl Press {
    fn new(cache_bytes: u64) -> Press {
        let directory = tempfile::tempdir().expect("a directory");
        let (out, state) = (directory.path().join("out"), directory.path().join("state"));
        std::fs::create_dir(&state).expect("made");
        let id = UpstreamId("somebody".into());
        let exchange = Exchange::IfPossible;
        let opened = Publisher::open(&out, &state, &id, Strange::Refuse, exchange, cache_bytes);
        Press { directory, publisher: opened.expect("a publisher") }
    }

    fn out(&self) -> std::path::PathBuf {
        self.directory.path().join("out")
    }

    /// Publishes, and returns the number of pages with new content.
    fn publish(
        &mut self,
        records: &Records<'_>,
        (frame, theme): (&Frame, &Theme),
        ledger: &Ledger,
        now: WallTime,
    ) -> usize {
        let plan = Plan::new(frame, records, theme);
        let inputs = SiteInputs::of(&look(frame, theme), [b"", b""], ledger, None).expect("inputs");
        let rendered = self.publisher.render(&plan, now, |_| ()).expect("rendered");
        let published =
            self.publisher.publish(rendered, inputs, |_| Volatile::new(), |_, _| Ok(()), |_| ());
        self.publisher.prepare().expect("a standby");
        published.expect("published").counts.written
    }
}

/// Returns the number of pages that `explain` says the last publish wrote.
fn explained(out: &Path) -> usize {
    let manifest = Manifest::peek(out).expect("a manifest");
    manifest.files.values().filter(|file| file.mtime == manifest.stamp).count()
}

fn pages(out: &Path) -> BTreeMap<String, impl PartialEq + use<>> {
    let mut files = identities(out);
    files.retain(|path, _| {
        !path.contains(".movies-gen") && !path.ends_with(".gz") && !path.ends_with(".br")
    });
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn a_site_after_edits_is_the_site_from_nothing(
        edits in proptest::collection::vec(proptest::collection::vec(edit(), 1..5), 2..7),
        is_in_memory in any::<bool>(),
        is_credited in proptest::bool::weighted(0.7),
    ) {
        let mapping = mapping(is_credited);
        let mut frame = Frame::named("Films");
        let templates = tempfile::tempdir().expect("a directory");
        let cache_bytes = if is_in_memory { 1 << 30 } else { 0 };
        let mut lists = lists();
        let mut press = Press::new(cache_bytes);
        let (mut joined, mut shapes) = (Joined::default(), Arc::<Shapes>::default());
        let mut ledger = None::<Ledger>;
        for (step, edits) in std::iter::once(&Vec::new()).chain(&edits).enumerate() {
            for edit in edits {
                match apply(&mut lists, edit) {
                    Some(LookEdit::Template(template)) => {
                        write(&templates.path().join("film.html"), template);
                    }
                    Some(LookEdit::ScoreName(name)) => frame.score_name = Some(name),
                    None => {}
                }
            }
            let theme = Theme::load(Some(templates.path())).expect("a theme");
            let payload = payload(&lists, step as u64);
            let now = payload.origin.wall;
            let next = joined.next(&payload, &mapping, Bounds::none()).expect("a catalogue");
            let changes = ledger.as_ref().map(|_| between(&joined.catalogue, &next.catalogue));
            let told = changes.unwrap_or_default();
            let entered = Ledger::after(ledger.as_ref(), &told, &next.catalogue, now);
            let before = press.out().exists().then(|| pages(&press.out()));
            {
                let records = Records::with(&next.catalogue, &entered, &mut shapes);
                let written = press.publish(&records, (&frame, &theme), &entered, now);
                let after = pages(&press.out());
                if let Some(before) = before.filter(|_| written > 0) {
                    let other =
                        after.iter().filter(|(path, file)| before.get(*path) != Some(*file));
                    prop_assert_eq!(other.count(), written);
                    prop_assert_eq!(explained(&press.out()), written);
                }
            }
            let cold = Joined::default().next(&payload, &mapping, Bounds::none()).expect("the same");
            let records = Records::of(&cold.catalogue, &entered);
            let mut fresh = Press::new(1 << 30);
            fresh.publish(&records, (&frame, &theme), &entered, now);
            let (grown, made) = (contents(&press.out()), contents(&fresh.out()));
            let other = made.iter().filter(|(path, bytes)| grown.get(*path) != Some(*bytes));
            let other: Vec<_> = other.map(|(path, _)| path).collect();
            prop_assert!(other.is_empty() && grown.len() == made.len(), "step {}: {:?}", step, other);
            (joined, ledger) = (next, Some(entered));
        }
    }
}

/// Runs a server through edits, and compares its site with a site that is made at once from the
/// same state.
fn runs_through_edits(site: &Site, upstream: &Upstream) {
    let mut lists = lists();
    let set = |lists: &Lists| {
        upstream.set("/films", Answer::json(&json!(lists[0])));
        upstream.set("/people", Answer::json(&json!(lists[1])));
    };
    set(&lists);
    let server = site.serve().ready();
    let generation = || server.freshness()["generation"].as_str().map(str::to_owned);
    for n in 0..14_usize {
        let before = generation();
        // Each kind of edit of the data, at places that do not repeat.
        let kind = [0, 1, 2, 3, 4, 5, 7, 8, 6][n % 9];
        apply(&mut lists, &Edit { is_film: n % 2 == 0, at: n * 11, to: n * 3 + 1, kind });
        set(&lists);
        crate::fixture::wait_until("the next generation", || generation() != before);
    }
    assert_eq!(server.terminate().0, Some(0));
    let grown = contents(&site.out());
    std::fs::remove_dir_all(site.out()).expect("removed");
    site.build_once().well();
    assert_eq!(grown, contents(&site.out()));
}

const QUICK: [&str; 8] = [
    "--interval",
    "200ms",
    "--max-age",
    "200ms",
    "--max-shrink",
    "100%",
    "--max-growth",
    "1000000",
];

#[test]
fn a_server_with_files_shows_after_edits_what_a_build_at_once_shows() {
    let upstream = Upstream::start();
    runs_through_edits(&Site::of(&upstream).with(&QUICK), &upstream);
}

#[test]
fn a_server_with_redis_shows_after_edits_what_a_build_at_once_shows() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let site = Site::of(&upstream).with(&QUICK).with(&["--redis", &redis.url()]);
    runs_through_edits(&site, &upstream);
}
