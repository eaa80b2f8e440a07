//! Tests that `docs/options.md` matches the declarations of the options.

use std::path::Path;

use clap::builder::Str;
use clap::{Arg, ArgAction, Args, Command};
use movies_gen::cli::{DECLARED, DEMO_DEFAULTS, Declared, OnReload, Options, form};

/// Longest line in columns, except in tables.
const WIDTH: usize = 100;

const REGENERATE: &str = "UPDATE_DOCS=1 cargo test --test it options::document";

const INTRODUCTION: &str = "\
An option is a flag, an environment variable and a key of the configuration file: `--max-age 60s`, \
`MOVIES_GEN_MAX_AGE=60s` and `max-age = \"60s\"` mean the same.

1. A flag takes precedence over the variable, the variable over the file, and the file over the \
default.
2. An empty variable counts as not set.
3. Options may stand before or after the command.
4. The configuration file is TOML. A number, a boolean and a list need no quotes. An unknown key \
is an error, and so is an unknown variable `MOVIES_GEN_…`. The only tables are those of a \
[mapping](mappings.md).
5. After SIGHUP, `serve` and `build loop` read the configuration file and the templates again. Each \
entry below says whether a new value applies at once. If the new configuration is not valid, the old \
configuration stays.
6. No help text, log line or error message shows a password.

`movies-gen serve --help` prints the same descriptions.";

#[test]
fn the_document_of_options_matches_the_declarations() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/options.md");
    let generated = document();
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| !value.is_empty()) {
        std::fs::write(&path, &generated).expect("docs/options.md");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let first = written.lines().zip(generated.lines()).find(|(written, new)| written != new);
    assert!(
        written == generated,
        "docs/options.md is out of date; run `{REGENERATE}`\nfirst difference: {first:?}"
    );
}

#[test]
fn the_demo_changes_only_defaults_of_existing_options() {
    for (name, _) in DEMO_DEFAULTS {
        assert!(DECLARED.iter().any(|option| option.flag() == name), "{name}");
    }
}

fn document() -> String {
    let command = Options::augment_args(Command::new("movies-gen"));
    let arg = |option: &Declared| command.get_arguments().find(|arg| arg.get_id() == option.field);
    let options: Vec<_> =
        DECLARED.iter().map(|option| (option, arg(option).expect("declared"))).collect();
    let mut text = format!("# Options\n\n<!-- Generated. To update: {REGENERATE} -->\n\n");
    text += &wrapped(INTRODUCTION);
    text += "\n| option | default | purpose |\n|---|---|---|\n";
    for (option, arg) in &options {
        let (flag, purpose) = (option.flag(), marked(&arg.get_help().expect("help").to_string()));
        text += &format!("| [`--{flag}`](#--{flag}) | {} | {purpose} |\n", default(option, arg));
    }
    let mut group = "";
    for (option, arg) in options {
        let heading = arg.get_help_heading().expect("a group");
        if heading != group {
            group = heading;
            let commands =
                option.commands.iter().map(|name| name.replace("export", "theme export"));
            let commands: Vec<_> = commands.map(|name| format!("`{name}`")).collect();
            text += &format!("\n## {heading}\n\nUsed by: {}.\n", commands.join(", "));
        }
        text += &entry(option, arg);
    }
    text
}

fn entry(option: &Declared, arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help()).expect("help").to_string();
    let (purpose, details) = help.split_once("\n\n").unwrap_or((&help, ""));
    let mut text =
        format!("\n### `--{}`\n\n{}", option.flag(), wrapped(&marked(&format!("{purpose}."))));
    if !details.is_empty() {
        text += &format!("\n{}", wrapped(&marked(details)));
    }
    let key = option.key().map_or("none".to_owned(), |key| format!("`{key}`"));
    text += "\n";
    for (what, says) in [
        ("Flag", flag(option, arg)),
        ("Value", value(arg)),
        ("Variable", format!("`{}`", option.variable())),
        ("Key", key),
        ("Default", default(option, arg)),
        ("SIGHUP", on_reload(option).to_owned()),
    ] {
        text += &wrapped(&format!("- {what}: {says}"));
    }
    text
}

fn flag(option: &Declared, arg: &Arg) -> String {
    let long = match value_names(arg) {
        [name] if name == "BOOL" => format!("`--{}` or `--{}=BOOL`", option.flag(), option.flag()),
        [name] => format!("`--{} {name}`", option.flag()),
        _ => format!("`--{}`", option.flag()),
    };
    arg.get_short().map_or(long.clone(), |short| format!("`-{short}` or {long}"))
}

/// Returns the name of the value of a flag; empty if the flag is only counted.
fn value_names(arg: &Arg) -> &[Str] {
    match arg.get_action() {
        ArgAction::Count => &[],
        _ => arg.get_value_names().unwrap_or_default(),
    }
}

fn value(arg: &Arg) -> String {
    let [name] = value_names(arg) else {
        return "none; in the variable and in the file, the number of times".to_owned();
    };
    if let Some(form) = form(name) {
        return form.to_owned();
    }
    let values = arg.get_possible_values();
    assert!(!values.is_empty(), "{name} has no form");
    let described = values.iter().map(|value| {
        let help = value.get_help().expect("help").to_string();
        let (first, rest) = help.split_at(1);
        format!("`{}` ({}{rest})", value.get_name(), first.to_lowercase())
    });
    marked(&described.collect::<Vec<_>>().join(" or "))
}

fn default(option: &Declared, arg: &Arg) -> String {
    let values = arg.get_default_values();
    let usual = match (values, arg.get_action()) {
        ([value], _) => format!("`{}`", value.to_string_lossy()),
        (_, ArgAction::Count) => "`0`".to_owned(),
        _ => "none".to_owned(),
    };
    match DEMO_DEFAULTS.iter().find(|(name, _)| *name == option.flag()) {
        Some((_, demo)) => format!("{usual}; with `--demo`: `{demo}`"),
        None => usual,
    }
}

fn on_reload(option: &Declared) -> &'static str {
    match option.on_reload {
        OnReload::Applied => "the new value applies at once",
        OnReload::AppliedWithoutRedis => {
            "the new value applies at once; with `--redis`, the new value needs a restart"
        }
        OnReload::NeedsRestart => "the new value needs a restart",
    }
}

/// Marks the names of options in a text as code.
fn marked(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let name = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        // A backtick means that the text marks the code itself.
        let is_flag = name.starts_with('-') && name.len() > 1 && !word.contains('`');
        if is_flag { format!("`{name}`{}", &word[name.len()..]) } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Wraps a text. The lines of a list item are indented.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let indent = line.find(". ").filter(|_| line.starts_with(|c: char| c.is_ascii_digit()));
        let indent = if line.starts_with("- ") { 2 } else { indent.map_or(0, |at| at + 2) };
        let mut column = 0;
        for word in line.split(' ') {
            let width = word.chars().count();
            if column > 0 && column + 1 + width > WIDTH {
                out += &format!("\n{}", " ".repeat(indent));
                column = indent;
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            out += word;
            column += width;
        }
        out.push('\n');
    }
    out
}
