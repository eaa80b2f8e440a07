//! Both stores of a replica, as in `src/store/shared.rs`, with the same rules: [`Reach`] decides
//! whether Redis can be used, [`Heard`] remembers attempts.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use movies_gen::clock::{BootTime, micros};
use movies_gen::outcome::Outcome;
use movies_gen::payload::Fence;
use movies_gen::schedule::{self, LastAttempt};
use movies_gen::store::heard::{self, Heard};
use movies_gen::store::reach::{self, Failed, Reach};
use movies_gen::store::{Ask, Claim, Edition, Granted, Kept, Standing};

use super::client::{Client, Lost};
use super::content::{Saved, absorbing};
use super::disk::Disk;
use super::executor::Signal;
use super::record::Granter;

/// Tries to save or load, as in `src/store/shared.rs`.
const MOST_TRIES: u32 = 64;

pub(crate) struct Stores {
    pub(crate) client: Client,
    pub(crate) disk: Rc<Disk>,
    /// Delay of refreshes without Redis.
    jitter: Duration,
    reach: Reach,
    heard: RefCell<Heard>,
    granted_here: Cell<u64>,
    /// Parts that this process last read from Redis or saved there.
    known_parts: RefCell<Vec<String>>,
    /// Raised when Redis is back, so that the replica subscribes again.
    pub(crate) back: Signal,
}

impl Stores {
    pub(crate) fn new(client: Client, disk: Rc<Disk>) -> Stores {
        let world = &client.world;
        let jitter = (world.setting.hold / 4).mul_f64(world.random.share());
        Stores {
            client,
            disk,
            jitter,
            reach: Reach::default(),
            heard: RefCell::default(),
            granted_here: Cell::default(),
            known_parts: RefCell::default(),
            back: Signal::default(),
        }
    }

    pub(crate) fn boot(&self) -> BootTime {
        self.client.clock.boot(self.client.world.executor.now())
    }

    fn wall(&self) -> u64 {
        self.client.clock.wall(self.client.world.executor.now())
    }

    pub(crate) fn is_away(&self) -> bool {
        self.reach.is_away()
    }

    pub(crate) fn asked_again_in(&self) -> Option<Duration> {
        self.reach.asked_again_in(self.boot())
    }

