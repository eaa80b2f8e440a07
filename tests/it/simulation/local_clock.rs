//! The clocks of one replica: each machine booted at another time, runs at another speed, and has
//! another error of its wall clock.

use movies_gen::clock::BootTime;

use super::executor::Micros;
use super::random::Random;
use super::server::EPOCH;

/// Both clocks of a machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalClock {
    booted: i64,
    /// Error of the speed.
    drift: f64,
    wall_error: i64,
}

impl LocalClock {
    /// Makes clocks with an uptime of up to a month, a drift of up to 50 ppm, and a wall clock that is
    /// wrong by up to ten seconds.
    pub(crate) fn new(random: &Random) -> LocalClock {
        LocalClock {
            booted: random.between(0, 2_592_000_000_000) as i64,
            drift: (random.share() - 0.5) * 1e-4,
            wall_error: random.between(0, 20_000_000) as i64 - 10_000_000,
        }
    }

    /// Returns the time on the boot clock.
    pub(crate) fn boot(self, now: Micros) -> BootTime {
        BootTime(self.booted + now as i64 + (now as f64 * self.drift) as i64)
    }

    /// Returns the time on the wall clock, in microseconds since 1970.
    pub(crate) fn wall(self, now: Micros) -> u64 {
        (EPOCH + now).saturating_add_signed(self.wall_error)
    }

    /// Returns a simulated time at which the boot clock has reached this time.
    pub(crate) fn when(self, boot: BootTime) -> Micros {
        let passed = (boot.0 - self.booted).max(0) as f64;
        (passed / (1.0 + self.drift)) as Micros + 2
    }
}
