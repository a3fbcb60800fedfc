//! The behaviour of the store. The bodies know only [`Store`] and a fresh database: each plays on SQLite, and
//! what is not about a file plays on Postgres too (`on_postgres!`).

mod audit;
mod base;
mod calls;
mod claims;
mod commits;
mod deliveries;
mod durability;
mod environments;
mod letters;
mod lookups;
mod lost;
mod migrations;
mod order;
mod outbox;
mod plans;
mod shared;
mod sleep;
mod sole;

use std::time::Duration;

use self::base::{Base, on_postgres};
use super::driver::{Connection, query};
use super::records::{Claimed, Decision, Job, NewDelivery, NewJob, NewState, Recorded};
use super::{Store, StoreError};
use crate::domain::{ForgeKind, Lane, MergeRequestId, ModelId, RepoId, State, Timestamp};
use bytes::Bytes;
use sqlx::AssertSqlSafe;

/// A lease that lasts long enough for a test that does not speak of leases.
const LEASE: Duration = Duration::from_secs(60);

/// A store of its own, over a database that goes with it.
struct Fresh {
    store: Store,
    base: Base,
}

impl std::ops::Deref for Fresh {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Fresh {
    async fn new() -> Self {
        let base = Base::new().await;
        let store = Store::open(&base.url()).await.unwrap();
        Self { store, base }
    }

    fn url(&self) -> String {
        self.base.url()
    }

    /// Where the file is.
    fn folder(&self) -> &std::path::Path {
        match &self.base {
            Base::File(folder) => folder.path(),
            Base::Server { .. } => panic!("this test is about a file"),
        }
    }

    async fn by_hand(&self) -> Connection {
        self.base.by_hand().await
    }

    /// One statement past the store.
    async fn execute(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = AssertSqlSafe(self.base.words(sql));
        Ok(query(sql).execute(&mut self.by_hand().await).await?.rows_affected())
    }

    /// One number past the store.
    async fn count(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(format!("SELECT CAST(({}) AS BIGINT)", self.base.words(sql)));
        query(sql).fetch_one(&mut self.by_hand().await).await.unwrap().try_get(0).unwrap()
    }

    /// One text past the store.
    async fn text(&self, sql: &str) -> Option<String> {
        let sql = AssertSqlSafe(self.base.words(sql));
        let row = query(sql).fetch_optional(&mut self.by_hand().await).await.unwrap();
        row.and_then(|row| row.try_get(0).unwrap())
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

/// The address of a file in `folder`.
fn url(folder: &tempfile::TempDir) -> String {
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

/// Tests of what only a file, or only a server, is.
const ALONE: &[(&str, &[&str])] = &[
    (
        "durability",
        &[
            "what_was_committed_is_there_after_the_process_died",
            "a_closed_store_folds_its_log_back_and_says_that_it_is_closed",
            "a_missing_file_is_made_with_its_folder",
            "a_database_in_memory_works_alike_and_is_its_own",
            "the_database_is_set_up_to_be_durable",
            "when_the_commit_fails_nobody_is_told_that_his_write_was_kept",
            "a_full_disk_is_told_to_everybody_and_leaves_no_half_state",
            "a_full_disk_is_not_ready_until_a_delivery_fits_again_whatever_smaller_fits",
            "a_database_that_refuses_a_single_write_is_not_ready_until_another_was_tried",
            "while_another_process_holds_the_database_nothing_is_accepted_and_then_it_goes_on",
        ],
    ),
    ("letters", &["a_database_that_is_not_there_is_not_made_by_an_operator"]),
    (
        "migrations",
        &[
            "both_databases_have_the_same_migrations",
            "a_column_that_must_have_a_value_gets_one_where_rows_are_already",
            "migrations_are_numbered_without_a_gap_and_none_is_left_out",
            "a_file_that_is_no_database_is_refused",
            "a_folder_in_the_place_of_the_file_is_told_with_the_remedy",
            "somebody_elses_database_is_told_with_the_remedy_and_keeps_its_tables",
        ],
    ),
    (
        "plans",
        &[
            "every_frequent_question_is_answered_by_an_index_without_sorting",
            "a_claim_takes_as_many_steps_under_a_hot_lane_and_a_long_history_as_without",
        ],
    ),
    (
        "sole",
        &[
            "what_a_dead_process_held_is_free_at_once_and_the_dead_can_write_nothing",
            "a_second_process_waits_until_the_first_lets_go",
            "a_second_process_that_comes_through_a_link_waits_too",
        ],
    ),
];

#[test]
fn every_test_plays_on_both_databases_or_says_that_it_does_not() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/storage/tests");
    let (mut alone, mut both) = (Vec::new(), 0);
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        // What all of them stand on, and what is about a server alone.
        if name == "base" || name == "shared" {
            continue;
        }
        let (bodies, listed) = text.split_once("\non_postgres! {").unwrap_or((&text, ""));
        let listed: Vec<&str> = listed.lines().map(|line| line.trim().trim_end_matches(',')).collect();
        let lines: Vec<&str> = bodies.lines().map(str::trim).collect();
        let tests = lines.windows(2).filter(|pair| pair[0].starts_with("#[") && pair[0].contains("test"));
        for pair in tests {
            let Some((_, rest)) = pair[1].split_once("fn ") else { continue };
            let test = rest.split('(').next().unwrap();
            if listed.contains(&test) {
                both += 1;
            } else {
                alone.push((name.clone(), test.to_owned()));
            }
        }
    }
    alone.sort();
    let mut expected: Vec<(String, String)> = ALONE
        .iter()
        .flat_map(|(file, tests)| tests.iter().map(|test| ((*file).to_owned(), (*test).to_owned())))
        .collect();
    expected.sort();
    assert_eq!(alone, expected);
    assert!(both > 80, "{both} tests play on both");
}
