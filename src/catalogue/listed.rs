//! One list of the upstream, record by record, and what became of each record.
//!
//! Owns the rule that a record whose bytes did not change is not read again. The records of the
//! last list are found by their place or by the hash of their bytes. The module also owns the rule
//! for records that repeat an id: the first record counts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use hashbrown::HashTable;
use rayon::prelude::*;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use super::read::{Read, RowFlaws, Unusable};
use super::shelf::{Shelf, ShelfChange, Shelved};
use super::told::ToldProblems;
use super::warning::{IdSample, Warning};
use crate::mapping::FoundFields;
use crate::payload::{Endpoint, Fault};

/// The seed of the hash of a record that is made from a credit.
const CREDITED: u64 = 0x6372_6564_6974;

/// The bytes of one record.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawRecord<'r> {
    pub(super) text: &'r str,
    /// Whether the record is made from a credit, because the list of people lacks the person.
    pub(super) is_credit: bool,
}

/// One record as the upstream sent the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    hash: [u64; 2],
    /// Index of the record in its shelf; `None` if the record cannot be used.
    pub(super) index: Option<u32>,
    /// Units of memory of the further fields.
    units: u32,
    references: RowReferences,
    /// The fields of the mapping that the record has.
    found: FoundFields,
    /// Whether the record is made from a credit.
    is_credit: bool,
    /// Whether an earlier record has the same id.
    is_repeated: bool,
    is_flawed: bool,
}

/// Where the references of a record are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowReferences {
    /// The record has no references.
    Absent,
    /// Start and length in the bytes of the record.
    Slice(u32, u32),
    /// The references are the result of an expression.
    Computed,
}

impl Row {
    /// Returns the raw references of the record. `compute` evaluates the expression again, if the
    /// references are not a part of the record.
    pub(super) fn references<'r>(
        &self,
        raw: &'r str,
        compute: impl FnOnce() -> Option<Cow<'r, str>>,
    ) -> Option<Cow<'r, str>> {
        match self.references {
            RowReferences::Absent => None,
            RowReferences::Slice(start, length) => {
                let (start, length) = (start as usize, length as usize);
                Some(Cow::Borrowed(&raw[start..start + length]))
            }
            RowReferences::Computed => compute(),
        }
    }
}

impl RowReferences {
    fn of(references: Option<&Cow<'_, str>>, raw: &str) -> RowReferences {
        match references {
            None => RowReferences::Absent,
            Some(Cow::Owned(_)) => RowReferences::Computed,
            Some(Cow::Borrowed(part)) => {
                let start = part.as_ptr() as usize - raw.as_ptr() as usize;
                RowReferences::Slice(start as u32, part.len() as u32)
            }
        }
    }
}

/// One list, and the records that come from the list.
#[derive(Debug, Clone)]
pub(super) struct Listed<T> {
    pub(super) shelf: Arc<Shelf<T>>,
    pub(super) ids: RecordIndex,
    pub(super) rows: Vec<Row>,
    /// Flaws of records, by the hash of the record.
    flaws: HashMap<[u64; 2], Arc<RowFlaws>>,
}

impl<T> Default for Listed<T> {
    fn default() -> Listed<T> {
        let (shelf, ids) = (Arc::default(), RecordIndex::default());
        Listed { shelf, ids, rows: Vec::new(), flaws: HashMap::new() }
    }
}

/// A list that follows another list.
pub(super) struct NextList<T> {
    pub(super) list: Listed<T>,
    /// The row of the list before that has the same bytes, for each row.
    pub(super) origins: Vec<Option<u32>>,
    /// How the records differ.
    pub(super) step: ShelfChange<T>,
}

/// The indexes of records by their ids.
#[derive(Debug, Clone, Default)]
pub(super) struct RecordIndex(HashTable<u32>);

impl RecordIndex {
    pub(super) fn get<T: Shelved>(&self, shelf: &Shelf<T>, id: &str) -> Option<u32> {
        let is_it = |&index: &u32| shelf.get(index).id() == id;
        self.0.find(xxh3_64(id.as_bytes()), is_it).copied()
    }

    fn insert<T: Shelved>(&mut self, shelf: &Shelf<T>, index: u32) {
        let hash = |&index: &u32| xxh3_64(shelf.get(index).id().as_bytes());
        self.0.insert_unique(hash(&index), index, hash);
    }

    fn remove<T: Shelved>(&mut self, shelf: &Shelf<T>, index: u32) {
        let hash = xxh3_64(shelf.get(index).id().as_bytes());
        if let Ok(found) = self.0.find_entry(hash, |&other| other == index) {
            found.remove();
        }
    }
}

