//! Page loads, which are held as in `src/server/park.rs`.

use std::rc::Rc;

use movies_gen::clock::micros;
use movies_gen::hold::{self, Asker, Bound, Decision};

use super::executor::SECOND;
use super::record::OldLoad;
use super::replica::Replica;

/// Loads a page from a replica, and records how.
pub(crate) async fn visit(replica: Rc<Replica>) {
    let (executor, setting) = (&replica.world.executor, &replica.world.setting);
    let (max_age, interval, hold) = (setting.max_age, setting.interval, setting.hold);
    let bound = Bound { max_age, interval, hold, max_stale: None };
    let (arrived, shows) = (replica.boot(), &replica.shows);
    let came = replica.now();
    let mut is_held = false;
    let decision = loop {
        let (seen, now) = (shows.changed.count(), replica.boot());
        let (coming, takes) = (shows.coming.get(), shows.takes.get());
        match hold::decide(shows.origin.get(), coming, takes, &bound, Asker::Visitor, arrived, now)
        {
            Decision::Wait(until) => {
                if !std::mem::replace(&mut is_held, true) {
                    // The loop may still sleep: wake the loop.
                    replica.ear.wake.raise(executor);
                }
                let until = replica.stores.client.clock.when(until);
                shows.changed.wait(executor, seen, until.min(replica.now() + SECOND)).await;
            }
            decision => break decision,
        }
    };
    let record = &replica.world.record;
    *record.loads.borrow_mut() += 1;
    if is_held {
        record.held.borrow_mut().push(replica.now() - came);
    }
    let Some(origin) = shows.origin.get() else { return };
    let age = replica.boot().since(origin);
    if age > setting.max_age {
        let why = match decision {
            Decision::Old(reason) => reason.to_string(),
            _ => "fresh".to_owned(),
        };
        let (at, replica) = (replica.now(), replica.id);
        record.old.borrow_mut().push(OldLoad { at, replica, age: micros(age), why });
    }
}
