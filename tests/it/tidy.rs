//! What keeps the house in order: who may use whom, and how large a file is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// Each module and the modules of the crate that it may use. The pipeline is
/// read from top to bottom: nothing downstream calls upstream.
const MAY_USE: &[(&str, &[&str])] = &[
    ("cli", &[]),
    ("config", &["cli", "disk"]),
    ("clock", &[]),
    ("letters", &[]),
    ("texts", &[]),
    ("disk", &[]),
    ("lock", &["disk"]),
    ("telemetry", &["cli", "hold", "outcome"]),
    ("outcome", &["payload"]),
    ("history", &["clock", "outcome"]),
    ("schedule", &["clock"]),
    ("hold", &["clock"]),
    ("source", &["outcome", "payload"]),
    ("payload", &["clock"]),
    ("catalogue", &["payload"]),
    ("plausibility", &["catalogue", "changes", "clock", "ledger", "outcome", "payload"]),
    ("changes", &["catalogue"]),
    ("ledger", &["catalogue", "changes", "clock", "letters"]),
    ("store", &["clock", "disk", "ledger", "outcome", "payload", "schedule"]),
    ("theme", &["disk", "letters", "texts"]),
    (
        "pages",
        &[
            "catalogue",
            "changes",
            "clock",
            "history",
            "ledger",
            "letters",
            "outcome",
            "texts",
            "theme",
        ],
    ),
    ("publish", &["clock", "disk", "ledger", "pages", "store"]),
    ("news", &["changes", "pages", "publish"]),
    ("live", &["clock", "hold", "news", "payload", "publish"]),
    ("server", &["clock", "hold", "live", "news", "pages", "publish", "telemetry"]),
];

/// Edges that reach out; all other modules are pure.
const EDGES: &[&str] = &[
    "app",
    "cli",
    "config",
    "clock",
    "disk",
    "lock",
    "telemetry",
    "source",
    "store",
    "theme",
    "publish",
    "server",
    "live",
];

/// Lines of a file, its tests included.
const LONGEST_FILE: usize = 500;

#[test]
fn each_module_uses_only_what_the_table_lets_it() {
    for (module, files) in modules() {
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            assert!(["app", "main", "lib"].contains(&&*module), "{module} is not in the table");
            continue;
        };
        for file in files {
            for used in used_by(&file) {
                assert!(
                    used == module || allowed.contains(&used.as_str()),
                    "{} uses crate::{used}, which the table does not let {module} do",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn pure_modules_reach_for_no_file_no_clock_and_no_network() {
    for (module, files) in modules() {
        if EDGES.contains(&module.as_str()) || ["main", "lib"].contains(&&*module) {
            continue;
        }
        for file in files.iter().filter(|file| !file.ends_with("tests.rs")) {
            let text = fs::read_to_string(file).expect("a source file");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for reach in
                ["std::fs", "std::net", "tokio::", "SystemTime::now", "Instant::now", "std::env"]
            {
                assert!(!code.contains(reach), "{} is pure but has {reach}", file.display());
            }
        }
    }
}

#[test]
fn no_file_is_longer_than_one_idea() {
    for (_, files) in modules() {
        for file in files {
            let lines = fs::read_to_string(&file).expect("a source file").lines().count();
            assert!(lines <= LONGEST_FILE, "{} has {lines} lines", file.display());
        }
    }
}

#[test]
fn the_table_has_no_module_that_is_gone() {
    let there: BTreeSet<_> = modules().into_iter().map(|(module, _)| module).collect();
    for (module, allowed) in MAY_USE {
        for name in std::iter::once(module).chain(*allowed) {
            assert!(there.contains(*name), "the table names {name}, which is not there");
        }
    }
}

/// The crate's top-level modules and their files.
fn modules() -> Vec<(String, Vec<PathBuf>)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules: Vec<(String, Vec<PathBuf>)> = Vec::new();
    for file in files_below(&source) {
        let below = file.strip_prefix(&source).expect("below src");
        let first = below.components().next().expect("a name").as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        match modules.iter_mut().find(|(name, _)| *name == module) {
            Some((_, files)) => files.push(file),
            None => modules.push((module, vec![file])),
        }
    }
    modules
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|suffix| suffix == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The modules of the crate that a file names outside its tests.
fn used_by(file: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(file).expect("a source file");
    let mut uses = Uses::default();
    if !file.ends_with("tests.rs") {
        uses.visit_file(&syn::parse_file(&text).expect("a source file that parses"));
    }
    uses.0
}

#[derive(Default)]
struct Uses(BTreeSet<String>);

impl<'ast> Visit<'ast> for Uses {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "tests" {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if let syn::UseTree::Path(path) = &item.tree
            && path.ident == "crate"
        {
            self.take(&path.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut segments = path.segments.iter();
        if segments.next().is_some_and(|first| first.ident == "crate")
            && let Some(module) = segments.next()
        {
            self.0.insert(module.ident.to_string());
        }
        syn::visit::visit_path(self, path);
    }
}

impl Uses {
    fn take(&mut self, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => drop(self.0.insert(path.ident.to_string())),
            syn::UseTree::Name(name) => drop(self.0.insert(name.ident.to_string())),
            syn::UseTree::Rename(rename) => drop(self.0.insert(rename.ident.to_string())),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.take(item)),
            syn::UseTree::Glob(_) => {}
        }
    }
}
