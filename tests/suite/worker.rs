//! The worker with real deliveries, a real store and the real adapter.

use std::time::Duration;

use mergewright::config::server::Mode;
use mergewright::domain::{Clock as _, Effect, ForgeKind, Label, Lane, MergeRequestId};
use mergewright::sandbox::{Fault, File};
use mergewright::storage::{MOST_INTERRUPTIONS, NewDelivery};

use crate::stand::Stand;

const CONFIGURATION: &str = "\
version: 1
models:
  iris:
    paths: [params.json]
    build: {run: [\"true\"], artifacts: [model.json]}
    test: {run: [\"true\"], reports: {metrics: metrics.json}}
    gates: {rules: [{metric: accuracy, direction: higher, min: 0.9}]}
    version: {strategy: sequence}
";

async fn configured() -> Stand {
    let ci = include_str!("../data/golden/gitlab/iris.gitlab-ci.yml");
    Stand::with(&[
        File::write(".mergewright.yml", CONFIGURATION),
        File::write(".gitlab-ci.yml", ci),
        File::write("params.json", "{}\n"),
        File::write("README.md", "Iris\n"),
    ])
    .await
}

#[tokio::test]
async fn a_merge_request_is_bound_to_what_the_forge_says_now() {
    let stand = configured().await;
    stand.arrive(&["Merge Request Hook"]).await;
    assert_eq!(stand.work().await, 2, "the delivery, and the look that it leaves");
    let known = stand.store.state(stand.id).await.unwrap();
    let bound = known.state.bound.expect("nothing was bound");
    assert_eq!((&bound.head, &bound.base), (&stand.head, &stand.main));
    assert_eq!(known.state.models.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["iris"]);
    assert_eq!(stand.store.dead_jobs(10).await.unwrap(), vec![]);
}

/// So many processes end in the middle of whatever there is to do.
async fn processes_end(stand: &Stand, times: u32) {
    let sole = stand.store.sole().await.unwrap();
    for _ in 0..times {
        let now = stand.clock.now();
        let _job = stand.store.claim(now, Duration::from_secs(60)).await.unwrap();
        let _effect = stand.store.claim_effect(now, Duration::from_secs(60)).await.unwrap();
        assert!(stand.store.release_all(&sole, now).await.unwrap() > 0);
    }
}

#[tokio::test]
async fn what_ends_every_process_is_given_up_in_the_end_and_what_only_met_many_ends_is_done() {
    for (ends, jobs) in [(MOST_INTERRUPTIONS - 1, 0), (MOST_INTERRUPTIONS, 1)] {
        let stand = configured().await;
        stand.refresh().await;
        processes_end(&stand, ends).await;
        stand.work().await;
        let dead = stand.store.dead_jobs(10).await.unwrap();
        assert_eq!(dead.len(), jobs, "{dead:?}");
        assert!(
            dead.iter().all(|(_, why, _)| why.contains("processes ended while they worked on this")),
            "{dead:?}"
        );
    }
}

#[tokio::test]
async fn an_effect_that_ends_every_process_is_given_up_in_the_end() {
    for (ends, effects) in [(MOST_INTERRUPTIONS - 1, 0), (MOST_INTERRUPTIONS, 1)] {
        let stand = configured().await;
        stand.want(vec![Effect::Label { label: Some(Label::Building) }]).await;
        processes_end(&stand, ends).await;
        stand.perform(Mode::Act).await;
        let dead = stand.store.dead_effects(10).await.unwrap();
        assert_eq!(dead.len(), effects, "{dead:?}");
    }
}

#[tokio::test]
async fn a_second_look_asks_only_for_what_can_have_changed() {
    let stand = configured().await;
    let worker = stand.worker();
    stand.refresh().await;
    while worker.work_one().await.unwrap() {}
    let before = stand.forge.requests().len();
    stand.refresh().await;
    while worker.work_one().await.unwrap() {}
    let again = stand.since(before);
    for known in ["repository/files", "/diffs", "/commits"] {
        assert!(!again.iter().any(|asked| asked.contains(known)), "{known} was read twice: {again:#?}");
    }
    assert!(again.len() <= 5, "{again:#?}");
    let version = stand.store.state(stand.id).await.unwrap().version;
    assert_eq!(version, 2, "both looks were committed");
}

#[tokio::test]
async fn a_repository_without_our_file_is_none_of_our_business() {
    let stand = Stand::open().await;
    stand.arrive(&["Merge Request Hook"]).await;
    assert_eq!(stand.work().await, 2);
    assert_eq!(stand.store.state(stand.id).await.unwrap().version, 0, "nothing is stored of it");
    assert!(
        stand
            .store
            .claim_effect(mergewright::domain::Clock::now(stand.clock.as_ref()), Duration::from_secs(1))
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_comment_that_says_nothing_to_us_costs_no_request() {
    let stand = configured().await;
    stand.project.comment("ada", 1, "Looks good, `/model publish` later").unwrap();
    let before = stand.forge.requests().len();
    stand.arrive(&["Note Hook"]).await;
    assert_eq!(stand.work().await, 1);
    assert_eq!(stand.since(before), Vec::<String>::new());
}

#[tokio::test]
async fn a_command_that_is_told_twice_is_answered_once() {
    let stand = configured().await;
    stand.project.comment("mia", 1, "/model help").unwrap();
    stand.arrive(&["Note Hook"]).await;
    let told = stand.forge.pending_deliveries();
    let note = told.iter().find(|delivery| delivery.event == "Note Hook").unwrap();
    // Another subscription tells the same under another id.
    stand.arrives(Lane::MergeRequest(stand.id), "another-id", note.event, &note.body).await;
    assert_eq!(stand.work().await, 2);
    stand.perform(Mode::Act).await;
    let replies = stand.bot_comments();
    let replies: Vec<_> =
        replies.iter().filter(|comment| comment.body.contains("mergewright:reply")).collect();
    assert_eq!(replies.len(), 1);
}

#[tokio::test]
async fn a_branch_that_moves_refreshes_every_open_merge_request_into_it() {
    let stand = configured().await;
    stand.refresh().await;
    stand.work().await;
    let moved =
        stand.project.push("mia", "main", &[File::write("README.md", "Iris, better\n")], "Say more").unwrap();
    let told = stand.forge.pending_deliveries();
    let push = told.iter().rev().find(|delivery| delivery.event == "Push Hook").unwrap();
    stand.arrives(Lane::Repository(stand.id.repo), &push.id, push.event, &push.body).await;
    assert_eq!(stand.work().await, 3, "the push, the merge request's own look, and the repository's");
    assert_eq!(stand.store.state(stand.id).await.unwrap().state.bound.unwrap().base, moved);
}

#[tokio::test]
async fn a_run_of_nobody_is_let_go() {
    let stand = configured().await;
    let body = r#"{"object_kind":"pipeline","project":{"id":1,"path_with_namespace":"acme/iris"},
        "object_attributes":{"id":77,"sha":"1111111111111111111111111111111111111111","ref":"other","status":"success"}}"#;
    stand.arrives(Lane::Repository(stand.id.repo), "run", "Pipeline Hook", body).await;
    assert_eq!(stand.work().await, 1);
    assert_eq!(stand.store.dead_jobs(10).await.unwrap(), vec![]);
}

#[tokio::test]
async fn a_body_of_the_wrong_shape_is_let_go_and_the_lane_goes_on() {
    let stand = configured().await;
    let broken = r#"{"object_kind":"merge_request","project":{"id":"x"},"object_attributes":{"iid":{}}}"#;
    stand.arrives(Lane::MergeRequest(stand.id), "broken", "Merge Request Hook", broken).await;
    stand.arrive(&["Merge Request Hook"]).await;
    assert_eq!(stand.work().await, 3, "both deliveries, and the look that the good one leaves");
    assert!(stand.store.state(stand.id).await.unwrap().state.bound.is_some());
    assert_eq!(stand.store.dead_jobs(10).await.unwrap(), vec![]);
}

#[tokio::test]
async fn a_forge_that_is_down_is_asked_again_later_and_a_job_ends_as_a_dead_letter() {
    let stand = configured().await;
    let path = "*/merge_requests/1";
    stand.forge.fail_next(3, "GET", path, Fault::html(502)).unwrap();
    stand.refresh().await;
    assert_eq!(stand.work().await, 1, "the failed job waits");
    for _ in 0..3 {
        stand.later(Duration::from_secs(300));
        stand.work().await;
    }
    assert!(stand.store.state(stand.id).await.unwrap().state.bound.is_some());

    stand.forge.fail_next(100, "GET", path, Fault::html(502)).unwrap();
    stand.refresh().await;
    let mut tries = 0;
    for _ in 0..80 {
        tries += stand.work().await;
        stand.later(Duration::from_secs(301));
    }
    let dead = stand.store.dead_jobs(10).await.unwrap();
    assert_eq!(
        dead.iter().map(|(lane, _, _)| lane.clone()).collect::<Vec<_>>(),
        [Lane::MergeRequest(stand.id)]
    );
    assert_eq!(tries, 60);
}

#[tokio::test]
async fn a_merge_request_that_is_not_there_is_looked_for_a_few_times_and_let_go() {
    let stand = configured().await;
    let gone = MergeRequestId { number: 99, ..stand.id };
    let job = mergewright::storage::NewJob {
        lane: Lane::MergeRequest(gone),
        event: mergewright::domain::InternalEvent::Refresh.to_json(),
    };
    stand.store.enqueue(vec![job], mergewright::domain::Clock::now(stand.clock.as_ref())).await.unwrap();
    assert_eq!(stand.work().await, 1);
    assert_eq!(stand.store.queue().await.unwrap().0, 1, "it may not be shown yet");
    stand.later(Duration::from_secs(60));
    assert_eq!(stand.work().await, 1);
    assert_eq!(stand.store.queue().await.unwrap().0, 0);
    assert_eq!(stand.store.dead_jobs(9).await.unwrap(), []);
    assert_eq!(stand.store.state(gone).await.unwrap().version, 0);
}

#[tokio::test]
async fn a_repository_that_is_not_served_is_put_aside_after_its_name_was_read() {
    let stand = configured().await;
    let before = stand.forge.requests().len();
    stand.arrive(&["Merge Request Hook"]).await;
    let worker = stand.worker_for("others/*");
    while worker.work_one().await.unwrap() {}
    stand.refresh().await;
    while worker.work_one().await.unwrap() {}
    let asked = stand.since(before);
    let path = format!("/projects/{}", stand.project.id());
    assert_eq!(
        asked.len(),
        2,
        "once a hook, since it may have come back under a name that is served: {asked:#?}"
    );
    assert!(asked.iter().all(|asked| asked.ends_with(&path)), "nothing but its path was read: {asked:#?}");
    assert!(stand.store.state(stand.id).await.unwrap().state.bound.is_none());
    assert_eq!(stand.store.dead_jobs(10).await.unwrap(), vec![]);
}

#[tokio::test]
async fn a_delivery_of_a_forge_that_is_not_acted_on_is_put_aside() {
    let stand = configured().await;
    let delivery = NewDelivery {
        forge: ForgeKind::GitHub,
        id: "1".to_owned(),
        event: "pull_request".to_owned(),
        received_at: stand.clock.now(),
        lane: Some(Lane::Forge(ForgeKind::GitHub)),
        ignored: None,
        headers: vec![],
        body: "{\"action\": \"opened\"}".into(),
    };
    stand.store.record(delivery).await.unwrap();
    assert_eq!(stand.work().await, 1);
    assert_eq!(stand.store.dead_jobs(10).await.unwrap(), vec![], "it is no dead letter");
    assert_eq!(stand.store.queue().await.unwrap().0, 0);
}
