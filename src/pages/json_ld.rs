//! JSON-LD for search engines: the facts of a page in the vocabulary of schema.org.
//!
//! Owns the JSON-LD of pages. A person in the credits of a film is an `actor`, with the role as
//! `characterName` of a `PerformanceRole`; any other person of a film is a `character`.
//!
//! JSON-LD is the content of a script element, and no text in it may end the element. Therefore `<`
//! is written as `\u003c`.

use serde_json::{Map, Value, json};

use super::paths::{film_path, person_path};
use super::view::Views;
use crate::catalogue::{Credit, FilmIndex, PersonIndex};

impl Views<'_> {
    /// Returns a film as a `Movie` with these people.
    pub(super) fn movie(self, index: FilmIndex, people: &[PersonIndex]) -> String {
        let film = self.catalogue.film(index);
        let names = film.original_title.iter().chain(&film.original_title_romanised);
        let names: Vec<&String> = names.filter(|name| **name != film.title).collect();
        let person = |name: &String| json!({"@type": "Person", "name": name});
        let (mut actors, mut characters) = (Vec::new(), Vec::new());
        for &person in people {
            match self.catalogue.credit(index, person) {
                Some(credit) => actors.push(in_role(self.named(person), credit, "actor")),
                None => characters.push(self.named(person)),
            }
        }
        written(json!({
            "@context": "https://schema.org",
            "@type": "Movie",
            "name": film.title,
            "url": self.site.absolute(&film_path(self.film_slug(index))),
            "alternateName": names,
            "image": film.image,
            "inLanguage": film.original_language,
            "description": film.description,
            "datePublished": film.year.map(|year| year.to_string()),
            "duration": film.running_time.map(|minutes| format!("PT{minutes}M")),
            "director": one_or_many(film.directors.iter().map(person)),
            "producer": one_or_many(film.producers.iter().map(person)),
            "actor": actors,
            "character": characters,
        }))
    }

    /// Returns the films on one page as an `ItemList`.
    pub(super) fn item_list(self, name: &str, films: &[FilmIndex]) -> String {
        let items = films.iter().enumerate().map(|(at, &index)| {
            json!({
                "@type": "ListItem",
                "position": at + 1,
                "name": self.catalogue.film(index).title,
                "url": self.site.absolute(&film_path(self.film_slug(index))),
            })
        });
        written(json!({
            "@context": "https://schema.org",
            "@type": "ItemList",
            "name": name,
            "numberOfItems": films.len(),
            "itemListElement": items.collect::<Vec<_>>(),
        }))
    }

    /// Returns a person as a `Person`, with films of the person: films about the person, and, as the
    /// reverse of `actor`, films whose credits have the person.
    pub(super) fn schema_person(self, index: PersonIndex, films: &[FilmIndex]) -> String {
        let (mut about, mut acted) = (Vec::new(), Vec::new());
        for &film in films {
            let movie = json!({
                "@type": "Movie",
                "name": self.catalogue.film(film).title,
                "url": self.site.absolute(&film_path(self.film_slug(film))),
            });
            match self.catalogue.credit(film, index) {
                Some(credit) => acted.push(in_role(movie, credit, "@reverse")),
                None => about.push(movie),
            }
        }
        let mut person = self.named(index);
        person["@context"] = "https://schema.org".into();
        person["image"] = self.catalogue.person(index).image.clone().into();
        person["subjectOf"] = about.into();
        if !acted.is_empty() {
            person["@reverse"] = json!({"actor": acted});
        }
        written(person)
    }

    fn named(self, index: PersonIndex) -> Value {
        json!({
            "@type": "Person",
            "name": self.catalogue.person(index).name,
            "url": self.site.absolute(&person_path(self.person_slug(index))),
        })
    }
}

/// Returns the person or the film of a credit: in a `PerformanceRole` if the credit has a role. `at`
/// is the property of the role that has the person or the film.
fn in_role(of: Value, credit: &Credit, at: &str) -> Value {
    let Some(role) = &credit.role else { return of };
    let of = if at == "@reverse" { json!({"actor": of}) } else { of };
    json!({"@type": "PerformanceRole", "characterName": role, at: of})
}

/// Returns one value as it is, and several values as a list.
fn one_or_many(values: impl Iterator<Item = Value>) -> Value {
    let mut values: Vec<Value> = values.collect();
    if values.len() == 1 { values.remove(0) } else { values.into() }
}

/// Returns the JSON text of an object, without fields whose value is not known.
fn written(value: Value) -> String {
    let Value::Object(fields) = value else { return String::new() };
    let is_known = |value: &Value| match value {
        Value::Null => false,
        Value::Array(values) => !values.is_empty(),
        _ => true,
    };
    let known: Map<_, _> = fields.into_iter().filter(|(_, value)| is_known(value)).collect();
    Value::Object(known).to_string().replace('<', "\\u003c")
}
