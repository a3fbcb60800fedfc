//! Check runs: what is written, in how many calls, and how they are found again.

use mergewright::domain::{
    Annotation, Button, Buttons, Check, CheckId, CheckMark, Conclusion, Digest, FoundCheck, Progress,
};
use mergewright::forge::{ErrorKind, Forge as _};
use serde_json::{Value, json};

use super::{MR, REPO, adapter, serve};
use crate::scripted::{Answer, Server, kind, on, sha};

const RUNS: &str = "/repos/acme/models/check-runs";
const RED: Progress = Progress::Completed(Conclusion::Failure);

fn check(progress: Progress, remarks: u32) -> Check {
    let remark = |line| Annotation {
        path: "models/iris/test_iris.py".to_owned(),
        line,
        title: format!("test {line}"),
        message: "4 is not 5".to_owned(),
    };
    Check {
        name: "mergewright/iris/test".to_owned(),
        progress,
        title: "the tests".to_owned(),
        report: None,
        annotations: (1..=remarks).map(remark).collect(),
        buttons: Buttons::of([Button::Approve, Button::Hold]),
        edition: 4,
        measured: Some(Digest::of("numbers")),
    }
}

/// Our own account, that of an App.
fn us() -> Answer {
    on("GET", "/user", 200, json!({ "id": 1, "login": "mergewright[bot]", "type": "Bot" }))
}

/// The check runs of that name on the commit.
fn listed(runs: impl Into<Value>) -> Answer {
    let target = format!(
        "/repos/acme/models/commits/{}/check-runs?check_name=mergewright%2Firis%2Ftest&filter=all&per_page=100",
        sha('a')
    );
    let runs: Value = runs.into();
    on("GET", target, 200, json!({ "total_count": runs.as_array().unwrap().len(), "check_runs": runs }))
}

/// A check run as it stands, of this App.
fn standing(id: u64, slug: &str, mark: &CheckMark, status: &str, annotations: usize) -> Value {
    json!({ "id": id, "name": "mergewright/iris/test", "head_sha": sha('a'), "external_id": mark.to_string(),
            "status": status, "app": { "id": 5, "slug": slug },
            "output": { "annotations_count": annotations } })
}

fn created(id: u64) -> Answer {
    on("POST", RUNS, 201, json!({ "id": id }))
}

fn changed(id: u64) -> Answer {
    on("PATCH", format!("{RUNS}/{id}"), 200, json!({ "id": id }))
}

async fn show(server: &Server, check: &Check) -> Result<(), ErrorKind> {
    let shown = adapter(server).show_check(&sha('a'), &check.mark(MR), check, "*summary*").await;
    shown.map_err(|error| error.kind)
}

/// The bodies of the writes, in order.
fn written(server: &Server) -> Vec<Value> {
    let all = server.finished().into_iter().filter(|asked| asked.method != "GET");
    all.map(|asked| asked.json()).collect()
}

/// The lines of the annotations of each write.
fn lines(bodies: &[Value]) -> Vec<Vec<u64>> {
    let of = |body: &Value| {
        let all = body["output"]["annotations"].as_array().unwrap().iter();
        all.map(|one| one["start_line"].as_u64().unwrap()).collect()
    };
    bodies.iter().map(of).collect()
}

#[tokio::test]
async fn a_check_is_created_with_all_that_it_shows() {
    let server = serve([us(), listed(json!([])), created(71)]).await;
    let check = check(Progress::InProgress, 1);
    show(&server, &check).await.unwrap();
    let bodies = written(&server);
    let expected = json!({
        "name": "mergewright/iris/test",
        "head_sha": sha('a'),
        "external_id": check.mark(MR).to_string(),
        "status": "in_progress",
        "output": {
            "title": "the tests",
            "summary": "*summary*",
            "annotations": [{
                "path": "models/iris/test_iris.py", "start_line": 1, "end_line": 1,
                "annotation_level": "failure", "title": "test 1", "message": "4 is not 5",
            }],
        },
        "actions": [
            { "label": "Approve", "description": "Approve this head as an owner", "identifier": "approve" },
            { "label": "Hold", "description": "Keep it from being published", "identifier": "hold" },
        ],
    });
    assert_eq!(bodies, [expected]);
}

