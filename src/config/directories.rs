//! The directories that options name.
//!
//! Owns the rule that makes the path of a directory absolute, and the rule that `--out` and
//! `--state` must not overlap.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

use super::invalid;

/// Returns the absolute paths of `--out` and `--state`.
///
/// # Errors
/// Fails if the directories overlap.
pub(super) fn out_and_state(out: &Path, state: &Path) -> Result<(PathBuf, PathBuf)> {
    let (out, state) = (real("--out", out)?, real("--state", state)?);
    check_apart(&out, &state)?;
    Ok((out, state))
}

fn check_apart(out: &Path, state: &Path) -> Result<()> {
    for (inner, outer, why) in [
        (state, out, "the state would be published"),
        (out, &state.join("standby"), "the program builds the next generation there"),
        (out, &state.join("bodies"), "the program keeps payloads there"),
    ] {
        if inner.starts_with(outer) {
            return Err(invalid(format!(
                "--out {} and --state {} overlap, and {why}; use two directories side by side",
                out.display(),
                state.display()
            )));
        }
    }
    Ok(())
}

/// Returns the absolute path of `--templates`.
pub(super) fn theme(path: PathBuf) -> Result<PathBuf> {
    if !path.is_dir() {
        return Err(invalid(format!(
            "--templates {} is not a directory; create the directory with \
             `movies-gen theme export`",
            path.display()
        )));
    }
    std::path::absolute(&path)
        .with_context(|| format!("--templates {}: cannot make the path absolute", path.display()))
}

/// Returns the absolute path of `--access-log`.
pub(super) fn access_log(path: &Path, out: &Path) -> Result<PathBuf> {
    let path = real("--access-log", path)?;
    if path.starts_with(out) {
        return Err(invalid(format!(
            "--access-log {} is inside --out, so the log would be published; choose another \
             directory",
            path.display()
        )));
    }
    if path.is_dir() {
        let path = path.display();
        return Err(invalid(format!("--access-log {path} is a directory; name a file in it")));
    }
    Ok(path)
}

/// Returns the absolute path of `--demo-from`.
pub(super) fn demo_data(path: PathBuf) -> Result<PathBuf> {
    for name in ["films.json", "people.json"] {
        if !path.join(name).is_file() {
            return Err(invalid(format!(
                "--demo-from {}: the directory has no {name}; write the files with \
                 `movies-gen demo-data --out {0}`",
                path.display()
            )));
        }
    }
    real("--demo-from", &path)
}

/// Returns the absolute path of the directory of local files: `file:data/` or `file:///srv/data/`.
pub(super) fn files(name: &str, path: &str) -> Result<PathBuf> {
    let path = Path::new(path.strip_prefix("//").unwrap_or(path));
    if !path.is_dir() {
        return Err(invalid(format!(
            "{name} file:{} is not a directory; write the directory here, and the name of the \
             file into `get` in the mapping",
            path.display()
        )));
    }
    real(name, path)
}

/// Makes a path absolute, and resolves the links in the existing part of the path. A relative path
/// is not enough: `--out` may be the working directory, which moves when the trees are exchanged.
fn real(option: &str, path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path)
        .with_context(|| format!("{option} {}: cannot make the path absolute", path.display()))?;
    let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, real)) = there else { return Ok(path) };
    let rest = path.strip_prefix(above).unwrap_or(Path::new(""));
    if rest.components().any(|part| part == Component::ParentDir) {
        let path = path.display();
        return Err(invalid(format!(
            "{option} {path} contains `..` after a directory that does not exist; create the \
             directory, or write the path without `..`"
        )));
    }
    Ok(if rest == Path::new("") { real } else { real.join(rest) })
}
