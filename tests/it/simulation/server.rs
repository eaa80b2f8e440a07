//! The simulated Redis: one thread that runs one request after the other.
//!
//! Owns the queue, the clock of Redis, the subscribers, the faults, and the count of what Redis did
//! in each second.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::executor::{Executor, Micros, Process, SECOND, Signal};
use super::keys::{Bytes, Keys, Reply, length_of_request};
use super::random::Random;
use super::scripts::{Data, Script, Scripts};
use super::setting::Network;

/// Processor time of Redis for a request, in nanoseconds: reading and writing, running a script, each
/// command, each subscriber of an announcement, each kilobyte. A call of `load.lua` for the head takes
/// 11 µs here; redis-server 7.0 took 9 µs with 50 connections and 12 µs with 500 connections
/// (`redis-benchmark`).
const REQUEST: u64 = 4_000;
const SCRIPT: u64 = 4_000;
const COMMAND: u64 = 800;
const SUBSCRIBER: u64 = 1_500;
const KILOBYTE: u64 = 300;

/// Time at the start of the simulation on exact clocks, in microseconds since 1970.
pub(crate) const EPOCH: u64 = 1_800_000_000_000_000;

/// The channel of announcements, for its length.
const CHANNEL: &str = "{movies-gen:0123456789ab}:saved";

/// A request to Redis.
pub(crate) enum Request {
    Script { script: Script, keys: Vec<Bytes>, arguments: Vec<Bytes> },
    Commands(Vec<Vec<Bytes>>),
}

impl Request {
    /// Returns the length on the wire in bytes.
    fn length(&self) -> u64 {
        match self {
            Request::Script { keys, arguments, .. } => {
                // EVALSHA, the digest, and the number of keys.
                let head = [&b"EVALSHA"[..], &[0; 40], b"2"];
                let words = keys.iter().chain(arguments).map(|word| &**word);
                length_of_request(head.into_iter().chain(words).collect::<Vec<_>>().into_iter())
            }
            Request::Commands(commands) => commands
                .iter()
                .map(|words| length_of_request(words.iter().map(|word| &**word)))
                .sum(),
        }
    }
}

/// What Redis does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Answers,
    /// No process listens: a client knows this at once.
    Refuses,
    /// A client waits for its timeout.
    IsSilent,
}

/// A subscriber.
#[derive(Default)]
pub(crate) struct Ear {
    pub(crate) process: Rc<Process>,
    pub(crate) is_subscribed: Cell<bool>,
    /// Whether there was an announcement that the replica has not handled yet.
    pub(crate) has_heard: Cell<bool>,
    pub(crate) wake: Rc<Signal>,
}

/// What Redis did in one second.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Load {
    pub(crate) scripts: u64,
    /// Commands, those in scripts and the calls of scripts included, as Redis counts them.
    pub(crate) commands: u64,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    /// Processor time in nanoseconds.
    pub(crate) busy: u64,
}

/// The server.
pub(crate) struct Server {
    executor: Executor,
    random: Rc<Random>,
    network: Network,
    data: Rc<Data>,
    scripts: Scripts,
    state: Cell<State>,
    free_at: Cell<Micros>,
    /// Error of the clock in microseconds.
    offset: Cell<i64>,
    /// Raised when connections break.
    pub(crate) broke: Signal,
    ears: RefCell<Vec<Rc<Ear>>>,
    loads: RefCell<Vec<Load>>,
}

