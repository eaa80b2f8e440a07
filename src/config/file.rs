//! The configuration file.
//!
//! Owns the form of the file: a key has the name of an option, and a value has the form of the
//! command line; a number, a boolean or a list needs no quotes. Errors name the file, the line, the
//! key and the value, but not a value that may contain a password.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use anyhow::Result;
use clap::{ArgAction, Args};
use toml::{Spanned, Value};

use super::Invalid;
use crate::cli::{DECLARED, Declared, Options, Values, reason};
use crate::mapping::TOP_KEYS;
use crate::similar::most_similar;

/// The values of a file, and the line of each value.
#[derive(Debug, Default)]
pub(super) struct FileValues {
    pub(super) values: Values,
    pub(super) lines: BTreeMap<String, usize>,
    /// The tables of a mapping, if the file has any.
    pub(super) tables: Option<MappingTables>,
}

/// A configuration file that has tables of a mapping.
#[derive(Debug)]
pub(super) struct MappingTables {
    /// The name of the file.
    pub(super) name: String,
    /// The whole file.
    pub(super) text: String,
    /// Whether the file says where the films are. Then the file has a whole mapping.
    pub(super) is_whole: bool,
}

/// Reads the values of a file.
///
/// # Errors
/// Fails with [`Invalid`] for text that is not TOML, for an unknown key, and for a value that is
/// not valid for the option.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<FileValues> {
    let at = path.display();
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Invalid(format!("{at} is not UTF-8 text; save the file as UTF-8")))?;
    let line = |span: &Range<usize>| text[..span.start].matches('\n').count() + 1;
    let wrong = |span: Range<usize>, what: &str| Invalid(format!("{at}:{}: {what}", line(&span)));
    let entries: BTreeMap<Spanned<String>, Spanned<Value>> = toml::from_str(text)
        .map_err(|error| wrong(error.span().unwrap_or_default(), error.message()))?;
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut read_so_far = FileValues::default();
    let is_of_a_mapping = |key: &Spanned<String>| TOP_KEYS.contains(&key.get_ref().as_str());
    let (tables, entries): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|(key, _)| is_of_a_mapping(key));
    if !tables.is_empty() {
        let has_get = |value: &Value| value.get("get").is_some();
        let is_whole =
            tables.iter().any(|(key, value)| key.get_ref() == "films" && has_get(value.get_ref()));
        let (name, text) = (at.to_string(), text.to_owned());
        read_so_far.tables = Some(MappingTables { name, text, is_whole });
    }
    for (key, value) in entries {
        let (span, key) = (key.span(), key.into_inner());
        let value = read(&key, value.into_inner()).map_err(|what| wrong(span.clone(), &what))?;
        read_so_far.lines.insert(key.clone(), line(&span));
        read_so_far.values.insert(key, value);
    }
    Ok(read_so_far)
}

/// Returns the value in the form of the command line.
fn read(key: &str, value: Value) -> Result<String, String> {
    let declared = DECLARED.iter().find(|declared| declared.key().as_deref() == Some(key));
    let Some(declared) = declared else {
        let table = "is a table; all keys stand at the top of the file, and the only tables are those of a \
                     mapping";
        return Err(match value {
            Value::Table(_) => format!("`[{key}]` {table}"),
            _ => unknown(key),
        });
    };
    let shown =
        if declared.may_be_secret() { String::new() } else { format!(" {}", one_line(&value)) };
    let text =
        written(key, value).map_err(|why| format!("invalid value{shown} for `{key}`: {why}"))?;
    match Options::from_values(&Values::from([(key.to_owned(), text.clone())])) {
        Ok(_) => Ok(text),
        Err(error) => Err(format!("invalid value{shown} for `{key}`: {}", reason(&error))),
    }
}

/// Returns the value as in the file, in one short line.
fn one_line(value: &Value) -> String {
    const MOST: usize = 60;
    let text = value.to_string().replace(char::is_control, " ");
    if text.chars().count() <= MOST {
        return text;
    }
    text.chars().take(MOST).chain(['…']).collect()
}

