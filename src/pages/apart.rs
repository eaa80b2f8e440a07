//! Pages that stand in no generation.
//!
//! Owns what visitors see when there is no site to show, or one that is too old
//! to be shown: such a page stands alone, with no asset that might be missing.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use tera::Context;

use super::site::{SharedFacts, Site};
use crate::theme::Theme;

const STARTING: &str = "starting.html";
const TOO_OLD: &str = "too-old.html";

/// The page that is shown while there is no site yet.
///
/// # Errors
/// The template's error.
pub fn starting(site: &Site, theme: &Theme) -> Result<Bytes> {
    alone(STARTING, site, theme).context("cannot render the page shown at start")
}

/// The page that is shown when the data is too old to be shown.
///
/// # Errors
/// The template's error.
pub fn too_old(site: &Site, theme: &Theme) -> Result<Bytes> {
    alone(TOO_OLD, site, theme).context("cannot render the page shown instead of old data")
}

fn alone(template: &str, site: &Site, theme: &Theme) -> Result<Bytes> {
    let mut context = Context::new();
    context.insert("site", &SharedFacts::of(site, theme).variables);
    Ok(theme.render(template, &context, theme.texts(&site.lang))?.into())
}
