//! The documents say what is true: README.md, CONTRIBUTING.md, CHANGELOG.md and docs/*.md.
//!
//! Fenced code blocks follow a convention, which [`blocks`] checks:
//!
//! | language | what the test does |
//! |---|---|
//! | `sh` | runs each `movies-gen` line in a fresh directory, with an upstream on this machine; looks up each `make` target; a line that cannot be run is in `NOT_RUN`, with the reason |
//! | `toml` | has `movies-gen check` read the block as `movies-gen.toml` |
//! | `html NAME` | has `movies-gen check` render a theme with the block as the file NAME |
//! | `json NAME` | compares the fields with those of the published file NAME |
//! | `json /PATH` | builds a site from an API with this answer |
//! | `nginx` | runs a real nginx in front of a real site |
//! | `redis` | sends each line to a real Redis, then builds a site as the user that the lines make |
//! | `text` | nothing: see `NOT_CHECKED` for the reason |
//!
//! The other tests here check the prose: widths, links, and that what a document lists is
//! what the program has.

mod blocks;
mod dashboards;
mod deploy;
mod log;
pub(crate) mod markdown;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::fixture::{Site, Upstream, found, get};
use markdown::{documents, first_column, read, root};

/// Columns of a line. Tables, and lines with a link, may be longer.
const WIDEST: usize = 100;

#[test]
fn readme_and_contributing_are_short() {
    let lines = |path| read(path).lines().count();
    assert!(lines("README.md") <= 150, "README.md has {} lines", lines("README.md"));
    let contributing = read("CONTRIBUTING.md");
    let (rules, _) = contributing.split_once("## Release checklist").expect("the checklist");
    assert!(rules.lines().count() <= 48, "the rules in CONTRIBUTING.md are longer than one screen");
}

#[test]
fn lines_are_at_most_100_columns_wide() {
    for document in documents() {
        for (at, line) in document.text.lines().enumerate() {
            let is_table = line.starts_with('|');
            // One long name cannot be wrapped.
            let is_one_word = line.trim_start_matches("- ").split(' ').count() == 1;
            let is_free = is_table || is_one_word || line.contains("](");
            let width = line.chars().count();
            let place = format!("{}:{}", document.path.display(), at + 1);
            assert!(is_free || width <= WIDEST, "{place} has {width} columns");
        }
    }
}

#[test]
fn every_relative_link_leads_to_a_file_and_every_fragment_to_a_heading() {
    let documents = documents();
    for document in &documents {
        for (at, link) in document.links() {
            if link.starts_with("http") {
                continue;
            }
            let place = format!("{}:{at}: {link}", document.path.display());
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let folder = document.path.parent().expect("a folder");
            let target =
                if file.is_empty() { document.path.clone() } else { normal(&folder.join(file)) };
            assert!(root().join(&target).exists(), "{place} leads nowhere");
            if !fragment.is_empty() {
                let known = documents.iter().find(|known| known.path == target);
                let anchors = known.map(|known| known.anchors()).unwrap_or_default();
                assert!(anchors.iter().any(|anchor| anchor == fragment), "{place}: {anchors:?}");
            }
        }
    }
}

/// The path without `..`.
fn normal(path: &Path) -> std::path::PathBuf {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.iter().collect()
}

#[test]
fn every_test_that_a_document_names_exists() {
    let mut named = 0;
    for document in documents() {
        for (at, span) in document.code_spans() {
            let is_name = |part: &str| {
                !part.is_empty()
                    && part.bytes().all(|b| b.is_ascii_lowercase() || b"_0123456789".contains(&b))
            };
            let Some((module, name)) = span.rsplit_once("::") else { continue };
            // `app::refresh` is a module of the program.
            if !name.contains('_') || !span.split("::").all(is_name) {
                continue;
            }
            named += 1;
            let path = module.replace("::", "/");
            let files = [format!("tests/it/{path}.rs"), format!("tests/it/{path}/mod.rs")];
            let is_there = files.iter().any(|file| {
                let text = fs::read_to_string(root().join(file)).unwrap_or_default();
                text.contains(&format!("fn {name}()"))
            });
            assert!(is_there, "{}:{at} names {span}, which is no test", document.path.display());
        }
    }
    assert!(named >= 40, "only {named} tests are named");
}

