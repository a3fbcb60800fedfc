//! Who is killed, and where.

use mergewright::domain::ForgeKind;

/// As whom the bot is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum As {
    /// An account with a token.
    Account(ForgeKind),
    /// The same where a queue merges the default branch.
    AccountWithQueue(ForgeKind),
    /// A GitHub App, to whom people speak by buttons.
    App,
}

impl As {
    pub(super) const fn forge(self) -> ForgeKind {
        match self {
            Self::Account(forge) | Self::AccountWithQueue(forge) => forge,
            Self::App => ForgeKind::GitHub,
        }
    }
}

/// On which side of a step the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kill {
    /// The forge has the request and did nothing yet; the bot has the delivery and did not answer yet.
    Before,
    /// The forge did it, and the answer is lost; the bot answered the delivery.
    After,
}

/// Where the process ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Point {
    /// Just started, on a database that is not there yet.
    Starting,
    /// Just started to listen.
    Started,
    /// At the `place`-th request of a kind, counted from 0.
    Request { kind: String, place: usize, kill: Kill },
    /// At the `place`-th delivery that it takes, counted from 0.
    Delivery { place: usize, kill: Kill },
    /// When it has answered the next press of a button. One that it could not answer is lost as the forge
    /// loses it: nobody can ask GitHub who pressed what, and people press again.
    Press,
}
