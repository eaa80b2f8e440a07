//! The feeds for subscribers.
//!
//! Owns which changes are entries, and the text and the id of each entry. People subscribe for new
//! films. Therefore the entry of a new film has all that is known about the film, and a flood of
//! smaller changes never replaces the entry. A smaller number of entries is for films that changed
//! or were removed. A change of a person, such as another colour of hair, is only on `/changes/`. A
//! person who joins or leaves a film is a change of that film.
//!
//! The feed of a site without news has the latest films of the first payload, each with its release
//! date, so that subscribers see at once what the site is about. News replaces these entries.
//!
//! The id of an entry is made from the change, never from the address of the site: if the site gets
//! another address, no entry becomes unread again. This module must not read a clock: the time of a
//! feed is the time of its newest entry.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;

use serde::Serialize;

use super::change_list::{self, ChangeList};
use super::paths::film_path;
use super::view::Views;
use crate::catalogue::{Date, FilmIndex};
use crate::changes::{FieldChange, Kind, What};
use crate::clock::WallTime;
use crate::ledger::Dated;

/// Path of the Atom feed.
pub(super) const ATOM: &str = "feed.xml";
/// Path of the JSON feed.
pub(super) const JSON: &str = "feed.json";

/// Largest number of new films in a feed.
const MOST_NEW: usize = 100;
/// Largest number of other changes in a feed.
const MOST_OTHER: usize = 50;
/// Number of films in a feed without news.
const MOST_KNOWN: usize = 20;
/// Largest number of people in an entry.
const MOST_PEOPLE: usize = 12;
/// Largest length of a description in an entry, in characters.
const LONGEST_DESCRIPTION: usize = 600;
/// Time of a feed without entries: no release date is known. The time of the first payload must not be shown.
const WITHOUT_CHANGES: WallTime = WallTime(0);

/// The facts of a feed.
#[derive(Debug, Serialize)]
pub(super) struct FeedView {
    id: String,
    /// Origin time of the newest entry (RFC 3339).
    updated: String,
    /// Address of the first page; absolute if the address of the site is known.
    home: String,
}

/// An entry of a feed.
#[derive(Debug, Serialize)]
pub(super) struct EntryView<'a> {
    id: String,
    /// Address of the page of the film, or of `/changes/` if the film was removed; absolute if the
    /// address of the site is known.
    url: String,
    title: String,
    /// Origin time of the change (RFC 3339).
    at: String,
    /// `added`, `changed`, `removed` or `known`.
    what: &'static str,
    /// The whole content in words, without markup.
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
}

/// Describes the feed as a whole.
pub(super) fn feed(views: Views<'_>, changes: &ChangeList<'_>) -> FeedView {
    let site = views.site;
    let newest = match chosen(changes).first() {
        Some(dated) => dated.at.rfc3339(),
        None => views.known().next().map_or(WITHOUT_CHANGES.rfc3339(), |(_, at)| at),
    };
    let id = match &site.url {
        Some(_) => site.absolute(ATOM),
        None => urn(&["feed", &site.title]),
    };
    FeedView { id, updated: newest, home: site.absolute("index.html") }
}

/// Describes the entries, newest first.
pub(super) fn entries<'a>(views: Views<'a>, changes: &ChangeList<'a>) -> Vec<EntryView<'a>> {
    let chosen = chosen(changes);
    if chosen.is_empty() {
        return views.known().map(|(film, at)| views.known_entry(film, at)).collect();
    }
    let films = views.films_of(&chosen);
    chosen
        .into_iter()
        .map(|dated| views.entry(dated, films.get(&*dated.change.id).copied()))
        .collect()
}

/// The changes that have an entry, newest first.
fn chosen<'a>(changes: &ChangeList<'a>) -> Vec<&'a Dated> {
    let (mut new, mut other) = (0, 0);
    let films = changes.all().iter().filter(|dated| dated.change.kind == Kind::Film);
    let within = |dated: &&&Dated| {
        let (count, most) = match dated.change.what {
            What::Added => (&mut new, MOST_NEW),
            What::Changed(_) | What::Removed => (&mut other, MOST_OTHER),
        };
        *count += 1;
        *count <= most
    };
    films.filter(within).copied().collect()
}

