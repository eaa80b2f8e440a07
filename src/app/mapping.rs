//! `mapping`: shows the built-in mappings, and drafts a mapping for another API.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use url::Url;

use crate::cli::{MappingAction, Options};
use crate::config::{Invalid, is_loopback};
use crate::disk;
use crate::mapping::{DraftSource, Format, built_in, built_in_names, draft};
use crate::similar::most_similar;
use crate::source::{self, Proxy};

/// Runs an action.
///
/// # Errors
/// Fails if there is no mapping of the name, if an answer cannot be read, or if nothing can be
/// printed.
pub(super) fn run(action: &MappingAction) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match action {
        MappingAction::List { .. } => {
            for name in built_in_names() {
                writeln!(out, "{name}")?;
            }
            Ok(())
        }
        MappingAction::Show { name, .. } => {
            let text = built_in(name).ok_or_else(|| unknown(name))?;
            Ok(write!(out, "{text}")?)
        }
        MappingAction::Draft { films, people, options } => {
            let films = answer(films, options)?;
            let people = people.as_ref().map(|people| answer(people, options)).transpose()?;
            let people = people.as_ref().map(|(source, text)| (source, text.as_str()));
            let text = draft((&films.0, &films.1), people)
                .map_err(|why| anyhow::anyhow!("no mapping can be drafted: {why}"))?;
            Ok(write!(out, "{text}")?)
        }
    }
}

fn unknown(name: &str) -> Invalid {
    let nearest = most_similar(name, built_in_names().map(str::to_owned)).unwrap_or_default();
    Invalid(format!(
        "there is no built-in mapping {name:?}; did you mean {nearest}? `movies-gen mapping list` \
         names all built-in mappings"
    ))
}

/// Reads an answer from a file, or asks an API once.
fn answer(place: &str, options: &Options) -> Result<(DraftSource, String)> {
    match Url::parse(place) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let proxy = if is_loopback(&url) { Proxy::Never } else { Proxy::AsTheSystemSays };
            let asked = source::ask_once(&url, options.max_bytes.0, proxy);
            let bytes = runtime.block_on(asked)?;
            let (upstream, get) = parts(&url);
            Ok((DraftSource { upstream, get, format: Format::Json }, text(place, bytes)?))
        }
        _ => {
            let path = Path::new(place.strip_prefix("file:").unwrap_or(place));
            let Some(format) = Format::of(place) else {
                bail!("{place}: the name of the file must end in .json, .ndjson or .csv");
            };
            let bytes = disk::read(path)?
                .with_context(|| format!("{place} is neither a URL nor a file that exists"))?;
            let directory = disk::parent(path).display();
            let get = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let (upstream, get) = (format!("file:{directory}/"), get.unwrap_or_default());
            Ok((DraftSource { upstream, get, format }, text(place, bytes)?))
        }
    }
}

fn text(place: &str, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).with_context(|| format!("the answer of {place} is not UTF-8 text"))
}

/// Returns the base address of a list, and path and query of the list under the base.
fn parts(url: &Url) -> (String, String) {
    let path = url.path().trim_end_matches('/');
    let (above, last) = path.rsplit_once('/').unwrap_or(("", path));
    let mut base = url.clone();
    base.set_path(above);
    base.set_query(None);
    base.set_fragment(None);
    let query = url.query().map_or(String::new(), |query| format!("?{query}"));
    (base.as_str().trim_end_matches('/').to_owned(), format!("/{last}{query}"))
}
