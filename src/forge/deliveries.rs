//! What a forge keeps about its deliveries to us: those that failed, and having one sent again.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::{RepoId, Timestamp};

use super::classify::Failure;
use super::memory::Memory;
use super::{ErrorKind, ForgeError};

/// The part of a forge that can make up for what it could not hand over.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Whether one hook tells of every repository, as that of an App does.
    fn has_one_hook(&self) -> bool {
        false
    }

    /// How many deliveries of one hook may be asked for again in a minute.
    fn again_a_minute(&self) -> u32;

    /// Deliveries to a hook of ours that failed and of which no attempt succeeded, as far back as `since`.
    async fn failed_deliveries(&self, hook: &OurHook, since: &ReadUpTo) -> Result<Log, ForgeError>;

    /// Asks for a delivery to be sent once more, with its id and body.
    async fn deliver_again(&self, hook: &OurHook, attempt: u64) -> Again;
}

/// A hook of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OurHook {
    /// The one of a repository that leads to this address.
    Repository(RepoId, String),
    /// That of the App as which we are signed in.
    App,
}

/// How far the log of a hook was read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadUpTo {
    /// By time, where the forge tells when an attempt was made.
    pub at: Timestamp,
    /// By the newest attempt's number, where it does not; none = never read: then everything is history.
    pub newest: Option<u64>,
}

/// What the log of a hook says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Log {
    /// It was read.
    Read {
        /// What failed, in no order.
        failed: Vec<FailedDelivery>,
        /// The newest attempt's number; 0 where there is none.
        newest: u64,
        /// Whether there is more of it than we read.
        cut: bool,
    },
    /// There is none that we may read: why, safe to show.
    Closed(String),
}

/// A delivery of which every attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedDelivery {
    /// Whose it is; none where it is about no repository.
    pub repo: Option<RepoId>,
    /// Its id, as it comes with the delivery itself.
    pub id: String,
    /// A second id that may have been taken for it.
    pub also: Option<String>,
    /// The newest attempt's number.
    pub attempt: u64,
    /// The event's name, as the forge lists it.
    pub event: String,
    /// When the newest attempt was made, where the forge tells.
    pub at: Option<Timestamp>,
}

/// What came of asking for a delivery again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// The forge sends it, or has sent it.
    Asked,
    /// It did nothing, and may when it is asked later.
    Later(ForgeError),
    /// It will not.
    Refused(ForgeError),
    /// Nobody knows.
    Unknown(ForgeError),
}

/// The most pages of a log that are read at once: what lies further back was found by looking.
pub(crate) const MOST_PAGES: usize = 20;

/// How long a hook is taken to be where it was found.
const FOUND_LASTS: Duration = Duration::from_secs(3600);

/// The number of a repository's hook, or why it has none that we may see.
pub(crate) type Found = Result<u64, String>;

/// Hooks that were looked for not long ago.
#[derive(Debug, Default)]
pub(crate) struct FoundHooks(Memory<RepoId, (Found, Timestamp), 4096>);

impl FoundHooks {
    pub(crate) fn get(&self, repo: RepoId, now: Timestamp) -> Option<Found> {
        let known = self.0.get(&repo).filter(|(_, at)| now.since(*at) < FOUND_LASTS);
        known.map(|(found, _)| found)
    }

    pub(crate) fn keep(&self, repo: RepoId, found: &Found, now: Timestamp) {
        self.0.put(repo, (found.clone(), now));
    }

    /// It is not there any more: it is looked for again.
    pub(crate) fn forget(&self, repo: RepoId) {
        self.0.forget(&repo);
    }
}

/// Whether both are the same address.
pub(crate) fn leads_to(address: &str, url: &str) -> bool {
    address.trim_end_matches('/') == url.trim_end_matches('/')
}

/// Whether we may not see what was asked for, or there is no such thing.
pub(crate) fn is_closed(failure: &Failure) -> bool {
    matches!(failure.error.kind, ErrorKind::Refused | ErrorKind::Gone)
        && matches!(failure.status, Some(403 | 404 | 410))
}

/// Reads a log from its newest entry on, up to where it was read before.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    read: AtomicUsize,
    reached: AtomicBool,
}

impl Pages {
    /// Whether the page that ends so is the last one to be read.
    pub(crate) fn enough(&self, reached: bool) -> bool {
        if reached {
            self.reached.store(true, Ordering::Relaxed);
        }
        self.read.fetch_add(1, Ordering::Relaxed) + 1 >= MOST_PAGES || reached
    }

    /// Whether there was more.
    pub(crate) fn cut(&self) -> bool {
        !self.reached.load(Ordering::Relaxed) && self.read.load(Ordering::Relaxed) >= MOST_PAGES
    }
}

/// What the answer to a request for another attempt means.
pub(crate) fn again(answer: Result<u16, Failure>) -> Again {
    let failure = match answer {
        Ok(_) => return Again::Asked,
        Err(failure) => failure,
    };
    // We were told to wait before anything was done, or had been told so earlier and kept silent.
    let told = failure.pause.is_some() || failure.untold;
    let silent =
        failure.status.is_none() && matches!(failure.error.kind, ErrorKind::Retry { after: Some(_) });
    match failure.error.kind {
        ErrorKind::Unauthorized => Again::Later(failure.error),
        ErrorKind::Retry { .. } if told || silent => Again::Later(failure.error),
        ErrorKind::Retry { .. } => Again::Unknown(failure.error),
        ErrorKind::Refused | ErrorKind::Conflict | ErrorKind::Gone => Again::Refused(failure.error),
    }
}
