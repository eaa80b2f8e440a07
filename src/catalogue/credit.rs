//! The people in the record of a film.
//!
//! Owns the rules for credits: a credit without an id counts by its name, several credits of one
//! person in one film become one credit with all roles, and the number of credits is bounded.

use std::collections::HashMap;

use super::ignored::{Ignored, LONGEST_LINE};
use super::record::{ADDRESS, Record, id_in, web_address};
use crate::mapping::{FoundFields, ListMapping};
use crate::plain::start_of;
use crate::raw;

/// Largest number of people in the record of one film. The longest casts have about 500 people.
const MOST_CREDITS: usize = 1_000;
/// What separates the roles of one person in one film.
const BETWEEN_ROLES: &str = ", ";

/// A person in the record of a film.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Credit {
    /// The id of the person.
    pub person: String,
    /// The name, if the credit has a name.
    pub name: Option<String>,
    /// What the person plays or does in the film.
    pub role: Option<String>,
    /// The http(s) address of a picture of the person.
    pub image: Option<String>,
}

/// Reads the credits of a film, in their order. Adds the fields that credits have to `found`.
pub(super) fn credits(
    list: &str,
    films: &ListMapping,
    ignored: &mut Ignored,
    found: &mut FoundFields,
) -> Vec<Credit> {
    let mut credits: Vec<Credit> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let (mut unusable, mut first) = (0_usize, None);
    raw::each_item(list, |raw| match credit(raw, films, ignored, found) {
        Ok(credit) => match places.get(&credit.person) {
            Some(&place) => credits[place].unite(credit),
            None if credits.len() >= MOST_CREDITS => {
                unusable += 1;
                first.get_or_insert_with(|| format!("it has more than {MOST_CREDITS} people"));
            }
            None => {
                places.insert(credit.person.clone(), credits.len());
                credits.push(credit);
            }
        },
        Err(why) => {
            unusable += 1;
            first.get_or_insert(why);
        }
    });
    if let Some(why) = first {
        ignored.push("credits", format!("{unusable} of its people are left out: {why}"));
    }
    credits
}

fn credit(
    raw: &str,
    films: &ListMapping,
    ignored: &mut Ignored,
    found: &mut FoundFields,
) -> Result<Credit, String> {
    let mapped = films.apply_to_credit(raw)?;
    *found |= mapped.found();
    let mut record = Record::of(mapped);
    let name = record.line("name");
    let (role, image) = (record.line("role"), record.checked("image", web_address, ADDRESS));
    let person = match (record.id(), &name) {
        (Ok(id), _) => id,
        (Err(_), Some(name)) => id_in(name.clone()),
        (Err(why), None) => return Err(why),
    };
    ignored.add(&record.ignored);
    Ok(Credit { person, name, role, image })
}

impl Credit {
    /// Returns the roles. A person may have several roles in a film.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.role.iter().flat_map(|role| role.split(BETWEEN_ROLES))
    }

    /// Adds another credit of the same person.
    fn unite(&mut self, other: Credit) {
        let Credit { person: _, name, role, image } = other;
        let is_new = role.as_ref().is_some_and(|role| self.roles().all(|known| known != role));
        self.name = self.name.take().or(name);
        self.image = self.image.take().or(image);
        self.role = match (self.role.take(), role) {
            (Some(one), Some(other)) if is_new => {
                let both = format!("{one}{BETWEEN_ROLES}{other}");
                Some(start_of(&both, LONGEST_LINE).unwrap_or(both))
            }
            (one, other) => one.or(other),
        };
    }
}
