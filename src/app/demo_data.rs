//! `demo-data`: a made-up catalogue as files.
//!
//! Owns the rule that no file is overwritten.

use std::cell::Cell;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bytesize::ByteSize;

use super::progress;
use crate::cli::{Cli, Layer};
use crate::config::Invalid;
use crate::disk;
use crate::source::demo::synthetic::Synthetic;

/// Number of records above which the command shows a progress bar.
const MANY: u64 = 20_000;
/// Published bytes of a film, rounded up.
const BYTES_OF_FILM: u64 = 22_000;
/// Published bytes of a person, rounded up.
const BYTES_OF_PERSON: u64 = 8_000;
/// Published bytes of a pair of film and person, rounded up.
const BYTES_OF_PAIR: u64 = 2_500;
/// The progress bar moves after this number of records.
const STEP: u64 = 1_000;

/// Writes `films.json` and `people.json` into the directory of `--out`.
///
/// # Errors
/// Fails with [`Invalid`] if the command line has no `--out`, or if one of the files exists. Also
/// fails if a file cannot be written.
pub(super) fn write(cli: &Cli, films: u32, people: u32, seed: u64) -> Result<()> {
    // The variable and the key name the directory of the site.
    if cli.layers.get("out") != Some(&Layer::Flag) {
        let text = "demo-data needs a directory for its files: movies-gen demo-data --out DIR";
        return Err(Invalid(text.to_owned()).into());
    }
    let directory = &cli.command.options().out;
    let paths = ["films.json", "people.json"].map(|name| directory.join(name));
    for path in &paths {
        if path.symlink_metadata().is_ok() {
            let text = "exists and stays as it is; remove the file, or name another directory";
            return Err(Invalid(format!("{} {text}", path.display())).into());
        }
    }
    disk::create_directory(directory)?;
    let bar = progress::bar(u64::from(films) + u64::from(people), "records", MANY);
    let done = Cell::new(0_u64);
    let written = || {
        done.set(done.get() + 1);
        if done.get().is_multiple_of(STEP) {
            bar.set_position(done.get());
        }
    };
    let made = Synthetic::new(films, people, seed);
    let [film_path, person_path] = &paths;
    put(film_path, |to| made.write_films(to, &written))?;
    put(person_path, |to| made.write_people(to, &written))?;
    bar.finish_and_clear();
    let size = paths.iter().filter_map(|path| disk::size(path)).sum();
    writeln!(
        std::io::stdout(),
        "Wrote {films} films and {people} people ({}) into {directory}. Next: movies-gen serve \
         --demo-from {directory}{}",
        ByteSize(size),
        max_bytes(&paths, &made, films, people),
        directory = directory.display(),
    )?;
    Ok(())
}

/// Returns the option that a refresh of these files needs, if the default is not enough. The option
/// bounds the bytes of a list, the numbers of records and pairs, and the bytes of the site.
fn max_bytes(paths: &[PathBuf], made: &Synthetic, films: u32, people: u32) -> String {
    let (films, people, pairs) = (u64::from(films), u64::from(people), made.pairs() as u64);
    let site = films * BYTES_OF_FILM + people * BYTES_OF_PERSON + pairs * BYTES_OF_PAIR;
    let sizes = paths.iter().filter_map(|path| disk::size(path));
    let needed = sizes.chain([512 * films, 512 * people, 64 * pairs, site / 32]).max();
    let needed = needed.unwrap_or_default().div_ceil(1 << 20);
    if needed > 16 { format!(" --max-bytes {needed}MiB") } else { String::new() }
}

fn put(path: &Path, write: impl Fn(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let new = disk::create(path).and_then(|file| {
        let mut buffer = BufWriter::with_capacity(1 << 18, file);
        write(&mut buffer)?;
        buffer.flush()
    });
    new.with_context(|| format!("cannot write {}", path.display()))
}