#[test]
fn every_promise_names_the_tests_that_show_it_and_where_it_ends() {
    let text = read("docs/promises.md");
    let promises: Vec<_> = text.split("\n## ").skip(1).collect();
    assert_eq!(promises.len(), 5);
    for promise in promises {
        for part in ["**Promise.**", "**Where the promise ends.**", "**Tests.**"] {
            assert!(promise.contains(part), "{part} is missing in {promise}");
        }
    }
}

#[test]
fn every_kind_of_failure_and_every_policy_is_documented() {
    let source = read("src/outcome.rs");
    let names: BTreeSet<_> = source
        .lines()
        .filter_map(|line| {
            let (what, name) = line.trim().split_once(" => ")?;
            let is_kind = what.starts_with("FailureKind::") || what.starts_with("Policy::");
            Some(name.trim_matches(['"', ','])).filter(|_| is_kind && name.starts_with('"'))
        })
        .collect();
    assert!(names.len() >= 19, "{names:?}");
    let documented = first_column("docs/operations.md");
    for name in names {
        assert!(documented.iter().any(|known| known == name), "{name} is not documented");
    }
}

#[test]
fn every_metric_is_documented_and_every_documented_metric_exists() {
    let upstream = Upstream::start();
    // There is a metric for Redis, also if nobody answers there.
    let redis = ["--redis", "unix:///nowhere/redis"];
    let site = Site::eager(&upstream).with(&["--admin-listen", "127.0.0.1:0"]).with(&redis);
    let server = site.with(&["--then", "true"]).serve().ready();
    let line = server.wait_for_line("metrics at http://");
    let (_, address) = line.split_once("http://").expect("an address");
    let address = address.split('/').next().expect("an address").parse().expect("an address");
    let documented = first_column("docs/operations.md").into_iter();
    let documented: BTreeSet<_> =
        documented.filter(|name| name.starts_with("movies_gen_")).collect();
    // A metric with a label appears with its first value; one of them needs a held request.
    let metrics = found("every documented metric", || {
        let _ = server.get("/");
        let metrics = metrics(get(address, "/metrics").text());
        documented.is_subset(&metrics).then_some(metrics)
    });
    assert_eq!(metrics, documented);
    for document in documents() {
        for word in document.text.split(|c: char| !c.is_ascii_lowercase() && c != '_') {
            let name = word.trim_end_matches("_bucket");
            // Without the separator at the end, the word names the upstream block of nginx.
            let is_metric = name.starts_with("movies_gen_");
            assert!(!is_metric || metrics.contains(name), "{word} in {}", document.path.display());
        }
    }
}

/// The names of the metrics in a text for Prometheus.
fn metrics(text: &str) -> BTreeSet<String> {
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names = families.filter_map(|family| {
        let (name, kind) = family.split_once(' ')?;
        Some(format!("{name}{}", if kind == "counter" { "_total" } else { "" }))
    });
    names.collect()
}

#[test]
fn every_member_that_browser_scripts_share_is_documented() {
    let text = read("docs/themes.md");
    let mut members = BTreeSet::new();
    for entry in fs::read_dir(root().join("templates/assets")).expect("assets").flatten() {
        if entry.path().extension().is_none_or(|extension| extension != "js") {
            continue;
        }
        let script = fs::read_to_string(entry.path()).expect("a script");
        for at in script.match_indices("site.").map(|(at, found)| at + found.len()) {
            let rest = &script[at..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            let assigned = [" = ", " ??= "].iter().any(|sign| rest[end..].starts_with(sign));
            if assigned {
                members.insert(rest[..end].to_owned());
            }
        }
    }
    assert!(members.len() >= 15, "{members:?}");
    for member in members {
        assert!(text.contains(&format!("`moviesGen.{member}")), "moviesGen.{member} is not told");
    }
}

#[test]
fn every_template_is_documented() {
    let documented = first_column("docs/themes.md");
    for entry in fs::read_dir(root().join("templates")).expect("templates").flatten() {
        let name = entry.file_name().into_string().expect("a name");
        let is_told = documented.contains(&name) || name == "base.html";
        assert!(entry.path().is_dir() || is_told, "{name} is not documented");
    }
}

#[test]
fn every_module_is_on_the_map() {
    let documented = first_column("docs/architecture.md");
    let source = read("src/lib.rs");
    let modules = source.lines().filter_map(|line| line.strip_prefix("pub mod "));
    for module in modules.map(|line| line.trim_end_matches(';')) {
        assert!(documented.iter().any(|known| known == module), "{module} is not on the map");
    }
}
