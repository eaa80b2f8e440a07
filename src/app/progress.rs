//! The progress bar of long work on a terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// Makes a progress bar for `count` items, which are called `items` on the screen. The bar is
/// hidden if there are fewer than `least` items or no terminal.
pub(super) fn bar(count: u64, items: &str, least: u64) -> ProgressBar {
    if count < least || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(count);
    match ProgressStyle::with_template(&format!("{{bar:40}} {{pos}}/{{len}} {items}, {{eta}} left"))
    {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
