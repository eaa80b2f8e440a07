//! One replica: the event loop of `src/app/event_loop.rs` and the steps of a refresh.
//!
//! Owns the order of these steps. The decisions are those of the program: [`schedule`], [`coming`],
//! [`Edition::differs_from`](movies_gen::store::Edition::differs_from) and the rules in
//! [`Stores`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use movies_gen::clock::{BootTime, Stamp, micros};
use movies_gen::coming::{self, Circumstances, SeenAttempt};
use movies_gen::hold::Coming;
use movies_gen::outcome::{FailureKind, Outcome, OutcomeKind};
use movies_gen::payload::Fence;
use movies_gen::schedule;
use movies_gen::store::{Claim, Edition, Granted, Standing};

use super::content::{Saved, bounded};
use super::executor::{Micros, Process, SECOND, Signal};
use super::record::{Granter, Sent, Shown};
use super::server::Ear;
use super::stores::Stores;
use super::upstream::Answer;
use super::world::World;

/// Renewals of a claim for one request, as in `src/app/asking.rs`.
const MOST_RENEWALS: usize = 4;

/// The end of the requests of a refresh.
struct Fetched {
    fence: Fence,
    origin: Stamp,
    answer: Answer,
    took: Duration,
}

/// The requests of the refresh that is being made.
#[derive(Default)]
enum Requests {
    #[default]
    None,
    InFlight,
    Answered(Fetched),
}

/// What the server of a replica knows.
pub(crate) struct Shows {
    pub(crate) origin: Cell<Option<BootTime>>,
    pub(crate) coming: Cell<Coming>,
    pub(crate) takes: Cell<Duration>,
    /// Raised after each change.
    pub(crate) changed: Signal,
    fence: Cell<u64>,
}

pub(crate) struct Replica {
    pub(crate) id: usize,
    pub(crate) world: Rc<World>,
    pub(crate) process: Rc<Process>,
    pub(crate) stores: Stores,
    pub(crate) ear: Rc<Ear>,
    pub(crate) shows: Shows,
    known: RefCell<Option<Saved>>,
    due: Cell<BootTime>,
    requests: RefCell<Requests>,
    is_working: Cell<bool>,
    gave_way: Cell<bool>,
}

/// What the loop does next.
enum Next {
    Refresh,
    Look,
    Restore,
    /// An act ended, or an answer came.
    GoOn,
}

impl Replica {
    pub(crate) fn new(id: usize, world: &Rc<World>, stores: Stores) -> Rc<Replica> {
        let process: Rc<Process> = Rc::default();
        let now = stores.boot();
        Rc::new(Replica {
            id,
            world: world.clone(),
            ear: Rc::new(Ear { process: process.clone(), ..Ear::default() }),
            process,
            stores,
            shows: Shows {
                origin: Cell::new(None),
                coming: Cell::new(Coming::Due(now)),
                takes: Cell::default(),
                changed: Signal::default(),
                fence: Cell::default(),
            },
            known: RefCell::default(),
            due: Cell::new(now),
            requests: RefCell::default(),
            is_working: Cell::default(),
            gave_way: Cell::default(),
        })
    }

    pub(crate) fn now(&self) -> Micros {
        self.world.executor.now()
    }

    pub(crate) fn boot(&self) -> BootTime {
        self.stores.boot()
    }

    /// Starts the tasks of the process.
    pub(crate) fn start(self: &Rc<Self>) {
        let replica = self.clone();
        self.world.executor.spawn(&self.process, async move { replica.run().await });
        let replica = self.clone();
        self.world.executor.spawn(&self.process, async move { replica.hear().await });
    }

    /// Whether the replica makes a refresh.
    pub(crate) fn is_refreshing(&self) -> bool {
        !matches!(*self.requests.borrow(), Requests::None)
    }

    /// Subscribes to announcements, again after each gap.
    async fn hear(self: Rc<Self>) {
        let World { executor, random, server, setting, .. } = &*self.world;
        loop {
            executor.sleep(2 * setting.network.way(random)).await;
            if server.state() == super::server::State::Answers {
                let broke = server.broke.count();
                server.subscribe(&self.ear);
                self.ear.has_heard.set(true);
                self.ear.wake.raise(executor);
                server.broke.wait(executor, broke, Micros::MAX).await;
            }
            let back = self.stores.back.count();
            self.stores.back.wait(executor, back, executor.now() + SECOND).await;
        }
    }

    async fn run(self: Rc<Self>) {
        let replica = self.clone();
        self.act(async move { replica.take_in_saved().await });
        loop {
            if !self.is_working.get() && self.finish() {
                continue;
            }
            let is_asking = matches!(*self.requests.borrow(), Requests::InFlight);
            let poll = coming::look_again_in(
                self.shows.coming.get(),
                is_asking,
                self.stores.asked_again_in(),
                self.world.setting.hold,
                self.boot(),
            );
            match self.next(micros(poll)).await {
                Next::Refresh => self.begin().await,
                Next::Look => self.look().await,
                Next::Restore => drop(self.stores.standing().await),
                Next::GoOn => {}
            }
        }
    }

