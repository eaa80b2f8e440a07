//! Templates and assets: the embedded theme, and the files of `--templates` that override it.
//!
//! Owns how a theme is found and loaded, and the names of its files. The program contains every
//! file of `templates/`. A file of the same name under `--templates` takes the place of the
//! embedded file. Templates refer to each other by plain name, embedded or not. A table of texts
//! (`texts/`) overrides single texts of the embedded table. The files of `pages/` become pages. The files of `static/` are published
//! unchanged below `static/`, and the files of `root/` at the root of the site. A loaded theme is a
//! value: if a changed theme is broken, the theme before the change stays in use.

mod bound;
mod custom;
mod files;
mod filters;
mod reach;
mod said;
mod sources;
mod tables;
mod unused;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use rust_embed::RustEmbed;
use tera::{Context, Tera};

use crate::letters;
use crate::texts::{Texts, Words};
use custom::Custom;
pub use custom::{CustomFacts, CustomPage};
use files::Files;
pub use sources::Sources;
use tables::Spoken;
pub use watch::{Watch, watch};

/// Prefix of the names of the owner's templates in Tera. Error messages of Tera contain the names.
const USER: &str = "user/";
/// Prefix of the names of the embedded templates in Tera.
const DEFAULT: &str = "default/";

/// Templates of pages that belong to no generation. If such a template of the owner is broken, all
/// pages of a generation can still be rendered.
const APART: [&str; 3] = ["status.html", "starting.html", "too-old.html"];

/// The reference for theme authors: what each template gets.
const DESCRIPTION: &str = include_str!("README.md");

#[derive(RustEmbed)]
#[folder = "templates"]
struct Embedded;

/// Returns the files of the built-in theme by name, with the reference for theme authors.
pub fn built_in() -> BTreeMap<String, Bytes> {
    let files = Embedded::iter().filter_map(|name| {
        let file = Embedded::get(&name)?;
        Some((name.to_string(), Bytes::from(file.data.into_owned())))
    });
    let described = [("README.md".to_owned(), Bytes::from_static(DESCRIPTION.as_bytes()))];
    files.chain(described).collect()
}

/// A loaded theme.
pub struct Theme {
    tera: Tera,
    directory: Option<PathBuf>,
    /// Assets by plain name. They are published below `assets/` with a hash in their name.
    assets: BTreeMap<String, Asset>,
    /// Files by their path below `static/`. They are published unchanged below `static/`.
    static_files: BTreeMap<String, Bytes>,
    /// Files by their path below `root/`. They are published unchanged at the root of the site.
    root_files: BTreeMap<String, Bytes>,
    custom_pages: Vec<CustomPage>,
    sources: Sources,
    spoken: Spoken,
    set_aside: Vec<anyhow::Error>,
    /// Files and folders in the directory that no page uses.
    passed_over: BTreeSet<String>,
}

/// An asset of the theme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Path in the site, with a hash of the content: `assets/site-1a2b3c4d.css`.
    pub path: String,
    /// Content of the asset.
    pub bytes: Bytes,
}

impl Theme {
    /// Loads the embedded theme, overridden by the files of `directory`. A template in [`APART`] is
    /// left out if it is broken and all other templates are whole.
    ///
    /// # Errors
    /// Fails if a file cannot be read, if a template is broken (the error has the file, line,
    /// column and source line), or if a table of texts is broken (the error has the file and the
    /// key).
    pub fn load(directory: Option<&Path>) -> Result<Theme> {
        let files = match directory {
            Some(directory) if !directory.is_dir() => {
                bail!(
                    "--templates {} is not a directory; create the directory with \
                     `movies-gen theme export`",
                    directory.display()
                )
            }
            Some(directory) => files::read(directory)?,
            None => Files::default(),
        };
        let Files { files, passed_over } = files;
        let without = |left_out: &[&str]| {
            let files = files.iter().filter(|(name, _)| !left_out.contains(&name.as_str()));
            Theme::of(directory, files.map(|(name, bytes)| (name.clone(), bytes.clone())).collect())
        };
        let apart: Vec<_> = APART.into_iter().filter(|name| files.contains_key(*name)).collect();
        let broken = match without(&[]) {
            Err(broken) if !apart.is_empty() => broken,
            whole => return whole.map(|whole| whole.beside(passed_over)),
        };
        // The other templates are whole. The templates in `APART` are added again one by one, so
        // that only broken templates stay out.
        let Ok(mut theme) = without(&apart) else { return Err(broken) };
        let mut left_out = apart.clone();
        let mut set_aside = Vec::new();
        for name in apart {
            let rest: Vec<_> = left_out.iter().copied().filter(|other| *other != name).collect();
            match without(&rest) {
                Ok(whole) => (theme, left_out) = (whole, rest),
                Err(error) => set_aside.push(error),
            }
        }
        Ok(Theme { set_aside, ..theme }.beside(passed_over))
    }