#[tokio::test]
async fn fifty_one_annotations_need_two_calls_and_the_check_stays_completed_in_both() {
    let server = serve([us(), listed(json!([])), created(71), changed(71)]).await;
    show(&server, &check(RED, 51)).await.unwrap();
    let bodies = written(&server);
    assert_eq!(lines(&bodies), [(1..=50).collect::<Vec<_>>(), vec![51]]);
    for body in bodies {
        assert_eq!((&body["status"], &body["conclusion"]), (&json!("completed"), &json!("failure")));
    }
    let server = serve([us(), listed(json!([])), created(71)]).await;
    show(&server, &check(RED, 50)).await.unwrap();
    assert_eq!(lines(&written(&server)), [(1..=50).collect::<Vec<_>>()]);
}

#[tokio::test]
async fn a_conclusion_is_there_exactly_where_the_check_is_completed() {
    let server = serve([]).await;
    for (progress, status, conclusion) in [
        (Progress::Queued, "queued", None),
        (Progress::InProgress, "in_progress", None),
        (Progress::Completed(Conclusion::Success), "completed", Some("success")),
        (RED, "completed", Some("failure")),
        (Progress::Completed(Conclusion::Cancelled), "completed", Some("cancelled")),
    ] {
        let server = if progress == Progress::Queued { &server } else { &serve([]).await };
        server.add([us(), listed(json!([])), created(71)]);
        show(server, &check(progress, 0)).await.unwrap();
        let body = written(server).pop().unwrap();
        assert_eq!(body["status"], status);
        assert_eq!(body.get("conclusion"), conclusion.map(|word| json!(word)).as_ref());
    }
}

#[tokio::test]
async fn what_was_made_is_remembered_and_changed() {
    let server = serve([us(), listed(json!([])), created(71), changed(71), changed(71)]).await;
    let github = adapter(&server);
    for progress in [Progress::Queued, Progress::InProgress, RED] {
        let check = check(progress, 0);
        github.show_check(&sha('a'), &check.mark(MR), &check, "s").await.unwrap();
    }
    let bodies = written(&server);
    assert_eq!(bodies[2]["conclusion"], "failure");
    assert_eq!(bodies[2].get("head_sha"), None);
}

#[tokio::test]
async fn after_a_lost_answer_the_check_is_found_and_only_what_is_missing_is_added() {
    let server = serve([us(), listed(json!([])), created(71).broken_off()]).await;
    let github = adapter(&server);
    let check = check(RED, 51);
    let mark = check.mark(MR);
    let lost = kind(github.show_check(&sha('a'), &mark, &check, "s").await);
    assert!(matches!(lost, ErrorKind::Retry { .. }), "{lost:?}");
    server.add([listed(json!([standing(71, "mergewright", &mark, "completed", 50)])), changed(71)]);
    github.show_check(&sha('a'), &mark, &check, "s").await.unwrap();
    assert_eq!(lines(&written(&server)[1..]), [[51]]);
}

#[tokio::test]
async fn annotations_are_never_given_twice_and_others_need_a_new_check() {
    let red = check(RED, 2);
    let here = |annotations| standing(71, "mergewright", &red.mark(MR), "completed", annotations);
    // The same remarks once more: only the rest is written.
    let server = serve([us(), listed(json!([here(2)])), changed(71)]).await;
    show(&server, &red).await.unwrap();
    assert_eq!(lines(&written(&server)), [[0_u64; 0]]);
    // Other remarks, or none: those that stand there cannot be taken away.
    for remarks in [0, 3] {
        let server = serve([us(), listed(json!([here(2)])), created(72)]).await;
        show(&server, &check(RED, remarks)).await.unwrap();
        assert_eq!(written(&server).len(), 1);
    }
    // What has none can be given some.
    let bare = standing(71, "mergewright", &check(RED, 0).mark(MR), "completed", 0);
    let server = serve([us(), listed(json!([bare])), changed(71)]).await;
    show(&server, &red).await.unwrap();
    assert_eq!(lines(&written(&server)), [[1, 2]]);
}

