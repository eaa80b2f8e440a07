use std::sync::Arc;

use bytes::Bytes;

use super::super::generation::{Generation, PublishedFile};
use super::super::manifest::{self, Manifest};
use super::*;
use crate::upstream::UpstreamId;

fn generation(contents: impl Iterator<Item = usize>) -> Generation {
    let file = |(number, content): (usize, usize)| {
        let (path, bytes) = (format!("{number:05}.html"), Bytes::from(content.to_string()));
        (path.clone(), Arc::new(PublishedFile::new(&path, "f".into(), bytes, 7)))
    };
    Generation::new(7, contents.enumerate().map(file).collect())
}

struct Trees(tempfile::TempDir);

impl Trees {
    fn new() -> Trees {
        let trees = tempfile::tempdir().expect("a directory");
        for tree in ["a", "b"] {
            disk::create_directory(&trees.path().join(tree).join(OWN_DIRECTORY)).expect("made");
        }
        Trees(trees)
    }

    fn tree(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a manifest, and returns its size in bytes and its list.
    fn write(
        &self,
        [tree, other]: [&str; 2],
        generation: &Generation,
        before: Option<BaseList>,
    ) -> (u64, Option<BaseList>) {
        let (tree, other) = (self.tree(tree), self.tree(other));
        let files = (generation.files.len(), generation.entries());
        let list = BaseList::for_manifest(before, files, (&tree, &other)).expect("a list");
        let bytes = generation.manifest(&UpstreamId("u".into()), list.as_ref());
        let path = manifest::path_in(&tree);
        disk::replace(&path, &bytes.expect("bytes")).expect("written");
        remove_others(&tree, list.as_ref()).expect("removed");
        (disk::size(&path).expect("a size"), list)
    }

    fn read(&self, tree: &str) -> Option<Manifest> {
        Manifest::read(&self.tree(tree)).expect("readable")
    }
}

fn is_of(manifest: &Manifest, generation: &Generation) -> bool {
    manifest.files.iter().eq(generation.entries())
}

#[test]
fn a_small_manifest_has_all_files_itself() {
    let (trees, small) = (Trees::new(), generation(0..LEAST_FILES - 1));
    assert_eq!(trees.write(["a", "b"], &small, None).1, None);
    assert!(is_of(&trees.read("a").expect("a manifest"), &small));
}

#[test]
fn a_large_manifest_lists_what_changed_since_its_list_and_is_read_as_a_whole() {
    let trees = Trees::new();
    let first = generation(0..3_000);
    let (_, list) = trees.write(["a", "b"], &first, None);
    // One file changed, and the last file is gone.
    let next = generation((0..2_999).map(|number| if number == 5 { 0 } else { number }));
    let mut list = list.expect("a list");
    list.note(["00005.html".to_owned(), "02999.html".to_owned()]);
    let (size, same) = trees.write(["b", "a"], &next, Some(list.clone()));
    assert_eq!(same.as_ref(), Some(&list), "the list is used again");
    assert!(size < 1_000, "{size} bytes");
    let read = trees.read("b").expect("a manifest");
    assert!(is_of(&read, &next) && is_of(&trees.read("a").expect("a manifest"), &first));
    assert_eq!(read.base, same, "the next process goes on with this list");
}

#[test]
fn after_many_changes_a_new_list_is_written_and_the_old_list_is_removed() {
    let trees = Trees::new();
    let all = generation(0..3_000);
    let (_, list) = trees.write(["a", "b"], &all, None);
    let mut list = list.expect("a list");
    list.note((0..500).map(|number| format!("{number:05}.html")));
    let (_, next) = trees.write(["a", "b"], &all, Some(list));
    assert!(next.expect("a list").changed.is_empty());
    let own = disk::entries(&trees.tree("a").join(OWN_DIRECTORY)).expect("entries");
    let is_list = |path: &&PathBuf| path.to_string_lossy().contains(PREFIX);
    assert_eq!(own.iter().filter(is_list).count(), 1, "{own:?}");
}

#[test]
fn a_manifest_whose_list_is_lost_or_edited_counts_as_damaged() {
    for is_edited in [true, false] {
        let (trees, all) = (Trees::new(), generation(0..1_000));
        let (_, list) = trees.write(["a", "b"], &all, None);
        let path = list.expect("a list").name.path_in(&trees.tree("a"));
        let mut bytes = disk::read(&path).expect("read").expect("a list");
        bytes.push(b' ');
        disk::remove_file(&path).expect("removed");
        if is_edited {
            disk::write_new(&path, &bytes).expect("edited");
        }
        assert!(Manifest::peek(&trees.tree("a")).is_none());
        assert!(trees.read("a").is_none());
        assert!(!manifest::path_in(&trees.tree("a")).exists(), "it is set aside");
    }
    assert!(ListName::try_from("../../etc/passwd".to_owned()).is_err());
}
