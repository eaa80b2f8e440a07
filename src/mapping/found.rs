//! Which fields of a mapping a record has.
//!
//! Owns the bits: the fields of the list come first, then the list of credits, the fields of a
//! credit, and the further fields. A mapping of a usual size has fewer fields than there are bits;
//! further fields beyond the bits count as found.

use std::ops::BitOrAssign;

use super::list::ListMapping;

/// The fields that a record, or a list of records, has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FoundFields(u64);

impl FoundFields {
    /// Adds the field with this bit.
    pub(super) fn add(&mut self, bit: usize) {
        self.0 |= u32::try_from(bit).ok().and_then(|bit| 1_u64.checked_shl(bit)).unwrap_or(0);
    }

    /// Whether the field with this bit is found.
    pub(super) fn has(self, bit: usize) -> bool {
        bit >= u64::BITS as usize || self.0 >> bit & 1 == 1
    }
}

impl BitOrAssign for FoundFields {
    fn bitor_assign(&mut self, other: FoundFields) {
        self.0 |= other.0;
    }
}

/// The bits of the fields that are not fields of the list.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldBits {
    /// The list of credits.
    pub(super) credits: usize,
    /// The first field of a credit.
    pub(super) in_credits: usize,
    /// The first further field.
    pub(super) keep: usize,
}

impl FieldBits {
    pub(super) fn of(list: &ListMapping) -> FieldBits {
        let credits = list.fields.rules.len();
        let in_credits = credits + 1;
        let of_credits = list.credits.as_ref().map_or(0, |credits| credits.fields.rules.len());
        FieldBits { credits, in_credits, keep: in_credits + of_credits }
    }
}
