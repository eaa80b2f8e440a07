//! Builds sites for an HTML validator. `make validate` keeps the sites.

use std::path::PathBuf;

use serde_json::json;

use crate::fixture::{Site, Upstream, contents, hostile_films, hostile_people, write};

#[test]
#[ignore = "builds sites for `make validate`"]
fn the_sites_for_the_validator_are_built() {
    let demo = Site::new().with(&["--demo"]);
    let hostile = Upstream::of(&hostile_films(), &hostile_people());
    let empty = Upstream::of(&json!([]), &json!([]));
    let sites = [
        ("demo", demo.clone(), demo.path("public-demo")),
        ("hostile", Site::of(&hostile), PathBuf::new()),
        ("empty", Site::of(&empty), PathBuf::new()),
    ];
    for (name, site, out) in sites {
        site.build_once().well();
        let out = if out.as_os_str().is_empty() { site.out() } else { out };
        let files = contents(&out);
        assert!(files.contains_key("index.html"), "{name}");
        let Some(kept) = std::env::var_os("VALIDATE") else { continue };
        for (path, bytes) in files {
            write(&PathBuf::from(&kept).join("sites").join(name).join(path), bytes);
        }
    }
}
