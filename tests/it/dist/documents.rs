//! The documents in the artefacts: the files that they link to are there too.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{artefact, run};
use crate::docs::markdown::Document;
use crate::fixture::files_below;

/// Asserts that each relative link of each document below `root` leads to a file below `root`.
pub(super) fn assert_that_links_lead_to_files(root: &Path) {
    let mut count = 0;
    let files = files_below(root).into_iter();
    for path in files.filter(|path| path.extension().is_some_and(|is| is == "md")) {
        let text = fs::read_to_string(&path).expect("a document");
        let document = Document { path, text };
        for (at, link) in document.links() {
            let link = link.split('#').next().unwrap_or_default();
            if link.is_empty() || link.starts_with("http") {
                continue;
            }
            let target = document.path.parent().expect("a folder").join(link);
            assert!(target.exists(), "{}:{at}: {link} is not there", document.path.display());
            count += 1;
        }
    }
    assert!(count > 50, "only {count} links");
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
