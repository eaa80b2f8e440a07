//! One description of the variables of a page, for two consumers.
//!
//! Owns the way in which the variables of a page reach its template and its fingerprint. The same
//! code passes the same variables to both, so a page cannot show anything that its fingerprint does
//! not cover.

use serde::Serialize;
use tera::Context;

/// A consumer of the variables of a page: the context of a template, or a hash.
pub(super) trait Variables {
    fn put(&mut self, name: &'static str, value: &dyn erased::Value);
}

/// Serialisation behind a trait object, so that one description of the variables of a page serves
/// both consumers.
pub(super) mod erased {
    use std::io::{BufWriter, Write as _};

    /// Number of bytes that are hashed together.
    const PIECE: usize = 4096;

    pub(in crate::pages) trait Value {
        fn to_json(&self, to: &mut dyn std::io::Write);
        fn to_context(&self, name: &'static str, to: &mut tera::Context);
    }

    impl<T: serde::Serialize> Value for T {
        fn to_json(&self, to: &mut dyn std::io::Write) {
            // serde_json writes a few bytes at a time. Hashing is faster with larger pieces, so a
            // buffer collects the bytes.
            let mut pieces = BufWriter::with_capacity(PIECE, to);
            // Neither call fails: a hasher accepts all bytes, and all keys of views are strings, so
            // every view has a JSON form.
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

/// A list of this length whose items are made one at a time, while the list is serialised.
pub(super) struct Each<F>(pub(super) usize, pub(super) F);

impl<T: Serialize, F: Fn(usize) -> T> Serialize for Each<F> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.0).map(&self.1))
    }
}