#[tokio::test]
async fn a_completed_check_is_not_begun_again_but_replaced() {
    let mark = check(RED, 0).mark(MR);
    let done = standing(71, "mergewright", &mark, "completed", 0);
    let server = serve([us(), listed(json!([done])), created(72)]).await;
    show(&server, &check(Progress::InProgress, 0)).await.unwrap();
    assert_eq!(written(&server)[0]["status"], "in_progress");
}

#[tokio::test]
async fn the_newest_of_our_own_counts_and_those_of_others_are_not_touched() {
    let mark = check(RED, 0).mark(MR);
    let elsewhere: CheckMark = "github:7!4 0 - -".parse().unwrap();
    let unmarked = json!({ "id": 80, "name": "mergewright/iris/test", "head_sha": sha('a'),
                           "external_id": "", "status": "queued", "app": { "slug": "mergewright" } });
    let all = json!([
        standing(90, "linter", &mark, "queued", 0),
        standing(71, "mergewright", &mark, "in_progress", 0),
        standing(72, "mergewright", &mark, "in_progress", 0),
        standing(79, "mergewright", &elsewhere, "in_progress", 0),
        unmarked,
    ]);
    // Another pull request with this head made that one: of a name GitHub counts the newest of the commit.
    let server = serve([us(), listed(all), changed(79)]).await;
    show(&server, &check(RED, 0)).await.unwrap();
    written(&server);
}

#[tokio::test]
async fn a_check_that_is_gone_is_made_anew_and_a_refusal_is_told() {
    let mark = check(RED, 0).mark(MR);
    let gone = on("PATCH", format!("{RUNS}/71"), 404, json!({ "message": "Not Found" }));
    let there = listed(json!([standing(71, "mergewright", &mark, "queued", 0)]));
    let server = serve([us(), there, gone, created(72)]).await;
    show(&server, &check(RED, 0)).await.unwrap();
    written(&server);
    let refusal = json!({ "message": "You must authenticate via a GitHub App." });
    let server = serve([us(), listed(json!([])), on("POST", RUNS, 403, refusal)]).await;
    assert_eq!(show(&server, &check(RED, 0)).await, Err(ErrorKind::Refused));
}

#[tokio::test]
async fn long_texts_are_cut_to_what_github_takes() {
    let mut check = check(RED, 1);
    check.title = "ö".repeat(300);
    check.annotations[0].title = "t\u{7}".repeat(300);
    check.annotations[0].message = "ü".repeat(40_000);
    let server = serve([us(), listed(json!([])), created(71), created(72)]).await;
    show(&server, &check).await.unwrap();
    check.annotations[0].message = " \u{1b}".to_owned();
    let github = adapter(&server);
    server.add([us(), listed(json!([])), on("GET", "/repositories/7", 200, super::repository(json!({})))]);
    github.show_check(&sha('a'), &check.mark(MR), &check, "s").await.unwrap();
    let bodies = written(&server);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    assert_eq!(text(&bodies[0]["output"]["title"]).chars().count(), 255);
    let remark = &bodies[0]["output"]["annotations"][0];
    assert_eq!(text(&remark["title"]).chars().count(), 255);
    assert!(!text(&remark["title"]).contains('\u{7}'));
    assert_eq!(text(&remark["message"]).len(), 65_534, "whole characters only");
    assert_eq!(bodies[1]["output"]["annotations"][0]["message"], "failed", "GitHub takes no empty one");
}

#[tokio::test]
async fn a_check_is_read_back_only_if_it_is_ours() {
    let mark = check(RED, 0).mark(MR);
    let read =
        |id: u64, slug: &str| on("GET", format!("{RUNS}/{id}"), 200, standing(id, slug, &mark, "queued", 0));
    let gone = on("GET", format!("{RUNS}/73"), 404, json!({ "message": "Not Found" }));
    let server = serve([us(), read(71, "mergewright"), read(72, "linter"), gone]).await;
    let github = adapter(&server);
    let name = "mergewright/iris/test".to_owned();
    let ours = FoundCheck { name, head: sha('a'), merge_request: Some(MR) };
    assert_eq!(github.check(REPO, CheckId(71)).await.unwrap(), Some(ours));
    assert_eq!(github.check(REPO, CheckId(72)).await.unwrap(), None);
    assert_eq!(github.check(REPO, CheckId(73)).await.unwrap(), None);
    server.finished();
}
