//! Moves parts to Redis and from Redis.
//!
//! Owns the size of each call. A call moves about half a megabyte, so that Redis answers the
//! claims of other replicas in between, whatever the size of the payload is.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use redis::{RedisResult, pipe};

use super::super::TooSlow;
use super::super::parts::{LARGEST, PartName};
use super::line::Line;
use super::{RedisStore, layout};
use crate::clock::BootTime;

/// Bytes of parts that one call sends.
const SENT_AT_ONCE: usize = 512 << 10;
/// Parts that one call fetches.
const FETCHED_AT_ONCE: usize = 8;
/// Parts that one call names. Redis needs less than a microsecond for each.
const NAMED_AT_ONCE: usize = 1_000;
/// Time in milliseconds after which a part expires that no payload has: that was sent and not
/// saved, or that is no longer in the payload saved last. A slow replica may still read the part.
const LEFT: u64 = 60 * 60 * 1_000;
/// Ten years in milliseconds.
const FOREVER: u64 = 10 * 365 * 24 * 60 * 60 * 1_000;

/// One transfer in several calls. The time allowed grows with the bytes that were moved.
pub(super) struct Mover<'a> {
    store: &'a RedisStore,
    started: BootTime,
    moved: u64,
}

impl<'a> Mover<'a> {
    pub(super) fn new(store: &'a RedisStore) -> Mover<'a> {
        Mover { store, started: store.clock.now().boot, moved: 0 }
    }

    /// Makes a call that moves this number of bytes.
    ///
    /// # Errors
    /// Fails with [`TooSlow`] if the transfer does not get on in time.
    async fn call<T>(
        &mut self,
        bytes: usize,
        call: impl AsyncFnOnce(&mut Line<'_>) -> RedisResult<T>,
    ) -> Result<T> {
        let took = self.store.clock.now().boot.since(self.started);
        let bytes = self.moved + bytes as u64;
        let Some(allowed) = self.store.allowed_for(bytes).checked_sub(took) else {
            return Err(TooSlow { bytes, allowed: took }.into());
        };
        self.store.moving(bytes, allowed.max(Duration::from_millis(1)), call).await
    }

    /// Returns the names of the parts that Redis does not have. The other parts do not expire
    /// before they are saved.
    pub(super) async fn missing(&mut self, names: &[PartName]) -> Result<Vec<PartName>> {
        self.look_for(names, LEFT.to_string()).await
    }

    /// Makes parts stay that a save has taken up.
    pub(super) async fn take_up(&mut self, names: &[PartName]) -> Result<()> {
        self.look_for(names, "stay".to_owned()).await.map(drop)
    }

    async fn look_for(&mut self, names: &[PartName], time: String) -> Result<Vec<PartName>> {
        let mut missing = Vec::new();
        for names in names.chunks(NAMED_AT_ONCE) {
            let mut invocation = self.store.scripts.have.prepare_invoke();
            let keys: Vec<String> = names.iter().map(|name| self.store.keys.part(name)).collect();
            let bytes = keys.iter().map(String::len).sum();
            invocation.key(keys).arg(&time).arg(FOREVER);
            let places: Vec<usize> =
                self.call(bytes, async |line| invocation.invoke_async(line).await).await?;
            self.moved += bytes as u64;
            missing.extend(places.iter().filter_map(|place| names.get(place - 1)));
        }
        Ok(missing)
    }

    /// Sends parts, which expire unless a save takes them up.
    pub(super) async fn send(&mut self, parts: &[(PartName, Bytes)]) -> Result<()> {
        let mut rest = parts;
        while !rest.is_empty() {
            let (mut bytes, mut count) = (0, 0);
            while count < rest.len() && (count == 0 || bytes + rest[count].1.len() <= SENT_AT_ONCE)
            {
                bytes += rest[count].1.len();
                count += 1;
            }
            let (now, later) = rest.split_at(count);
            let mut sending = pipe();
            for (name, part) in now {
                let key = self.store.keys.part(name);
                sending.cmd("SET").arg(key).arg(&part[..]).arg("PX").arg(LEFT).ignore();
            }
            self.call(bytes, async |line| sending.query_async::<()>(line).await).await?;
            self.moved += bytes as u64;
            rest = later;
        }
        Ok(())
    }

    /// Fetches parts. A part that is gone is left out.
    pub(super) async fn fetch(&mut self, names: &[PartName]) -> Result<Vec<(PartName, Bytes)>> {
        let mut fetched = Vec::with_capacity(names.len());
        for names in names.chunks(FETCHED_AT_ONCE) {
            let mut fetching = pipe();
            for name in names {
                fetching.cmd("GET").arg(self.store.keys.part(name));
            }
            let bytes = names.len() * LARGEST;
            let parts: Vec<Option<Vec<u8>>> =
                self.call(bytes, async |line| fetching.query_async(line).await).await?;
            for (name, part) in names.iter().zip(parts) {
                if let Some(part) = part {
                    self.moved += part.len() as u64;
                    fetched.push((*name, Bytes::from(part)));
                }
            }
        }
        Ok(fetched)
    }

    /// Lets parts expire, unless the payload saved last has them.
    pub(super) async fn leave(&mut self, names: &[PartName]) -> Result<()> {
        for names in names.chunks(NAMED_AT_ONCE) {
            let mut invocation = self.store.scripts.leave.key(&self.store.keys.last_good);
            let keys: Vec<String> = names.iter().map(|name| self.store.keys.part(name)).collect();
            let bytes = 2 * keys.iter().map(String::len).sum::<usize>();
            invocation.key(keys).arg(layout::VERSION).arg(LEFT);
            for name in names {
                invocation.arg(name.as_str());
            }
            self.call(bytes, async |line| invocation.invoke_async::<()>(line).await).await?;
            self.moved += bytes as u64;
        }
        Ok(())
    }
}
