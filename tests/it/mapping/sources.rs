//! No code outside the built-in mappings knows the name of an API.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use movies_gen::mapping::built_in_names;
use syn::visit::{self, Visit};

use crate::tidy::sources_below;

/// The words of the code in a file: names and texts, without comments, help texts and tests.
#[derive(Default)]
struct Words {
    words: BTreeSet<String>,
    /// Modules in files of their own that only tests use.
    of_tests: Vec<String>,
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    let is_test = |attribute: &syn::Attribute| {
        let list = attribute.meta.require_list();
        attribute.path().is_ident("cfg") && list.is_ok_and(|list| list.tokens.to_string() == "test")
    };
    attributes.iter().any(is_test)
}

impl<'a> Visit<'a> for Words {
    // Documentation and help texts are attributes.
    fn visit_attribute(&mut self, _: &'a syn::Attribute) {}

    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        } else if module.content.is_none() {
            self.of_tests.push(module.ident.to_string());
        }
    }

    fn visit_lit_str(&mut self, text: &'a syn::LitStr) {
        self.words.insert(text.value().to_lowercase());
    }

    fn visit_ident(&mut self, name: &'a syn::Ident) {
        self.words.insert(name.to_string().to_lowercase());
    }

    // The texts of `format!` and other macros.
    fn visit_macro(&mut self, called: &'a syn::Macro) {
        let tokens = called.tokens.to_string().to_lowercase();
        // A macro that declares options has their help texts as documentation.
        let mut parts = tokens.split("# [doc = ");
        self.words.extend(parts.next().map(str::to_owned));
        self.words.extend(parts.filter_map(|part| Some(part.split_once("\"]")?.1.to_owned())));
    }
}

#[test]
fn only_the_built_in_mappings_know_the_name_of_an_api() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a source");
        let mut words = Words::default();
        words.visit_file(&syn::parse_file(&text).expect("a source"));
        (path, words)
    };
    let files: Vec<(PathBuf, Words)> = sources_below(&sources).into_iter().map(read).collect();
    let of_tests: BTreeSet<PathBuf> = files
        .iter()
        .flat_map(|(path, words)| {
            let is_folder = path.file_stem().is_some_and(|stem| stem == "mod" || stem == "lib");
            let folder = if is_folder {
                path.parent().expect("a folder").to_owned()
            } else {
                path.with_extension("")
            };
            words.of_tests.iter().map(move |name| folder.join(name))
        })
        .collect();
    let mut names: Vec<&str> = built_in_names().collect();
    names.extend(["emby", "tmdb", "tvmaze", "strapi", "vercel"]);
    let mut known = Vec::new();
    for (path, words) in &files {
        let is_of_tests = of_tests.iter().any(|test| path.with_extension("").starts_with(test));
        // This file lists the names of the files with the mappings.
        let is_the_list = path.ends_with("mapping/built_in.rs");
        if is_of_tests || is_the_list {
            continue;
        }
        for word in &words.words {
            if let Some(name) = names.iter().find(|name| word.contains(**name)) {
                known.push(format!("{} knows {name}: {word:?}", path.display()));
            }
        }
    }
    assert!(known.is_empty(), "{known:#?}");
    let list =
        files.iter().find(|(path, _)| path.ends_with("mapping/built_in.rs")).expect("the list");
    assert!(!list.1.words.is_empty() && files.len() > 200, "the sources are read");
}
