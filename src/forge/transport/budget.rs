//! How much a forge still lets us ask, and what to do when it is used up.

use reqwest::Response;

use super::Transport;
use crate::domain::ForgeKind;
use crate::forge::ErrorKind;
use crate::forge::classify::{Failure, UNTOLD_PAUSE, header, reset};

impl Transport {
    /// Reads what is left of the budget from any answer; where nothing is, nothing is asked until it is
    /// renewed.
    pub(super) fn watch_budget(&self, response: &Response) {
        let headers = response.headers();
        let left =
            header(headers, "x-ratelimit-remaining").or_else(|| header(headers, "ratelimit-remaining"));
        // GitHub counts searches and the like apart, and we ask for none.
        let ours = header(headers, "x-ratelimit-resource").is_none_or(|resource| resource == "core");
        if let (true, Some(left)) = (ours, left.and_then(|text| text.trim().parse::<u32>().ok())) {
            metrics::gauge!("mergewright_forge_rate_limit_remaining", "forge" => self.forge.as_str())
                .set(f64::from(left));
            if left == 0
                && self.forge == ForgeKind::GitHub
                && response.status().is_success()
                && let Some(span) = reset(headers, self.clock.now())
            {
                self.line.gate.shut(span);
            }
        }
        if response.status().is_success() {
            self.line.gate.heard();
        }
    }

    /// Silences the credential for as long as a failure asks for. GitHub's secondary limits may not say
    /// how long: then each one in a row doubles the pause, since going on would prolong the ban.
    pub(super) fn pause(&self, mut failure: Failure) -> Failure {
        if let Some(span) = failure.pause {
            self.line.gate.shut(span);
        } else if self.forge == ForgeKind::GitHub && failure.untold {
            let span = self.line.gate.shut_longer(UNTOLD_PAUSE);
            failure.error.kind = ErrorKind::Retry { after: Some(span) };
        }
        failure
    }
}
