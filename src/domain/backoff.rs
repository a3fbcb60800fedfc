//! How long to wait before something is tried again.

use std::time::Duration;

/// Doubling waits between two bounds, spread so that many waiters do not come back at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first try.
    pub first: Duration,
    /// The longest wait.
    pub most: Duration,
}

impl Backoff {
    /// The wait after `tries` failed tries before this one; `chance` in `0.0..1.0` is drawn by the
    /// caller and takes away up to half of it.
    #[must_use]
    pub fn wait(&self, tries: u32, chance: f64) -> Duration {
        let factor = 1_u32.checked_shl(tries).unwrap_or(u32::MAX);
        let full = self.first.checked_mul(factor).unwrap_or(self.most).min(self.most);
        full.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread_downwards() {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(300) };
        let waits: Vec<_> = (0..12).map(|tries| backoff.wait(tries, 0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(backoff.wait(3, 1.0), Duration::from_secs(4));
        assert_eq!(backoff.wait(u32::MAX, 0.0), Duration::from_secs(300));
        assert_eq!(backoff.wait(0, 7.0), Duration::from_millis(500), "a chance out of range is taken as 1");
    }
}