    /// Returns the highest fence that Redis granted or reported.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.borrow().fence.0
    }

    fn last_known(&self) -> (Fence, LastAttempt) {
        let heard = *self.heard.borrow();
        let last = heard.or(self.disk.last_attempt(self.boot()), self.boot());
        (self.disk.fence().max(heard.fence), last)
    }

    async fn ask<T>(&self, call: impl AsyncFnOnce(&Client) -> Result<T, Lost>) -> Option<T> {
        let now = self.boot();
        let again_in = self.reach.asked_again_in(now);
        if again_in.is_some_and(|wait| !wait.is_zero()) {
            return None;
        }
        self.reach.look(now);
        let answer = async {
            if again_in.is_some() {
                self.client.standing().await?;
                let (highest, last) = self.last_known();
                let started = self.boot();
                self.client.restore(highest, &last).await?;
                if self.reach.is_slow() && self.is_too_slow(started) {
                    return Err(Lost::TimedOut);
                }
            }
            call(&self.client).await
        };
        match answer.await {
            Ok(value) => {
                if self.reach.answered() {
                    self.back.raise(&self.client.world.executor);
                }
                Some(value)
            }
            Err(_) => {
                // A new connection needs no simulation: each call has one.
                let (Failed::First | Failed::Again | Failed::Reconnect) =
                    self.reach.failed(self.boot());
                None
            }
        }
    }

    fn is_too_slow(&self, started: BootTime) -> bool {
        let lease = schedule::lease(self.client.world.setting.interval);
        self.reach.took(self.boot().since(started), lease)
    }

    /// Claims the next refresh.
    pub(crate) async fn claim(&self, highest: Fence) -> (Claim, Granter) {
        let world = &self.client.world;
        let (known, last) = self.last_known();
        let before = self.boot();
        let ask = Ask {
            nonce: format!("{:016x}-{}", world.random.bits(), before.0),
            highest: highest.max(known),
            heard: self.heard.borrow().fence,
            age: last.age,
            left_alone: last.left_alone,
            interval: world.setting.interval,
            round: self.reach.round(false, before),
        };
        let claim = async |client: &Client| {
            let claim = client.claim(&ask).await?;
            self.is_too_slow(before);
            Ok(claim)
        };
        match self.ask(claim).await {
            Some(Claim::Granted(granted)) => {
                self.heard.borrow_mut().hear_granted(&granted);
                self.disk.note(&granted);
                (Claim::Granted(granted), Granter::Redis)
            }
            Some(Claim::Denied(denied)) => {
                self.heard.borrow_mut().hear_denied(before, &denied);
                (Claim::Denied(denied), Granter::Redis)
            }
            None => {
                let ask = Ask { interval: ask.interval + self.jitter, ..ask };
                let claim = self.disk.claim(&ask, self.boot(), self.wall());
                if let Claim::Granted(granted) = &claim {
                    self.granted_here.set(granted.fence.0);
                }
                (claim, Granter::Disk)
            }
        }
    }

    pub(crate) async fn renew(&self, fence: Fence) -> Option<Granted> {
        if self.granted_here.get() == fence.0 {
            return self.disk.renew(fence, self.boot(), self.wall());
        }
        let renew = async |client: &Client| {
            let started = self.boot();
            let renewed = client.renew(fence).await?;
            if renewed.is_some() && self.is_too_slow(started) {
                return Err(Lost::TimedOut);
            }
            Ok(renewed)
        };
        match self.ask(renew).await {
            Some(renewed) => {
                renewed.iter().for_each(|granted| self.heard.borrow_mut().hear_granted(granted));
                renewed
            }
            None => self.disk.renew(fence, self.boot(), self.wall()),
        }
    }

    pub(crate) async fn record(&self, fence: Fence, outcome: &Outcome) {
        let shared = self.ask(async |client| client.record(fence, outcome).await).await;
        self.disk.record(fence, outcome);
        if shared.is_some() {
            self.heard.borrow_mut().hear_end(self.boot(), outcome);
        }
    }

    /// Reads the last attempt, and restores a later attempt that Redis does not know.
    pub(crate) async fn standing(&self) -> Option<Standing> {
        let before = self.boot();
        let look = async |client: &Client| {
            let standing = client.standing().await?;
            let (highest, last) = self.last_known();
            if !heard::is_unknown(&last, standing.as_ref().map(|standing| standing.age)) {
                return Ok(standing);
            }
            client.restore(highest, &last).await?;
            client.standing().await
        };
        let Some(standing) = self.ask(look).await else {
            return Some(self.disk.standing(self.boot()));
        };
        if let Some(standing) = &standing {
            self.heard.borrow_mut().hear(before, standing);
        }
        standing
    }

    async fn load_shared(&self, own: Option<&Saved>) -> Option<Option<Saved>> {
        let loaded = self.ask(async |client| client.load(own).await).await?;
        if let Some(loaded) = &loaded {
            *self.known_parts.borrow_mut() = loaded.part_names().to_vec();
        }
        Some(loaded)
    }

    async fn save_shared(&self, saved: &Saved) -> Option<Kept> {
        let before = self.known_parts.borrow().clone();
        let kept = self.ask(async |client| client.save(saved, &before).await).await?;
        let record = &self.client.world.record;
        match kept {
            Kept::As(edition) => {
                *self.known_parts.borrow_mut() = saved.part_names().to_vec();
                record.saved(edition.fence.0, self.client.world.executor.now());
            }
            Kept::Older | Kept::Overtaken => *record.overtaken.borrow_mut() += 1,
        }
        Some(kept)
    }

    /// Saves a payload. Returns whether the payload is saved somewhere.
    pub(crate) async fn save(&self, mut saved: Saved) -> Option<Saved> {
        for overtaken in 0..MOST_TRIES {
            match self.save_shared(&saved).await {
                Some(Kept::As(edition)) => {
                    self.disk.save(&saved, edition);
                    return Some(Saved { revision: edition.revision, ..saved });
                }
                Some(Kept::Overtaken) => {
                    self.let_others_save(overtaken).await;
                    let Some(shared) = self.load_shared(Some(&saved)).await else { break };
                    if let Some(shared) = shared {
                        saved.ledger = Rc::new(absorbing(&saved.ledger, &shared.ledger));
                        saved.revision = shared.revision;
                    } else {
                        saved.revision = 0;
                    }
                }
                Some(Kept::Older) => return None,
                None => break,
            }
        }
        saved.revision += 1;
        let edition = Edition { fence: Fence(saved.fence), revision: saved.revision };
        self.disk.save(&saved, edition);
        Some(saved)
    }

    /// Loads the last save, completed with what only the disk has.
    pub(crate) async fn load(&self) -> Option<Saved> {
        for overtaken in 0..MOST_TRIES {
            if let Some(loaded) = self.completed().await {
                return loaded;
            }
            self.let_others_save(overtaken).await;
        }
        None
    }

    async fn let_others_save(&self, overtaken: u32) {
        let world = &self.client.world;
        if world.setting.gives_way {
            let longest = reach::tried_again_within(overtaken);
            world.executor.sleep(micros(longest.mul_f64(world.random.share()))).await;
        }
    }

    async fn completed(&self) -> Option<Option<Saved>> {
        let own = self.disk.saved();
        let Some(shared) = self.load_shared(own.as_ref()).await else { return Some(own) };
        let (newest, other) = match (&shared, &own) {
            (Some(shared), Some(own)) if shared.fence >= own.fence => (shared, Some(own)),
            (Some(shared), Some(own)) => (own, Some(shared)),
            (Some(only), None) | (None, Some(only)) => (only, None),
            (None, None) => return Some(None),
        };
        let ledger = other.map_or_else(
            || (*newest.ledger).clone(),
            |other| absorbing(&newest.ledger, &other.ledger),
        );
        let revision = shared.as_ref().map_or(0, |shared| shared.revision);
        let mut saved = Saved { ledger: Rc::new(ledger), revision, ..newest.clone() };
        let is_newer =
            own.as_ref().map(|own| own.fence) > shared.as_ref().map(|shared| shared.fence);
        if is_newer || shared.as_ref().map(|shared| &shared.ledger) != Some(&saved.ledger) {
            match self.save_shared(&saved).await {
                Some(Kept::As(edition)) => saved.revision = edition.revision,
                Some(Kept::Older | Kept::Overtaken) => return None,
                None => {}
            }
        }
        let edition = Edition { fence: Fence(saved.fence), revision: saved.revision };
        self.disk.save(&saved, edition);
        Some(Some(saved))
    }
}
