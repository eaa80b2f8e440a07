//! README.md and docs/*.md as data: lines, links, headings and fenced code blocks.
//!
//! Owns the reading of Markdown, as far as these documents use Markdown. The rules
//! about the documents are in the other files of this folder.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the repository.
pub(super) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A Markdown document.
pub(crate) struct Document {
    /// Path below the root.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A fenced code block.
pub(super) struct Block {
    /// Document and line, for messages.
    pub(super) place: String,
    /// First word of the info string.
    pub(super) language: String,
    /// The rest of the info string.
    pub(super) name: String,
    pub(super) text: String,
}

/// README.md, CONTRIBUTING.md, CHANGELOG.md and docs/*.md.
pub(super) fn documents() -> Vec<Document> {
    let folder = fs::read_dir(root().join("docs")).expect("docs").flatten();
    let mut paths: Vec<_> = folder.map(|entry| entry.path()).collect();
    paths.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    let document = |path: PathBuf| Document {
        text: fs::read_to_string(&path).expect("a document"),
        path: path.strip_prefix(root()).expect("below the root").to_owned(),
    };
    paths.into_iter().map(document).collect()
}

/// The fenced code blocks of all documents in these languages.
pub(super) fn blocks(languages: &[&str]) -> Vec<Block> {
    let blocks = documents().into_iter().flat_map(|document| document.blocks());
    blocks.filter(|block| languages.contains(&block.language.as_str())).collect()
}

impl Document {
    /// Numbered lines outside fenced code blocks.
    pub(super) fn prose(&self) -> Vec<(usize, &str)> {
        let mut is_code = false;
        let lines = self.text.lines().enumerate().filter(|(_, line)| {
            let is_fence = line.starts_with("```");
            is_code ^= is_fence;
            !is_code && !is_fence
        });
        lines.map(|(at, line)| (at + 1, line)).collect()
    }

    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut is_code = false;
        for (at, line) in self.text.lines().enumerate() {
            if let Some(info) = line.strip_prefix("```") {
                is_code = !is_code;
                if is_code {
                    let (language, name) = info.split_once(' ').unwrap_or((info, ""));
                    blocks.push(Block {
                        place: format!("{}:{}", self.path.display(), at + 1),
                        language: language.to_owned(),
                        name: name.to_owned(),
                        text: String::new(),
                    });
                }
            } else if is_code && let Some(block) = blocks.last_mut() {
                block.text += line;
                block.text += "\n";
            }
        }
        blocks
    }

    /// Targets of links and pictures, with their lines.
    pub(crate) fn links(&self) -> Vec<(usize, &str)> {
        let targets = |(at, line)| {
            let after: Vec<&str> = str::split(line, "](").skip(1).collect();
            after.into_iter().filter_map(move |rest| Some((at, rest.split_once(')')?.0)))
        };
        self.prose().into_iter().flat_map(targets).collect()
    }

    /// The fragments by which GitHub links to the headings.
    pub(super) fn anchors(&self) -> Vec<String> {
        let headings = self.prose().into_iter().filter(|(_, line)| line.starts_with('#'));
        let anchor = |(_, line): (usize, &str)| {
            let text = line.trim_start_matches('#').trim().to_lowercase();
            let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        };
        headings.map(anchor).collect()
    }

    /// Texts in backticks.
    pub(super) fn code_spans(&self) -> Vec<(usize, &str)> {
        let spans = |(at, line)| {
            let spans: Vec<&str> = str::split(line, '`').skip(1).step_by(2).collect();
            spans.into_iter().map(move |span| (at, span))
        };
        self.prose().into_iter().flat_map(spans).collect()
    }
}

/// Cells of the first column of all tables of a document, as code spans.
pub(super) fn first_column(path: &str) -> Vec<String> {
    let text = read(path);
    let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    let spans = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    spans.map(str::to_owned).collect()
}
