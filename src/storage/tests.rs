//! The behaviour of the store. The bodies know only [`Store`] and a fresh database, so that another
//! database can be put under the same tests.

mod audit;
mod calls;
mod claims;
mod commits;
mod deliveries;
mod durability;
mod environments;
mod letters;
mod lookups;
mod migrations;
mod order;
mod outbox;
mod plans;
mod sleep;
mod sole;

use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;

use super::records::{Claimed, Decision, Job, NewDelivery, NewJob, NewState, Recorded};
use super::{Store, StoreError};
use crate::domain::{ForgeKind, Lane, MergeRequestId, ModelId, RepoId, State, Timestamp};

/// A lease that lasts long enough for a test that does not speak of leases.
const LEASE: Duration = Duration::from_secs(60);

/// A store of its own, in a folder that goes with it.
struct Fresh {
    store: Store,
    folder: TempDir,
}

impl std::ops::Deref for Fresh {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Fresh {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&url(&folder)).await.unwrap();
        Self { store, folder }
    }

    /// A connection past the store, as somebody with the file in his hands has one.
    async fn by_hand(&self) -> sqlx::SqliteConnection {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.folder.path().join("m.db"));
        <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap()
    }

    /// One statement past the store.
    async fn execute(&self, sql: &'static str) -> Result<u64, sqlx::Error> {
        let done = sqlx::query(sql).execute(&mut self.by_hand().await).await?;
        Ok(done.rows_affected())
    }

    /// One number past the store.
    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.by_hand().await).await.unwrap()
    }

    /// One text past the store.
    async fn text(&self, sql: &'static str) -> Option<String> {
        sqlx::query_scalar(sql).fetch_optional(&mut self.by_hand().await).await.unwrap()
    }

    /// Keeps a delivery in the lane of merge request `number` at `now`.
    async fn deliver(&self, id: &str, number: u64, now: i64) -> Recorded {
        self.record(delivery(id, number, now)).await.unwrap()
    }

    async fn next(&self, now: i64) -> Claimed {
        self.claim(Timestamp(now), LEASE).await.unwrap().expect("a job is ready")
    }

    async fn nothing_at(&self, now: i64) {
        let claimed = self.claim(Timestamp(now), LEASE).await.unwrap();
        assert!(claimed.is_none(), "nothing may be claimed at {now}: {claimed:?}");
    }

    /// Works `decision` as a job of merge request 1.
    async fn decide(&self, decision: Decision, now: i64) -> Result<(), StoreError> {
        let job = NewJob { lane: lane(1), event: format!("decide at {now}") };
        self.enqueue(vec![job], Timestamp(now)).await?;
        let claimed = self.next(now).await;
        self.commit(&claimed.lease, decision, Timestamp(now)).await
    }
}

fn url(folder: &TempDir) -> String {
    format!("sqlite://{}/m.db", folder.path().display())
}

fn repo() -> RepoId {
    RepoId { forge: ForgeKind::GitLab, number: 12 }
}

fn merge_request(number: u64) -> MergeRequestId {
    MergeRequestId { repo: repo(), number }
}

fn model_id() -> ModelId {
    ModelId { repo: repo(), model: "iris".parse().unwrap() }
}

fn lane(number: u64) -> Lane {
    Lane::MergeRequest(merge_request(number))
}

fn delivery(id: &str, number: u64, now: i64) -> NewDelivery {
    NewDelivery {
        forge: ForgeKind::GitLab,
        id: id.to_owned(),
        event: "Merge Request Hook".to_owned(),
        received_at: Timestamp(now),
        lane: Some(lane(number)),
        ignored: None,
        headers: vec![("x-gitlab-instance".to_owned(), "https://gitlab.example".to_owned())],
        body: Bytes::from(format!(r#"{{"delivery":"{id}"}}"#)),
    }
}

fn new_state(number: u64, expected: i64, title: &str) -> NewState {
    NewState {
        id: merge_request(number),
        expected,
        state: State::default(),
        title: title.to_owned(),
        web_url: "https://gitlab.example/acme/iris/-/merge_requests/1".to_owned(),
        repository: "acme/iris".to_owned(),
        open: true,
    }
}

/// The delivery's id or the event of a claimed job.
fn what(claimed: &Claimed) -> &str {
    match &claimed.job {
        Job::Delivery { id, .. } => id,
        Job::Internal { event } => event,
    }
}
