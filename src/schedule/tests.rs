//! Tests of the rule of courtesy, with single cases and with random histories of a machine.

use proptest::prelude::*;

use super::*;
use crate::clock::{BootTime, WallTime};

const MINUTE: Duration = Duration::from_secs(60);

fn after(age: u64, left_alone: Option<u64>) -> Next {
    let last = LastAttempt {
        age: Some(Duration::from_secs(age)),
        left_alone: left_alone.map(Duration::from_secs),
    };
    next(last, MINUTE)
}

fn wait(seconds: u64, because: WaitReason) -> Next {
    Next::Wait(Wait { remaining: Duration::from_secs(seconds), because })
}

#[test]
fn without_an_attempt_the_next_refresh_may_start() {
    assert_eq!(next(LastAttempt::default(), MINUTE), Next::Fetch);
}

#[test]
fn two_attempts_are_an_interval_apart() {
    assert_eq!(after(0, None), wait(60, WaitReason::Interval));
    assert_eq!(after(59, None), wait(1, WaitReason::Interval));
    assert_eq!(after(60, None), Next::Fetch);
    assert_eq!(after(1_000_000, None), Next::Fetch);
}

#[test]
fn the_later_of_interval_and_retry_after_counts() {
    assert_eq!(after(10, Some(20)), wait(50, WaitReason::Interval));
    assert_eq!(after(10, Some(300)), wait(300, WaitReason::RetryAfter));
    assert_eq!(after(100, Some(5)), wait(5, WaitReason::RetryAfter));
}

#[test]
fn no_retry_after_stops_the_site_for_longer_than_an_hour() {
    assert_eq!(after(10, Some(86_400)), wait(3_600, WaitReason::RetryAfter));
}

/// A machine with its clocks and its last attempt.
struct Machine {
    /// True time, in microseconds since the start of the history.
    really: u64,
    /// True time of the last boot.
    booted: u64,
    boots: u32,
    /// Error of the wall clock in microseconds.
    wrong_by: i64,
    kept: Option<Kept>,
}

/// The last attempt, as the machine stores the attempt, with the true times.
struct Kept {
    at: Stamp,
    asked: Option<(Stamp, Duration)>,
    /// True time of the attempt.
    really: u64,
    /// True time until which the upstream asked for no request.
    left_alone_until: u64,
    /// Microseconds by which the wall clock was set since the attempt was written.
    set_by: i64,
    /// Whether the machine was booted since the attempt was written.
    rebooted: bool,
    /// Whether the wall clock was set forward, and whether it was set back, before a boot. After a
    /// boot, the program must believe the wall clock, so these errors are permitted.
    lied: [bool; 2],
}

/// An event in the life of a machine.
#[derive(Debug, Clone)]
enum Happening {
    /// These microseconds pass. The boot clock counts them even if the machine is suspended.
    Passes(u64),
    /// The wall clock is set by these microseconds.
    ClockIsSet(i64),
    /// The machine is off for these microseconds, and starts again.
    Reboot(u64),
    /// The program makes an attempt if the rule permits an attempt. The upstream answers with this
    /// `Retry-After` in seconds.
    Looks(Option<u32>),
}

const SECOND: u64 = 1_000_000;
/// The first wall time of a machine, in microseconds: late enough that the clock can be set back.
const EPOCH: u64 = 1_795_000_000 * SECOND;

impl Machine {
    fn new() -> Machine {
        Machine { really: 0, booted: 0, boots: 0, wrong_by: 0, kept: None }
    }

    fn boot_id(&self) -> BootId {
        BootId(self.boots.to_string().into())
    }

    fn now(&self) -> Now {
        Now {
            boot: BootTime((self.really - self.booted) as i64),
            wall: WallTime((EPOCH + self.really).saturating_add_signed(self.wrong_by)),
        }
    }

    fn stamp(&self) -> Stamp {
        let Now { boot, wall } = self.now();
        Stamp { boot_id: self.boot_id(), boot, wall }
    }