/// What is known of a record before its index is known.
enum Seen<'r, T> {
    /// The record is a record of the last list.
    Before(Row),
    Read(Result<Read<'r, T>, Unusable>),
}

impl<T: Shelved> Listed<T> {
    /// Reads the list that follows this list. `build` reads a record by the mapping of the list,
    /// whose digest is the seed: with another mapping, the same bytes are another record. Returns
    /// the list, and how its records differ from the records of this list.
    ///
    /// # Errors
    /// Fails if the further fields take more than `most_units`.
    pub(super) fn next<'r>(
        &self,
        endpoint: Endpoint,
        raw: &[RawRecord<'r>],
        seed: u64,
        build: impl Fn(&RawRecord<'r>) -> Result<Read<'r, T>, Unusable> + Sync,
        most_units: usize,
    ) -> Result<NextList<T>, Fault> {
        let hashes: Vec<[u64; 2]> = raw.par_iter().map(|raw| raw.hash(seed)).collect();
        let origins = self.rows_of(&hashes);
        let seen: Vec<Seen<'r, T>> = raw
            .par_iter()
            .zip(&origins)
            .map(|(raw, origin)| match origin {
                Some(origin) => Seen::Before(self.rows[*origin as usize]),
                None => Seen::Read(build(raw)),
            })
            .collect();
        let mut places = Places::of(self, raw.len());
        let mut flaws = HashMap::new();
        let mut units = 0;
        for ((seen, raw), hash) in seen.into_iter().zip(raw).zip(hashes) {
            let (row, flaw) = match seen {
                Seen::Before(row) => {
                    let flaw = self.flaws.get(&hash).filter(|_| row.is_flawed).cloned();
                    (places.put_again(row, || build(raw)), flaw)
                }
                Seen::Read(Ok(read)) => places.put(hash, raw, read),
                Seen::Read(Err(unusable)) => {
                    let found = unusable.found;
                    let flaw = Arc::new(RowFlaws::LeftOut(unusable));
                    let row = Row {
                        hash,
                        index: None,
                        units: 0,
                        references: RowReferences::Absent,
                        found,
                        is_credit: raw.is_credit,
                        is_repeated: false,
                        is_flawed: true,
                    };
                    (row, Some(flaw))
                }
            };
            flaws.extend(flaw.map(|flaw| (hash, flaw)));
            units += row.units as usize;
            places.rows.push(row);
            if units > most_units {
                return Err(Fault::TooManyValues { endpoint, most: most_units });
            }
        }
        let (rows, step) = places.end();
        let shelf = self.shelf.after(&step);
        let mut ids = self.ids.clone();
        step.removed.iter().for_each(|&index| ids.remove(&self.shelf, index));
        step.added.iter().for_each(|&index| ids.insert(&shelf, index));
        let shelf = Arc::new(shelf);
        Ok(NextList { list: Listed { shelf, ids, rows, flaws }, origins, step })
    }

    /// Finds the rows of this list that have these hashes.
    fn rows_of(&self, hashes: &[[u64; 2]]) -> Vec<Option<u32>> {
        let is_same = |(row, hash): &(&Row, &[u64; 2])| row.hash == **hash;
        let start = self.rows.iter().zip(hashes).take_while(is_same).count();
        let (rows, rest) = (&self.rows[start..], &hashes[start..]);
        let end = rows.iter().rev().zip(rest.iter().rev()).take_while(is_same).count();
        let between = (start as u32..).zip(&rows[..rows.len() - end]);
        let moved: HashMap<&[u64; 2], u32> = between.map(|(at, row)| (&row.hash, at)).collect();
        let mut found: Vec<Option<u32>> = (0..start as u32).map(Some).collect();
        let between = &rest[..rest.len() - end];
        found.extend(between.iter().map(|hash| moved.get(hash).copied()));
        found.extend((self.rows.len() as u32 - end as u32..self.rows.len() as u32).map(Some));
        found
    }

    /// Whether the rows of another list have the same indexes.
    pub(super) fn has_indexes_of(&self, other: &Listed<T>) -> bool {
        self.rows.iter().map(|row| row.index).eq(other.rows.iter().map(|row| row.index))
    }

    /// Returns the number of records that the upstream sent.
    pub(super) fn sent(&self) -> usize {
        self.rows.iter().filter(|row| !row.is_credit).count()
    }

    /// Returns the fields of the mapping that at least one record has.
    pub(super) fn found(&self) -> FoundFields {
        let mut found = FoundFields::default();
        self.rows.iter().for_each(|row| found |= row.found);
        found
    }

    /// Adds the warnings about the records of the list.
    pub(super) fn warn(&self, endpoint: Endpoint, warnings: &mut Vec<Warning>) {
        let mut told = ToldProblems::of(endpoint);
        let mut repeated = IdSample::default();
        for (at, row) in self.rows.iter().enumerate().filter(|(_, row)| !row.is_credit) {
            let id = row.index.map(|index| self.shelf.get(index).id());
            if let (true, Some(id)) = (row.is_repeated, id) {
                repeated.push(id);
                continue;
            }
            match row.is_flawed.then(|| self.flaws.get(&row.hash)).flatten().map(|flaws| &**flaws) {
                Some(RowFlaws::LeftOut(unusable)) => told.left_out(at + 1, unusable),
                Some(RowFlaws::Ignored(ignored)) => told.ignored(id.unwrap_or_default(), ignored),
                None => {}
            }
        }
        told.end(warnings);
        if let Some((ids, count)) = repeated.told() {
            warnings.push(Warning::Duplicates { endpoint, ids, count });
        }
    }
}

impl RawRecord<'_> {
    /// Hashes the bytes of the record. With another mapping, the same bytes are another record.
    fn hash(&self, seed: u64) -> [u64; 2] {
        let seed = if self.is_credit { CREDITED } else { seed };
        let hash = xxh3_128_with_seed(self.text.as_bytes(), seed);
        [hash as u64, (hash >> 64) as u64]
    }
}