impl Server {
    pub(crate) fn new(executor: &Executor, random: &Rc<Random>, network: Network) -> Server {
        let data = Rc::new(Data::default());
        let scripts = Scripts::new(&data);
        Server {
            executor: executor.clone(),
            random: random.clone(),
            network,
            data,
            scripts,
            state: Cell::new(State::Answers),
            free_at: Cell::default(),
            offset: Cell::default(),
            broke: Signal::default(),
            ears: RefCell::default(),
            loads: RefCell::default(),
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state.get()
    }

    /// Runs a request that arrives now. Returns the answer and the time at which it leaves.
    pub(crate) fn run(&self, request: &Request) -> (Reply, Micros) {
        let start = self.free_at.get().max(self.executor.now());
        self.data.clock.set((EPOCH + start).saturating_add_signed(self.offset.get()));
        self.data.subscribers.set(self.ears.borrow().len());
        let before = self.data.commands.get();
        let (reply, scripts) = match request {
            Request::Script { script, keys, arguments } => {
                self.data.commands.set(before + 1);
                (self.scripts.run(*script, keys, arguments), 1)
            }
            Request::Commands(commands) => {
                let run = |words: &Vec<Bytes>| self.data.command(words);
                (Reply::List(commands.iter().map(run).collect()), 0)
            }
        };
        let commands = self.data.commands.get() - before;
        let (received, mut sent) = (request.length(), reply.length());
        let mut busy = REQUEST + scripts * SCRIPT + commands * COMMAND;
        busy += (received + sent) * KILOBYTE / 1_000;
        let heard = self.announce(start, &mut sent);
        busy += heard * SUBSCRIBER;
        self.count(start, Load { scripts, commands, received, sent, busy });
        let end = start + busy.div_ceil(1_000);
        self.free_at.set(end);
        (reply, end)
    }

    /// Sends the announcements of the last request. Returns how many messages were sent.
    fn announce(&self, start: Micros, sent: &mut u64) -> u64 {
        let mut count = 0;
        let messages: Vec<_> = self.data.announced.borrow_mut().drain(..).collect();
        for message in messages {
            for ear in self.ears.borrow().iter().filter(|ear| ear.is_subscribed.get()) {
                count += 1;
                let words = [&b"message"[..], CHANNEL.as_bytes(), &message];
                *sent += length_of_request(words.into_iter());
                if self.random.happens(self.network.lost_announcements) {
                    continue;
                }
                let at = start + count * SUBSCRIBER / 1_000 + self.network.way(&self.random);
                let (executor, heard) = (self.executor.clone(), ear.clone());
                self.executor.spawn(&ear.process, async move {
                    executor.sleep_until(at).await;
                    heard.has_heard.set(true);
                    heard.wake.raise(&executor);
                });
            }
        }
        count
    }

    fn count(&self, at: Micros, load: Load) {
        let mut loads = self.loads.borrow_mut();
        let second = (at / SECOND) as usize;
        if loads.len() <= second {
            loads.resize(second + 1, Load::default());
        }
        let known = &mut loads[second];
        known.scripts += load.scripts;
        known.commands += load.commands;
        known.received += load.received;
        known.sent += load.sent;
        known.busy += load.busy;
    }

    /// Returns what Redis did in each second.
    pub(crate) fn loads(&self) -> Vec<Load> {
        self.loads.borrow().clone()
    }

    /// Subscribes. The ear hears the announcements until connections break.
    pub(crate) fn subscribe(&self, ear: &Rc<Ear>) {
        let mut ears = self.ears.borrow_mut();
        ears.retain(|known| !known.process.is_dead() && !Rc::ptr_eq(known, ear));
        ear.is_subscribed.set(true);
        ears.push(ear.clone());
    }

    /// Breaks all connections.
    fn break_connections(&self) {
        self.ears.borrow_mut().drain(..).for_each(|ear| ear.is_subscribed.set(false));
        self.broke.raise(&self.executor);
    }

    /// Stops to answer, in this way.
    pub(crate) fn stop(&self, state: State) {
        self.state.set(state);
        self.break_connections();
    }

    /// Answers again.
    pub(crate) fn go_on(&self) {
        self.state.set(State::Answers);
    }

    /// Returns a copy of all keys, as a replica of Redis has it.
    pub(crate) fn copy(&self) -> Keys {
        self.data.keys.borrow().clone()
    }

    /// Continues as another server, with these keys and with another error of the clock.
    pub(crate) fn become_another(&self, keys: Keys, offset: i64) {
        *self.data.keys.borrow_mut() = keys;
        self.offset.set(offset);
        self.break_connections();
    }
}
