//! One description of a page's variables for two takers.
//!
//! Owns the way in which a page's variables reach its template and its
//! fingerprint: both are told the same by the same code, so a page cannot show
//! what its fingerprint does not cover.

use serde::Serialize;
use tera::Context;

/// Something that takes a page's variables: a template's context or a hash.
pub(super) trait Variables {
    fn put(&mut self, name: &'static str, value: &dyn erased::Value);
}

/// Serialisation behind a pointer, so that one description of a page's
/// variables serves both takers.
pub(super) mod erased {
    use std::io::{BufWriter, Write as _};

    /// Bytes that are hashed together.
    const PIECE: usize = 4096;

    pub(in crate::pages) trait Value {
        fn to_json(&self, to: &mut dyn std::io::Write);
        fn to_context(&self, name: &'static str, to: &mut tera::Context);
    }

    impl<T: serde::Serialize> Value for T {
        fn to_json(&self, to: &mut dyn std::io::Write) {
            // In pieces worth hashing: JSON is written a few letters at a time.
            let mut pieces = BufWriter::with_capacity(PIECE, to);
            // Hashing does not fail, and views have only text for keys.
            let _ = serde_json::to_writer(&mut pieces, self);
            let _ = pieces.flush();
        }

        fn to_context(&self, name: &'static str, to: &mut tera::Context) {
            to.insert(name, self);
        }
    }
}

impl Variables for Context {
    fn put(&mut self, name: &'static str, value: &dyn erased::Value) {
        value.to_context(name, self);
    }
}

pub(super) struct Hash<'h>(pub(super) &'h mut blake3::Hasher);

impl Variables for Hash<'_> {
    fn put(&mut self, name: &'static str, value: &dyn erased::Value) {
        self.0.update(name.as_bytes());
        value.to_json(self.0);
    }
}

pub(super) fn write_json(hasher: &mut blake3::Hasher, value: &impl Serialize) {
    erased::Value::to_json(value, hasher);
}

/// A list whose items are made one at a time while it is written.
pub(super) struct Each<F>(pub(super) usize, pub(super) F);

impl<T: Serialize, F: Fn(usize) -> T> Serialize for Each<F> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.0).map(&self.1))
    }
}