    /// Adds the names of the files in the directory that do not belong to the theme.
    fn beside(mut self, passed_over: BTreeSet<String>) -> Theme {
        self.passed_over.extend(passed_over);
        self
    }

    /// Builds the embedded theme, overridden by these files.
    fn of(directory: Option<&Path>, user_files: BTreeMap<String, Bytes>) -> Result<Theme> {
        let mut files = BTreeMap::new();
        for name in Embedded::iter() {
            if let Some(file) = Embedded::get(&name) {
                let bytes = Bytes::from(file.data.into_owned());
                let bytes = if is_script(&name) { without_comments(&bytes) } else { bytes };
                files.insert(name.to_string(), (DEFAULT, bytes));
            }
        }
        let spoken = Spoken::of(directory, &user_files)?;
        let (mut static_files, mut root_files) = (BTreeMap::new(), BTreeMap::new());
        let mut overridden = Vec::new();
        let Custom { pages: custom_pages, templates: mut custom } = Custom::of(&user_files)?;
        let passed_over = unused::templates(&user_files);
        let unused_assets = unused::assets(&user_files);
        for (name, bytes) in user_files {
            if passed_over.contains(&name) {
                continue;
            }
            if custom::is_page(&name) {
                // The other pages are texts, which the template `page.html` shows.
                if let Some(template) = custom.remove(&name) {
                    files.insert(name, (USER, template));
                }
            } else if let Some(name) = name.strip_prefix("static/") {
                static_files.insert(name.to_owned(), bytes);
            } else if let Some(name) = name.strip_prefix("root/") {
                root_files.insert(name.to_owned(), bytes);
            } else if Embedded::get(&name).is_none_or(|file| *file.data != *bytes) {
                // Templates can still extend the embedded file by the name `default/<name>`.
                if let Some(default) = files.insert(name.clone(), (USER, bytes)) {
                    overridden.push((name, default));
                }
            }
        }
        for (_, (_, bytes)) in files.iter_mut().filter(|(name, _)| is_script(name)) {
            if let Ok(script) = std::str::from_utf8(bytes) {
                *bytes = letters::in_script(script).into();
            }
        }
        let sources = Sources::of(&files);
        let mut assets = BTreeMap::new();
        let mut templates = Vec::new();
        for (name, (origin, bytes)) in files.into_iter().chain(overridden) {
            if let Some(name) = name.strip_prefix("assets/") {
                // The asset of the owner comes before the embedded asset that it overrides.
                assets.entry(name.to_owned()).or_insert_with(|| asset(name, bytes));
            } else if !tables::is_table(&name) {
                let text = String::from_utf8(bytes.to_vec())
                    .map_err(|_| anyhow!("template {name} is not UTF-8 text; save as UTF-8"))?;
                templates.push((format!("{origin}{name}"), text));
            }
        }
        let mut theme = Theme {
            tera: Tera::new(),
            directory: directory.map(Path::to_owned),
            assets,
            static_files,
            root_files,
            custom_pages,
            sources,
            spoken,
            set_aside: Vec::new(),
            passed_over: passed_over.into_iter().chain(unused_assets).collect(),
        };
        let loaded = load_templates(&mut theme.tera, templates);
        loaded.map_err(|error| theme.explained(&error))?;
        Ok(theme)
    }

    /// Returns the errors of the owner's templates that were left out because they are broken.
    pub fn set_aside(&self) -> &[anyhow::Error] {
        &self.set_aside
    }

