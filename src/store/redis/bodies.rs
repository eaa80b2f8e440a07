//! FetchedBodies in Redis, in parts.
//!
//! Owns what a save sends and what a load fetches: only parts that the other side does not have.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;

use super::super::kept::{Cuts, Gathered};
use super::super::parts::{PartName, names_in};
use super::mover::Mover;
use super::{Edition, RedisStore, locked};
use crate::ledger::Ledger;
use crate::payload::Endpoint;

/// What a load found. `None` stands for a body that was lost or damaged.
#[derive(Default)]
pub(super) struct FetchedBodies {
    pub(super) films: Option<Bytes>,
    pub(super) people: Option<Bytes>,
    pub(super) ledger: Option<Arc<Ledger>>,
}

impl RedisStore {
    /// Sends the parts that Redis does not have, unless the save will be refused anyway.
    pub(super) async fn send_missing(
        &self,
        mover: &mut Mover<'_>,
        cuts: &Cuts,
        names: &HashSet<PartName>,
        edition: Edition,
    ) -> Result<()> {
        let names: Vec<PartName> = names.iter().copied().collect();
        let missing: HashSet<PartName> = mover.missing(&names).await?.into_iter().collect();
        if missing.is_empty() || self.is_overtaken(edition).await? {
            return Ok(());
        }
        let mut sent = HashSet::new();
        for cut in cuts.all() {
            let mut parts = Vec::new();
            for (index, name) in cut.names.iter().enumerate() {
                if missing.contains(name) && sent.insert(*name) {
                    parts.push((*name, self.kept.part(cut, index)?));
                }
            }
            mover.send(&parts).await?;
        }
        Ok(())
    }

    /// Whether Redis has a payload that a save of this edition does not replace.
    async fn is_overtaken(&self, edition: Edition) -> Result<bool> {
        let (_, (_, _, (version, fence, _, revision), _)) = self.read("head", None).await?;
        Ok(version.is_some()
            && (fence > Some(edition.fence.0) || revision != Some(edition.revision)))
    }

    /// Makes the parts of a save stay, and lets parts expire that were in the payload before.
    pub(super) async fn settle(
        &self,
        mover: &mut Mover<'_>,
        names: HashSet<PartName>,
    ) -> Result<()> {
        let before = std::mem::replace(&mut *locked(&self.known), names.clone());
        let left: Vec<PartName> = before.difference(&names).copied().collect();
        // Parts that were sent would expire, and so would parts of a save whose process was killed
        // before this step.
        mover.take_up(&names.into_iter().collect::<Vec<_>>()).await?;
        mover.leave(&left).await
    }

    /// Returns the bodies that an earlier version of the program saved.
    pub(super) fn whole(&self, [films, people, ledger]: [Option<Vec<u8>>; 3]) -> FetchedBodies {
        let ledger = ledger.and_then(|ledger| serde_json::from_slice(&ledger).ok());
        FetchedBodies { films: films.map(Bytes::from), people: people.map(Bytes::from), ledger }
    }

    /// Returns the bodies whose parts are listed. Fetches parts that this machine does not have.
    pub(super) async fn fetched(&self, lists: [Option<Vec<u8>>; 3]) -> Result<FetchedBodies> {
        let names = lists.map(|list| list.and_then(|list| names_in(&list)));
        let [films, people, ledger] = names;
        *locked(&self.known) =
            [&films, &people, &ledger].into_iter().flatten().flatten().copied().collect();
        let gather =
            |names: Option<Vec<PartName>>| names.map(|names| self.kept.gathered(names)).transpose();
        let mut gathered = [gather(films)?, gather(people)?, gather(ledger)?];
        let mut missing: Vec<PartName> =
            gathered.iter().flatten().flat_map(Gathered::missing).collect();
        missing.sort_unstable();
        missing.dedup();
        for (name, part) in Mover::new(self).fetch(&missing).await? {
            for gathered in gathered.iter_mut().flatten() {
                gathered.add(name, part.clone());
            }
        }
        let [films, people, ledger] = gathered;
        let body = |endpoint, gathered: Option<Gathered>| self.kept.body(endpoint, gathered?);
        let ledger = ledger.and_then(|gathered| self.kept.ledger(gathered)).transpose();
        Ok(FetchedBodies {
            films: body(Endpoint::Films, films),
            people: body(Endpoint::People, people),
            ledger: ledger.context("the ledger in Redis is damaged").unwrap_or_default(),
        })
    }
}
