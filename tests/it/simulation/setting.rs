//! What is simulated: sizes, times and faults.

use std::time::Duration;

use super::executor::{Micros, SECOND};
use super::random::Random;

/// The network between replicas and Redis, in one data centre.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Network {
    /// Median time of one way in microseconds.
    pub(crate) way: Micros,
    /// Share of messages that are lost and sent again by TCP, 200 ms later.
    pub(crate) sent_again: f64,
    /// Share of replies that are lost because the connection breaks.
    pub(crate) lost_replies: f64,
    /// Share of announcements that are lost.
    pub(crate) lost_announcements: f64,
}

/// Time after which TCP sends a lost packet again, at least.
const SENT_AGAIN_AFTER: Micros = 200_000;

impl Network {
    pub(crate) const DATA_CENTRE: Network =
        Network { way: 150, sent_again: 1e-4, lost_replies: 1e-4, lost_announcements: 0.01 };
    /// A socket of the same machine.
    pub(crate) const LOCAL: Network =
        Network { way: 40, sent_again: 0.0, lost_replies: 0.0, lost_announcements: 0.0 };

    /// Returns the time that a message takes.
    pub(crate) fn way(&self, random: &Random) -> Micros {
        let late = if random.happens(self.sent_again) { SENT_AGAIN_AFTER } else { 0 };
        late + random.around(self.way, 1.6)
    }
}

/// The API.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Api {
    /// Median time of an answer.
    pub(crate) answer: Micros,
    /// Share of refreshes with other data than before.
    pub(crate) changes: f64,
    /// Share of answers that are errors.
    pub(crate) fails: f64,
    /// Share of answers that take longer than `--hold`.
    pub(crate) is_slow: f64,
}

/// Mean times between faults; `None`: never.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    /// For each replica: the process stands still for 20 ms to 20 s.
    pub(crate) pause: Option<Micros>,
    /// For each replica: the process is killed and starts again.
    pub(crate) kill: Option<Micros>,
    /// Redis fails over to a copy without the newest writes.
    pub(crate) failover: Option<Micros>,
    /// Redis comes back empty.
    pub(crate) wipe: Option<Micros>,
    /// Redis cannot be reached for some seconds.
    pub(crate) outage: Option<Micros>,
}

/// A simulated cluster.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) replicas: usize,
    pub(crate) lasts: Micros,
    pub(crate) interval: Duration,
    pub(crate) max_age: Duration,
    pub(crate) hold: Duration,
    pub(crate) network: Network,
    pub(crate) api: Api,
    pub(crate) faults: Faults,
    /// Page loads of all replicas together in a second.
    pub(crate) loads: u64,
    /// Median processor time from a payload to the published site, if the data changed.
    pub(crate) build: Micros,
    /// Median processor time to confirm unchanged data.
    pub(crate) confirm: Micros,
    /// Whether a call is made again if its connection broke, as the program does.
    pub(crate) calls_again: bool,
    /// Whether a replica waits after a save that was overtaken, as the program does.
    pub(crate) gives_way: bool,
    /// A time in which Redis cannot be reached, from and until.
    pub(crate) outage: Option<(Micros, Micros)>,
    /// Cores that all replicas share; `None` if each replica has enough cores.
    pub(crate) cores: Option<usize>,
    /// Bytes of the films, the people and the ledger.
    pub(crate) bytes: [usize; 3],
}

impl Setting {
    /// The settings of the program, with a catalogue of 22 films, in one data centre.
    pub(crate) fn of(replicas: usize, lasts: Micros) -> Setting {
        Setting {
            seed: 23,
            replicas,
            lasts,
            interval: Duration::from_secs(60),
            max_age: Duration::from_secs(60),
            hold: Duration::from_secs(2),
            network: Network::DATA_CENTRE,
            api: Api { answer: 200_000, changes: 0.5, fails: 0.0, is_slow: 0.0 },
            faults: Faults::default(),
            loads: 200,
            build: 40_000,
            confirm: 2_000,
            calls_again: true,
            gives_way: true,
            outage: None,
            cores: None,
            bytes: [30_000, 30_000, 15_000],
        }
    }

    /// The same with an API that needs about 1.5 s for an answer.
    pub(crate) fn with_slow_api(self) -> Setting {
        Setting { api: Api { answer: 1_500_000, ..self.api }, hold: Duration::from_secs(4), ..self }
    }

    /// The same without Redis for 90 s, so that each replica makes a refresh or two on its own.
    pub(crate) fn with_an_outage(self) -> Setting {
        Setting { outage: Some((150 * SECOND, 240 * SECOND)), ..self }
    }

    /// Adds faults of all kinds. Each replica has faults as often as a bad machine has them.
    pub(crate) fn with_faults(self) -> Setting {
        let hour = 3_600 * SECOND;
        let faults = Faults {
            pause: Some(hour / 4),
            kill: Some(hour),
            failover: Some(hour / 20),
            wipe: Some(hour / 12),
            outage: Some(hour / 12),
        };
        let api = Api { fails: 0.03, is_slow: 0.02, ..self.api };
        Setting { faults, api, ..self }
    }
}
