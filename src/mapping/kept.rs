//! Further fields of a record, for templates and data files (`keep`).
//!
//! Owns the names of these fields: a field in an object has the last name of its path.

use super::expression::{ChainStep, Expression};
use super::fault::MappingFault;
use super::node::{MappingNode, NodeValue};

/// Names that templates and data files have already, so that `keep` cannot have them.
pub(super) const OURS: &[&str] = &[
    "id",
    "slug",
    "url",
    "title",
    "name",
    "original_title",
    "original_title_romanised",
    "original_language",
    "image",
    "movie_banner",
    "poster",
    "description",
    "director",
    "directors",
    "directed_by",
    "producer",
    "producers",
    "release_date",
    "year",
    "running_time",
    "rt_score",
    "people",
    "more_people",
    "people_url",
    "role",
    "first_seen",
    "gender",
    "age",
    "eye_color",
    "hair_color",
    "films",
    "more_films",
    "films_url",
];

/// A further field of a record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KeptField {
    /// The name in templates and data files.
    pub(super) name: String,
    /// Where the value is, as the owner wrote the place.
    pub(super) place: String,
    /// The steps to the value. The first step is a name.
    pub(super) steps: Vec<ChainStep>,
}

impl KeptField {
    /// Reads the names and paths of further fields.
    pub(super) fn read_all(node: &MappingNode) -> Result<Vec<KeptField>, MappingFault> {
        let NodeValue::List(items) = &node.value else {
            let kind = node.value.kind();
            return Err(node.spot.fault(format!(
                "`keep` must be a list of names, such as keep = [\"genres\", \"info.studio\"], not \
                 {kind}"
            )));
        };
        let mut fields: Vec<KeptField> = Vec::new();
        for item in items {
            let NodeValue::Text(place) = &item.value else {
                return Err(item.spot.fault("`keep` must be a list of names in quotes"));
            };
            let field = KeptField::of(place).ok_or_else(|| {
                item.spot.fault(format!(
                    "`keep` takes names and plain paths such as `info.studio`; a name with signs is \
                     written in further quotes: '\"{place}\"'"
                ))
            })?;
            let name = &field.name;
            if OURS.contains(&name.as_str()) {
                return Err(item.spot.fault(format!(
                    "`keep` cannot have `{name}`, because templates have a field of this name \
                     already"
                )));
            }
            match fields.iter().find(|known| known.name == *name) {
                Some(known) if known.place == field.place => {}
                Some(known) => {
                    return Err(item.spot.fault(format!(
                        "`keep` cannot have both `{}` and `{place}`: templates would have two \
                         fields with the name `{name}`",
                        known.place
                    )));
                }
                None => fields.push(field),
            }
        }
        Ok(fields)
    }

    /// Reads a path such as `info.studio`. A text that is no expression is the name of a field.
    /// Returns `None` for an expression that is no path.
    fn of(place: &str) -> Option<KeptField> {
        let steps = match Expression::compile(place) {
            Ok(expression) => expression.steps()?.to_vec(),
            Err(_) => vec![ChainStep::Name(place.to_owned())],
        };
        let Some(ChainStep::Name(_)) = steps.first() else { return None };
        let name = steps.iter().rev().find_map(|step| match step {
            ChainStep::Name(name) => Some(name.clone()),
            ChainStep::Index(_) => None,
        });
        Some(KeptField { name: name.unwrap_or_default(), place: place.to_owned(), steps })
    }

    /// Returns the name of the field of the record in which the value is.
    pub(super) fn first_name(&self) -> &str {
        match self.steps.first() {
            Some(ChainStep::Name(name)) => name,
            _ => "",
        }
    }

    /// Returns the names on the way to the value.
    pub(super) fn names(&self) -> Vec<String> {
        let name = |step: &ChainStep| match step {
            ChainStep::Name(name) => Some(name.clone()),
            ChainStep::Index(_) => None,
        };
        self.steps.iter().filter_map(name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_its_last_name_and_every_other_text_is_a_name() {
        for (place, name, first) in [
            ("genres", "genres", "genres"),
            ("info.studio", "studio", "info"),
            ("info.tags[0]", "tags", "info"),
            ("\"odd.key\"", "odd.key", "odd.key"),
            ("Release Date", "Release Date", "Release Date"),
            ("naïve", "naïve", "naïve"),
            ("", "", ""),
        ] {
            let field = KeptField::of(place).expect("a field");
            assert_eq!((field.name.as_str(), field.first_name()), (name, first), "{place}");
        }
        for place in ["a || b", "info.*", "tags[-1]", "length(tags)", "@"] {
            assert_eq!(KeptField::of(place), None, "{place}");
        }
    }
}