fn unknown(key: &str) -> String {
    match most_similar(key, DECLARED.iter().filter_map(Declared::key)) {
        Some(nearest) => format!("unknown key `{key}`; did you mean `{nearest}`?"),
        None => format!("unknown key `{key}`"),
    }
}

fn written(key: &str, value: Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(is_on) => Ok(is_on.to_string()),
        Value::Array(items) if is_list(key) => {
            let texts: Option<Vec<_>> = items.iter().map(Value::as_str).collect();
            texts.map(|texts| texts.join(",")).ok_or("write a list of strings")
        }
        _ if is_list(key) => Err("write a string or a list of strings"),
        _ => Err("write a string, a number or a boolean"),
    }
}

/// Whether the option takes several values.
fn is_list(key: &str) -> bool {
    let command = Options::augment_args(clap::Command::new("movies-gen"));
    let mut options = command.get_arguments();
    options.any(|arg| arg.get_long() == Some(key) && matches!(arg.get_action(), ArgAction::Append))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Options, String> {
        let values = parse(Path::new("f.toml"), text.as_bytes());
        let values = values.map_err(|error| error.to_string())?.values;
        Options::from_values(&values).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_booleans_and_lists_need_no_quotes() {
        for text in [
            "max-bytes = 1024\nmax-shrink = 0.5\nmax-growth = 3\nlisten = 80\n\
             volatile-fields = [\"a\", \"b\"]\ndemo = true\nverbose = 2",
            "max-bytes = \"1KiB\"\nmax-shrink = \"50%\"\nmax-growth = \"3\"\nlisten = \"80\"\n\
             volatile-fields = \"a,b\"\ndemo = \"yes\"\nverbose = \"2\"",
        ] {
            let options = read(text).expect("options");
            assert_eq!((options.max_bytes.0, options.max_shrink.0), (1024, 0.5));
            assert_eq!(
                (options.max_growth.0, options.listen[0].0[0].to_string()),
                (3.0, "127.0.0.1:80".into())
            );
            assert_eq!(
                (options.volatile_fields, options.demo),
                (vec!["a".into(), "b".into()], true)
            );
            assert_eq!((options.verbose, options.quiet), (2, 0));
        }
    }

    #[test]
    fn an_invalid_value_is_named_with_its_line() {
        for (text, message) in [
            ("\nlimit = \"many\"", "f.toml:2: invalid value \"many\" for `limit`: invalid digit"),
            ("interval = 60", "invalid value 60 for `interval`: time unit needed"),
            ("demo = \"maybe\"", "invalid value \"maybe\" for `demo`: value was not a boolean"),
            ("verbose = -1", "invalid value -1 for `verbose`: "),
            ("log-format = \"xml\"", "invalid value \"xml\" for `log-format`: write text or json"),
            ("out = \"\"", "invalid value \"\" for `out`: write a value that is not empty"),
            (
                "lang = [\"en\"]",
                "invalid value [\"en\"] for `lang`: write a string, a number or a boolean",
            ),
            (
                "steady-fields = [[]]",
                "invalid value [[]] for `steady-fields`: write a list of strings",
            ),
            ("config = \"x\"", "unknown key `config`"),
            (
                "\n[server]\nlisten = 80",
                "f.toml:2: `[server]` is a table; all keys stand at the top",
            ),
        ] {
            let refusal = read(text).expect_err("refused");
            assert!(refusal.contains(message), "{refusal}");
        }
    }

    #[test]
    fn a_value_that_may_be_secret_is_not_shown() {
        let refusal = read("redis = [\"redis://:s3cret@h\"]").expect_err("refused");
        assert!(refusal.contains("invalid value for `redis`"), "{refusal}");
        assert!(!refusal.contains("s3cret"), "{refusal}");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_most_similar_key() {
        let message = read("out = \"x\"\n\nintervall = \"60s\"\n").expect_err("refused");
        assert_eq!(message, "f.toml:3: unknown key `intervall`; did you mean `interval`?");
    }
}
