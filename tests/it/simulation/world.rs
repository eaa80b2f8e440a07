//! A simulated cluster: replicas, Redis, the API, visitors, and the faults of all of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::client::Client;
use super::disk::Disk;
use super::executor::{Executor, Micros, Process, SECOND};
use super::keys::Keys;
use super::local_clock::LocalClock;
use super::random::Random;
use super::record::{Record, What};
use super::replica::Replica;
use super::server::{Server, State};
use super::setting::Setting;
use super::stores::Stores;
use super::upstream::{Answer, Upstream};
use super::visitors::visit;
use movies_gen::clock::micros;

/// Time from a kill until the process starts again.
const RESTART: Micros = 500_000;

pub(crate) struct World {
    pub(crate) executor: Executor,
    pub(crate) random: Rc<Random>,
    pub(crate) setting: Setting,
    pub(crate) server: Server,
    pub(crate) record: Record,
    upstream: Upstream,
    /// The times at which shared cores are free.
    cores: Vec<Cell<Micros>>,
    replicas: RefCell<Vec<Rc<Replica>>>,
    /// The process of everything that is no replica.
    outside: Rc<Process>,
}

impl World {
    pub(crate) fn new(setting: Setting) -> Rc<World> {
        let (executor, random) = (Executor::default(), Rc::new(Random::new(setting.seed)));
        let server = Server::new(&executor, &random, setting.network);
        let cores = (0..setting.cores.unwrap_or(0)).map(|_| Cell::default()).collect();
        let world = Rc::new(World {
            executor,
            random,
            server,
            record: Record::default(),
            upstream: Upstream::default(),
            cores,
            replicas: RefCell::default(),
            outside: Rc::default(),
            setting,
        });
        for id in 0..world.setting.replicas {
            let clock = LocalClock::new(&world.random);
            let replica = world.replica(id, clock, Rc::default());
            world.replicas.borrow_mut().push(replica.clone());
            // Replicas start within a second.
            let (at, started) = (world.random.between(0, SECOND), world.clone());
            world.executor.spawn(&world.outside, async move {
                started.executor.sleep_until(at).await;
                replica.start();
            });
        }
        world.plan_faults();
        let visited = world.clone();
        world.executor.spawn(&world.outside, async move { visited.send_visitors().await });
        world
    }

    fn replica(self: &Rc<Self>, id: usize, clock: LocalClock, disk: Rc<Disk>) -> Rc<Replica> {
        // A quarter of `--hold`, as in `src/app/wiring.rs`.
        let timeout = self.setting.hold / 4;
        let client = Client { world: self.clone(), clock, timeout };
        Replica::new(id, self, Stores::new(client, disk))
    }

    /// Runs until this time.
    pub(crate) fn run_until(&self, at: Micros) {
        self.executor.run_until(at);
    }

    /// Lets go of the replicas, which refer to the world.
    pub(crate) fn end(&self) {
        self.replicas.borrow_mut().clear();
        self.executor.end();
    }

    /// Waits for the answer of the API.
    pub(crate) async fn answer(&self) -> Answer {
        let started = self.executor.now();
        let (answer, takes) = self.upstream.answer(&self.setting.api, &self.random);
        let is_bad = matches!(answer, Answer::Failed(_));
        if is_bad || takes + SECOND / 4 > micros(self.setting.hold) {
            // After a failed refresh, no load is held until the next refresh succeeds.
            let lasts = micros(self.setting.interval + 2 * self.setting.hold);
            self.record.trouble(started, started + takes + lasts, None, What::Upstream);
        }
        self.executor.sleep(takes).await;
        answer
    }

    /// Waits for a computation with this median time.
    pub(crate) async fn compute(&self, median: Micros) {
        let takes = self.random.around(median, 1.3);
        let core = self.cores.iter().min_by_key(|core| core.get());
        let start = core.map_or(0, Cell::get).max(self.executor.now());
        if let Some(core) = core {
            core.set(start + takes);
        }
        self.executor.sleep_until(start + takes).await;
    }