    /// Renders the template of this plain name, with these texts.
    ///
    /// # Errors
    /// Fails with the error of the template (with file, line, column and source line), or with the
    /// bound that the page exceeded.
    pub fn render(&self, template: &str, context: &Context, texts: &Arc<Texts>) -> Result<Vec<u8>> {
        let rendered = said::with(texts, || {
            bound::bounded(template, |page| self.tera.render_to(template, context, page))
        })?;
        rendered.map_err(|error| self.explained(&error))
    }

    /// Returns the texts in a language, or in the nearest language with a table, or in English if
    /// there is none, with these words of the owner.
    pub fn texts(&self, lang: &str, words: &Words) -> &Arc<Texts> {
        self.spoken.texts(lang, words)
    }

    /// Returns whether a language (`pt-BR`), or its prefix (`pt`), has a table of texts.
    pub fn speaks(&self, lang: &str) -> bool {
        self.spoken.speaks(lang)
    }

    /// Returns the keys that the table of a language lacks, by language: for the language of the
    /// site, and for each language of the owner's tables. The texts of these keys are in English.
    pub fn missing_texts(&self, lang: &str) -> BTreeMap<String, Vec<String>> {
        self.spoken.missing(lang)
    }

    /// Returns the assets by plain name.
    pub fn assets(&self) -> &BTreeMap<String, Asset> {
        &self.assets
    }

    /// Returns the files of the folder `static/`, by their path below the folder.
    pub fn static_files(&self) -> &BTreeMap<String, Bytes> {
        &self.static_files
    }

    /// Returns the files of the folder `root/`, by their path below the folder.
    pub fn root_files(&self) -> &BTreeMap<String, Bytes> {
        &self.root_files
    }

    /// Returns the pages of the folder `pages/`.
    pub fn custom_pages(&self) -> &[CustomPage] {
        &self.custom_pages
    }

    /// Returns the files and folders in the directory that no page uses, each with the built-in
    /// file of a similar name, if there is one. The name of a folder ends in a slash.
    pub fn unused(&self) -> impl Iterator<Item = String> {
        self.passed_over.iter().map(|name| match unused::meant(name) {
            Some(meant) => format!("{name} (did you mean {meant}?)"),
            None => name.clone(),
        })
    }

    /// Returns the files from which the theme is made. Their hash is part of every fingerprint.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Describes an error of Tera with the names of files that a theme author knows.
    fn explained(&self, error: &tera::Error) -> anyhow::Error {
        let user = match &self.directory {
            Some(directory) => format!("{}/", directory.display()),
            None => USER.to_owned(),
        };
        let words = |text: String| {
            text.replace(&format!("--> {USER}"), &format!("--> {user}"))
                .replace(&format!("--> {DEFAULT}"), "--> (built in) ")
        };
        let mut text = words(error.to_string());
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            text.push_str("\ncaused by: ");
            text.push_str(&words(cause.to_string()));
            source = cause.source();
        }
        anyhow!(text)
    }
}

fn load_templates(tera: &mut Tera, templates: Vec<(String, String)>) -> tera::TeraResult<()> {
    tera.autoescape_on(vec![".html", ".xml", ".svg"]);
    tera.set_fallback_prefixes([USER, DEFAULT])?;
    filters::register(tera);
    bound::register(tera);
    tera.add_raw_templates(templates)
}

fn is_script(name: &str) -> bool {
    name.starts_with("assets/") && name.ends_with(".js")
}

/// Returns a script of the built-in theme as visitors load it: without comments and indentation,
/// which are a sixth of a script. No string in these scripts goes over several lines; a test checks
/// this.
fn without_comments(script: &[u8]) -> Bytes {
    let lines = script.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let mut code = Vec::with_capacity(script.len());
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with(b"//")) {
        code.extend_from_slice(line);
        // A statement ends after one of these characters only if the character is the semicolon, so
        // the end of the line is not needed. A line that may end in a comment keeps its end.
        let goes_on = matches!(line.last(), Some(b'{' | b'(' | b'[' | b',' | b';'));
        if !goes_on || line.windows(2).any(|two| two == b"//") {
            code.push(b'\n');
        }
    }
    code.into()
}

