//! Both stores as one: Redis leads if there is one, the state directory has
//! all of it too.
//!
//! Owns what happens when Redis is away: claims come from the state directory,
//! each process keeps its own minute, and that is said once. It must not hide
//! anything but that.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::Result;
use tracing::{info, warn};

use super::{Ask, Claim, FileStore, Granted, Loaded, RedisStore, Saved, Standing, Store, Written};
use crate::outcome::{Outcome, SetsHash};
use crate::payload::Fence;

/// The state directory and, with `--redis`, the shared store.
pub struct Stores {
    file: FileStore,
    redis: Option<RedisStore>,
    redis_is_away: AtomicBool,
    /// Fence of the last claim that the state directory granted: Redis does not
    /// know of it, though it may be back by now.
    granted_here: AtomicU64,
}

impl Stores {
    /// `file` alone, or with `redis` leading.
    pub fn new(file: FileStore, redis: Option<RedisStore>) -> Stores {
        Stores {
            file,
            redis,
            redis_is_away: AtomicBool::new(false),
            granted_here: AtomicU64::new(0),
        }
    }

    /// The state directory's store.
    pub fn file(&self) -> &FileStore {
        &self.file
    }

    /// Whether replicas may save without our asking.
    pub fn is_shared(&self) -> bool {
        self.redis.is_some()
    }

    /// Whether there is a shared store that did not answer last.
    pub fn is_away(&self) -> bool {
        self.redis_is_away.load(Ordering::Relaxed)
    }

    /// What Redis answers; none if there is no Redis or it does not answer.
    async fn ask<T>(&self, call: impl AsyncFnOnce(&RedisStore) -> Result<T>) -> Option<T> {
        let answer = call(self.redis.as_ref()?).await;
        match answer {
            Ok(value) => {
                if self.redis_is_away.swap(false, Ordering::Relaxed) {
                    info!("Redis is back and used again");
                }
                Some(value)
            }
            Err(error) => {
                if !self.redis_is_away.swap(true, Ordering::Relaxed) {
                    warn!(
                        error = format!("{error:#}"),
                        "Redis cannot be used ({error:#}); this process keeps its own minute, \
                         with the state directory alone, until it is back"
                    );
                }
                None
            }
        }
    }
}

impl Store for Stores {
    async fn claim(&self, ask: &Ask) -> Result<Claim> {
        let known = self.file.last_attempt()?;
        let ask = Ask {
            age: [known.age, ask.age].into_iter().flatten().min(),
            left_alone: known.left_alone.max(ask.left_alone),
            ..ask.clone()
        };
        match self.ask(async |redis| redis.claim(&ask).await).await {
            Some(Claim::Granted(granted)) => {
                self.file.note(&granted, &ask.nonce)?;
                Ok(Claim::Granted(granted))
            }
            Some(denied) => Ok(denied),
            None => {
                let claim = self.file.claim(&ask).await?;
                if let Claim::Granted(granted) = &claim {
                    self.granted_here.store(granted.fence.0, Ordering::Relaxed);
                }
                Ok(claim)
            }
        }
    }

    async fn renew(&self, fence: Fence) -> Result<Option<Granted>> {
        if self.granted_here.load(Ordering::Relaxed) == fence.0 {
            return self.file.renew(fence).await;
        }
        match self.ask(async |redis| redis.renew(fence).await).await {
            Some(Some(granted)) => {
                self.file.renew(fence).await?;
                Ok(Some(granted))
            }
            Some(None) => Ok(None),
            None => self.file.renew(fence).await,
        }
    }

    async fn save(&self, saved: &Saved) -> Result<Written> {
        match self.ask(async |redis| redis.save(saved).await).await {
            Some(Written::Older) => Ok(Written::Older),
            Some(Written::Done) | None => self.file.save(saved).await,
        }
    }

    async fn record(&self, fence: Fence, outcome: &Outcome) -> Result<Written> {
        let shared = self.ask(async |redis| redis.record(fence, outcome).await).await;
        let own = self.file.record(fence, outcome).await?;
        Ok(shared.unwrap_or(own))
    }

    async fn load(&self) -> Result<Loaded> {
        let own = self.file.load().await?;
        let shared = self.ask(async |redis| redis.load().await).await.unwrap_or_default();
        let fence = |loaded: &Loaded| loaded.payload.as_ref().map(|payload| payload.fence);
        if fence(&shared) > fence(&own) {
            Ok(Loaded { ledger: shared.ledger.or(own.ledger), ..shared })
        } else {
            Ok(Loaded { ledger: own.ledger.or(shared.ledger), ..own })
        }
    }

    async fn accepted(&self) -> Result<Option<SetsHash>> {
        let shared = self.ask(async |redis| redis.accepted().await).await.flatten();
        Ok(self.file.accepted().await?.or(shared))
    }

    async fn accept(&self, sets: Option<&SetsHash>) -> Result<()> {
        self.ask(async |redis| redis.accept(sets).await).await;
        self.file.accept(sets).await
    }

    async fn standing(&self) -> Result<Option<Standing>> {
        match self.ask(async |redis| redis.standing().await).await {
            Some(standing) => Ok(standing),
            None => self.file.standing().await,
        }
    }
}
