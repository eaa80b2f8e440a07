//! All pages of a catalogue: the plan, and how each page is rendered.
//!
//! Owns which paths the site has, which template and which bounded context each page gets, and
//! the fingerprint of each page. The module must not read a clock.
//!
//! 1. [`planned`] gives every page its path.
//! 2. [`contents`] knows the variables of every page.
//! 3. [`basis`] tells which pages are certainly as before.
//! 4. [`prepared`] takes the fingerprint of one page, and renders the page.
//!
//! Three pages are not part of a generation: [`status`], and the two pages of [`apart`].

mod apart;
mod attribution;
mod basis;
mod change_list;
mod charts;
mod contents;
mod custom;
mod data;
mod depends;
mod entries;
mod event_record;
mod feeds;
mod former;
mod freshness;
mod groups;
mod hash;
mod json_ld;
mod large;
mod lists;
mod most;
mod page;
mod paths;
mod plan;
mod planned;
mod plots;
pub mod poster;
mod prepared;
mod records;
mod root;
mod search;
mod shapes;
mod shared_facts;
mod site;
mod sitemap;
mod size;
mod split;
mod status;
mod svg;
mod variables;
mod view;
mod word_index;
mod words;

use crate::theme::Theme;
pub use apart::{failing, starting, too_old};
pub use attribution::{Attribution, AttributionFault};
pub use custom::collisions;
pub use depends::{Dependencies, Shown, dependencies};
pub use event_record::EventRecord;
pub use freshness::Freshness;
pub use paths::{BROTLI, GZIP, STATUS, Turn, turn, uncompressed};
pub use plan::Plan;
pub use planned::LastPages;
pub use prepared::{Fingerprint, NotRendered, PlannedPage, Prepared};
pub use records::Records;
pub use shapes::Shapes;
pub use site::{NOT_IN_A_PATH, NoticeAge, Site};
pub use status::{Counts, Status};

/// Part of every fingerprint. Raise the number when the same context gives other bytes although
/// no template changed.
const RENDERER: &str = concat!("movies-gen ", env!("CARGO_PKG_VERSION"), " renderer 3");

/// The parts of all pages that do not depend on the data.
#[derive(Debug, Clone)]
pub struct PageLook {
    /// Names everything from which pages are made, apart from the data.
    pub hash: blake3::Hash,
    /// As [`Plan::theme_id`].
    pub theme_id: String,
    /// Hash of each part of the look, by a name for people.
    pub parts: std::collections::BTreeMap<String, String>,
}

/// Describes the parts of all pages that do not depend on the data.
pub fn look(site: &Site, theme: &Theme) -> PageLook {
    let facts = shared_facts::SharedFacts::of(site, theme);
    let parts = shared_facts::SharedFacts::parts(site, theme);
    PageLook { hash: facts.look(theme), theme_id: facts.theme_id().to_owned(), parts }
}

/// The page for addresses that the site does not have.
pub const NOT_FOUND: &str = "404.html";
/// The list of the last changes.
const CHANGES: &str = "changes/index.html";

#[cfg(test)]
mod roles;
#[cfg(test)]
mod spoken;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod theme_readme;
#[cfg(test)]
mod worded;
