//! The only module that reads clocks.
//!
//! Two clocks matter. *Boot time* (`CLOCK_BOOTTIME`) measures ages and waits: it never steps and,
//! unlike [`std::time::Instant`], continues while the machine is suspended. *Wall time* names
//! moments for people, header fields and other machines. Wall time may be wrong and may step, so
//! an age is computed from wall time only if the boot time of the same boot is not known.
//!
//! All other modules receive a [`Now`] as an argument and read no clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Microseconds since this machine booted, including suspended time. Negative for a moment before
/// the boot, such as the origin time of data from an earlier boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootTime(pub i64);

impl BootTime {
    /// Returns the time since `earlier`; zero if `earlier` lies in the future.
    pub fn since(self, earlier: BootTime) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl std::ops::Add<Duration> for BootTime {
    type Output = BootTime;
    fn add(self, rhs: Duration) -> BootTime {
        BootTime(self.0.saturating_add_unsigned(micros(rhs)))
    }
}

impl std::ops::Sub<Duration> for BootTime {
    type Output = BootTime;
    fn sub(self, rhs: Duration) -> BootTime {
        BootTime(self.0.saturating_sub_unsigned(micros(rhs)))
    }
}

/// Microseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallTime(pub u64);

impl WallTime {
    /// Returns the time since `earlier`; zero if `earlier` lies in the future.
    pub fn since(self, earlier: WallTime) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Returns whole seconds since 1970.
    pub fn seconds(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Formats as RFC 3339 in UTC with milliseconds, as in `X-Data-As-Of`.
    pub fn rfc3339(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Returns the number of whole days since 1970, in UTC.
    pub fn days(self) -> u64 {
        self.seconds() / (24 * 60 * 60)
    }

    /// Formats the UTC day as `YYYY-MM-DD`.
    pub fn day(self) -> String {
        self.utc().format("%Y-%m-%d").to_string()
    }

    fn utc(self) -> DateTime<Utc> {
        // Out of range only after the year 262000.
        DateTime::from_timestamp_micros(self.0 as i64).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl std::ops::Sub<Duration> for WallTime {
    type Output = WallTime;
    fn sub(self, rhs: Duration) -> WallTime {
        WallTime(self.0.saturating_sub(micros(rhs)))
    }
}

impl std::ops::Add<Duration> for WallTime {
    type Output = WallTime;
    fn add(self, rhs: Duration) -> WallTime {
        WallTime(self.0.saturating_add(micros(rhs)))
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// Identifies one boot of one machine. Boot times of different boots cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootId(pub Arc<str>);

/// Both clocks, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The boot clock, for ages and waits.
    pub boot: BootTime,
    /// The wall clock, for the names of moments.
    pub wall: WallTime,
}

/// A moment in a form that can be stored for later processes and boots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The boot in which `boot` was read.
    pub boot_id: BootId,
    /// The moment on the clock of that boot.
    pub boot: BootTime,
    /// The moment on the wall clock.
    pub wall: WallTime,
}

impl Stamp {
    /// Returns the age of the moment. Within one boot, the boot clock decides; otherwise the wall
    /// clock decides. A moment in the future has age zero.
    pub fn age(&self, now: Now, boot_id: &BootId) -> Duration {
        if self.boot_id == *boot_id { now.boot.since(self.boot) } else { now.wall.since(self.wall) }
    }

    /// Converts the moment to the clock of this boot. A moment in the future becomes now, including
    /// its wall time.
    #[must_use]
    pub fn anchored(&self, now: Now, boot_id: &BootId) -> Stamp {
        let from_the_future =
            if self.boot_id == *boot_id { self.boot > now.boot } else { self.wall > now.wall };
        Stamp {
            boot_id: boot_id.clone(),
            boot: now.boot - self.age(now, boot_id),
            wall: if from_the_future { now.wall } else { self.wall },
        }
    }

    /// Returns the moment that is `by` earlier.
    #[must_use]
    pub fn earlier(&self, by: Duration) -> Stamp {
        Stamp { boot_id: self.boot_id.clone(), boot: self.boot - by, wall: self.wall - by }
    }
}

/// The clocks of the machine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock {
    boot_id: BootId,
}

impl Clock {
    /// Returns the clocks of the current boot.
    pub fn system() -> Clock {
        #[expect(clippy::disallowed_methods, reason = "the boot id is part of the clock")]
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            // Without /proc, every start counts as a new boot, so the wall clock decides.
            .unwrap_or_else(|_| format!("unknown-{}", std::process::id()));
        // Time namespaces can shift the boot clock. Then one boot id has two clocks, so the offset
        // is part of the identity.
        #[expect(
            clippy::disallowed_methods,
            reason = "the boot clock's offset is part of the clock"
        )]
        let offset = std::fs::read_to_string("/proc/self/timens_offsets").unwrap_or_default();
        let shift = offset
            .lines()
            .find_map(|line| line.strip_prefix("boottime"))
            .map(|rest| rest.split_whitespace().collect::<Vec<_>>().join("."))
            .filter(|shift| shift != "0.0")
            .map_or_else(String::new, |shift| format!("+{shift}"));
        Clock { boot_id: BootId(format!("{}{shift}", boot_id.trim()).into()) }
    }

    /// Reads both clocks.
    pub fn now(&self) -> Now {
        let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let wall = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        Now { boot: BootTime(timespec_micros(boot) as i64), wall: WallTime(timespec_micros(wall)) }
    }

    /// Returns the id of the current boot, to which the boot times of [`Clock::now`] belong.
    pub fn boot_id(&self) -> &BootId {
        &self.boot_id
    }

    /// Returns this moment in a form that can be stored.
    pub fn stamp(&self) -> Stamp {
        self.stamp_of(self.now())
    }

    /// Returns `now` in a form that can be stored.
    pub fn stamp_of(&self, now: Now) -> Stamp {
        Stamp { boot_id: self.boot_id.clone(), boot: now.boot, wall: now.wall }
    }
}

fn timespec_micros(t: rustix::time::Timespec) -> u64 {
    let seconds = u64::try_from(t.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(t.tv_nsec as u64 / 1_000)
}

/// Returns whole microseconds of a duration; saturates.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Formats an age for people, in whole seconds.
pub fn whole_seconds(age: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(age.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(name: &str) -> BootId {
        BootId(name.into())
    }

    fn now(boot: i64, wall: u64) -> Now {
        Now { boot: BootTime(boot), wall: WallTime(wall) }
    }

    #[test]
    fn within_one_boot_a_wall_clock_step_changes_no_age() {
        let stamp = Stamp { boot_id: boot("a"), boot: BootTime(10), wall: WallTime(1_000_000) };
        assert_eq!(stamp.age(now(25, 3), &boot("a")), Duration::from_micros(15));
        assert_eq!(stamp.age(now(25, 9_000_000), &boot("a")), Duration::from_micros(15));
    }

    #[test]
    fn after_a_reboot_the_wall_clock_decides() {
        let stamp = Stamp { boot_id: boot("a"), boot: BootTime(900), wall: WallTime(1_000) };
        assert_eq!(stamp.age(now(5, 1_700), &boot("b")), Duration::from_micros(700));
    }

    #[test]
    fn a_moment_from_the_future_is_anchored_to_now() {
        let stamp = Stamp { boot_id: boot("a"), boot: BootTime(900), wall: WallTime(5_000) };
        let anchored = stamp.anchored(now(50, 2_000), &boot("b"));
        assert_eq!(anchored.boot, BootTime(50));
        assert_eq!(anchored.wall, WallTime(2_000));
    }

    #[test]
    fn a_moment_of_the_past_keeps_its_wall_time_when_anchored() {
        let stamp = Stamp { boot_id: boot("a"), boot: BootTime(900), wall: WallTime(1_500) };
        let anchored = stamp.anchored(now(50_000, 2_000), &boot("b"));
        assert_eq!(anchored.boot, BootTime(49_500));
        assert_eq!(anchored.wall, WallTime(1_500));
    }

    #[test]
    fn data_older_than_the_boot_keeps_its_age() {
        let stamp = Stamp { boot_id: boot("a"), boot: BootTime(900), wall: WallTime(1_000) };
        let anchored = stamp.anchored(now(5, 8_000), &boot("b"));
        assert_eq!(anchored.age(now(6, 8_001), &boot("b")), Duration::from_micros(7_001));
    }

    #[test]
    fn times_are_written_in_utc_with_milliseconds() {
        assert_eq!(WallTime(1_732_447_470_123_456).rfc3339(), "2024-11-24T11:24:30.123Z");
    }
}