impl<'a> Views<'a> {
    /// Returns the films that were added and are still in the catalogue, by id.
    fn films_of(self, chosen: &[&'a Dated]) -> HashMap<&'a str, FilmIndex> {
        let added = chosen.iter().filter(|dated| dated.change.what == What::Added);
        let wanted: BTreeSet<&str> = added.map(|dated| dated.change.id.as_str()).collect();
        if wanted.is_empty() {
            return HashMap::new();
        }
        let films = self.catalogue.films();
        films
            .filter(|(_, film)| wanted.contains(film.id.as_str()))
            .map(|(index, film)| (film.id.as_str(), index))
            .collect()
    }

    /// Returns the latest films that were released before the first payload, newest first, each with
    /// its release date as a time (RFC 3339).
    fn known(self) -> impl Iterator<Item = (FilmIndex, String)> {
        let first = self.baseline.rfc3339();
        let dated = self.catalogue.films().filter_map(|(index, film)| {
            let Date { year, month, day } = film.released?;
            Some((index, format!("{year:04}-{:02}-{:02}T00:00:00Z", month.max(1), day.max(1))))
        });
        dated.filter(move |(_, at)| *at < first).take(MOST_KNOWN)
    }

    fn known_entry(self, index: FilmIndex, at: String) -> EntryView<'a> {
        let film = self.catalogue.film(index);
        let title = match film.year {
            Some(year) => {
                let values: [(&str, &dyn Display); 2] = [("title", &film.title), ("year", &year)];
                self.texts.say("feed.known_year", &values)
            }
            None => film.title.clone(),
        };
        EntryView {
            id: urn(&["film", "known", &film.id]),
            url: self.site.absolute(&film_path(self.film_slug(index))),
            title: one_line(&title),
            at,
            what: "known",
            text: self.described(index),
            // The address of a picture may change with each refresh.
            image: None,
        }
    }

    fn entry(self, dated: &'a Dated, index: Option<FilmIndex>) -> EntryView<'a> {
        let change = &dated.change;
        let what = change_list::word(&change.what);
        let film = index.map(|index| self.catalogue.film(index));
        let (texts, title) = (self.texts, &change.title);
        let (title, text, image) = match &change.what {
            What::Added => {
                let title = match film.and_then(|film| film.year) {
                    Some(year) => {
                        texts.say("feed.added_year", &[("title", title), ("year", &year)])
                    }
                    None => texts.say("feed.added", &[("title", title)]),
                };
                let text = index
                    .map_or_else(|| texts.say("feed.added_gone", &[]), |film| self.described(film));
                (title, text, film.and_then(|film| film.image.as_deref()))
            }
            What::Changed(fields) => {
                let (title, text) = self.changed(title, fields, change.more);
                (title, text, None)
            }
            What::Removed => {
                let title = texts.say("feed.removed", &[("title", title)]);
                (title, texts.say("feed.removed_text", &[]), None)
            }
        };
        let path = self.page_of(dated).unwrap_or_else(|| super::CHANGES.to_owned());
        let at = dated.at.rfc3339();
        EntryView {
            id: urn(&["film", what, &change.id, &at]),
            url: self.site.absolute(&path),
            title: one_line(&title),
            at,
            what,
            text,
            image,
        }
    }

    /// Returns the title and the text of the entry of a changed film. The text has one line for
    /// each field.
    fn changed(self, title: &str, fields: &'a [FieldChange], more: u32) -> (String, String) {
        let texts = self.texts;
        let names: Vec<_> = fields.iter().take(3).map(|change| self.field_name(change)).collect();
        let names = names.join(&texts.say("list.separator", &[]));
        let is_all = fields.len() <= 3 && more == 0;
        let key = if is_all { "feed.changed" } else { "feed.changed_more" };
        let title = texts.say(key, &[("title", &title), ("fields", &names)]);
        let nothing = texts.say("changes.nothing", &[]);
        let line = |change: &'a FieldChange| {
            let field = self.field(change);
            let [old, new] = [field.old, field.new].map(|value| value.unwrap_or(&nothing));
            let values: [(&str, &dyn Display); 3] =
                [("field", &field.label), ("old", &old), ("new", &new)];
            texts.say("feed.change", &values)
        };
        let mut lines: Vec<_> = fields.iter().map(line).collect();
        if more > 0 {
            lines.push(texts.count("feed.more_fields", more as usize, &[]));
        }
        (title, lines.join("\n"))
    }

    /// Describes a film for a reader who does not know the film.
    fn described(self, index: FilmIndex) -> String {
        let (film, people) = (self.catalogue.film(index), self.catalogue.cast(index));
        let texts = self.texts;
        let separator = texts.say("list.separator", &[]);
        let mut facts = Vec::new();
        facts.extend(film.year.map(|year| year.to_string()));
        facts.extend(film.running_time.map(|minutes| texts.minutes(minutes.into())));
        let directed = |name: &String| texts.say("feed.directed_by", &[("director", name)]);
        facts.extend(film.director.as_ref().map(directed));
        let mut parts = Vec::new();
        if !facts.is_empty() {
            parts.push(texts.say("feed.facts", &[("facts", &facts.join(&separator))]));
        }
        if !people.is_empty() {
            let names = people.iter().take(MOST_PEOPLE);
            let names: Vec<_> = names.map(|&p| &*self.catalogue.person(p).name).collect();
            let names = names.join(&separator);
            parts.push(match people.len().saturating_sub(MOST_PEOPLE) {
                0 => texts.say("feed.people", &[("people", &names)]),
                more => texts.count("feed.people_more", more, &[("people", &names)]),
            });
        }
        if let Some(description) = &film.description {
            let end = description.char_indices().nth(LONGEST_DESCRIPTION);
            parts.push(match end {
                Some((end, _)) => format!("{}…", &description[..end]),
                None => description.clone(),
            });
        }
        if parts.is_empty() {
            parts.push(texts.say("feed.added_bare", &[]));
        }
        parts.join("\n\n")
    }
}

/// Joins the lines of a text, because a title in the data of the upstream may have several lines.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a permanent id: a UUID (RFC 9562, version 8) that is made from the parts.
fn urn(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    bytes[6] = 0x80 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    format!("urn:uuid:{}", parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::changes::Change;
    use crate::ledger::Ledger;

    fn change(id: usize, what: What) -> Change {
        Change { kind: Kind::Film, id: id.to_string(), title: format!("Film {id}"), what, more: 0 }
    }

    #[test]
    fn a_flood_of_changes_leaves_the_new_films_in_the_feed() {
        let new = Some("1".to_owned());
        let score = FieldChange { field: "rt_score".into(), of: None, old: None, new };
        let added = [change(0, What::Added), change(1, What::Added)];
        let flood: Vec<_> =
            (2..150).map(|id| change(id, What::Changed(vec![score.clone()]))).collect();
        let nobody = Catalogue::default();
        let ledger = Ledger::baseline(&nobody, WallTime(1));
        let ledger = ledger.advanced(&added, &nobody, WallTime(2));
        let ledger = ledger.advanced(&flood, &nobody, WallTime(3));
        let news = ChangeList::of(&ledger);
        let chosen = chosen(&news);
        assert_eq!(chosen.len(), MOST_OTHER + 2);
        assert!(chosen[MOST_OTHER..].iter().all(|dated| dated.change.what == What::Added));
    }

    #[test]
    fn an_id_is_a_uuid_that_depends_on_the_parts_and_on_their_ends() {
        let id = urn(&["film", "added", "1"]);
        assert_eq!(id, urn(&["film", "added", "1"]));
        assert_ne!(id, urn(&["film", "adde", "d1"]));
        let uuid = id.strip_prefix("urn:uuid:").expect("a UUID");
        assert_eq!(uuid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "8");
        assert!("89ab".contains(&uuid[19..20]));
    }

    #[test]
    fn a_title_has_one_line() {
        assert_eq!(one_line(" The\r\nCat\u{2028}Returns "), "The Cat Returns");
    }
}
