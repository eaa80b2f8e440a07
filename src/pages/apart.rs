//! Pages that belong to no generation.
//!
//! Owns what visitors see if there is no site yet, or if the data is too old to be shown. Such a
//! page uses no asset, because the asset might be missing.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use tera::Context;

use super::shared_facts::SharedFacts;
use super::site::Site;
use crate::theme::Theme;

const STARTING: &str = "starting.html";
const TOO_OLD: &str = "too-old.html";

/// Renders the page that is shown while there is no site yet.
///
/// # Errors
/// Fails with the error of the template.
pub fn starting(site: &Site, theme: &Theme) -> Result<Bytes> {
    alone(STARTING, site, theme, false)
        .context("cannot render the page that is shown before there is a site")
}

/// Renders the page that is shown while there is no site yet, after the last refresh failed.
///
/// # Errors
/// Fails with the error of the template.
pub fn failing(site: &Site, theme: &Theme) -> Result<Bytes> {
    alone(STARTING, site, theme, true)
        .context("cannot render the page that is shown before there is a site")
}

/// Renders the page that is shown instead of data that is too old.
///
/// # Errors
/// Fails with the error of the template.
pub fn too_old(site: &Site, theme: &Theme) -> Result<Bytes> {
    alone(TOO_OLD, site, theme, true)
        .context("cannot render the page that is shown instead of old data")
}

fn alone(template: &str, site: &Site, theme: &Theme, failed: bool) -> Result<Bytes> {
    let mut context = Context::new();
    context.insert("failed", &failed);
    context.insert("site", &SharedFacts::of(site, theme).variables);
    Ok(theme.render(template, &context, site.texts(theme))?.into())
}
