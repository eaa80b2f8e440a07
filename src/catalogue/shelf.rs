//! Records by index, and their order.
//!
//! Owns the rule that a record keeps its index while other records come and go. What depends on a
//! record can therefore be kept from one catalogue to the next.

use std::sync::Arc;

/// If more than one record in `MANY` comes or moves, sorting all records is faster than entering
/// each record at its place.
const MANY: usize = 16;

/// A record that a shelf can hold.
pub(super) trait Shelved: PartialEq + Send + Sync {
    /// The order of the records.
    type Key: Ord;

    fn id(&self) -> &str;

    fn key(&self) -> Self::Key;
}

/// Records of one kind.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    /// The records by index. The index of a removed record is free.
    records: Vec<Option<Arc<T>>>,
    /// The indexes of the records in the order of the catalogue.
    order: Vec<u32>,
    /// The place of each record in `order`, by index.
    places: Vec<u32>,
}

/// How the records of a shelf differ from the records of the shelf before.
#[derive(Debug)]
pub(super) struct ShelfChange<T> {
    /// New and changed records, each with its index.
    pub(super) changed: Vec<(u32, Arc<T>)>,
    /// The indexes of new records.
    pub(super) added: Vec<u32>,
    /// The indexes of removed records.
    pub(super) removed: Vec<u32>,
}

impl<T> Default for ShelfChange<T> {
    fn default() -> ShelfChange<T> {
        ShelfChange { changed: Vec::new(), added: Vec::new(), removed: Vec::new() }
    }
}

impl<T> ShelfChange<T> {
    /// Whether the shelf has other ids than before.
    pub(super) fn changes_ids(&self) -> bool {
        !self.added.is_empty() || !self.removed.is_empty()
    }
}

impl<T> Clone for Shelf<T> {
    fn clone(&self) -> Shelf<T> {
        let (records, order, places) =
            (self.records.clone(), self.order.clone(), self.places.clone());
        Shelf { records, order, places }
    }
}

impl<T> Default for Shelf<T> {
    fn default() -> Shelf<T> {
        Shelf { records: Vec::new(), order: Vec::new(), places: Vec::new() }
    }
}

impl<T: Shelved> Shelf<T> {
    /// Returns the shelf after a step.
    pub(super) fn after(&self, step: &ShelfChange<T>) -> Shelf<T> {
        let mut next = self.clone();
        let mut is_moved = vec![false; self.records.len()];
        for &index in &step.removed {
            next.records[index as usize] = None;
            is_moved[index as usize] = true;
        }
        let mut entering = Vec::new();
        for (index, record) in &step.changed {
            let at = *index as usize;
            if at >= next.records.len() {
                next.records.resize(at + 1, None);
                is_moved.resize(at + 1, false);
            }
            let old = next.records[at].replace(record.clone());
            if old.is_none_or(|old| old.key() != record.key()) {
                is_moved[at] = true;
                entering.push(*index);
            }
        }
        next.order.retain(|&index| !is_moved[index as usize]);
        if entering.len() > next.order.len() / MANY {
            let mut keyed: Vec<_> = next.order.iter().chain(&entering).copied().collect();
            keyed.sort_by_cached_key(|&index| next.get(index).key());
            next.order = keyed;
        } else {
            for index in entering {
                let key = next.get(index).key();
                let place = next.order.partition_point(|&other| next.get(other).key() < key);
                next.order.insert(place, index);
            }
        }
        next.places.resize(next.records.len(), 0);
        for (place, &index) in next.order.iter().enumerate() {
            next.places[index as usize] = place as u32;
        }
        next
    }
}

impl<T> Shelf<T> {
    /// Returns the number of indexes, of which some may be free.
    pub(super) fn slots(&self) -> usize {
        self.records.len()
    }

    /// Returns the free indexes, the lowest last.
    pub(super) fn free(&self) -> Vec<u32> {
        let free = self.records.iter().enumerate().rev().filter(|(_, record)| record.is_none());
        free.map(|(index, _)| index as u32).collect()
    }

    /// Returns the records with their indexes, in their order.
    pub(super) fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = (u32, &T)> + ExactSizeIterator + Clone {
        self.order.iter().map(|&index| (index, self.get(index)))
    }

    /// Returns the record with this index, if the index is not free.
    pub(super) fn find(&self, index: u32) -> Option<&T> {
        self.records.get(index as usize)?.as_deref()
    }

    /// Returns the record with this index. The index belongs to a record of this shelf.
    #[expect(clippy::expect_used, reason = "an index is only made for a record")]
    pub(super) fn get(&self, index: u32) -> &T {
        self.find(index).expect("a record")
    }

    /// Returns the index of the record at this place.
    pub(super) fn at(&self, place: usize) -> Option<u32> {
        self.order.get(place).copied()
    }

    /// Returns the place of the record with this index.
    pub(super) fn place(&self, index: u32) -> usize {
        self.places[index as usize] as usize
    }

    /// Whether both shelves have the same record in memory under this index, or have no record.
    pub(super) fn is_shared_with(&self, other: &Shelf<T>, index: u32) -> bool {
        match (self.records.get(index as usize), other.records.get(index as usize)) {
            (Some(Some(one)), Some(Some(other))) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none_or(Option::is_none) && other.is_none_or(Option::is_none),
        }
    }

    /// Whether the records of another shelf have the same order.
    pub(super) fn has_order_of(&self, other: &Shelf<T>) -> bool {
        self.order == other.order
    }
}

#[cfg(test)]
impl<T: Clone> Shelf<T> {
    /// Makes a shelf of records that are in their order.
    pub(super) fn of(records: Vec<T>) -> Shelf<T> {
        let order: Vec<u32> = (0..records.len() as u32).collect();
        let records = records.into_iter().map(|record| Some(Arc::new(record))).collect();
        Shelf { records, places: order.clone(), order }
    }

    pub(super) fn find_mut(&mut self, is_wanted: impl Fn(&T) -> bool) -> Option<&mut T> {
        let mut records = self.records.iter_mut().flatten();
        records.find(|record| is_wanted(record)).map(Arc::make_mut)
    }
}
