//! Completions and manual pages follow the declaration of commands and options.

use std::fs;
use std::process::Command;

use movies_gen::cli::DECLARED;

use crate::fixture::Site;

const COMMANDS: [&str; 14] = [
    "",
    "-serve",
    "-build",
    "-status",
    "-check",
    "-explain",
    "-mapping",
    "-mapping-draft",
    "-theme-export",
    "-init",
    "-config",
    "-demo-data",
    "-accept",
    "-completions",
];

#[test]
fn each_command_has_a_manual_page_and_each_option_is_in_a_page() {
    let site = Site::new();
    fs::create_dir(site.path("man1")).expect("made");
    let said = site.run(&["man", "man1"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    let page = |command: &str| {
        let path = site.path(&format!("man1/movies-gen{command}.1"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    for command in COMMANDS {
        assert!(page(command).contains(".SH NAME"), "{command}");
    }
    let pages = ["-serve", "-build", "-status", "-config"].map(page).concat();
    for option in DECLARED {
        let flag = option.flag().replace('-', "\\-");
        assert!(pages.contains(&format!("\\-\\-{flag}")), "--{}", option.flag());
    }
    let missing = site.run(&["man", "gone"]);
    assert!(missing.code == Some(2) && missing.log.contains("make the directory first"));
}

#[test]
fn bash_completes_commands_and_options() {
    let site = Site::new();
    let script = site.run(&["completions", "bash"]).out;
    site.write("completions", &script);
    let complete = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let ask = format!(
            "source ./completions; COMP_WORDS=({line}); COMP_CWORD={}; _movies__gen movies-gen '{}' '{}'; \
             echo \"${{COMPREPLY[@]}}\"",
            words.len() - 1,
            words[words.len() - 1],
            words[words.len() - 2],
        );
        let mut bash = Command::new("bash");
        let output = bash.args(["--norc", "-c", &ask]).current_dir(site.path("")).output();
        String::from_utf8(output.expect("bash").stdout).expect("UTF-8").trim().to_owned()
    };
    assert_eq!(complete("movies-gen stat"), "status");
    assert_eq!(complete("movies-gen serve --site-t"), "--site-title");
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(site.run(&["completions", shell]).out.contains("site-title"), "{shell}");
    }
}
