//! The configuration file that `movies-gen init` writes.
//!
//! Owns the form of the file: each option with its meaning, its form and its default, commented out.
//! All facts come from the declaration of the options.

use clap::{Arg, ArgAction, Args, Command};

use crate::cli::{DECLARED, DEMO_DEFAULTS, Declared, OnReload, Options, form};
use crate::mapping::DEFAULT;

/// Width of a comment, in columns.
const WIDTH: usize = 80;

const INTRODUCTION: &str = "The configuration of movies-gen. Each line with a key shows a default or \
an example: remove the # to set the value. A flag, such as --interval 60s, and a variable, such as \
MOVIES_GEN_INTERVAL=60s, take precedence over this file. After SIGHUP, the program reads this file \
again. `movies-gen config` shows the values in force.";

/// Returns the text of the file.
pub fn template() -> String {
    let command = Options::augment_args(Command::new("movies-gen"));
    let mut text = comment(INTRODUCTION);
    let mut group = None;
    for option in DECLARED {
        let Some(key) = option.key() else { continue };
        let Some(arg) = command.get_arguments().find(|arg| arg.get_id() == option.field) else {
            continue;
        };
        if arg.get_help_heading() != group {
            group = arg.get_help_heading();
            let title = group.unwrap_or_default();
            text += &format!("\n\n# {title}\n# {}\n", "=".repeat(title.len()));
        }
        text += &format!("\n{}# {key} = {}\n", meaning(option, arg), value(option, arg));
    }
    text
}

fn meaning(option: &Declared, arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let (purpose, details) = help.split_once("\n\n").unwrap_or((&help, ""));
    let mut facts = Vec::new();
    let name = arg.get_value_names().and_then(<[_]>::first).map(|name| name.as_str());
    let possible = arg.get_possible_values();
    if matches!(arg.get_action(), ArgAction::Count) {
        facts.push("Value: a whole number.".to_owned());
    } else if let Some(form) = name.and_then(form) {
        facts.push(format!("Value: {form}."));
    } else if !possible.is_empty() {
        let names: Vec<_> = possible.iter().map(|value| value.get_name()).collect();
        facts.push(format!("Value: {}.", names.join(" or ")));
    }
    if arg.get_default_values().is_empty() && !matches!(arg.get_action(), ArgAction::Count) {
        facts.push("No default; the line is an example.".to_owned());
    }
    if let Some((_, demo)) = DEMO_DEFAULTS.iter().find(|(name, _)| *name == option.flag()) {
        facts.push(format!("Default with --demo: {demo}."));
    }
    if option.on_reload == OnReload::NeedsRestart {
        facts.push("A change needs a restart.".to_owned());
    }
    let paragraphs = [format!("{purpose}."), details.to_owned(), facts.join(" ")];
    paragraphs.iter().filter(|text| !text.is_empty()).map(|text| comment(text)).collect()
}

/// Returns the default in TOML, or an example if there is no default.
fn value(option: &Declared, arg: &Arg) -> String {
    if matches!(arg.get_action(), ArgAction::Count) {
        return "0".to_owned();
    }
    let default = arg.get_default_values().first().map(|value| value.to_string_lossy());
    match default {
        Some(default) => in_toml(&default),
        None => in_toml(example(option)),
    }
}

/// Returns an example of an option without a default.
fn example(option: &Declared) -> &'static str {
    match option.field {
        "redis" => "redis://127.0.0.1:6379/",
        "redis_password_file" => "/run/secrets/redis",
        "site_title" => "Films",
        "site_url" => "https://example.org/films/",
        "upstream" => "https://api.example",
        "mapping" => DEFAULT,
        "limit" => "250",
        "templates" => "theme",
        "demo_from" => "archive",
        "admin_listen" => "127.0.0.1:9100",
        "max_stale" => "1h",
        "access_log" => "/var/log/movies-gen/access.log",
        "trusted_proxies" => "127.0.0.1",
        "then" => "xargs -0 echo",
        "publish_to" => "s3://bucket/films",
        "publish_credentials" => "/run/secrets/bucket",
        "stale_notice" => "5m",
        "volatile_fields" | "steady_fields" => "film.rt_score",
        _ => "",
    }
}

/// Returns a value in the form of TOML: numbers and booleans need no quotes.
pub(super) fn in_toml(value: &str) -> String {
    let is_plain = value.parse::<i64>().is_ok() || value.parse::<bool>().is_ok();
    if is_plain { value.to_owned() } else { toml::Value::from(value).to_string() }
}

/// Returns a text as comment lines.
fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines += &line;
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line += word;
    }
    lines + &line + "\n"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::tests::from_file;

    /// The template with each line of a key, or with each such line for which `is_wanted`.
    fn uncommented(is_wanted: impl Fn(&str) -> bool) -> String {
        let keys: Vec<_> = DECLARED.iter().filter_map(Declared::key).collect();
        let lines = template();
        let lines = lines.lines().map(|line| {
            let key = line.strip_prefix("# ").and_then(|line| line.split_once(" = "));
            let is_key = key.is_some_and(|(key, _)| keys.iter().any(|known| known == key));
            if is_key && is_wanted(line) { &line[2..] } else { line }
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_template_changes_nothing() {
        assert_eq!(from_file(&template()).expect("valid"), from_file("").expect("valid"));
    }

    #[test]
    fn the_lines_of_the_template_show_the_defaults() {
        let examples = template();
        let has_example = |line: &str| {
            let before = examples.split(line).next().unwrap_or_default();
            before.trim_end().rsplit("\n\n").next().is_some_and(|text| text.contains("No default"))
        };
        let defaults = uncommented(|line| !has_example(line));
        assert_eq!(from_file(&defaults).expect("valid"), from_file("").expect("valid"));
    }

    #[test]
    fn each_option_has_one_line() {
        let all = uncommented(|_| true);
        let values = super::super::file::parse(Path::new("f.toml"), all.as_bytes());
        let values = values.expect("every example is valid").values;
        let keys: Vec<_> = DECLARED.iter().filter_map(Declared::key).collect();
        assert_eq!(values.len(), keys.len());
        assert!(template().lines().all(|line| line.chars().count() <= WIDTH));
    }
}
