//! `explain`: what a published page depends on, and why the last publish wrote the page or left it.
//!
//! Owns the words of the report. The command only reads: `--out` has what was published and what the
//! last publish was made for, and the state directory has the data.

use std::fmt;
use std::io::Write;

use anyhow::{Result, anyhow, bail};
use bytesize::ByteSize;
use percent_encoding::percent_decode_str;
use url::Url;

use super::report::named;
use super::wiring;
use crate::catalogue::join;
use crate::changes::{Change, FieldChange, Kind, What};
use crate::clock::{Clock, WallTime};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::pages::{Dependencies, Plan, Records, Shown, dependencies};
use crate::publish::manifest::{Manifest, ManifestEntry};
use crate::publish::{LastStep, MadeFrom, is_volatile};
use crate::similar::most_similar;
use crate::store::{FileStore, Store};
use crate::theme::Theme;

/// Records that are named for one reason; of further records, only the number is printed.
const MOST_NAMED: usize = 8;

/// Prints what a page depends on, and why the last publish wrote or kept the page. `asked` is an
/// address or a path of the page.
///
/// # Errors
/// Fails if nothing is published, or if the site has no such page.
pub(super) async fn explain(config: &Config, asked: &str) -> Result<()> {
    let site = wiring::site_of(config);
    let out = config.out.display();
    let Some(manifest) = Manifest::peek(&config.out) else {
        bail!("{out} has no published site; publish the site first: movies-gen build");
    };
    let (path, entry) = found(&manifest, site.base(), asked)?;
    let made = MadeFrom::read(&config.out, &manifest.generation);
    let theme = Theme::load(config.templates.as_deref())?;
    let loaded = FileStore::look(&config.state, Clock::system()).load().await?;
    let data = loaded.payload.map(|payload| {
        let (catalogue, _) = join(&payload, &config.mapping)?;
        let origin = payload.origin.wall;
        let ledger = Ledger::after(loaded.ledger.as_deref(), &[], &catalogue, origin);
        anyhow::Ok((catalogue, ledger))
    });
    let data = data.transpose()?;
    let records = data.as_ref().map(|(catalogue, ledger)| Records::of(catalogue, ledger));
    let plan = records.as_ref().map(|records| Plan::new(&site, records, &theme));
    let depends = plan.as_ref().and_then(|plan| dependencies(plan, path));
    let report = Explanation {
        path,
        entry,
        manifest: &manifest,
        step: made.map(|made| made.step).unwrap_or_default(),
        depends,
    };
    write!(std::io::stdout(), "{report}")?;
    Ok(())
}

/// Finds a page by an address or a path.
fn found<'m>(
    manifest: &'m Manifest,
    base: &str,
    asked: &str,
) -> Result<(&'m str, &'m ManifestEntry)> {
    let path = Url::parse(asked).map_or_else(|_| asked.to_owned(), |url| url.path().to_owned());
    let path = percent_decode_str(&path).decode_utf8_lossy().into_owned();
    let path = path.strip_prefix(base).unwrap_or(&path).trim_start_matches('/');
    let directory = path.trim_end_matches('/');
    let index = if directory.is_empty() { String::new() } else { format!("{directory}/") };
    let tried = [path.to_owned(), format!("{index}index.html")];
    let known = tried.iter().find_map(|path| manifest.files.get_key_value(path));
    known.map(|(path, entry)| (&**path, entry)).ok_or_else(|| {
        if is_volatile(path) || is_volatile(&tried[1]) {
            return anyhow!(
                "{asked} is written after every refresh, since it shows the age of the data"
            );
        }
        let all = manifest.files.keys().cloned();
        let similar = most_similar(&tried[1], all)
            .map_or(String::new(), |similar| format!("; a similar path is {similar}"));
        anyhow!("the site has no page {asked:?}{similar}")
    })
}

/// What is known of a page.
struct Explanation<'e> {
    path: &'e str,
    entry: &'e ManifestEntry,
    manifest: &'e Manifest,
    step: LastStep,
    /// `None` if the stored data does not have the page, or if no data is stored.
    depends: Option<Dependencies<'e>>,
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explanation { path, entry, depends, .. } = self;
        write!(f, "{path}")?;
        if let Some(depends) = depends {
            write!(f, " is {}", depends.page)?;
            if let Some(template) = &depends.template {
                write!(f, ", made from {template}")?;
            }
        }
        let forms: Vec<_> = entry.variants().skip(1).map(|(suffix, _)| suffix).collect();
        let forms = if forms.is_empty() {
            String::new()
        } else {
            format!(", and as {}", forms.join(" and "))
        };
        writeln!(
            f,
            ".\nIts content is from {}: {}{forms}.",
            at(entry.mtime),
            ByteSize(entry.size)
        )?;
        self.why(f)?;
        match depends {
            Some(depends) => write_dependencies(depends, f),
            None => writeln!(
                f,
                "\nThe stored data does not have the page, so what the page depends on is not known."
            ),
        }
    }
}

