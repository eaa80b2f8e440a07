//! docs/log.md lists every message that the source logs, and no other message.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use syn::visit::Visit;

use super::markdown::{read, root};

/// The message of a failed refresh, as documented and as in the source.
const FAILED: (&str, &str) =
    ("the refresh failed; …: …", "\"the refresh failed; {meanwhile}: {failure}\"");

/// A message of the log: the text, in which `…` stands for values, and the level.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Message {
    text: String,
    level: String,
}

/// The messages of one file.
struct Messages<'f> {
    file: &'f str,
    found: BTreeSet<Message>,
}

impl<'ast> Visit<'ast> for Messages<'_> {
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name = call.path.segments.last().expect("a name").ident.to_string();
        if ["info", "warn", "error"].contains(&name.as_str()) {
            let format = format_of(call).unwrap_or_else(|| panic!("{}: no text", self.file));
            let text = normal(&format);
            // If the whole text is a value, the document names the file.
            let has_words = text.chars().any(char::is_alphabetic);
            let text = if has_words { text } else { format!("… ({})", self.file) };
            self.found.insert(Message { text, level: name });
        }
        syn::visit::visit_macro(self, call);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            syn::visit::visit_item_mod(self, module);
        }
    }
}

/// Returns the format string of a macro of `tracing`: the first text that is not the value of a field.
fn format_of(call: &syn::Macro) -> Option<String> {
    let mut is_value = false;
    for token in call.tokens.clone() {
        match token {
            proc_macro2::TokenTree::Punct(sign) => is_value = sign.as_char() == '=',
            proc_macro2::TokenTree::Literal(literal) if !is_value => {
                let text = syn::parse_str::<syn::LitStr>(&literal.to_string());
                return text.ok().map(|text| text.value());
            }
            _ => is_value = false,
        }
    }
    None
}

/// Returns a format string on one line, with `…` in place of each value.
fn normal(format: &str) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('{') {
        text += before;
        text.push('…');
        rest = after.split_once('}').expect("the end of a value").1;
    }
    text += rest;
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Adds the messages of all files below a folder of the source.
fn collect(folder: &Path, found: &mut BTreeSet<Message>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("a source file");
            let file = path.strip_prefix(root().join("src")).expect("below src");
            let file = file.to_str().expect("text");
            let mut messages = Messages { file, found: BTreeSet::new() };
            messages.visit_file(&syn::parse_file(&source).expect("Rust"));
            found.append(&mut messages.found);
        }
    }
}

/// The rows of the tables in docs/log.md.
fn documented() -> BTreeSet<Message> {
    let text = read("docs/log.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
    let rows = rows.filter_map(|row| {
        let mut cells = row.split(" | ");
        let (text, level) = (cells.next()?, cells.next()?);
        let is_told = cells.all(|cell| cell.trim_end_matches(" |").len() > 3);
        assert!(is_told, "{text} has no meaning, or does not say what to do");
        let text = text.trim_matches('`').trim().to_owned();
        let level = if level == "warning" { "warn" } else { level }.to_owned();
        Some(Message { text, level }).filter(|message| message.text != "message")
    });
    rows.collect()
}

#[test]
fn every_message_of_the_log_is_documented_and_no_other() {
    let mut found = BTreeSet::new();
    collect(&root().join("src"), &mut found);
    // The level of this message follows the policy of the failure, by a macro of its own.
    assert!(read("src/app/report.rs").contains(FAILED.1));
    for level in ["warn", "error"] {
        found.insert(Message { text: FAILED.0.to_owned(), level: level.to_owned() });
    }
    assert!(found.len() > 70, "only {} messages were found", found.len());
    let documented = documented();
    let missing: Vec<_> = found.difference(&documented).collect();
    let gone: Vec<_> = documented.difference(&found).collect();
    assert!(missing.is_empty() && gone.is_empty(), "missing: {missing:#?}\ngone: {gone:#?}");
}