/// Gives each record its index.
struct Places<'l, T> {
    before: &'l Listed<T>,
    rows: Vec<Row>,
    /// Whether a row has this index already.
    is_taken: Vec<bool>,
    /// Indexes of records that are new, by id.
    new: HashMap<String, u32>,
    step: ShelfChange<T>,
    free: Vec<u32>,
}

impl<'l, T: Shelved> Places<'l, T> {
    fn of(before: &'l Listed<T>, count: usize) -> Places<'l, T> {
        let is_taken = vec![false; before.shelf.slots()];
        let (rows, new) = (Vec::with_capacity(count), HashMap::new());
        Places {
            before,
            rows,
            is_taken,
            new,
            step: ShelfChange::default(),
            free: before.shelf.free(),
        }
    }

    /// Enters a record that the last list had. `read` reads the record again.
    fn put_again<'r>(
        &mut self,
        row: Row,
        read: impl FnOnce() -> Result<Read<'r, T>, Unusable>,
    ) -> Row {
        let Some(index) = row.index else { return row };
        let is_repeated = std::mem::replace(&mut self.is_taken[index as usize], true);
        // The record of the shelf comes from the row that was the first with its id.
        if row.is_repeated
            && !is_repeated
            && let Ok(read) = read()
        {
            self.step.changed.push((index, Arc::new(read.item)));
        }
        Row { is_repeated, ..row }
    }

    /// Enters a record that was read.
    fn put(
        &mut self,
        hash: [u64; 2],
        raw: &RawRecord<'_>,
        read: Read<'_, T>,
    ) -> (Row, Option<Arc<RowFlaws>>) {
        let Read { item, references, ignored, units, found } = read;
        let (index, is_repeated) = match self.before.ids.get(&self.before.shelf, item.id()) {
            Some(index) => {
                let is_repeated = std::mem::replace(&mut self.is_taken[index as usize], true);
                (index, is_repeated)
            }
            None => match self.new.get(item.id()) {
                Some(&index) => (index, true),
                None => (self.add(item.id()), false),
            },
        };
        if !is_repeated {
            self.step.changed.push((index, Arc::new(item)));
        }
        let references = RowReferences::of(references.as_ref(), raw.text);
        let flaws = (!ignored.is_empty()).then(|| Arc::new(RowFlaws::Ignored(ignored)));
        let (units, is_flawed) = (units as u32, flaws.is_some());
        let (index, is_credit) = (Some(index), raw.is_credit);
        let row = Row { hash, index, units, references, found, is_credit, is_repeated, is_flawed };
        (row, flaws)
    }

    fn add(&mut self, id: &str) -> u32 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.is_taken.push(false);
            self.is_taken.len() as u32 - 1
        });
        self.is_taken[index as usize] = true;
        self.new.insert(id.to_owned(), index);
        self.step.added.push(index);
        index
    }

    fn end(self) -> (Vec<Row>, ShelfChange<T>) {
        let Places { before, rows, is_taken, mut step, .. } = self;
        let there = before.shelf.iter().map(|(index, _)| index);
        step.removed = there.filter(|&index| !is_taken[index as usize]).collect();
        // A record whose bytes changed may still be the same record.
        step.changed.retain(|(index, record)| before.shelf.find(*index) != Some(&**record));
        (rows, step)
    }
}
