//! A page that was loaded before a change of the theme still finds its assets.

use std::fs;
use std::path::Path;

use movies_gen::catalogue;
use movies_gen::clock::{BootId, BootTime, Stamp, WallTime};
use movies_gen::ledger::Ledger;
use movies_gen::mapping::Mapping;
use movies_gen::pages::{Plan, Records, Site as Frame, look};
use movies_gen::payload::{Body, Fence, Payload};
use movies_gen::publish::{Exchange, Published, Publisher, SiteInputs, Volatile};
use movies_gen::theme::Theme;
use movies_gen::upstream::{Strange, UpstreamId};
use serde_json::Value;

use crate::fixture::{
    Running, Site, Upstream, contents, decoded, films, links, people, wait_until,
};

const DAY: u64 = 24 * 60 * 60;

/// Makes a stylesheet for a name, long enough to be compressed.
fn style(name: &str) -> String {
    format!("/* {name} */ {}", "p { color: red } ".repeat(100))
}

/// Returns the address of the stylesheet of the list.
fn style_of(page: &str) -> String {
    let links = links(page);
    links
        .into_iter()
        .find(|link| link.contains("/assets/site-") && link.ends_with(".css"))
        .expect("a style")
}

/// Changes the stylesheet to `name`, and returns its new address.
fn restyled(server: &Running, name: &str) -> String {
    let before = style_of(server.get("/").text());
    server.site.write("theme/assets/site.css", style(name));
    let now = || style_of(server.get("/").text());
    wait_until("another style", || now() != before);
    now()
}

