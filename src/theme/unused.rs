//! Files of a theme that no page uses.
//!
//! Owns how these files are found, and which built-in file the owner may have meant. A wrong name is
//! the most common mistake of theme authors, and the site looks as if nothing had happened.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::{Embedded, custom, reach, tables};

/// Assets that every page uses if the theme has them.
const OPTIONAL: [&str; 2] = ["assets/extra.css", "assets/extra.js"];

/// Least similarity (Jaro-Winkler) of a name that is probably a misspelling of another name.
const SIMILAR: f64 = 0.88;

/// Returns the owner's templates to which no used template refers.
pub(super) fn templates(user_files: &BTreeMap<String, Bytes>) -> BTreeSet<String> {
    let is_published =
        |name: &str| ["assets/", "static/", "root/"].iter().any(|below| name.starts_with(below));
    let is_rendered = |name: &str| Embedded::get(name).is_some() || custom::is_page(name);
    let is_text = |name: &str| custom::is_page(name) && name.ends_with(".md");
    let templates = user_files
        .iter()
        .filter(|(name, _)| !is_published(name) && !tables::is_table(name) && !is_text(name));
    let texts: Vec<_> =
        templates.map(|(name, bytes)| (name.as_str(), String::from_utf8_lossy(bytes))).collect();
    let texts: Vec<_> = texts.iter().map(|(name, text)| (*name, &**text)).collect();
    let used = reach::reachable(&texts, is_rendered);
    let unused = texts.iter().map(|(name, _)| *name).filter(|name| !used.contains(name));
    unused.map(str::to_owned).collect()
}

/// Returns the owner's assets whose name is in no other file of the owner. If a template makes the
/// name of an asset from parts, no asset counts as unused.
pub(super) fn assets(user_files: &BTreeMap<String, Bytes>) -> BTreeSet<String> {
    let texts: Vec<_> = user_files
        .iter()
        .filter(|(name, _)| {
            [".html", ".xml", ".svg", ".css", ".js", ".md", ".json", ".webmanifest", ".txt"]
                .iter()
                .any(|end| name.ends_with(end))
        })
        .map(|(name, bytes)| (name, String::from_utf8_lossy(bytes)))
        .collect();
    if texts.iter().any(|(_, text)| makes_names(text)) {
        return BTreeSet::new();
    }
    let is_used = |asset: &str| {
        let plain = asset.strip_prefix("assets/").unwrap_or(asset);
        texts.iter().any(|(name, text)| *name != asset && text.contains(plain))
    };
    let is_own = |name: &&String| {
        name.starts_with("assets/")
            && Embedded::get(name).is_none()
            && !OPTIONAL.contains(&name.as_str())
    };
    user_files.keys().filter(is_own).filter(|name| !is_used(name)).cloned().collect()
}

/// Whether a template looks up assets by a name that is not written in the template.
fn makes_names(text: &str) -> bool {
    text.match_indices("site.assets").any(|(at, found)| {
        let after = text[at + found.len()..].trim_start();
        let literal =
            after.strip_prefix('[').map(|rest| rest.trim_start().starts_with(['"', '\'']));
        literal != Some(true)
    })
}

/// Returns the built-in file whose name is similar to the name of an unused file.
pub(super) fn meant(unused: &str) -> Option<String> {
    let suffix = |name: &str| name.rsplit_once('.').map(|(_, suffix)| suffix.to_owned());
    let known = Embedded::iter().map(|name| name.to_string());
    let known = known.chain(OPTIONAL.map(str::to_owned));
    known
        .filter(|name| suffix(name) == suffix(unused))
        .map(|name| (strsim::jaro_winkler(unused, &name), name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> BTreeMap<String, Bytes> {
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Bytes::from((*text).to_owned())))
            .collect()
    }

    #[test]
    fn an_asset_is_used_if_a_file_of_the_owner_contains_its_name() {
        let own = [("assets/logo.svg", ""), ("assets/lost.svg", ""), ("assets/extra.css", "a { }")];
        let with = |text| assets(&files(&[&own[..], &[("base.html", text)]].concat()));
        let named = "<img src=\"{{ site.assets[\"logo.svg\"] }}\">";
        assert_eq!(with(named), BTreeSet::from(["assets/lost.svg".to_owned()]));
        assert_eq!(with("{{ site.assets[name] }}"), BTreeSet::new(), "any asset may be used");
        assert_eq!(with("{% for name in site.assets %}"), BTreeSet::new());
    }

    #[test]
    fn a_misspelt_name_leads_to_the_built_in_name() {
        for (name, known) in [
            ("flim.html", Some("film.html")),
            ("persons.html", Some("person.html")),
            ("assets/sites.css", Some("assets/site.css")),
            ("assets/extras.css", Some("assets/extra.css")),
            ("film.xml", None),
            ("sponsors.html", None),
        ] {
            assert_eq!(meant(name).as_deref(), known, "{name}");
        }
    }
}
