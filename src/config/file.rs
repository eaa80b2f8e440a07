//! The configuration file.
//!
//! Owns the form of the file: a key has the name of an option, and a value has the form of the
//! command line; a number, a boolean or a list needs no quotes. Errors name the file, the line
//! and the key, and never the value, because the value may be a secret.

use std::collections::BTreeMap;
use std::error::Error;
use std::ops::Range;
use std::path::Path;

use anyhow::Result;
use clap::Args;
use clap::error::{ContextKind, ContextValue};
use toml::{Spanned, Value};

use super::Invalid;
use crate::cli::{DECLARED, Declared, Options, Values};

/// Reads the values of a file.
///
/// # Errors
/// Fails with [`Invalid`] for text that is not TOML, for an unknown key, and for a value that is
/// not valid for the option.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Values> {
    let at = path.display();
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Invalid(format!("{at} is not UTF-8 text; save the file as UTF-8")))?;
    let wrong = |span: Range<usize>, what: &str| {
        let line = text[..span.start].matches('\n').count() + 1;
        Invalid(format!("{at}:{line}: {what}"))
    };
    let entries: BTreeMap<Spanned<String>, Spanned<Value>> = toml::from_str(text)
        .map_err(|error| wrong(error.span().unwrap_or_default(), error.message()))?;
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut values = Values::new();
    for (key, value) in entries {
        let (span, key) = (key.span(), key.into_inner());
        let value = read(&key, value.into_inner()).map_err(|what| wrong(span, &what))?;
        values.insert(key, value);
    }
    Ok(values)
}

/// Returns the value in the form of the command line.
fn read(key: &str, value: Value) -> Result<String, String> {
    let keys: Vec<_> = DECLARED.iter().filter_map(Declared::key).collect();
    if !keys.iter().any(|known| known == key) {
        return Err(unknown(key, &keys));
    }
    let text = written(key, value).map_err(|why| format!("invalid value for `{key}`: {why}"))?;
    match Options::from_values(&Values::from([(key.to_owned(), text.clone())])) {
        Ok(_) => Ok(text),
        Err(error) => Err(format!("invalid value for `{key}`: {}", reason(&error))),
    }
}

fn unknown(key: &str, keys: &[String]) -> String {
    let near = |name: &str| strsim::jaro_winkler(key, name);
    match keys.iter().max_by(|a, b| near(a).total_cmp(&near(b))) {
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
    options.any(|arg| arg.get_long() == Some(key) && arg.get_value_delimiter().is_some())
}

/// Returns the reason why the parser refuses a value, without the value.
fn reason(error: &clap::Error) -> String {
    match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(source), _) => source.to_string(),
        (None, Some(ContextValue::Strings(valid))) if !valid.is_empty() => {
            format!("write {}", valid.join(" or "))
        }
        (None, _) => "write a value that is not empty".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Options, String> {
        let values = parse(Path::new("f.toml"), text.as_bytes());
        let values = values.map_err(|error| error.to_string())?;
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
                (options.max_growth.0, options.listen.to_string()),
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
            ("\nlimit = \"many\"", "f.toml:2: invalid value for `limit`: invalid digit"),
            ("interval = 60", "invalid value for `interval`: time unit needed"),
            ("demo = \"maybe\"", "invalid value for `demo`: value was not a boolean"),
            ("verbose = -1", "invalid value for `verbose`: "),
            ("log-format = \"xml\"", "invalid value for `log-format`: write text or json"),
            ("out = \"\"", "invalid value for `out`: write a value that is not empty"),
            ("lang = [\"en\"]", "invalid value for `lang`: write a string, a number or a boolean"),
            ("steady-fields = [[]]", "invalid value for `steady-fields`: write a list of strings"),
            ("config = \"x\"", "unknown key `config`"),
        ] {
            let refusal = read(text).expect_err("refused");
            assert!(refusal.contains(message), "{refusal}");
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_most_similar_key() {
        let message = read("out = \"x\"\n\nintervall = \"60s\"\n").expect_err("refused");
        assert_eq!(message, "f.toml:3: unknown key `intervall`; did you mean `interval`?");
    }
}
