//! The order of the source: which module may import which module, and the size of files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use syn::visit::Visit;

use crate::fixture::files_below;

/// Each module and the modules of the crate that it may use. The pipeline is
/// read from top to bottom: nothing downstream calls upstream.
const MAY_USE: &[(&str, &[&str])] = &[
    ("similar", &[]),
    ("access_log", &["cli", "clock", "disk", "telemetry"]),
    ("cli", &["similar"]),
    ("config", &["access_log", "cli", "disk", "mapping", "relay", "similar", "upstream"]),
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
    ("coming", &["clock", "hold"]),
    ("readiness", &["clock", "hold"]),
    ("source", &["disk", "mapping", "outcome", "payload", "upstream"]),
    ("payload", &["clock"]),
    ("plain", &[]),
    ("raw", &["plain"]),
    ("mapping", &["payload", "plain", "raw", "similar", "texts"]),
    ("catalogue", &["mapping", "payload", "plain", "raw"]),
    ("plausibility", &["catalogue", "changes", "clock", "ledger", "outcome", "payload"]),
    ("changes", &["catalogue"]),
    ("ledger", &["catalogue", "changes", "clock", "letters", "plain"]),
    ("upstream", &[]),
    ("document", &["disk"]),
    ("watch", &["disk"]),
    ("service", &[]),
    (
        "store",
        &[
            "clock", "disk", "document", "ledger", "outcome", "payload", "schedule", "upstream",
            "workers",
        ],
    ),
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
    ("workers", &[]),
    (
        "publish",
        &["changes", "clock", "disk", "document", "ledger", "pages", "upstream", "workers"],
    ),
    ("news", &["changes", "pages", "publish"]),
    ("live", &["clock", "hold", "news", "payload", "publish"]),
    ("relay", &["cli", "clock", "disk", "document", "live", "pages", "publish", "telemetry"]),
    (
        "server",
        &[
            "access_log",
            "clock",
            "hold",
            "live",
            "news",
            "pages",
            "publish",
            "readiness",
            "telemetry",
        ],
    ),
];

/// Edges that reach out; all other modules are pure.
const EDGES: &[&str] = &[
    "access_log",
    "app",
    "cli",
    "config",
    "clock",
    "disk",
    "document",
    "lock",
    "telemetry",
    "source",
    "store",
    "theme",
    "publish",
    "relay",
    "server",
    "live",
    "watch",
    "service",
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

/// Fields and methods above which a type has more than one owner's work.
const MOST_FIELDS: usize = 12;
const MOST_METHODS: usize = 15;
/// Types that may be larger, each with the reason.
const LARGE: &[&str] = &[
    // One field for each option, from one declaration.
    "Config",
    // The record of the API, as templates get it.
    "Film",
    "FilmView",
    // All metrics, one field each.
    "Metrics",
    // The operations of a store, and what each reads and writes for them.
    "FileStore",
    "RedisStore",
    "Stores",
    // The steps of a refresh, in order.
    "Refresher",
    // The steps of a publish, and the tree that is prepared for the next.
    "Publisher",
    "Standby",
    // One view for each kind of record.
    "Views",
];

#[test]
fn a_type_is_small_and_its_name_is_its_own() {
    let (mut fields, mut methods) = (BTreeMap::new(), BTreeMap::<String, usize>::new());
    let mut places = BTreeMap::<String, Vec<String>>::new();
    for (_, files) in modules() {
        for file in files.iter().filter(|file| !file.ends_with("tests.rs")) {
            let text = fs::read_to_string(file).expect("a source file");
            let mut types = Types::default();
            types.visit_file(&syn::parse_file(&text).expect("a source file that parses"));
            for (name, count) in types.defined {
                places.entry(name.clone()).or_default().push(file.display().to_string());
                fields.insert(name, count);
            }
            for (name, count) in types.methods {
                *methods.entry(name).or_default() += count;
            }
        }
    }
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "a name for two types: {places:#?}");
    let is_large = |name: &&String| {
        fields[*name] > MOST_FIELDS || methods.get(*name).is_some_and(|&count| count > MOST_METHODS)
    };
    let large: Vec<_> = fields.keys().filter(is_large).collect();
    let unknown: Vec<_> = large.iter().filter(|name| !LARGE.contains(&name.as_str())).collect();
    assert!(
        unknown.is_empty(),
        "more than {MOST_FIELDS} fields or {MOST_METHODS} methods: {unknown:?}"
    );
    let gone: Vec<_> = LARGE.iter().filter(|name| !large.iter().any(|is| is == *name)).collect();
    assert!(gone.is_empty(), "small enough not to be listed: {gone:?}");
}

