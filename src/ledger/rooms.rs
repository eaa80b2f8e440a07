//! Bounds the changes that a ledger keeps.
//!
//! Owns two rooms: one for records that were added or removed, and one for fields that changed. A
//! field that changes in each refresh must not push a new film out of the feed. Each room has a
//! bound on its number of changes and a bound on its bytes.

use std::collections::VecDeque;

use super::{CHANGES_KEPT, Dated};
use crate::changes::What;

/// Size of one room in bytes, by [`size`]: about the size of [`CHANGES_KEPT`] changes of two long
/// texts. Each save transfers the ledger, so the ledger must be small compared with a payload.
const ROOM: usize = 512 << 10;

/// Keeps the newest changes for which there is room. Input and result have the oldest change
/// first.
pub(super) fn bounded(changes: Vec<Dated>) -> VecDeque<Dated> {
    let mut rooms = [LedgerRoom::default(), LedgerRoom::default()];
    let mut kept: VecDeque<Dated> = VecDeque::new();
    for dated in changes.into_iter().rev() {
        let is_field = matches!(dated.change.what, What::Changed(_));
        if rooms[usize::from(is_field)].takes(&dated) {
            kept.push_front(dated);
        }
    }
    kept
}

#[derive(Default)]
struct LedgerRoom {
    count: usize,
    bytes: usize,
}

impl LedgerRoom {
    /// Whether there is room for the change. After the first change without room, no older change
    /// has room.
    fn takes(&mut self, dated: &Dated) -> bool {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(size(dated));
        self.count <= CHANGES_KEPT && self.bytes <= ROOM
    }
}

fn size(dated: &Dated) -> usize {
    let change = &dated.change;
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let fields = match &change.what {
        What::Changed(fields) => fields
            .iter()
            .map(|field| {
                let values = [&field.of, &field.old, &field.new];
                field.field.len() + values.into_iter().map(length).sum::<usize>()
            })
            .sum(),
        What::Added | What::Removed => 0,
    };
    change.id.len() + change.title.len() + fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changes::{Change, FieldChange, Kind};
    use crate::clock::WallTime;

    fn dated(at: u64, what: What, id: String) -> Dated {
        let change = Change { kind: Kind::Film, id, title: "T".into(), what, more: 0 };
        Dated { at: WallTime(at), change }
    }

    fn field(bytes: usize) -> What {
        let new = Some("x".repeat(bytes));
        What::Changed(vec![FieldChange { field: "f".into(), of: None, old: None, new }])
    }

    #[test]
    fn changed_fields_push_no_new_film_out() {
        let mut changes = vec![dated(0, What::Added, "new".into())];
        changes.extend((1..1_000).map(|at| dated(at, field(3), "a".into())));
        let kept = bounded(changes);
        assert_eq!(kept.len(), CHANGES_KEPT + 1);
        assert_eq!(kept[0].change.what, What::Added);
        assert_eq!(kept[1].at, WallTime(800), "the newest changes stay, oldest first");
    }

    #[test]
    fn the_bytes_of_a_room_are_bounded() {
        let changes = (0..CHANGES_KEPT as u64).map(|at| dated(at, field(100_000), "a".into()));
        assert_eq!(bounded(changes.collect()).len(), 5);
        let ids = (0..9).map(|at| dated(at, What::Removed, "i".repeat(1 << 20)));
        assert!(bounded(ids.collect()).is_empty());
    }
}