    async fn next(&self, poll: Micros) -> Next {
        let executor = &self.world.executor;
        let polled = self.now();
        let (was_working, was_asking) = (self.is_working.get(), self.is_asking());
        loop {
            let seen = self.ear.wake.count();
            if self.is_working.get() != was_working || self.is_asking() != was_asking {
                return Next::GoOn;
            }
            let due = self.stores.client.clock.when(self.due.get());
            let mut until = polled + poll;
            if !self.is_working.get() {
                if !self.is_refreshing() {
                    if due <= self.now() {
                        self.gave_way.set(!self.gave_way.get());
                        let is_first = self.gave_way.get() && self.ear.has_heard.take();
                        return if is_first { Next::Look } else { Next::Refresh };
                    }
                    until = until.min(due);
                }
                if self.ear.has_heard.take() || polled + poll <= self.now() {
                    return Next::Look;
                }
            } else if polled + poll <= self.now() {
                return Next::Restore;
            }
            self.ear.wake.wait(executor, seen, until.min(self.now() + SECOND)).await;
        }
    }

    fn is_asking(&self) -> bool {
        matches!(*self.requests.borrow(), Requests::InFlight)
    }

    /// Runs an act of the pipeline, while the loop goes on.
    fn act(self: &Rc<Self>, act: impl Future<Output = ()> + 'static) {
        self.is_working.set(true);
        let replica = self.clone();
        self.world.executor.spawn(&self.process, async move {
            act.await;
            replica.is_working.set(false);
            replica.ear.wake.raise(&replica.world.executor);
        });
    }

    async fn begin(self: &Rc<Self>) {
        let heard = self.stores.heard();
        let highest = self.known.borrow().as_ref().map_or(0, |known| known.fence);
        let (claim, granter) = self.stores.claim(Fence(highest)).await;
        match claim {
            Claim::Granted(granted) => {
                self.put_coming(Coming::InFlight(granted.at.boot));
                if !self.differs_from(granted.saved) {
                    return self.ask(granted, granter, heard);
                }
                let replica = self.clone();
                self.act(async move {
                    replica.take_up(granted.saved).await;
                    replica.ask(granted, granter, heard);
                });
            }
            Claim::Denied(denied) => {
                let due = self.boot() + denied.wait.remaining;
                self.due.set(due);
                let standing = denied.standing;
                if !self.differs_from(standing.saved) {
                    return self.put_coming(self.coming(&standing, due));
                }
                let replica = self.clone();
                self.act(async move {
                    replica.take_up(standing.saved).await;
                    replica.put_coming(replica.coming(&standing, due));
                });
            }
        }
    }

    /// Sends the requests of a claim within its lease.
    fn ask(self: &Rc<Self>, granted: Granted, granter: Granter, heard: u64) {
        *self.requests.borrow_mut() = Requests::InFlight;
        let replica = self.clone();
        self.world.executor.spawn(&self.process, async move {
            let fetched = replica.fetch(granted, granter, heard).await;
            *replica.requests.borrow_mut() = Requests::Answered(fetched);
            replica.ear.wake.raise(&replica.world.executor);
        });
    }

    async fn fetch(&self, granted: Granted, granter: Granter, heard: u64) -> Fetched {
        let (fence, started) = (granted.fence, self.boot());
        let lease = schedule::lease(self.world.setting.interval);
        let mut claim = Some(granted);
        for _ in 0..MOST_RENEWALS {
            let at = claim.as_ref().map(|granted| granted.at.boot);
            match at {
                Some(at) if self.boot().since(at) > lease => {
                    claim = self.stores.renew(fence).await;
                }
                _ => break,
            }
        }
        let in_time = claim.filter(|granted| self.boot().since(granted.at.boot) <= lease);
        let Some(granted) = in_time else {
            let origin = Stamp {
                boot_id: movies_gen::clock::BootId("simulated".into()),
                boot: started,
                wall: movies_gen::clock::WallTime(0),
            };
            let answer = Answer::Failed(FailureKind::Interrupted);
            return Fetched { fence, origin, answer, took: Duration::ZERO };
        };
        let sent = Sent { at: self.now(), replica: self.id, fence: fence.0, granter, heard };
        self.world.record.sent.borrow_mut().push(sent);
        let now = self.boot();
        let origin = Stamp { boot: granted.at.boot.min(now), ..granted.at };
        let answer = self.world.answer().await;
        Fetched { fence, origin, answer, took: self.boot().since(started) }
    }

    /// Takes in the answer of the upstream, if there is one. Returns whether there was one.
    fn finish(self: &Rc<Self>) -> bool {
        let requests = self.requests.take();
        let Requests::Answered(fetched) = requests else {
            *self.requests.borrow_mut() = requests;
            return false;
        };
        let replica = self.clone();
        self.act(async move { replica.end(fetched).await });
        true
    }

