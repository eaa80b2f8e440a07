//! A person of the catalogue.

use super::Extra;
use super::shelf::Shelved;

/// A person (schema.org `Person`).
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Person {
    /// The id in the data of the upstream, which is the key of the join.
    pub id: String,
    /// The name.
    pub name: String,
    /// The gender, as the upstream wrote the gender.
    pub gender: Option<String>,
    /// The age: a number, or words such as "late teens".
    pub age: Option<String>,
    /// The colour of the eyes.
    pub eye_color: Option<String>,
    /// The colour of the hair.
    pub hair_color: Option<String>,
    /// The http(s) address of a picture.
    pub image: Option<String>,
    /// Further fields that the mapping keeps.
    pub extra: Extra,
}

impl Shelved for Person {
    /// By name, then by id.
    type Key = (String, String);

    fn id(&self) -> &str {
        &self.id
    }

    fn key(&self) -> Self::Key {
        (self.name.to_lowercase(), self.id.clone())
    }
}

#[cfg(test)]
impl Person {
    /// Makes a person with an id, a name and no other fields.
    pub(crate) fn named(id: &str, name: &str) -> Person {
        Person {
            id: id.to_owned(),
            name: name.to_owned(),
            gender: None,
            age: None,
            eye_color: None,
            hair_color: None,
            image: None,
            extra: Extra::new(),
        }
    }
}
