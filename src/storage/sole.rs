//! One process at a time works on a file. So whoever works on it now knows that every lease in it is
//! that of a process which is gone: nobody has to wait until it runs out.
//!
//! The system itself ends the lock with the process that holds it, also after SIGKILL. Where a server is
//! shared by several processes there is no such lock: who ends well gives back what is his, and the leases of
//! one that was killed are waited for.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ours::give_back;
use super::writer::Wakes;
use super::{Store, StoreError, sql};
use crate::domain::Timestamp;

/// How long we wait for a process that works on the file: as long as one takes to end well.
const PATIENCE: Duration = Duration::from_secs(25);

/// How often we look; a lock does not tell when it is free.
const LOOK: Duration = Duration::from_millis(100);

/// Being the only process that works on the database, for as long as this is kept.
#[derive(Debug)]
pub struct Sole {
    /// None where the database lives in this process, and where it is shared.
    _lock: Option<File>,
}

impl Store {
    /// Becomes the only process that works on a file; waits a while for another one to end. A server is
    /// shared, and nobody is waited for.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when another process goes on working on it; [`StoreError::Unusable`] when the
    /// file system cannot tell.
    pub async fn sole(&self) -> Result<Sole, StoreError> {
        let Some(database) = &self.file else { return Ok(Sole { _lock: None }) };
        let cannot = |error: std::io::Error| {
            StoreError::Unusable(format!(
                "{} cannot be locked ({error}); put the database on a local disk that we may write to",
                database.display()
            ))
        };
        // Beside the file itself: whoever comes through a link meets the same lock.
        let path = beside(&database.canonicalize().map_err(cannot)?);
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(cannot)?;
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Sole { _lock: Some(file) }),
                Err(TryLockError::Error(error)) => return Err(cannot(error)),
                Err(TryLockError::WouldBlock) if waited >= PATIENCE => {
                    return Err(StoreError::Taken(database.display().to_string()));
                }
                Err(TryLockError::WouldBlock) => {
                    if waited.is_zero() {
                        tracing::info!("another process works on the database: waiting for it to end");
                    }
                    tokio::time::sleep(LOOK).await;
                    waited += LOOK;
                }
            }
        }
    }

    /// Ends every lease at once, so that what was being worked on can be claimed again; how many. Where the
    /// database is shared, only those of this process. Whoever held one can commit no more. What was leased
    /// counts one interruption more.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn release_all(&self, _sole: &Sole, now: Timestamp) -> Result<u64, StoreError> {
        if self.is_shared() {
            return self.release_ours(now).await;
        }
        self.write(Wakes::Sleepers, move |connection| {
            Box::pin(async move {
                sql::lane::interrupted(connection).await?;
                let jobs = sql::lane::release_all(connection, now).await?;
                Ok(jobs + sql::outbox_lane::release_all(connection, now).await?)
            })
        })
        .await
    }

    async fn release_ours(&self, now: Timestamp) -> Result<u64, StoreError> {
        let leases = self.ours.take();
        if leases.is_empty() {
            return Ok(0);
        }
        self.write(Wakes::Sleepers, move |connection| {
            Box::pin(async move { give_back(connection, &leases, now).await })
        })
        .await
    }
}

/// `bot.db.lock` for `bot.db`.
fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
