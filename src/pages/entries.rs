//! The entry of each record in the ledger.
//!
//! Owns how an entry is found quickly: a ledger rarely gets other ids, so most entries are at the place
//! where they were at the last time.

use std::collections::BTreeMap;

use crate::ledger::Entry;

/// The places of the entries of records in the order of the ledger, by the index of the record. A
/// place is only where the search begins.
#[derive(Debug, Clone, Default)]
pub(super) struct EntryPlaces(Vec<u32>);

impl EntryPlaces {
    /// Finds the entries of records, each given by its index and its id. `slots` is a bound of the
    /// indexes.
    pub(super) fn find<'l>(
        &mut self,
        entries: &'l BTreeMap<String, Entry>,
        records: impl Iterator<Item = (usize, &'l str)>,
        slots: usize,
    ) -> Vec<Option<&'l Entry>> {
        self.0.resize(slots, 0);
        let entries: Vec<_> = entries.iter().collect();
        let is_at = |at: &usize, id: &str| entries.get(*at).is_some_and(|(other, _)| *other == id);
        let found = records.map(|(slot, id)| {
            let last = self.0[slot] as usize;
            // One new record moves the following entries by one place.
            let near = [last, last + 1].into_iter().find(|at| is_at(at, id));
            let search = || entries.binary_search_by(|(other, _)| other.as_str().cmp(id)).ok();
            let at = near.or_else(search)?;
            self.0[slot] = at as u32;
            Some(entries[at].1)
        });
        found.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_is_found_after_ids_come_and_go() {
        let ids = |ids: &[&str]| -> BTreeMap<String, Entry> {
            let entry = |id: &&str| {
                ((*id).to_owned(), Entry { slug: format!("of-{id}"), ..Entry::default() })
            };
            ids.iter().map(entry).collect()
        };
        let mut places = EntryPlaces::default();
        for there in [&["a", "c", "e"][..], &["a", "b", "c", "e"], &["c", "d"], &[], &["e", "x"]] {
            let entries = ids(there);
            let records = ["e", "a", "c", "d"];
            let found = places.find(&entries, records.into_iter().enumerate(), records.len());
            let expected = records.map(|id| entries.get(id));
            assert_eq!(found, expected, "{there:?}");
        }
    }
}