impl Explanation<'_> {
    /// Writes what the last publish did, and why.
    fn why(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explanation { entry, manifest, step, .. } = self;
        let of_last = manifest.files.values().filter(|other| other.mtime == manifest.stamp);
        let (pages, files) = of_last
            .fold((0, 0), |(pages, files), other| (pages + 1, files + other.variants().count()));
        writeln!(
            f,
            "\nThe last publish with new content was at {} and wrote {pages} of {} pages ({files} files).",
            at(manifest.stamp),
            manifest.files.len(),
        )?;
        if entry.mtime != manifest.stamp {
            writeln!(f, "It did not write this page: the page had the same content as before.")?;
            return self.write_causes("Changes on which the page depends, without effect:", f);
        }
        write!(f, "It wrote this page")?;
        let (look, changes) = (step.look.as_deref(), self.relevant());
        if look.is_none_or(<[String]>::is_empty) && changes.is_empty() {
            return writeln!(f, ". {}", self.without_cause());
        }
        self.write_causes(", because:", f)
    }

    fn relevant(&self) -> Vec<&Change> {
        let Some(depends) = &self.depends else { return Vec::new() };
        let changes = self.step.changes.iter().flatten();
        changes.filter(|change| depends.include(change)).collect()
    }

    /// Writes the parts of the look and the records that changed, after a first line.
    fn write_causes(&self, first: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (look, changes) = (self.step.look.as_deref().unwrap_or_default(), self.relevant());
        if look.is_empty() && changes.is_empty() {
            return Ok(());
        }
        writeln!(f, "{first}")?;
        for part in look {
            writeln!(f, "- {part} changed")?;
        }
        for change in changes.iter().take(MOST_NAMED) {
            writeln!(f, "- {}", told(change))?;
        }
        if changes.len() > MOST_NAMED {
            writeln!(f, "- and {} more records changed", changes.len() - MOST_NAMED)?;
        }
        Ok(())
    }

    /// Returns why the page may have changed although no cause was recorded.
    fn without_cause(&self) -> String {
        let LastStep { look, changes, more } = &self.step;
        if look.is_none() || changes.is_none() {
            return "The cause is not known, because the publish before is not known.".to_owned();
        }
        if *more > 0 {
            return format!("The cause is one of {more} changes that were not recorded.");
        }
        "None of its records changed, so one of the other facts below did.".to_owned()
    }
}

fn write_dependencies(depends: &Dependencies<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "\nThe page depends on:")?;
    for (kind, [one, many]) in
        [(Kind::Film, ["film", "films"]), (Kind::Person, ["person", "people"])]
    {
        for (shown, how) in [(Shown::Fields, "with their fields"), (Shown::Name, "by name")] {
            let records = depends.records.iter();
            let records = records.filter(|((of, _), (how, _))| (*of, *how) == (kind, shown));
            let mut names: Vec<_> = records.map(|(_, (_, name))| *name).collect();
            names.sort_unstable();
            let first = named(&names, MOST_NAMED);
            match names.len() {
                0 => {}
                1 => writeln!(f, "- 1 {one} {}: {first}", how.replace("their", "its"))?,
                count => writeln!(f, "- {count} {many} {how}: {first}")?,
            }
        }
    }
    for other in &depends.others {
        writeln!(f, "- {other}")?;
    }
    writeln!(f, "- the theme, the settings of the site, and the program")
}

/// Describes a change in words.
fn told(change: &Change) -> String {
    let kind = match change.kind {
        Kind::Film => "the film",
        Kind::Person => "the person",
    };
    let Change { id, title, what, more, .. } = change;
    let what = match what {
        What::Added => "is new".to_owned(),
        What::Removed => "is gone".to_owned(),
        What::Changed(fields) => {
            let mut fields: Vec<_> = fields.iter().map(field).collect();
            if *more > 0 {
                fields.push(format!("and {more} more fields"));
            }
            format!("changed: {}", fields.join(", "))
        }
    };
    format!("{kind} {title:?} ({id}) {what}")
}

fn field(change: &FieldChange) -> String {
    let value =
        |value: &Option<String>| value.as_ref().map_or("none".to_owned(), |it| format!("{it:?}"));
    let of = change.of.as_ref().map_or_else(String::new, |of| format!(" of {of:?}"));
    format!("{}{of} from {} to {}", change.field, value(&change.old), value(&change.new))
}

fn at(seconds: u64) -> String {
    WallTime(seconds.saturating_mul(1_000_000)).rfc3339()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(paths: &[&str]) -> Manifest {
        let entry = ManifestEntry {
            hash: blake3::hash(b""),
            size: 1,
            fingerprint: String::new(),
            basis: None,
            mtime: 1,
            moved_to: None,
            gz: None,
            br: None,
            retired: None,
        };
        Manifest::of_files(paths.iter().map(|path| ((*path).to_owned(), entry.clone())).collect())
    }

    #[test]
    fn a_page_is_found_by_address_by_link_and_by_path() {
        let manifest = manifest(&["index.html", "movies/ponyo/index.html", "feed.xml"]);
        let path = |asked: &str| found(&manifest, "/a/", asked).map(|(path, _)| path.to_owned());
        for asked in [
            "https://films.example/a/movies/ponyo/",
            "/a/movies/ponyo/",
            "/movies/ponyo",
            "movies/ponyo/index.html",
            "movies/p%6Fnyo",
        ] {
            assert_eq!(path(asked).expect(asked), "movies/ponyo/index.html", "{asked}");
        }
        for asked in ["/", "", "/a/"] {
            assert_eq!(path(asked).expect(asked), "index.html", "{asked}");
        }
        assert_eq!(path("feed.xml").expect("the feed"), "feed.xml");
        let error = path("movies/ponyoo").expect_err("unknown").to_string();
        assert!(error.contains("movies/ponyo/index.html"), "{error}");
        let error = path("/status/").expect_err("volatile").to_string();
        assert!(error.contains("every refresh"), "{error}");
    }
}
