//! The records to which each record of a list is related.

/// Lists of related records, by the index of the record to which the list belongs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Related<T> {
    /// The start of each list in `members`, and at last the end of the last list.
    starts: Vec<u32>,
    members: Vec<T>,
}

impl<T> Default for Related<T> {
    fn default() -> Related<T> {
        Related { starts: vec![0], members: Vec::new() }
    }
}

impl<T: Copy> Related<T> {
    /// Makes the lists of `count` records from pairs of a record and a related record. Each list
    /// keeps the order of the pairs.
    pub(super) fn of(count: usize, pairs: impl Iterator<Item = (u32, T)> + Clone) -> Related<T> {
        let mut starts = vec![0; count + 1];
        let mut first = None;
        for (record, member) in pairs.clone() {
            starts[record as usize + 1] += 1;
            first = Some(member);
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let Some(first) = first else { return Related { starts, members: Vec::new() } };
        let mut members = vec![first; starts[count] as usize];
        let mut next = starts.clone();
        for (record, member) in pairs {
            let place = &mut next[record as usize];
            members[*place as usize] = member;
            *place += 1;
        }
        Related { starts, members }
    }

    /// Makes the lists of all records from the lists in order.
    pub(super) fn from_lists<'l>(lists: impl Iterator<Item = &'l [T]>) -> Related<T>
    where
        T: 'l,
    {
        let mut related = Related::default();
        for list in lists {
            related.push(list.iter().copied());
        }
        related
    }

    /// Adds the list of the next record.
    pub(super) fn push(&mut self, list: impl Iterator<Item = T>) {
        self.members.extend(list);
        self.starts.push(self.members.len() as u32);
    }

    /// Returns the number of members of all lists.
    pub(super) fn count(&self) -> usize {
        self.members.len()
    }

    /// Returns the number of lists.
    pub(super) fn records(&self) -> usize {
        self.starts.len() - 1
    }

    /// Returns the list of a record.
    pub(super) fn of_record(&self, record: u32) -> &[T] {
        let at = record as usize;
        &self.members[self.starts[at] as usize..self.starts[at + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_list_keeps_the_order_of_the_pairs() {
        let pairs = [(2, 'b'), (0, 'x'), (2, 'a'), (0, 'y')];
        let related = Related::of(3, pairs.into_iter());
        assert_eq!(related.of_record(0), ['x', 'y']);
        assert!(related.of_record(1).is_empty());
        assert_eq!(related.of_record(2), ['b', 'a']);
    }
}
