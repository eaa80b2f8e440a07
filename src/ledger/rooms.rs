//! How many changes a ledger keeps.
//!
//! Owns two rooms, one for records that came or went and one for fields that changed:
//! a field that changes at each refresh must not push a new film out of the feed. Each
//! room has a bound in changes and a bound in bytes.

use std::collections::VecDeque;

use super::{CHANGES_KEPT, Dated};
use crate::changes::What;

/// Bytes of one room, by [`size`]: about what [`CHANGES_KEPT`] changes of two long texts
/// take. A ledger is moved with each save, so it must stay small beside a payload.
const ROOM: usize = 512 << 10;

/// The newest of these changes, oldest first, as many as there is room for. `changes`
/// stand oldest first.
pub(super) fn bounded(changes: Vec<Dated>) -> VecDeque<Dated> {
    let mut rooms = [Room::default(), Room::default()];
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
struct Room {
    count: usize,
    bytes: usize,
}

impl Room {
    /// Whether there is room; once there was none, nothing older has room.
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
            .map(|field| field.field.len() + length(&field.old) + length(&field.new))
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
        What::Changed(vec![FieldChange { field: "f".into(), old: None, new }])
    }

    #[test]
    fn fields_that_change_push_no_new_film_out() {
        let mut changes = vec![dated(0, What::Added, "new".into())];
        changes.extend((1..1_000).map(|at| dated(at, field(3), "a".into())));
        let kept = bounded(changes);
        assert_eq!(kept.len(), CHANGES_KEPT + 1);
        assert_eq!(kept[0].change.what, What::Added);
        assert_eq!(kept[1].at, WallTime(800), "the newest stay, oldest first");
    }

    #[test]
    fn a_room_is_bounded_in_bytes_whatever_it_is_filled_with() {
        let changes = (0..CHANGES_KEPT as u64).map(|at| dated(at, field(100_000), "a".into()));
        assert_eq!(bounded(changes.collect()).len(), 5);
        let ids = (0..9).map(|at| dated(at, What::Removed, "i".repeat(1 << 20)));
        assert!(bounded(ids.collect()).is_empty());
    }
}
