//! For pages, metrics, checks and loops that want to know how long to sleep.

use super::writer::Wakes;
use super::{Store, StoreError, sql};
use crate::domain::{Lane, Owner, Phase, Timestamp};

impl Store {
    /// Whether the database answers and takes commits (it was migrated when it was opened). After a
    /// failed commit another one is tried here, so that readiness returns by itself.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ready(&self) -> Result<(), StoreError> {
        // Read before the trial: what fails meanwhile is not answered by it.
        let failures = self.writer.failures();
        if !self.writer.is_healthy() {
            // Two transactions: what one puts in and takes out again never meets the disk.
            self.write(Wakes::Nobody, |connection| Box::pin(sql::trial::begin(connection))).await?;
            self.write(Wakes::Nobody, |connection| Box::pin(sql::trial::end(connection))).await?;
            self.writer.proved(failures);
        }
        self.read(|connection| Box::pin(sql::job::waiting(connection))).await.map(|_queue| ())
    }

    /// How many jobs are not ended (waiting or being worked on), and since when the oldest is there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn queue(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.read(|connection| Box::pin(sql::job::waiting(connection))).await
    }

    /// How many effects are not ended (waiting, backing off or being performed), and since when the
    /// oldest is there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn outbox(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.read(|connection| Box::pin(sql::effect::open(connection))).await
    }

    /// How many models of merge requests stand in each of these phases.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn count_in(&self, phases: &'static [Phase]) -> Result<Vec<(Phase, u64)>, StoreError> {
        self.read(move |connection| Box::pin(sql::merge_request::count_in(connection, phases))).await
    }

    /// When the next job, effect or timer becomes due; none when nothing waits. What somebody works
    /// on is due when his lease ends.
    ///
    /// A loop that only takes one kind asks [`Store::next_job_due`] or [`Store::next_effect_due`]:
    /// else it would run in circles while the other kind is overdue.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let jobs = self.next_job_due().await?;
        let effects = self.next_effect_due().await?;
        Ok(jobs.into_iter().chain(effects).min())
    }

    /// When the next job or timer becomes due.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn next_job_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|connection| {
            Box::pin(async move {
                let job = sql::lane::next_ready(connection).await?;
                let timer = sql::timer::next_due(connection).await?;
                Ok(job.into_iter().chain(timer).min())
            })
        })
        .await
    }

    /// When the next effect becomes due.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn next_effect_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|connection| Box::pin(sql::outbox_lane::next_ready(connection))).await
    }

    /// Jobs that ended as dead letters: lane, reason, time; newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn dead_jobs(&self, limit: u32) -> Result<Vec<(Lane, String, Timestamp)>, StoreError> {
        self.read(move |connection| Box::pin(sql::job::dead(connection, limit))).await
    }

    /// Effects that were given up: whose, kind, reason, time; newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn dead_effects(
        &self,
        limit: u32,
    ) -> Result<Vec<(Owner, String, String, Timestamp)>, StoreError> {
        self.read(move |connection| Box::pin(sql::effect::dead(connection, limit))).await
    }

    /// Forgets ended deliveries, dead letters and forge calls from before `before`; how many deliveries.
    /// Calls that must not happen twice are kept. It is done in slices, so that nobody waits long for the
    /// one writer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn prune(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.write(Wakes::Nobody, move |connection| Box::pin(sql::job::prune(connection, before))).await?;
        self.write(Wakes::Nobody, move |connection| Box::pin(sql::lost::prune(connection, before))).await?;
        let mut forgotten = 0;
        loop {
            let slice = self
                .write(Wakes::Nobody, move |connection| Box::pin(sql::delivery::prune(connection, before)));
            match slice.await? {
                0 => break,
                count => forgotten += count,
            }
        }
        let mut next = Some(0);
        while let Some(after) = next {
            let slice = self.write(Wakes::Nobody, move |connection| {
                Box::pin(sql::effect::prune(connection, before, after))
            });
            next = slice.await?;
        }
        Ok(forgotten)
    }
}