fn answers_with(server: &Running, address: &str, name: &str) {
    let plain = server.get(address);
    assert_eq!((plain.status, plain.text()), (200, style(name).as_str()), "{address}");
    assert_eq!(plain.expect("cache-control"), "public, max-age=31536000, immutable");
    for coding in ["gzip", "br"] {
        let form = server.get_with(address, "Accept-Encoding", coding);
        assert_eq!(form.expect("content-encoding"), coding);
        assert_eq!(form.expect("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(form.decoded(), style(name).as_bytes());
    }
}

fn is_on_disk(out: &Path, address: &str, name: &str) {
    let path = out.join(address.trim_start_matches('/'));
    let text = |suffix: &str| fs::read(format!("{}{suffix}", path.display())).expect("a file");
    assert_eq!(text(""), style(name).as_bytes());
    assert_eq!(decoded(&text(".gz"), "gzip"), style(name).as_bytes());
    assert_eq!(decoded(&text(".br"), "br"), style(name).as_bytes());
}

fn an_old_style_stays(arguments: &[&str]) {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--templates", "theme"]).with(arguments);
    site.write("theme/assets/site.css", style("one"));
    let server = site.serve().ready();
    let one = style_of(server.get("/").text());
    let two = restyled(&server, "two");
    let three = restyled(&server, "three");
    for (address, name) in [(&one, "one"), (&two, "two"), (&three, "three")] {
        answers_with(&server, address, name);
        is_on_disk(&site.out(), address, name);
    }
    let generation = server.get("/healthz").expect("x-generation").to_owned();
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");

    let server = site.serve().ready();
    assert_eq!(server.get("/healthz").expect("x-generation"), generation);
    for (address, name) in [(&one, "one"), (&two, "two"), (&three, "three")] {
        answers_with(&server, address, name);
        is_on_disk(&site.out(), address, name);
    }
    // A site that never had another stylesheet has the same generation.
    let fresh = Site::of(&upstream).with(&["--templates", "theme"]);
    fresh.write("theme/assets/site.css", style("three"));
    fresh.build_once().well();
    assert_eq!(fresh.json("freshness.json")["generation"], generation.as_str());
    assert!(!contents(&fresh.out()).contains_key(one.trim_start_matches('/')));
    // A stylesheet that returns is live again at its old address.
    assert_eq!(restyled(&server, "one"), one);
    answers_with(&server, &three, "three");
}

#[test]
fn old_assets_stay_when_the_trees_are_exchanged() {
    an_old_style_stays(&[]);
}

#[test]
fn old_assets_stay_when_the_site_is_published_file_by_file() {
    an_old_style_stays(&["--in-place"]);
}

/// A published tree whose clock the test sets.
struct Dated {
    directory: tempfile::TempDir,
    publisher: Publisher,
}

impl Dated {
    fn new() -> Dated {
        let directory = tempfile::tempdir().expect("a directory");
        let publisher = Dated::open(directory.path());
        Dated { directory, publisher }
    }

    fn open(directory: &Path) -> Publisher {
        let (out, state) = (directory.join("out"), directory.join("state"));
        let somebody = UpstreamId("somebody".into());
        Publisher::open(&out, &state, &somebody, Strange::Refuse, Exchange::IfPossible, 1 << 20)
            .expect("a publisher")
    }

    /// Opens the tree again, as another process does at its start.
    fn reopen(&mut self) {
        self.publisher = Dated::open(self.directory.path());
    }

    /// Publishes the same data with this stylesheet, `seconds` after the start.
    fn publish(&mut self, name: &str, seconds: u64) -> Published {
        let theme = self.directory.path().join("theme");
        fs::create_dir_all(theme.join("assets")).expect("made");
        fs::write(theme.join("assets/site.css"), style(name)).expect("written");
        let theme = Theme::load(Some(&theme)).expect("a theme");
        let now = WallTime((1_732_447_470 + seconds) * 1_000_000);
        let body = |list: &Value| Body::whole(list.to_string());
        let origin = Stamp { boot_id: BootId("boot".into()), boot: BootTime(0), wall: now };
        let payload =
            Payload { fence: Fence(1), origin, films: body(&films()), people: body(&people()) };
        let (catalogue, _) =
            catalogue::join(&payload, &Mapping::default_mapping()).expect("a catalogue");
        let ledger = Ledger::baseline(&catalogue, WallTime(1));
        let frame = Frame::named("Films");
        let records = Records::of(&catalogue, &ledger);
        let plan = Plan::new(&frame, &records, &theme);
        let inputs =
            SiteInputs::of(&look(&frame, &theme), [b"", b""], &ledger, None).expect("inputs");
        let rendered = self.publisher.render(&plan, now, |_| ()).expect("rendered");
        self.publisher
            .publish(rendered, inputs, |_| Volatile::new(), |_, _| Ok(()), |_| ())
            .expect("published")
    }

    /// Returns the number of stylesheets on disk in each tree, including compressed forms.
    fn styles(&self) -> [usize; 2] {
        ["out", "state/standby"].map(|tree| {
            let files = contents(&self.directory.path().join(tree));
            files
                .keys()
                .filter(|path| path.starts_with("assets/site-") && path.contains(".css"))
                .count()
        })
    }
}

#[test]
fn after_a_day_the_next_publish_removes_an_old_asset_and_the_generation_stays() {
    let mut site = Dated::new();
    let _ = site.publish("one", 0);
    let two = site.publish("two", 100);
    assert_eq!(site.styles()[0], 6, "two stylesheets in three forms");
    site.reopen();
    let later = site.publish("two", 99 + DAY);
    assert!(!later.changed, "no asset is due for removal yet");
    assert_eq!(site.styles()[0], 6);
    let gone = site.publish("two", 100 + DAY);
    assert!(gone.changed);
    assert_eq!(gone.generation.id, two.generation.id);
    assert_eq!(site.styles()[0], 3);
    // The other tree follows with the next change, and the number of files does not grow.
    for round in 0..20 {
        let name = if round % 2 == 0 { "three" } else { "four" };
        let _ = site.publish(name, (round + 2) * DAY * 2);
    }
    let files = site.styles();
    assert_eq!(files[0], 6, "the live stylesheet and the previous stylesheet");
    assert!(files[1] <= 6, "{files:?}");
}

#[test]
fn a_lost_retired_asset_causes_no_fault() {
    let mut site = Dated::new();
    let one = site.publish("one", 0);
    let two = site.publish("two", 1);
    let path = one
        .generation
        .files
        .keys()
        .find(|path| path.starts_with("assets/site-") && path.ends_with(".css"))
        .expect("a style");
    fs::remove_file(site.directory.path().join("out").join(path)).expect("removed");
    site.reopen();
    assert_eq!(site.publisher.live().expect("whole").id, two.generation.id);
    let after = site.publish("two", 2);
    assert_eq!(after.generation.id, two.generation.id);
    assert_eq!(site.styles()[0], 3);
    assert!(!site.publish("two", 3).changed);
}