    fn happens(&mut self, happening: &Happening) -> Result<(), TestCaseError> {
        match *happening {
            Happening::Passes(micros) => self.really += micros,
            Happening::ClockIsSet(by) => {
                self.wrong_by += by;
                if let Some(kept) = &mut self.kept {
                    kept.set_by += by;
                }
            }
            Happening::Reboot(off) => {
                self.really += off;
                self.booted = self.really;
                self.boots += 1;
                if let Some(kept) = &mut self.kept {
                    kept.rebooted = true;
                }
            }
            Happening::Looks(retry_after) => self.looks(retry_after)?,
        }
        Ok(())
    }

    fn looks(&mut self, retry_after: Option<u32>) -> Result<(), TestCaseError> {
        let (now, boot_id) = (self.now(), self.boot_id());
        if let Some(kept) = &mut self.kept {
            if kept.rebooted {
                kept.lied[0] |= kept.set_by > 0;
                kept.lied[1] |= kept.set_by < 0;
            }
            // A stamp from the future is written back as now, as stores do.
            let anchored = kept.at.anchored(now, &boot_id);
            if anchored.wall != kept.at.wall {
                kept.set_by = 0;
            }
            kept.at = anchored;
            kept.rebooted = false;
            if let Some((ended, _)) = &mut kept.asked {
                *ended = ended.anchored(now, &boot_id);
            }
        }
        let last = self.kept.as_ref().map_or_else(LastAttempt::default, |kept| {
            let asked = kept.asked.as_ref().map(|(ended, asked)| (ended, *asked));
            LastAttempt::of(&kept.at, asked, now, &boot_id)
        });
        let next = next(last, MINUTE);
        if let Some(kept) = &self.kept {
            let may_from = (kept.really + 60 * SECOND).max(kept.left_alone_until);
            let [lied_forward, lied_back] = kept.lied;
            match next {
                Next::Fetch => prop_assert!(
                    self.really >= may_from || lied_forward,
                    "{} s too early",
                    (may_from - self.really) / SECOND
                ),
                Next::Wait(Wait { remaining, .. }) => {
                    let remaining = remaining.as_micros() as u64;
                    prop_assert!(remaining <= LONGEST_RETRY_AFTER.as_micros() as u64);
                    prop_assert!(
                        self.really + remaining <= may_from || lied_back,
                        "{} s later than needed",
                        (self.really + remaining - may_from) / SECOND
                    );
                }
            }
        }
        if next == Next::Fetch {
            let asked = retry_after.map(|seconds| Duration::from_secs(seconds.into()));
            let alone = asked.unwrap_or_default().min(LONGEST_RETRY_AFTER).as_micros() as u64;
            self.kept = Some(Kept {
                at: self.stamp(),
                asked: asked.map(|asked| (self.stamp(), asked)),
                really: self.really,
                left_alone_until: self.really + alone,
                set_by: 0,
                rebooted: false,
                lied: [false; 2],
            });
        }
        Ok(())
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    let year = 365 * 86_400 * SECOND as i64;
    prop_oneof![
        3 => (0..90 * SECOND).prop_map(Happening::Passes),
        1 => (0..10_000 * SECOND).prop_map(Happening::Passes),
        1 => (-year..year).prop_map(Happening::ClockIsSet),
        1 => (-90 * SECOND as i64..90 * SECOND as i64).prop_map(Happening::ClockIsSet),
        1 => (0..200 * SECOND).prop_map(Happening::Reboot),
        4 => Just(Happening::Looks(None)),
        1 => proptest::option::of(0..20_000_u32).prop_map(Happening::Looks),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_attempt_is_too_early_and_no_attempt_is_later_than_necessary(
        happenings in proptest::collection::vec(happening(), 1..60)
    ) {
        let mut machine = Machine::new();
        for happening in &happenings {
            machine.happens(happening)?;
        }
    }
}
