//! Records by index, and their order.
//!
//! Owns the rule that a record keeps its index while other records come and go. What depends on a
//! record can therefore be kept from one catalogue to the next.

use std::sync::Arc;

/// Records of one kind.
#[derive(Debug, Clone)]
pub(super) struct Shelf<T> {
    /// The records by index. The index of a removed record is free.
    records: Vec<Option<Arc<T>>>,
    /// The indexes of the records in the order of the catalogue.
    order: Vec<u32>,
    /// The place of each record in `order`, by index.
    places: Vec<u32>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Shelf<T> {
        Shelf { records: Vec::new(), order: Vec::new(), places: Vec::new() }
    }
}

impl<T: PartialEq> PartialEq for Shelf<T> {
    fn eq(&self, other: &Shelf<T>) -> bool {
        self.iter().map(|(_, record)| record).eq(other.iter().map(|(_, record)| record))
    }
}

impl<T> Shelf<T> {
    /// Makes a shelf of records that are in their order.
    pub(super) fn of(records: Vec<T>) -> Shelf<T> {
        let order: Vec<u32> = (0..records.len() as u32).collect();
        let records = records.into_iter().map(|record| Some(Arc::new(record))).collect();
        Shelf { records, places: order.clone(), order }
    }

    /// Returns the records with their indexes, in their order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u32, &T)> + ExactSizeIterator {
        self.order.iter().map(|&index| (index, self.get(index)))
    }

    /// Returns the record with this index. The index belongs to a record of this shelf.
    #[expect(clippy::expect_used, reason = "an index is only made for a record")]
    pub(super) fn get(&self, index: u32) -> &T {
        self.records[index as usize].as_ref().expect("a record")
    }

    /// Returns the index of the record at this place.
    pub(super) fn at(&self, place: usize) -> Option<u32> {
        self.order.get(place).copied()
    }

    /// Returns the place of the record with this index.
    pub(super) fn place(&self, index: u32) -> usize {
        self.places[index as usize] as usize
    }
}

#[cfg(test)]
impl<T: Clone> Shelf<T> {
    pub(super) fn find_mut(&mut self, is_wanted: impl Fn(&T) -> bool) -> Option<&mut T> {
        let mut records = self.records.iter_mut().flatten();
        records.find(|record| is_wanted(record)).map(Arc::make_mut)
    }
}
