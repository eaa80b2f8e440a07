//! The same data gives the same bytes: in another directory, at another time, in another order.

use std::collections::BTreeMap;

use movies_gen::catalogue;
use movies_gen::clock::{BootId, BootTime, Stamp, WallTime};
use movies_gen::ledger::Ledger;
use movies_gen::mapping::Mapping;
use movies_gen::pages::{Plan, Records, Site as Frame, look};
use movies_gen::payload::{Body, Fence, Payload};
use movies_gen::publish::{Exchange, Publisher, SiteInputs, Volatile};
use movies_gen::theme::Theme;
use movies_gen::upstream::{Strange, UpstreamId};
use serde_json::Value;

use crate::fixture::{Answer, Site, Upstream, contents, films, people};

#[test]
fn a_site_in_another_directory_has_the_same_bytes() {
    let upstream = Upstream::start();
    let one = Site::of(&upstream);
    let other = Site::of(&upstream).with(&["--out", "elsewhere/site", "--state", "kept"]);
    one.build_once().well();
    other.build_once().well();
    assert_eq!(contents(&one.out()), contents(&other.path("elsewhere/site")));
}

#[test]
fn data_of_another_date_gives_the_same_bytes() {
    let upstream = Upstream::start();
    let one = Site::of(&upstream);
    one.build_once().well();
    let forty_days = "3456000";
    for (path, list) in [("/films", films()), ("/people", people())] {
        upstream.set(path, Answer::json(&list).with("Age", forty_days));
    }
    let other = Site::of(&upstream);
    other.build_once().well();
    let as_of = |site: &Site| {
        site.json("freshness.json")["as_of"].as_str().expect("a time")[..10].to_owned()
    };
    assert_ne!(as_of(&one), as_of(&other), "the dates must differ");
    assert_eq!(contents(&one.out()), contents(&other.out()));
}

#[test]
fn a_build_under_another_date_writes_the_same_bytes() {
    let in_2024 = WallTime(1_732_447_470_000_000);
    let in_2031 = WallTime(1_937_000_001_000_000);
    assert_eq!(published_at(in_2024), published_at(in_2031));
}

/// Runs the pipeline without the store, with `now` as the time.
fn published_at(now: WallTime) -> BTreeMap<String, Vec<u8>> {
    let body = |list: &Value| Body::whole(list.to_string());
    let origin = Stamp { boot_id: BootId("boot".into()), boot: BootTime(now.0 as i64), wall: now };
    let payload =
        Payload { fence: Fence(now.0), origin, films: body(&films()), people: body(&people()) };
    let (catalogue, _) =
        catalogue::join(&payload, &Mapping::default_mapping()).expect("a catalogue");
    let ledger = Ledger::baseline(&catalogue, now);
    let theme = Theme::load(None).expect("a theme");
    let frame = Frame::named("Films");
    let records = Records::of(&catalogue, &ledger);
    let plan = Plan::new(&frame, &records, &theme);
    let directory = tempfile::tempdir().expect("a directory");
    let (out, state) = (directory.path().join("out"), directory.path().join("state"));
    let somebody = UpstreamId("somebody".into());
    let mut publisher =
        Publisher::open(&out, &state, &somebody, Strange::Refuse, Exchange::IfPossible, 1 << 20)
            .expect("a publisher");
    let inputs = SiteInputs::of(&look(&frame, &theme), [b"", b""], &ledger, None).expect("inputs");
    let rendered = publisher.render(&plan, now, |_| ()).expect("rendered");
    publisher
        .publish(rendered, inputs, |_| Volatile::new(), |_, _| Ok(()), |_| ())
        .expect("published");
    contents(&out)
}

#[test]
fn shuffled_lists_of_the_upstream_change_no_byte() {
    let upstream = Upstream::start();
    let one = Site::of(&upstream);
    one.build_once().well();
    for (path, mut list) in [("/films", films()), ("/people", people())] {
        list.as_array_mut().expect("a list").reverse();
        upstream.set(path, Answer::json(&list));
    }
    let other = Site::of(&upstream);
    other.build_once().well();
    assert_eq!(contents(&one.out()), contents(&other.out()));
}

#[test]
fn a_site_that_grew_by_changes_has_the_bytes_of_a_site_that_was_built_at_once() {
    let upstream = Upstream::of(&serde_json::json!([]), &people());
    let grown = Site::eager(&upstream);
    grown.build_once().well();
    let all = films();
    for count in 1..=5 {
        let some = Value::Array(all.as_array().expect("a list")[..count].to_vec());
        upstream.set("/films", Answer::json(&some));
        grown.build_once().well();
    }
    let by_changes = contents(&grown.out());
    // The pages show the time at which a film appeared, which only the state has. The state stays.
    std::fs::remove_dir_all(grown.out()).expect("removed");
    grown.build_once().well();
    assert_eq!(by_changes, contents(&grown.out()));
}