    async fn send_visitors(self: Rc<Self>) {
        let mean = SECOND / self.setting.loads.max(1);
        loop {
            self.executor.sleep(self.random.until_next(mean)).await;
            let replica = self.any_replica();
            if !replica.process.is_dead() {
                self.executor.spawn(&replica.process.clone(), visit(replica));
            }
        }
    }

    fn any_replica(&self) -> Rc<Replica> {
        let replicas = self.replicas.borrow();
        replicas[self.random.between(0, replicas.len() as u64) as usize].clone()
    }

    fn plan_faults(self: &Rc<Self>) {
        let faults = self.setting.faults;
        let count = self.setting.replicas as u64;
        self.every(faults.pause.map(|mean| mean / count), async |world| world.pause());
        self.every(faults.kill.map(|mean| mean / count), async |world| world.kill().await);
        self.every(faults.failover, async |world| world.fail_over().await);
        self.every(faults.wipe, async |world| world.wipe().await);
        self.every(faults.outage, async |world| world.outage().await);
        if let Some((from, until)) = self.setting.outage {
            let world = self.clone();
            self.executor.spawn(&self.outside, async move {
                world.executor.sleep_until(from).await;
                world.server.stop(State::Refuses);
                world.executor.sleep_until(until).await;
                world.server.go_on();
                world.record.trouble(from, until, None, What::Redis);
            });
        }
    }

    /// Lets a fault happen again and again, with this mean time between two of its kind.
    fn every(self: &Rc<Self>, mean: Option<Micros>, fault: impl AsyncFn(&Rc<World>) + 'static) {
        let Some(mean) = mean else { return };
        let world = self.clone();
        self.executor.spawn(&self.outside, async move {
            loop {
                world.executor.sleep(world.random.until_next(mean)).await;
                fault(&world).await;
            }
        });
    }

    fn pause(&self) {
        let (replica, now) = (self.any_replica(), self.executor.now());
        let lasts = self.random.around(300_000, 4.0).clamp(20_000, 20 * SECOND);
        replica.process.pause_until(now + lasts);
        self.record.trouble(now, now + lasts, Some(replica.id), What::Process);
    }

    async fn kill(self: &Rc<Self>) {
        let (replica, now) = (self.any_replica(), self.executor.now());
        if replica.process.is_dead() {
            return;
        }
        replica.process.kill();
        self.record.trouble(now, now + RESTART, Some(replica.id), What::Process);
        self.executor.sleep(RESTART).await;
        let (clock, disk) = (replica.stores.client.clock, replica.stores.disk.clone());
        let again = self.replica(replica.id, clock, disk);
        self.replicas.borrow_mut()[replica.id] = again.clone();
        again.start();
    }

    /// A replica of Redis without the writes of the last moments takes over.
    async fn fail_over(&self) {
        let lag = self.random.between(10_000, SECOND);
        let copy = self.server.copy();
        self.executor.sleep(lag).await;
        let from = self.executor.now();
        self.server.stop(State::Refuses);
        self.executor.sleep(self.random.between(0, 5 * SECOND)).await;
        let offset = self.random.between(0, SECOND) as i64 - 500_000;
        self.server.become_another(copy, offset);
        self.server.go_on();
        self.record.trouble(from - lag, self.executor.now(), None, What::Redis);
    }

    /// Redis restarts without persistence.
    async fn wipe(&self) {
        let from = self.executor.now();
        self.server.stop(State::Refuses);
        self.executor.sleep(self.random.between(10_000, 2 * SECOND)).await;
        self.server.become_another(Keys::default(), 0);
        self.server.go_on();
        self.record.trouble(from, self.executor.now(), None, What::Redis);
    }

    async fn outage(&self) {
        let (from, is_silent) = (self.executor.now(), self.random.happens(0.5));
        self.server.stop(if is_silent { State::IsSilent } else { State::Refuses });
        self.executor.sleep(self.random.between(SECOND, 20 * SECOND)).await;
        self.server.go_on();
        self.record.trouble(from, self.executor.now(), None, What::Redis);
    }
}
