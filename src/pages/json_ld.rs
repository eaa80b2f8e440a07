//! JSON-LD for search engines: the facts of a page in the vocabulary of schema.org.
//!
//! Owns the JSON-LD of pages. JSON-LD is the content of a script element, and no text in it may end
//! the element. Therefore `<` is written as `\u003c`.

use serde_json::{Map, Value, json};

use super::paths::{film_path, person_path};
use super::view::Views;
use crate::catalogue::{FilmIndex, PersonIndex};

impl Views<'_> {
    /// Returns a film as a `Movie` with these people.
    pub(super) fn movie(self, index: FilmIndex, people: &[PersonIndex]) -> String {
        let film = self.catalogue.film(index);
        let names: Vec<&String> =
            film.original_title.iter().chain(&film.original_title_romanised).collect();
        let person = |name: &String| json!({"@type": "Person", "name": name});
        let characters: Vec<_> = people.iter().map(|&index| self.named(index)).collect();
        written(json!({
            "@context": "https://schema.org",
            "@type": "Movie",
            "name": film.title,
            "url": self.site.absolute(&film_path(self.film_slug(index))),
            "alternateName": names,
            "image": film.image,
            "description": film.description,
            "datePublished": film.year.map(|year| year.to_string()),
            "duration": film.running_time.map(|minutes| format!("PT{minutes}M")),
            "director": one_or_many(film.directors.iter().map(person)),
            "producer": one_or_many(film.producers.iter().map(person)),
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

    /// Returns a person as a `Person`, with films of the person.
    pub(super) fn schema_person(self, index: PersonIndex, films: &[FilmIndex]) -> String {
        let films = films.iter().map(|&film| {
            json!({
                "@type": "Movie",
                "name": self.catalogue.film(film).title,
                "url": self.site.absolute(&film_path(self.film_slug(film))),
            })
        });
        let mut person = self.named(index);
        person["@context"] = "https://schema.org".into();
        person["subjectOf"] = films.collect();
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
