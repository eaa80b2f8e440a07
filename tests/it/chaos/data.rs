//! The data of the scripted upstream: a dozen films and as many people, with a stamp that every
//! loaded page shows.

use serde_json::{Value, json};

use super::history::{List, Stamp};

/// Number of records of a complete list.
pub(crate) const ALL: usize = 12;
/// Number of records of a list that lost too many records and must be refused.
pub(crate) const FEW: usize = 2;
/// Number of records with the stamp. There are two, so that a mixed page has two stamps.
const STAMPED: usize = 2;

/// Returns the first `count` records of a list in the form of the API.
#[must_use]
pub(crate) fn list(stamp: Stamp, count: usize) -> String {
    let record = if stamp.list == List::Films { film } else { person };
    let records: Vec<_> = (0..count).map(|number| record(number, stamp)).collect();
    Value::Array(records).to_string()
}

/// Makes a film. The stamp is in the director, because a stamp in the title would change the
/// address of the film.
fn film(number: usize, stamp: Stamp) -> Value {
    let director =
        if number < STAMPED { format!("Ida {stamp}") } else { format!("Ida the {number}th") };
    json!({
        "id": format!("f-{number:02}"), "title": format!("Harbour {number:02}"),
        "description": "Ships come, ships go.", "director": director,
        "release_date": (1980 + number).to_string(), "running_time": "97", "rt_score": "88",
        "people": [format!("https://api.example/people/p-{number:02}")],
        "url": format!("https://api.example/films/f-{number:02}")
    })
}

fn person(number: usize, stamp: Stamp) -> Value {
    let name = if number < STAMPED { format!("Osk {stamp}") } else { format!("Osk {number:02}") };
    json!({
        "id": format!("p-{number:02}"), "name": name, "gender": "Female", "age": "late teens",
        "eye_color": "Grey", "hair_color": "Black",
        "films": [format!("https://api.example/films/f-{number:02}")],
        "url": format!("https://api.example/people/p-{number:02}")
    })
}