    async fn end(&self, fetched: Fetched) {
        let started = self.boot();
        let interval = self.world.setting.interval;
        let due = schedule::due(self.stores.disk.last_attempt(started), interval, started);
        let kind = match fetched.answer {
            Answer::Good(content) => self.take_in(&fetched, content).await,
            Answer::Failed(kind) => OutcomeKind::Failed(kind),
        };
        let outcome = Outcome::of(kind);
        let is_good = outcome.kind.is_good();
        if is_good {
            let takes = self.shows.takes.get() * 3 / 4;
            let took = fetched.took + self.boot().since(started);
            self.shows.takes.set(took.max(takes));
        }
        self.stores.record(fetched.fence, &outcome).await;
        self.due.set(due);
        self.put_coming(if is_good { Coming::Due(due) } else { Coming::Failed });
    }

    /// Checks, saves and shows a payload.
    async fn take_in(&self, fetched: &Fetched, content: u64) -> OutcomeKind {
        let known = self.known.borrow().clone();
        let is_same = known.as_ref().is_some_and(|known| known.content == content);
        let mut ledger = known.as_ref().map(|known| (*known.ledger).clone()).unwrap_or_default();
        if is_same {
            self.show(fetched.fence.0, fetched.origin.boot);
            self.world.compute(self.world.setting.confirm).await;
        } else {
            ledger.entry(content).or_insert(fetched.origin.wall.0);
        }
        let saved = Saved {
            fence: fetched.fence.0,
            revision: known.map_or(0, |known| known.revision),
            origin: fetched.origin.clone(),
            content,
            ledger: Rc::new(bounded(ledger)),
        };
        *self.known.borrow_mut() = Some(saved.clone());
        let Some(saved) = self.stores.save(saved).await else {
            self.take_in_saved().await;
            return OutcomeKind::Failed(FailureKind::Interrupted);
        };
        *self.known.borrow_mut() = Some(saved);
        if is_same {
            return OutcomeKind::Unchanged;
        }
        self.world.compute(self.world.setting.build).await;
        self.show(fetched.fence.0, fetched.origin.boot);
        OutcomeKind::Changed
    }

    fn differs_from(&self, saved: Edition) -> bool {
        let known = self.known.borrow().as_ref().map_or_else(Edition::default, |known| Edition {
            fence: Fence(known.fence),
            revision: known.revision,
        });
        saved.differs_from(known, true)
    }

    async fn take_up(&self, saved: Edition) {
        if self.differs_from(saved) {
            self.take_in_saved().await;
        }
    }

    /// Loads the last save and shows its data.
    async fn take_in_saved(&self) {
        let Some(loaded) = self.stores.load().await else { return };
        let known = self.known.borrow().clone();
        if known.as_ref().is_some_and(|known| loaded.fence < known.fence) {
            return;
        }
        let is_same = known.is_some_and(|known| known.content == loaded.content);
        let setting = &self.world.setting;
        self.world.compute(if is_same { setting.confirm } else { setting.build }).await;
        let (fence, origin) = (loaded.fence, loaded.origin.boot);
        *self.known.borrow_mut() = Some(loaded);
        self.show(fence, origin);
    }

    /// Takes over what another replica did.
    async fn look(self: &Rc<Self>) {
        let standing = self.stores.standing().await;
        if self.is_refreshing() || self.is_working.get() {
            return;
        }
        let saved = standing.as_ref().map_or_else(Edition::default, |standing| standing.saved);
        let due = self.due.get();
        if !self.differs_from(saved) {
            if let Some(standing) = standing {
                self.put_coming(self.coming(&standing, due));
            }
            return;
        }
        let replica = self.clone();
        self.act(async move {
            replica.take_up(saved).await;
            if let Some(standing) = standing {
                replica.put_coming(replica.coming(&standing, due));
            }
        });
    }

    fn coming(&self, standing: &Standing, due: BootTime) -> Coming {
        let now = self.boot();
        let attempt = SeenAttempt {
            claimed: now - standing.age,
            ended_well: standing.outcome.as_ref().map(|outcome| outcome.kind.is_good()),
            is_lost: standing.is_lost,
            due,
        };
        let known = Circumstances {
            before: self.shows.coming.get(),
            origin: self.known.borrow().as_ref().map(|known| known.origin.boot),
            has_company: !self.stores.is_away(),
            has_unended_attempt: standing.is_lost && self.stores.disk.has_unended_attempt(),
        };
        coming::of(&attempt, &known, self.world.setting.interval, now)
    }

    fn put_coming(&self, coming: Coming) {
        if self.shows.coming.replace(coming) != coming {
            self.shows.changed.raise(&self.world.executor);
        }
    }

    fn show(&self, fence: u64, origin: BootTime) {
        if fence < self.shows.fence.get() {
            return;
        }
        self.shows.origin.set(Some(origin));
        if self.shows.fence.replace(fence) != fence {
            let shown = Shown { fence, replica: self.id, at: self.now() };
            self.world.record.shown.borrow_mut().push(shown);
        }
        self.shows.changed.raise(&self.world.executor);
    }
}
