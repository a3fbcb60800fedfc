//! Pipeline schedules, and whether one of them ran.

use std::collections::BTreeSet;

use mergewright::domain::{RunId, ScheduleStep, ScheduleWish, Timestamp, UserId};
use mergewright::forge::{ErrorKind, Scheduler as _};
use serde_json::{Value, json};

use super::{REPO, adapter};
use crate::scripted::{Answer, Server, on, sha};

const ALL: &str = "/projects/7/pipeline_schedules";

fn wish() -> ScheduleWish {
    ScheduleWish {
        model: "iris".parse().unwrap(),
        name: "nightly".to_owned(),
        branch: "main".to_owned(),
        cron: "0 9 * * *".to_owned(),
        timezone: "Asia/Shanghai".to_owned(),
    }
}

fn listed(id: u64, description: &str, owner: &Value) -> Value {
    json!({ "id": id, "description": description, "ref": "refs/heads/main", "cron": "0 9 * * *",
            "cron_timezone": "UTC", "active": true, "owner": owner })
}

#[tokio::test]
async fn only_what_may_be_ours_is_read_by_itself_and_a_branch_has_its_short_name() {
    let (us, them) = (json!({ "id": 5, "username": "us" }), json!({ "id": 6, "username": "them" }));
    let ours = listed(1, "mergewright iris/nightly", &us);
    let mut told = ours.clone();
    told["variables"] = json!([{ "key": "MERGEWRIGHT_ACTION", "value": "nightly" }]);
    let list = json!([
        ours,
        listed(2, "mergewright iris/nightly", &them),
        listed(3, "something else", &us),
        listed(4, "renamed", &them),
        listed(5, "mergewright iris/gone", &us),
        listed(6, "of an account that is gone", &Value::Null),
    ]);
    let server = Server::start([
        on("GET", "/user", 200, us),
        on("GET", format!("{ALL}?per_page=100"), 200, list),
        on("GET", format!("{ALL}/1"), 200, told),
        on("GET", format!("{ALL}/4"), 200, listed(4, "renamed", &json!({ "id": 6 }))),
        on("GET", format!("{ALL}/5"), 404, json!({ "message": "404 Pipeline Schedule Not Found" })),
    ])
    .await;
    let found = adapter(&server).schedules(REPO, &BTreeSet::from([4])).await.unwrap();
    server.finished();
    let short: Vec<_> = found.iter().map(|one| (one.id, one.owner, one.variables.is_some())).collect();
    assert_eq!(
        short,
        [
            (1, Some(UserId(5)), true),
            (2, Some(UserId(6)), false),
            (3, Some(UserId(5)), false),
            (4, Some(UserId(6)), false),
            (6, None, false),
        ]
    );
    assert_eq!((found[0].branch.as_str(), found[0].timezone.as_str()), ("main", "UTC"));
}

#[tokio::test]
async fn each_step_is_the_writes_that_it_says() {
    let server = Server::start([
        on("POST", ALL, 201, json!({ "id": 9 })),
        on("POST", format!("{ALL}/9/variables"), 201, json!({})),
        on("POST", format!("{ALL}/9/variables"), 201, json!({})),
        on("POST", format!("{ALL}/9/take_ownership"), 201, json!({})),
        on("PUT", format!("{ALL}/9"), 200, json!({})),
        on("PUT", format!("{ALL}/9/variables/MERGEWRIGHT_MODEL"), 200, json!({})),
        on("DELETE", format!("{ALL}/9/variables/MERGEWRIGHT_VERSION"), 202, json!({})),
        on("DELETE", format!("{ALL}/9"), 404, json!({ "message": "404 Pipeline Schedule Not Found" })),
    ])
    .await;
    let gitlab = adapter(&server);
    let steps = [
        ScheduleStep::Create(wish()),
        ScheduleStep::TakeOver(9),
        ScheduleStep::Change(9, wish()),
        ScheduleStep::Tell(9, "MERGEWRIGHT_MODEL".to_owned(), "iris".to_owned(), true),
        ScheduleStep::Forget(9, "MERGEWRIGHT_VERSION".to_owned()),
        ScheduleStep::Remove(9),
    ];
    for step in &steps {
        gitlab.change_schedule(REPO, step).await.unwrap();
    }
    let asked = server.finished();
    let whole = json!({ "description": "mergewright iris/nightly", "ref": "main", "cron": "0 9 * * *",
                        "cron_timezone": "Asia/Shanghai", "active": true });
    assert_eq!((asked[0].json(), asked[4].json()), (whole.clone(), whole));
    let variable = json!({ "key": "MERGEWRIGHT_ACTION", "value": "nightly", "variable_type": "env_var" });
    assert_eq!(asked[1].json(), variable);
}

#[tokio::test]
async fn what_gitlab_will_not_is_refused_with_its_reason() {
    let said = json!({ "message": { "base": ["Maximum number of pipeline schedules (10) exceeded"] } });
    let server = Server::start([on("POST", ALL, 400, said)]).await;
    let error = adapter(&server).change_schedule(REPO, &ScheduleStep::Create(wish())).await.unwrap_err();
    server.finished();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.external.contains("Maximum number of pipeline schedules"), "{}", error.external);
}

fn pipelines(source: &str, found: &Value) -> Answer {
    let list = format!("/projects/7/pipelines?ref=main&source={source}&order_by=id&sort=desc&per_page=50");
    on("GET", list, 200, found.clone())
}

fn jobs(run: u64, jobs: Value) -> Answer {
    on("GET", format!("/projects/7/pipelines/{run}/jobs?per_page=100"), 200, jobs)
}

#[tokio::test]
async fn a_run_is_known_by_its_job_whatever_started_it() {
    let since = Timestamp::parse("2026-11-24T01:00:00Z").unwrap();
    let run = |id: u64, at: &str| json!({ "id": id, "sha": sha('a'), "ref": "main", "created_at": at });
    let none = json!([]);
    let server = Server::start([
        pipelines("schedule", &json!([run(8, "2026-11-24T01:02:00Z"), run(5, "2026-11-23T01:00:00Z")])),
        jobs(8, json!([{ "id": 1, "name": "rose:nightly", "status": "success" }])),
        pipelines("api", &none),
        pipelines("web", &json!([run(9, "2026-11-24T01:30:00Z")])),
        jobs(9, json!([{ "id": 2, "name": "iris:nightly", "status": "failed" }])),
    ])
    .await;
    let iris = "iris".parse().unwrap();
    let found = adapter(&server).ran(REPO, "main", (&iris, "nightly"), since).await.unwrap();
    server.finished();
    assert_eq!(found, Some(RunId(9)));

    let server =
        Server::start(["schedule", "api", "web", "trigger"].map(|source| pipelines(source, &none))).await;
    assert_eq!(adapter(&server).ran(REPO, "main", (&iris, "nightly"), since).await.unwrap(), None);
    server.finished();
}
