//! Completions and manual pages, made from the declaration of commands and options.

use std::ffi::OsString;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use super::layers::declared_command;

/// The name of the program.
const NAME: &str = "movies-gen";

/// Returns the completions for a shell.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut declared_command(), NAME, &mut text);
    if shell != Shell::Bash {
        return text;
    }
    // The script for bash spells the name of the program in two ways, because of the hyphen, and
    // then completes no options (clap-rs/clap#6421).
    let text = String::from_utf8_lossy(&text);
    text.replace("movies__subcmd__gen", "movies__gen").into_bytes()
}

/// Returns the manual pages with the names of their files: a page for the program, and a page for
/// each command.
///
/// # Errors
/// Fails if a page cannot be rendered.
pub fn manual() -> std::io::Result<Vec<(OsString, Vec<u8>)>> {
    let mut command = declared_command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add_pages(command, &mut pages)?;
    Ok(pages)
}

fn add_pages(command: Command, pages: &mut Vec<(OsString, Vec<u8>)>) -> std::io::Result<()> {
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        add_pages(inner.clone(), pages)?;
    }
    let page = Man::new(command).source(format!("{NAME} {}", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    page.render(&mut text)?;
    pages.push((page.get_filename().into(), text));
    Ok(())
}
