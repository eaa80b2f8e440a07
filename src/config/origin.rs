//! Where the value of each option comes from.
//!
//! Owns the names of origins in messages: a flag, a variable, a line of the configuration file, or a
//! default.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Invalid;
use crate::cli::{DECLARED, Declared, Layer, Layers};

/// The origin of each value.
#[derive(Debug, Clone)]
pub(super) struct Origins {
    layers: Layers,
    file: PathBuf,
    lines: BTreeMap<String, usize>,
}

impl Origins {
    pub(super) fn new(layers: &Layers, file: &Path, lines: BTreeMap<String, usize>) -> Origins {
        Origins { layers: layers.clone(), file: file.to_owned(), lines }
    }

    /// Returns the origin of the value of an option in words.
    pub(super) fn of(&self, declared: &Declared) -> String {
        let flag = declared.flag();
        match self.layers.get(&flag).copied().unwrap_or(Layer::Default) {
            Layer::Flag => "flag".to_owned(),
            Layer::Variable => format!("variable {}", declared.variable()),
            Layer::File => {
                let line = self.lines.get(&flag).copied().unwrap_or_default();
                format!("{}:{line} key {flag}", self.file.display())
            }
            Layer::Demo => "default with --demo".to_owned(),
            Layer::Default => "default".to_owned(),
        }
    }

    /// Adds to an error the origin of each option that the error names.
    pub(super) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let error = match error.downcast::<Invalid>() {
            Ok(Invalid(text)) => text,
            Err(other) => return other,
        };
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let words: Vec<_> = error.split(|c| !is_word(c)).collect();
        let named = |declared: &&Declared| words.contains(&&*format!("--{}", declared.flag()));
        let origins: Vec<_> = DECLARED
            .iter()
            .filter(named)
            .map(|declared| format!("--{}: {}", declared.flag(), self.of(declared)))
            .collect();
        if origins.is_empty() {
            return Invalid(error).into();
        }
        Invalid(format!("{error} ({})", origins.join("; "))).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_origin_of_each_option_in_it() {
        let layers = Layers::from([
            ("interval".into(), Layer::File),
            ("max-age".into(), Layer::Variable),
            ("out".into(), Layer::Flag),
        ]);
        let origins =
            Origins::new(&layers, Path::new("f.toml"), BTreeMap::from([("interval".into(), 3)]));
        let explained = |text: &str| origins.explain(Invalid(text.to_owned()).into()).to_string();
        assert_eq!(
            explained("--max-age 1m is shorter than --interval 2m"),
            "--max-age 1m is shorter than --interval 2m (--interval: f.toml:3 key interval; \
             --max-age: variable MOVIES_GEN_MAX_AGE)"
        );
        assert_eq!(
            explained("--out and --state overlap"),
            "--out and --state overlap (--out: flag; --state: default)"
        );
        assert_eq!(explained("no option"), "no option");
    }
}
