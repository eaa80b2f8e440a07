//! A film of the catalogue.

use std::cmp::Reverse;

use super::shelf::Shelved;
use super::{Credit, Date, Extra};

/// A film (schema.org `Movie`).
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Film {
    /// The id in the data of the upstream, which is the key of the join.
    pub id: String,
    /// The title in the language of the site.
    pub title: String,
    /// The title in the original script.
    pub original_title: Option<String>,
    /// The original title in Latin letters.
    pub original_title_romanised: Option<String>,
    /// The language of the original title (BCP 47).
    pub original_language: Option<String>,
    /// The http(s) address of the poster.
    pub image: Option<String>,
    /// The http(s) address of the wide picture.
    pub movie_banner: Option<String>,
    /// The description, as plain text.
    pub description: Option<String>,
    /// The names of the directors as one text.
    pub director: Option<String>,
    /// The names of the directors.
    pub directors: Vec<String>,
    /// The names of the producers as one text.
    pub producer: Option<String>,
    /// The names of the producers.
    pub producers: Vec<String>,
    /// The release date, as the upstream wrote the date.
    pub release_date: Option<String>,
    /// The date that `release_date` states.
    pub released: Option<Date>,
    /// The year that `release_date` states.
    pub year: Option<u32>,
    /// The running time in minutes.
    pub running_time: Option<u32>,
    /// The score, 0 to 100.
    pub rt_score: Option<u32>,
    /// The people in the record of the film, in their order.
    pub credits: Vec<Credit>,
    /// Further fields that the mapping keeps.
    pub extra: Extra,
}

impl Shelved for Film {
    /// Newest first, then by title and by id. Films without a date are last.
    type Key = (bool, Reverse<Option<Date>>, String, String);

    fn id(&self) -> &str {
        &self.id
    }

    fn key(&self) -> Self::Key {
        let (title, id) = (self.title.to_lowercase(), self.id.clone());
        // `false` sorts before `true`.
        (self.released.is_none(), Reverse(self.released), title, id)
    }
}
