//! The documents in the artefacts: the files that they link to are there too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{artefact, run};

/// Asserts that each relative link of each document below `root` leads to a file below `root`.
pub(super) fn assert_that_links_lead_to_files(root: &Path) {
    let mut count = 0;
    for document in below(root).iter().filter(|path| path.extension().is_some_and(|is| is == "md"))
    {
        let text = fs::read_to_string(document).expect("a document");
        for rest in text.split("](").skip(1) {
            let link = rest.split([')', '#']).next().unwrap_or_default();
            if link.is_empty() || link.starts_with("http") || link.contains(char::is_whitespace) {
                continue;
            }
            let target = document.parent().expect("a folder").join(link);
            assert!(target.exists(), "{}: {link} is not there", document.display());
            count += 1;
        }
    }
    assert!(count > 50, "only {count} links");
}

/// Returns the files below a directory.
fn below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

#[test]
#[ignore = "needs make dist"]
fn the_package_has_all_files_that_its_documents_link_to() {
    let directory = tempfile::tempdir().expect("a directory");
    run(Command::new("dpkg-deb").arg("--extract").arg(artefact(".deb")).arg(directory.path()));
    assert_that_links_lead_to_files(&directory.path().join("usr/share/doc/movies-gen"));
    let unit = directory.path().join("usr/share/doc/movies-gen/deploy/systemd/movies-gen.service");
    let unit = fs::read_to_string(unit).expect("a unit");
    assert!(unit.contains("ExecStart=/usr/bin/movies-gen "), "{unit}");
}
