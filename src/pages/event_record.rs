//! Records and pages as events name them.
//!
//! Owns what an event says about a record: the title, the address and, for a film, the card that
//! the list shows. The template of the list renders the card.

use serde::Serialize;
use tera::Context;

use super::paths::{film_path, person_path};
use super::plan::Plan;
use crate::catalogue::FilmIndex;
use crate::changes::Kind;

/// A film or a person in an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventRecord {
    /// Id of the record.
    pub id: String,
    /// Title or name of the record.
    pub title: String,
    /// Address of the page of the record, if the ledger knows the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Card of the film as HTML, if the film is in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// Id of the film before this film, if the film is in the list and is not the first film.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Plan<'_> {
    /// Returns a hash of the theme, the version of the renderer and the facts that all pages share.
    /// Two pages with the same hash differ only in their data.
    pub fn theme_id(&self) -> &str {
        self.shared.theme_id()
    }

    /// Returns the address of a path of the site.
    pub fn link(&self, path: &str) -> String {
        self.contents.views.site.link(path)
    }

    /// Describes a record that is, or was, in the catalogue.
    pub fn record_of(&self, kind: Kind, id: &str, title: &str) -> EventRecord {
        let views = self.contents.views;
        let entry = views.ledger.entries(kind).get(id);
        let path = match kind {
            Kind::Film => film_path,
            Kind::Person => person_path,
        };
        let url = entry.map(|entry| views.site.link(&path(&entry.slug)));
        let mut films = views.catalogue.films().enumerate();
        let listed = films.find(|(_, (_, film))| kind == Kind::Film && film.id == id);
        let before = listed.and_then(|(place, _)| views.catalogue.film_at(place.checked_sub(1)?));
        let before = before.map(|before| views.catalogue.film(before).id.clone());
        EventRecord {
            id: id.to_owned(),
            title: title.to_owned(),
            url,
            // The card of a theme may need other variables and then fails. The event is sent
            // without the card.
            card: listed.and_then(|(_, (film, _))| card(self, film)),
            after: before,
        }
    }
}

/// Renders the card of a film as on the list.
fn card(plan: &Plan<'_>, film: FilmIndex) -> Option<String> {
    let views = plan.contents.views;
    let mut context = Context::new();
    context.insert("site", &plan.shared.variables);
    context.insert("film", &views.film(film));
    context.insert("eager", &true);
    String::from_utf8(plan.theme.render("card.html", &context, views.texts).ok()?).ok()
}