/// The types that a file defines, each with its number of fields, and the methods that the
/// file adds to types.
#[derive(Default)]
struct Types {
    defined: Vec<(String, usize)>,
    methods: Vec<(String, usize)>,
}

impl<'ast> Visit<'ast> for Types {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "tests" {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.defined.push((item.ident.to_string(), item.fields.len()));
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.defined.push((item.ident.to_string(), 0));
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.defined.push((item.ident.to_string(), 0));
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.defined.push((item.ident.to_string(), 0));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if item.trait_.is_none()
            && let syn::Type::Path(path) = &*item.self_ty
            && let Some(name) = path.path.segments.last()
        {
            let methods = item.items.iter().filter(|item| matches!(item, syn::ImplItem::Fn(_)));
            self.methods.push((name.ident.to_string(), methods.count()));
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

#[test]
fn no_two_files_of_a_folder_use_each_other() {
    let mut circles: Vec<String> = Vec::new();
    for (folder, files) in folders() {
        let names: BTreeSet<_> = files.iter().map(|file| stem(file)).collect();
        let exported = exported_by(&folder, &names);
        let uses: BTreeMap<_, BTreeSet<_>> = files
            .iter()
            .map(|file| {
                let siblings = siblings_used_by(&folder, file).into_iter();
                let siblings = siblings.map(|name| exported.get(&name).cloned().unwrap_or(name));
                let others = siblings.filter(|name| *name != stem(file));
                (stem(file), others.filter(|name| names.contains(name)).collect())
            })
            .collect();
        let ways = names.iter().filter_map(|name| cycle_from(name, &uses));
        circles.extend(ways.map(|way| format!("{}: {}", folder.display(), way.join(" → "))));
    }
    assert!(circles.is_empty(), "files use each other in a circle:\n{}", circles.join("\n"));
}

/// The folders of the sources with the files in them, but for `mod.rs`, which joins the others.
fn folders() -> BTreeMap<PathBuf, Vec<PathBuf>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for file in sources_below(&source) {
        if !["mod", "lib", "main", "tests"].contains(&stem(&file).as_str()) {
            folders.entry(file.parent().expect("a folder").to_owned()).or_default().push(file);
        }
    }
    folders
}

fn stem(file: &Path) -> String {
    file.file_stem().expect("a name").to_string_lossy().into_owned()
}

/// What the file that joins a folder imports from the files of the folder: the name of each
/// item, and its file.
fn exported_by(folder: &Path, names: &BTreeSet<String>) -> BTreeMap<String, String> {
    let joins = [folder.join("mod.rs"), folder.with_extension("rs")];
    let Some(text) = joins.iter().find_map(|file| fs::read_to_string(file).ok()) else {
        return BTreeMap::new();
    };
    let file = syn::parse_file(&text).expect("a source file that parses");
    let mut paths = Paths::default();
    file.items.iter().filter(|item| matches!(item, syn::Item::Use(_))).for_each(|item| {
        paths.visit_item(item);
    });
    let items = paths.0.into_iter().filter_map(|path| {
        let (file, name) = (path.first()?.clone(), path.last()?.clone());
        (names.contains(&file) && !names.contains(&name)).then_some((name, file))
    });
    items.collect()
}

/// The names after `super::`, and after the path of the folder, in a file.
fn siblings_used_by(folder: &Path, file: &Path) -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let below = folder.strip_prefix(source).expect("below src");
    let path: Vec<_> = below.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    let names = paths_in(file).into_iter().filter_map(|names| match names.split_first() {
        Some((first, rest)) if first == "super" => rest.first().cloned(),
        Some((first, rest)) if first == "crate" => {
            rest.strip_prefix(path.as_slice()).and_then(|rest| rest.first().cloned())
        }
        _ => None,
    });
    names.collect()
}

/// A way from a file back to the file.
fn cycle_from(start: &str, uses: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut ways = vec![vec![start.to_owned()]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        for next in uses.get(way.last()?).into_iter().flatten() {
            let longer = || way.iter().cloned().chain([next.clone()]).collect();
            if next == start {
                return Some(longer());
            }
            if seen.insert(next.clone()) {
                ways.push(longer());
            }
        }
    }
    None
}

/// All paths of a file outside its tests, in imports and elsewhere.
#[derive(Default)]
struct Paths(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "tests" {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.take(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }
}

impl Paths {
    fn take(&mut self, tree: &syn::UseTree, before: &mut Vec<String>) {
        let mut end = |name: &syn::Ident| {
            self.0.push(before.iter().cloned().chain([name.to_string()]).collect());
        };
        match tree {
            syn::UseTree::Name(name) => end(&name.ident),
            syn::UseTree::Rename(rename) => end(&rename.ident),
            syn::UseTree::Glob(_) => self.0.push(before.clone()),
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.take(&path.tree, before);
                before.pop();
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.take(item, before));
            }
        }
    }
}

