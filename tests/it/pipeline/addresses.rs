//! Every address on every page leads to a file.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fixture::{Site, Upstream, contents, links};

/// The host of pictures in the synthetic catalogue.
const ELSEWHERE: &str = "https://pictures.example/";

/// Returns every address in the published files, with the file that contains the address.
fn addresses(files: &BTreeMap<String, Vec<u8>>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, bytes) in files {
        let text = String::from_utf8_lossy(bytes);
        let here: Vec<String> = match path.rsplit('.').next() {
            Some("html") => links(&text),
            Some("xml") => {
                let locs = text.split("<loc>").skip(1).filter_map(|rest| rest.split('<').next());
                locs.map(str::to_owned).collect()
            }
            Some("json") => in_json(&serde_json::from_slice(bytes).expect("JSON")),
            Some("txt") => text
                .lines()
                .filter_map(|line| line.strip_prefix("Sitemap: "))
                .map(str::to_owned)
                .collect(),
            _ => Vec::new(),
        };
        found.extend(here.into_iter().map(|address| (path.clone(), address)));
    }
    found
}

fn in_json(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(in_json).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value.as_str() {
                Some(text) if name == "url" || name == "poster" => vec![text.to_owned()],
                _ => in_json(value),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Asserts that every address is under `origin` and `base` and leads to a published file.
fn all_lead_somewhere(site: &Site, origin: &str, base: &str) {
    let files = contents(&site.out());
    let addresses = addresses(&files);
    assert!(addresses.len() > 100, "only {} addresses were found", addresses.len());
    for (from, address) in addresses {
        if address.starts_with(ELSEWHERE) {
            continue;
        }
        if let Some(id) = address.strip_prefix('#') {
            let page = String::from_utf8_lossy(&files[&from]).contains(&format!("id=\"{id}\""));
            assert!(page, "{from} has {address} and no such place");
            continue;
        }
        let path = address.strip_prefix(origin).unwrap_or(&address);
        let path = path.strip_prefix(base).unwrap_or_else(|| {
            panic!("{from} has {address:?}, which is not under {origin}{base}");
        });
        let path = path.split('#').next().unwrap_or_default();
        let file = if path.is_empty() || path.ends_with('/') {
            format!("{path}index.html")
        } else {
            path.to_owned()
        };
        // The status page is published, but `contents` leaves it out.
        let is_there = files.contains_key(&file) || file == "status/index.html";
        assert!(is_there, "{from} has {address:?}, and there is no {file}");
    }
}

#[test]
fn every_address_leads_to_a_file() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    all_lead_somewhere(&site, "", "/");
}

#[test]
fn every_address_is_under_the_path_of_the_site() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--site-url", "https://films.example/some/path/"]);
    site.build_once().well();
    all_lead_somewhere(&site, "https://films.example", "/some/path/");
    let robots = site.page("robots.txt");
    assert!(robots.contains("Sitemap: https://films.example/some/path/sitemap.xml"), "{robots}");
}

#[test]
fn both_lists_of_films_name_one_canonical_address() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--site-url", "https://films.example/f"]);
    site.build_once().well();
    let canonical = "<link rel=\"canonical\" href=\"https://films.example/f/\">";
    for page in ["index.html", "movies/index.html"] {
        let page = site.page(page).replace("&#x2F;", "/");
        assert!(page.contains(canonical), "{page}");
    }
}

#[test]
fn data_files_have_absolute_addresses_if_the_address_of_the_site_is_known() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--site-url", "https://films.example/f/"]);
    site.build_once().well();
    for file in ["movies.json", "people.json"] {
        let found = in_json(&site.json(file));
        assert!(found.len() > 3, "{file}: {found:?}");
        let mut others = found.iter().filter(|url| !url.starts_with("https://films.example/f/"));
        assert_eq!(others.next(), None, "{file}");
    }
    let page = site.page("movies/index.html").replace("&#x2F;", "/");
    assert!(page.contains("href=\"/f/people/"), "pages keep short addresses: {page}");
}