fn asset(name: &str, bytes: Bytes) -> Asset {
    let hash = blake3::hash(&bytes).to_hex();
    let (stem, dot, suffix) = match name.rsplit_once('.') {
        Some((stem, suffix)) => (stem, ".", suffix),
        None => (name, "", ""),
    };
    Asset { path: format!("assets/{stem}-{}{dot}{suffix}", &hash[..8]), bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk;

    fn theme(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Theme>) {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = directory.path().join(name);
            disk::create_directory(disk::parent(&path)).expect("the directory is made");
            disk::write_new(&path, text.as_bytes()).expect("the file is written");
        }
        let theme = Theme::load(Some(directory.path()));
        (directory, theme)
    }

    #[test]
    fn one_overridden_file_is_enough_and_the_default_can_be_extended() {
        let (_directory, theme) = theme(&[
            ("404.html", "{% include \"mine.html\" %}"),
            ("mine.html", "<p>{{ name }}</p>"),
            ("robots.txt", "{% include \"default/robots.txt\" %}# mine {{ name }}"),
        ]);
        let theme = theme.expect("a theme");
        let context = tera::context! { name => "<b>" };
        let render = |name| {
            theme.render(name, &context, theme.texts("en", &Words::default())).expect("page")
        };
        assert_eq!(render("mine.html"), b"<p>&lt;b&gt;</p>");
        let robots = render("robots.txt");
        let robots = String::from_utf8(robots).expect("text");
        assert!(robots.contains("User-agent") && robots.ends_with("# mine <b>"), "{robots}");
    }

    #[test]
    fn a_broken_template_is_named_with_line_column_and_caret() {
        let (directory, theme) = theme(&[("film.html", "<p>\n  {{ film. }}\n")]);
        let error = theme.err().expect("an error").to_string();
        let place = format!("{}/film.html:2:", directory.path().display());
        assert!(
            error.contains(&place) && error.contains("{{ film. }}") && error.contains('^'),
            "{error}"
        );
    }

    #[test]
    fn the_built_in_scripts_are_published_without_comments_and_indentation() {
        let script = b"// Why.\n(() => {\n  f(\"a // b\"); // Here (\n\n  g();\n  h()\n})();\n";
        assert_eq!(
            without_comments(script),
            "(() => {f(\"a // b\"); // Here (\ng();h()\n})();",
            "the code after a comment stays on a line of its own"
        );
        let exported = Embedded::get("assets/site.js").expect("the script").data;
        assert!(exported.starts_with(b"//"), "an exported script has its comments");
        // A string over several lines could lose a line.
        for name in Embedded::iter().filter(|name| name.ends_with(".js")) {
            let script = Embedded::get(&name).expect("the script").data;
            let quotes = |line: &[u8]| line.iter().filter(|&&byte| byte == b'`').count();
            let lines = script
                .split(|&byte| byte == b'\n')
                .filter(|line| !line.trim_ascii().starts_with(b"//"));
            assert!(lines.into_iter().all(|line| quotes(line) % 2 == 0), "{name}");
        }
    }

    #[test]
    fn every_script_with_the_marker_gets_the_table_of_letters() {
        let own = [("assets/own.js", "f({/* movies-gen:letters */});")];
        let (_directory, theme) = theme(&own);
        let theme = theme.expect("a theme");
        let script = std::str::from_utf8(&theme.assets()["own.js"].bytes).expect("text");
        assert!(script.contains("\"223ss7ae") && !script.contains("movies-gen:letters"));
    }

    #[test]
    fn assets_are_named_by_their_content_and_static_files_keep_their_names() {
        let (_directory, theme) =
            theme(&[("assets/site.css", "p{}"), ("static/a/b.txt", "x"), ("static/.hidden", "x")]);
        let theme = theme.expect("a theme");
        let css = &theme.assets()["site.css"];
        assert_eq!(css.bytes, "p{}");
        assert_eq!(css.path, format!("assets/site-{}.css", &blake3::hash(b"p{}").to_hex()[..8]));
        assert_eq!(theme.static_files().keys().collect::<Vec<_>>(), ["a/b.txt"]);
    }
}
