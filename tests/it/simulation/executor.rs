//! Tasks in simulated time: one thread, and a clock that jumps to the next event.
//!
//! Owns the order of events: by time, then in the order in which they were planned. The same seed
//! therefore gives the same run. A task belongs to a process; the tasks of a process stand still
//! while the process is paused, and end when the process is killed.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Simulated time in microseconds since the start of the simulation.
pub(crate) type Micros = u64;

/// One second.
pub(crate) const SECOND: Micros = 1_000_000;

type TaskId = u64;

/// A process, which can be paused and killed.
#[derive(Default)]
pub(crate) struct Process {
    is_dead: Cell<bool>,
    paused_until: Cell<Micros>,
}

impl Process {
    /// Stops the process until this time.
    pub(crate) fn pause_until(&self, at: Micros) {
        self.paused_until.set(self.paused_until.get().max(at));
    }

    pub(crate) fn kill(&self) {
        self.is_dead.set(true);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.get()
    }
}

struct Task {
    process: Rc<Process>,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

#[derive(Default)]
struct Inner {
    now: Cell<Micros>,
    planned: Cell<u64>,
    current: Cell<TaskId>,
    timers: RefCell<BinaryHeap<Reverse<(Micros, u64, TaskId)>>>,
    ready: RefCell<VecDeque<TaskId>>,
    tasks: RefCell<HashMap<TaskId, Task>>,
}

/// The executor. A clone shares the clock.
#[derive(Clone, Default)]
pub(crate) struct Executor(Rc<Inner>);

impl Executor {
    /// Returns the simulated time.
    pub(crate) fn now(&self) -> Micros {
        self.0.now.get()
    }

    /// Starts a task of this process.
    pub(crate) fn spawn(&self, process: &Rc<Process>, task: impl Future<Output = ()> + 'static) {
        let id = self.number();
        let task = Task { process: process.clone(), future: Box::pin(task) };
        self.0.tasks.borrow_mut().insert(id, task);
        self.0.ready.borrow_mut().push_back(id);
    }

    /// Waits until this time.
    pub(crate) async fn sleep_until(&self, at: Micros) {
        let mut is_planned = false;
        poll_fn(|_| {
            if self.now() >= at {
                return Poll::Ready(());
            }
            if !std::mem::replace(&mut is_planned, true) {
                self.plan(at, self.0.current.get());
            }
            Poll::Pending
        })
        .await;
    }

    /// Waits for this time.
    pub(crate) async fn sleep(&self, time: Micros) {
        self.sleep_until(self.now() + time).await;
    }

    /// Runs everything that happens until this time.
    pub(crate) fn run_until(&self, end: Micros) {
        loop {
            while let Some(task) = self.pop_ready() {
                self.poll(task);
            }
            let next = self.0.timers.borrow().peek().map(|Reverse((at, ..))| *at);
            let Some(at) = next.filter(|&at| at <= end) else { break };
            let Some(Reverse((_, _, task))) = self.0.timers.borrow_mut().pop() else { break };
            self.0.now.set(at);
            self.0.ready.borrow_mut().push_back(task);
        }
        self.0.now.set(end);
    }

    /// Drops all tasks.
    pub(crate) fn end(&self) {
        let tasks = self.0.tasks.take();
        drop(tasks);
    }

    fn pop_ready(&self) -> Option<TaskId> {
        self.0.ready.borrow_mut().pop_front()
    }

    fn poll(&self, id: TaskId) {
        let Some(mut task) = self.0.tasks.borrow_mut().remove(&id) else { return };
        if task.process.is_dead() {
            return;
        }
        let paused_until = task.process.paused_until.get();
        if paused_until > self.now() {
            self.plan(paused_until, id);
        } else {
            self.0.current.set(id);
            if task.future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                return;
            }
        }
        self.0.tasks.borrow_mut().insert(id, task);
    }

    fn plan(&self, at: Micros, task: TaskId) {
        let number = self.number();
        self.0.timers.borrow_mut().push(Reverse((at, number, task)));
    }

    fn number(&self) -> u64 {
        self.0.planned.set(self.0.planned.get() + 1);
        self.0.planned.get()
    }
}

/// Something that tasks wait for.
#[derive(Default)]
pub(crate) struct Signal {
    raised: Cell<u64>,
    waiting: RefCell<Vec<TaskId>>,
}

impl Signal {
    /// Returns how often the signal was raised, for [`Signal::wait`].
    pub(crate) fn count(&self) -> u64 {
        self.raised.get()
    }

    /// Wakes the tasks that wait.
    pub(crate) fn raise(&self, executor: &Executor) {
        self.raised.set(self.raised.get() + 1);
        executor.0.ready.borrow_mut().extend(self.waiting.borrow_mut().drain(..));
    }

    /// Waits until the signal was raised more often than `seen`, but not longer than until this time.
    pub(crate) async fn wait(&self, executor: &Executor, seen: u64, until: Micros) {
        let mut is_planned = false;
        poll_fn(|_| {
            if self.raised.get() > seen || executor.now() >= until {
                return Poll::Ready(());
            }
            let current = executor.0.current.get();
            if !std::mem::replace(&mut is_planned, true) && until < Micros::MAX {
                executor.plan(until, current);
            }
            let mut waiting = self.waiting.borrow_mut();
            if !waiting.contains(&current) {
                waiting.push(current);
            }
            Poll::Pending
        })
        .await;
    }
}
