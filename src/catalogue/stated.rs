//! The pairs of film and person that one list states.
//!
//! Owns the step from raw references to records. A reference to a record that does not exist becomes
//! a [`Warning`].

use rayon::prelude::*;

use super::Credit;
use super::listed::{Listed, RawRecord, Row};
use super::record::Record;
use super::reference::{RecordIds, Target};
use super::related::Related;
use super::shelf::Shelved;
use super::warning::{IdSample, Warning};
use crate::mapping::ListMapping;
use crate::payload::Endpoint;
use crate::raw;

/// Number of records that one thread takes at once.
const TOGETHER: usize = 1_000;

/// The records to which the records of one list refer.
#[derive(Debug, Clone, Default)]
pub(super) struct Stated {
    /// The indexes to which each row refers, each once.
    pub(super) targets: Related<u32>,
    /// Whether a row has references that lead to no record.
    is_unresolved: Vec<bool>,
    /// Number of references without an id.
    broken: usize,
    /// The first ids of records that do not exist, and the number of these ids.
    dangling: Option<(Vec<String>, usize)>,
}

/// A list whose records refer to records of the other list.
#[derive(Clone, Copy)]
pub(super) struct Stating<'a> {
    pub(super) rows: &'a [Row],
    /// The bytes of the rows.
    pub(super) raw: &'a [RawRecord<'a>],
    pub(super) list: Option<&'a ListMapping>,
    /// The field of the mapping with the references.
    pub(super) key: &'static str,
    /// The credits of the record with an index.
    pub(super) credits: &'a (dyn Fn(u32) -> &'a [Credit] + Sync),
}

/// The references of one row.
#[derive(Default)]
struct OfRow {
    targets: Vec<u32>,
    broken: usize,
    missing: Vec<String>,
}

impl Stated {
    /// Finds the records to which the rows of a list refer. `origins` has the rows of the list
    /// before that have the same bytes. If the ids of the other list are the same as before, only
    /// rows with other bytes are read.
    pub(super) fn next<T: Shelved>(
        &self,
        stating: &Stating<'_>,
        origins: Option<&[Option<u32>]>,
        (endpoint, other): (Endpoint, &Listed<T>),
    ) -> Stated {
        let index = |id: &str| other.ids.get(&other.shelf, id);
        let ids = RecordIds::new(endpoint, &index);
        if let Some(next) = origins.and_then(|origins| self.updated(stating, origins, &ids)) {
            return next;
        }
        let Stating { rows, raw, .. } = *stating;
        let found: Vec<Vec<OfRow>> = rows
            .par_chunks(TOGETHER)
            .zip(raw.par_chunks(TOGETHER))
            .map(|(rows, raw)| {
                rows.iter().zip(raw).map(|(row, raw)| stating.of_row(row, raw, &ids)).collect()
            })
            .collect();
        let mut missing = IdSample::default();
        let mut is_unresolved = Vec::with_capacity(rows.len());
        let mut broken = 0;
        for row in found.iter().flatten() {
            broken += row.broken;
            row.missing.iter().for_each(|id| missing.push(id));
            is_unresolved.push(row.is_unresolved());
        }
        let targets = Related::from_lists(found.iter().flatten().map(|row| &*row.targets));
        Stated { targets, is_unresolved, broken, dangling: missing.told() }
    }

    /// As [`Stated::next`], but reads only rows with other bytes. Returns `None` if this is not
    /// enough, because the ids that no record has may be others than before.
    fn updated(
        &self,
        stating: &Stating<'_>,
        origins: &[Option<u32>],
        ids: &RecordIds<'_>,
    ) -> Option<Stated> {
        let Stating { rows, raw, .. } = *stating;
        let mut is_kept = vec![false; self.is_unresolved.len()];
        let mut fresh: Vec<Vec<u32>> = Vec::new();
        let mut is_unresolved = Vec::with_capacity(rows.len());
        for ((row, raw), origin) in rows.iter().zip(raw).zip(origins) {
            match *origin {
                Some(origin) if std::mem::replace(&mut is_kept[origin as usize], true) => {
                    return None;
                }
                Some(origin) => is_unresolved.push(self.is_unresolved[origin as usize]),
                None => {
                    let found = stating.of_row(row, raw, ids);
                    if found.is_unresolved() {
                        return None;
                    }
                    fresh.push(found.targets);
                    is_unresolved.push(false);
                }
            }
        }
        let is_lost = |(kept, unresolved): (&bool, &bool)| *unresolved && !kept;
        if is_kept.iter().zip(&self.is_unresolved).any(is_lost) {
            return None;
        }
        let mut fresh = fresh.iter();
        let targets = Related::from_lists(origins.iter().map(|origin| match *origin {
            Some(origin) => self.targets.of_record(origin),
            None => fresh.next().map_or(&[][..], Vec::as_slice),
        }));
        let (broken, dangling) = (self.broken, self.dangling.clone());
        Some(Stated { targets, is_unresolved, broken, dangling })
    }

    /// Adds the warnings about the references of a list.
    pub(super) fn warn(&self, endpoint: Endpoint, warnings: &mut Vec<Warning>) {
        if self.broken > 0 {
            warnings.push(Warning::BrokenReferences { endpoint, count: self.broken });
        }
        if let Some((ids, count)) = self.dangling.clone() {
            warnings.push(Warning::Dangling { endpoint, ids, count });
        }
    }
}

impl OfRow {
    fn is_unresolved(&self) -> bool {
        self.broken > 0 || !self.missing.is_empty()
    }
}

impl Stating<'_> {
    fn of_row(&self, row: &Row, raw: &RawRecord<'_>, ids: &RecordIds<'_>) -> OfRow {
        let mut found = OfRow::default();
        let again = || Record::of(self.list?.apply(raw.text).ok()?).references(self.key);
        if let Some(references) = row.references(raw.text, again) {
            each_reference(&references, |reference| match ids.target(&reference) {
                Target::Record(other) => found.targets.push(other),
                Target::Missing(id) => found.missing.push(id),
                Target::Nothing => found.broken += 1,
            });
        }
        let credits = row.index.map_or(&[][..], self.credits);
        found.targets.extend(credits.iter().filter_map(|credit| ids.index(&credit.person)));
        found.targets.sort_unstable();
        found.targets.dedup();
        found
    }
}

/// Calls `each` with every reference of a list. A value that is not text becomes an empty
/// reference.
fn each_reference(list: &str, mut each: impl FnMut(String)) {
    let mut one = |raw| each(raw::needed_text(raw).ok().flatten().unwrap_or_default());
    if list.starts_with('[') {
        raw::each_item(list, one);
    } else {
        one(list);
    }
}
