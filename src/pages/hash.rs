//! The hash by which records and facts are compared.
//!
//! Owns which function makes the hash.

use std::hash::{Hash, Hasher};

use xxhash_rust::xxh64::Xxh64;

/// Hashes a value. The hash is the same in every process on this kind of machine.
pub(super) fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = Xxh64::new(0);
    value.hash(&mut hasher);
    hasher.finish()
}