/// The crate's top-level modules and their files.
fn modules() -> Vec<(String, Vec<PathBuf>)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules: Vec<(String, Vec<PathBuf>)> = Vec::new();
    for file in sources_below(&source) {
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

/// The source files below a directory.
pub(crate) fn sources_below(directory: &Path) -> Vec<PathBuf> {
    let is_source = |path: &PathBuf| path.extension().is_some_and(|suffix| suffix == "rs");
    files_below(directory).into_iter().filter(is_source).collect()
}

/// Files and folders at the top of the repository.
const AT_THE_TOP: [&str; 22] = [
    ".ci",
    ".clippy.toml",
    ".deny.toml",
    ".dockerignore",
    ".gitignore",
    ".readme",
    ".rustfmt.toml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "benches",
    "build.rs",
    "deploy",
    "docs",
    "public",
    "src",
    "templates",
    "tests",
];
/// Largest size of a file in bytes. The largest file is a library for tests in the browser.
const LARGEST_IN_REPOSITORY: u64 = 700_000;

/// Programs that tests install, and sites that tests build, are added by accident easily.
#[test]
fn the_repository_has_only_files_that_belong_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut git = Command::new("git");
    // Another user may own the checkout.
    let listed = git.args(["-c", "safe.directory=*", "ls-files", "-z"]).current_dir(root).output();
    // Sources without a repository, or a machine without git, have no list of files.
    let is_list = |listed: &Output| listed.status.success() && !listed.stdout.is_empty();
    let Some(listed) = listed.ok().filter(is_list) else { return };
    let listed = String::from_utf8(listed.stdout).expect("UTF-8");
    let files: Vec<_> = listed.split_terminator('\0').collect();
    assert!(files.len() > 500, "only {} files", files.len());
    for file in files {
        let top = file.split('/').next().unwrap_or_default();
        let is_known = AT_THE_TOP.contains(&top);
        assert!(is_known, "{file} does not belong to the repository");
        // A file may be removed and not yet committed.
        let size = fs::metadata(root.join(file)).map_or(0, |found| found.len());
        assert!(size <= LARGEST_IN_REPOSITORY, "{file} has {size} bytes");
    }
}

/// The modules of the crate that a file names outside its tests.
fn used_by(file: &Path) -> BTreeSet<String> {
    if file.ends_with("tests.rs") {
        return BTreeSet::new();
    }
    let own = |path: &Vec<String>| path.first().is_some_and(|first| first == "crate");
    let paths = paths_in(file).into_iter().filter(own);
    paths.filter_map(|path| path.into_iter().nth(1)).collect()
}

/// All paths that a file names outside its tests.
fn paths_in(file: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(file).expect("a source file");
    let mut paths = Paths::default();
    paths.visit_file(&syn::parse_file(&text).expect("a source file that parses"));
    paths.0
}
