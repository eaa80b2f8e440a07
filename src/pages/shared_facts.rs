//! The variable `site` of every template.
//!
//! Owns what this variable has, and the hash that names the theme and these facts: two pages with the
//! same hash differ only in their data.

use std::collections::BTreeMap;

use serde_json::Value;

use super::site::{NoticeAge, Site};
use super::variables::write_json;
use super::{RENDERER, custom};
use crate::theme::Theme;

fn short(hash: blake3::Hash) -> String {
    hash.to_hex()[..16].to_owned()
}

/// The facts that all pages share.
pub(super) struct SharedFacts {
    /// The variable `site` of every template.
    pub(super) variables: Value,
    /// Names these facts, the theme and the version of the program.
    pub(super) digest: blake3::Hash,
    /// Names these facts, the theme and the build of the program.
    pub(super) build: blake3::Hash,
}

impl SharedFacts {
    pub(super) fn of(site: &Site, theme: &Theme) -> SharedFacts {
        let texts = site.texts(theme);
        let assets: BTreeMap<_, _> = theme
            .assets()
            .iter()
            .map(|(name, asset)| (name.as_str(), site.link(&asset.path)))
            .collect();
        let mut variables = serde_json::json!({
            "title": site.title,
            "lang": texts.lang(),
            "base": site.base(),
            "url": site.url.as_ref().map(|url| url.as_str()),
            "stale_notice": match site.stale_notice {
                NoticeAge::Off => Value::Null,
                NoticeAge::TwiceMaxAge => "usual".into(),
                NoticeAge::From(age) => age.as_secs_f64().into(),
            },
            "demo": site.demo,
            "dev": site.dev,
            "css": assets.get("site.css"),
            "js": assets.get("site.js"),
            "icon": assets.get("icon.svg"),
            "assets": assets,
            "menu": custom::menu(site, theme),
            "attribution": site.attribution,
            "generator": "movies-gen",
        });
        let mut hasher = blake3::Hasher::new();
        hasher.update(RENDERER.as_bytes());
        hasher.update(theme.sources().hash.as_bytes());
        // The words and the name of the score are in the texts, which no variable has.
        write_json(&mut hasher, &(&variables, &site.words, &site.score_name));
        let digest = hasher.finalize();
        variables["theme"] = digest.to_hex()[..16].into();
        let build = hasher.update(site.program.as_bytes()).finalize();
        SharedFacts { variables, digest, build }
    }

    /// Names everything from which pages are made, apart from the data.
    pub(super) fn look(&self, theme: &Theme) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.build.as_bytes());
        for (folder, files) in [("static", theme.static_files()), ("root", theme.root_files())] {
            for (name, bytes) in files {
                write_json(&mut hasher, &(folder, name));
                hasher.update(blake3::hash(bytes).as_bytes());
            }
        }
        for page in theme.custom_pages() {
            write_json(&mut hasher, &(&page.file, &page.path, &page.template, &page.facts));
        }
        hasher.finalize()
    }

    /// Returns the hash of each part of the look by a name for people: the files of the theme, the
    /// settings of the site, and the program.
    pub(super) fn parts(site: &Site, theme: &Theme) -> BTreeMap<String, String> {
        let files = theme.sources().files.iter();
        let files = files.map(|(name, hash)| (format!("the theme's {name}"), hash.clone()));
        let own = [("static", theme.static_files()), ("root", theme.root_files())];
        let own = own.into_iter().flat_map(|(folder, files)| {
            let named = move |name: &String| format!("the theme's {folder}/{name}");
            files.iter().map(move |(name, bytes)| (named(name), short(blake3::hash(bytes))))
        });
        let pages = theme.custom_pages().iter().map(|page| {
            let facts = serde_json::json!([page.path, page.template, page.facts]).to_string();
            (format!("the theme's {}", page.file), short(blake3::hash(facts.as_bytes())))
        });
        let settings = [
            ("--site-title", format!("{:?}", site.title)),
            ("--lang", format!("{:?}", site.lang)),
            ("the words of the mapping", format!("{:?}", site.words)),
            ("the name of the score in the mapping", format!("{:?}", site.score_name)),
            ("the attribution of the mapping", format!("{:?}", site.attribution)),
            ("--site-url", format!("{:?}", site.url.as_ref().map(|url| url.as_str()))),
            ("--stale-notice", format!("{:?}", site.stale_notice)),
            ("--demo", format!("{:?}", site.demo)),
            ("--dev", format!("{:?}", site.dev)),
            ("the program", format!("{RENDERER} {}", site.program)),
        ];
        let settings =
            settings.map(|(name, value)| (name.to_owned(), short(blake3::hash(value.as_bytes()))));
        files.chain(own).chain(pages).chain(settings).collect()
    }

    /// Returns a hash of the theme, the version of the renderer and the shared facts. Two pages
    /// with the same hash differ only in their data.
    pub(super) fn theme_id(&self) -> &str {
        self.variables["theme"].as_str().unwrap_or_default()
    }
}
