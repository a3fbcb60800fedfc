//! Forks: repositories of their own, what hooks and the API tell of them, and what their runs get.

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{File, JobState, MergeRequestState, PipelineState, RunsWait, SandboxProject};
use serde_json::{Value, json};

use super::scene::Scene;

const BOTH: [ForgeKind; 2] = [ForgeKind::GitLab, ForgeKind::GitHub];

/// A fork of somebody from outside with a branch that touches the model, and its merge request.
async fn forked(kind: ForgeKind) -> (Scene, SandboxProject, u64) {
    let scene = Scene::of(kind).await;
    let _account = scene.forge.person("olga");
    assert!(scene.project.fork("olga", "olga/iris").is_err(), "a private project is not seen");
    scene.project.public(true).unwrap();
    scene.project.secret("DATA_TOKEN", "hush").unwrap();
    scene.project.hook("http://127.0.0.1:9/hook", None, Some("secret")).unwrap();
    let fork = scene.project.fork("olga", "olga/iris").unwrap();
    assert_eq!(fork.branch("main").unwrap(), scene.main, "with all that was there");
    fork.push("olga", "deeper", &[File::write("models/iris/params.json", "{\"depth\": 3}\n")], "Go deeper")
        .unwrap();
    let number = scene.project.open_from_fork("olga", &fork, "deeper", "Go deeper").unwrap();
    (scene, fork, number)
}

/// The newest hook of this event that was queued.
fn told(scene: &Scene, event: &str) -> Value {
    let pending = scene.forge.pending_deliveries();
    let found = pending.iter().rev().find(|delivery| delivery.event == event);
    serde_json::from_str(&found.unwrap_or_else(|| panic!("no {event}")).body).unwrap()
}

#[tokio::test]
async fn only_the_forks_owner_pushes_to_it_and_the_project_follows() {
    for kind in BOTH {
        let (scene, fork, number) = forked(kind).await;
        assert!(fork.push("mia", "deeper", &[], "Not mine").is_err());
        assert!(scene.project.push("olga", "deeper", &[], "Not hers").is_err());
        let first = scene.project.merge_request(number).unwrap();
        let pushed = fork.push("olga", "deeper", &[File::write("x", "1\n")], "More").unwrap();
        let now = scene.project.merge_request(number).unwrap();
        assert_eq!((&now.head, now.versions.len()), (&pushed, first.versions.len() + 1));
        assert!(scene.project.branch("deeper").is_err(), "the branch is the fork's");
        assert_eq!(scene.project.file("x", pushed.as_str()).unwrap(), b"1\n", "the commit is known here too");
        fork.force("olga", "deeper", &first.head).unwrap();
        assert_eq!(scene.project.merge_request(number).unwrap().head, first.head);
        scene.project.merge("mia", number).unwrap();
        assert_eq!(scene.project.file("models/iris/params.json", "main").unwrap(), b"{\"depth\": 3}\n");
    }
}

#[tokio::test]
async fn github_tells_of_both_sides_and_gives_a_newcomers_run_nothing_before_it_is_permitted() {
    let (scene, fork, number) = forked(ForgeKind::GitHub).await;
    let pull = told(&scene, "pull_request")["pull_request"].clone();
    assert_eq!(pull["head"]["repo"]["full_name"], "olga/iris");
    assert_eq!(
        (&pull["head"]["label"], &pull["head"]["repo"]["fork"]),
        (&json!("olga:deeper"), &json!(true))
    );
    assert_eq!(
        (&pull["base"]["repo"]["full_name"], &pull["author_association"]),
        (&json!("acme/iris"), &json!("NONE"))
    );
    let run = told(&scene, "workflow_run")["workflow_run"].clone();
    assert_eq!(run["pull_requests"], json!([]), "none is named for a fork");
    assert_eq!(
        (&run["head_repository"]["full_name"], &run["conclusion"]),
        (&json!("olga/iris"), &json!("action_required"))
    );
    assert!(fork.pipelines().unwrap().is_empty(), "Actions are off in a new fork");
    let id = run["id"].as_u64().unwrap();
    assert_eq!(scene.bot("POST", &format!("/actions/runs/{id}/approve"), json!({})).await.status, 201);
    scene.project.job_succeeds(id, "iris:build", "", &[]).unwrap();
    assert!(!scene.project.job_sees(id, "iris:build").unwrap().values().any(|value| value == "hush"));
    // Somebody of whom something was merged is no newcomer.
    scene.project.merge("mia", number).unwrap();
    fork.push("olga", "wider", &[File::write("models/iris/width.json", "{\"width\": 1}\n")], "Wider")
        .unwrap();
    let next = scene.project.open_from_fork("olga", &fork, "wider", "Wider").unwrap();
    let run = scene.project.head_run(next, "iris").unwrap();
    assert_eq!(scene.project.pipeline_state(run.id).unwrap(), PipelineState::Pending);
    scene.project.runs_wait(RunsWait::ForOutsiders).unwrap();
    fork.push("olga", "wider", &[File::write("models/iris/width.json", "{\"width\": 2}\n")], "Wider")
        .unwrap();
    let run = scene.project.head_run(next, "iris").unwrap();
    assert_eq!(scene.project.pipeline_state(run.id).unwrap(), PipelineState::Manual);
}

#[tokio::test]
async fn gitlab_runs_a_forks_branch_in_the_fork_and_in_the_project_only_when_asked() {
    let (scene, fork, number) = forked(ForgeKind::GitLab).await;
    let hook = told(&scene, "Merge Request Hook")["object_attributes"].clone();
    let (own, theirs) = (scene.project.id(), fork.id());
    assert_eq!((&hook["source_project_id"], &hook["target_project_id"]), (&json!(theirs), &json!(own)));
    assert_eq!(hook["source"]["path_with_namespace"], "olga/iris");
    let shown = scene.get(&format!("/merge_requests/{number}")).await.json();
    assert_eq!((&shown["source_project_id"], &shown["project_id"]), (&json!(theirs), &json!(own)));
    let hooks = scene.forge.pending_deliveries();
    assert!(!hooks.iter().any(|hook| hook.event == "Pipeline Hook"), "the fork's hooks are its own");
    let listed = scene.get(&format!("/merge_requests/{number}/pipelines")).await.json();
    let projects: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["project_id"].clone()).collect();
    assert_eq!(projects, [json!(theirs)]);
    let run = fork.pipelines().unwrap().into_iter().find(|run| run.merge_request == Some(number)).unwrap();
    assert_eq!(run.fork_of, Some(own));
    assert!(!fork.job_sees(run.id, "iris:build").unwrap().contains_key("DATA_TOKEN"));

    let made = scene.bot("POST", &format!("/merge_requests/{number}/pipelines"), json!({})).await;
    assert_eq!((made.status, made.json()["project_id"].clone()), (201, json!(own)));
    let head = scene.project.merge_request(number).unwrap().head;
    assert_eq!(made.json()["sha"], head.as_str());
    let id = made.json()["id"].as_u64().unwrap();
    assert_eq!(scene.project.job_sees(id, "iris:build").unwrap()["DATA_TOKEN"], "hush");
    let told = told(&scene, "Pipeline Hook")["merge_request"].clone();
    assert_eq!((&told["source_project_id"], &told["target_project_id"]), (&json!(theirs), &json!(own)));
    let listed = scene.get(&format!("/merge_requests/{number}/pipelines")).await.json();
    let projects: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["project_id"].clone()).collect();
    assert_eq!(projects, [json!(own), json!(theirs)], "the newest first, of both");
    scene.all_routes_are_known();
}

#[tokio::test]
async fn a_fork_or_branch_that_is_gone_leaves_what_each_forge_leaves() {
    for kind in BOTH {
        let (scene, fork, number) = forked(kind).await;
        assert!(fork.delete("mia").is_err());
        fork.delete("olga").unwrap();
        let now = scene.project.merge_request(number).unwrap();
        if kind == ForgeKind::GitLab {
            assert_eq!(now.state, MergeRequestState::Closed);
            let hook = told(&scene, "Merge Request Hook")["object_attributes"].clone();
            assert_eq!((&hook["source_project_id"], &hook["source"]), (&Value::Null, &Value::Null));
        } else {
            assert_eq!(now.state, MergeRequestState::Open);
            let pull = scene.get(&format!("/pulls/{number}")).await.json();
            assert_eq!((&pull["head"]["repo"], &pull["head"]["user"]), (&Value::Null, &Value::Null));
            assert_eq!(pull["mergeable"], true, "its commits are kept here");
        }

        let (scene, fork, number) = forked(kind).await;
        fork.delete_branch("olga", "deeper").unwrap();
        let now = scene.project.merge_request(number).unwrap();
        let closed = now.state == MergeRequestState::Closed;
        assert_eq!(closed, kind == ForgeKind::GitHub);
        if kind == ForgeKind::GitLab {
            let shown = scene.get(&format!("/merge_requests/{number}")).await.json();
            assert_eq!(shown["detailed_merge_status"], "broken_status");
        }
    }
}

#[tokio::test]
async fn the_button_merges_the_target_into_the_forks_branch() {
    for kind in BOTH {
        let (scene, fork, number) = forked(kind).await;
        let main =
            scene.project.push("mia", "main", &[File::write("README.md", "more\n")], "Say more").unwrap();
        let before = scene.project.merge_request(number).unwrap().head;
        let merged = scene.project.update_branch("olga", number).unwrap();
        assert_eq!(scene.project.merge_request(number).unwrap().head, merged);
        assert_eq!(fork.branch("deeper").unwrap(), merged);
        let path = if kind == ForgeKind::GitLab { "/repository/commits/" } else { "/git/commits/" };
        let commit = scene.get(&format!("{path}{merged}")).await.json();
        let parents: Vec<_> = match kind {
            ForgeKind::GitLab => commit["parent_ids"].as_array().unwrap().clone(),
            ForgeKind::GitHub => {
                commit["parents"].as_array().unwrap().iter().map(|parent| parent["sha"].clone()).collect()
            }
        };
        assert_eq!(parents, [json!(before.as_str()), json!(main.as_str())]);
    }
}

#[tokio::test]
async fn a_pull_request_of_a_fork_is_opened_by_its_owners_name() {
    let (scene, fork, _number) = forked(ForgeKind::GitHub).await;
    fork.push("olga", "wider", &[File::write("models/iris/params.json", "{\"width\": 1}\n")], "Wider")
        .unwrap();
    let token = format!("Bearer {}", scene.forge.person("olga").token());
    let url = format!("{}/repos/acme/iris/pulls", scene.forge.url());
    let wish = json!({"head": "olga:wider", "base": "main", "title": "Wider"});
    let opened = scene.send("POST", &url, &[("authorization", &token)], wish).await;
    assert_eq!(opened.status, 201);
    assert_eq!(opened.json()["head"]["repo"]["id"], fork.id());
    let number = opened.json()["number"].as_u64().unwrap();
    let run = scene.project.head_run(number, "iris").unwrap();
    assert_eq!(scene.project.pipeline_state(run.id).unwrap(), PipelineState::Manual);
    scene.project.permit_run("mia", run.id).unwrap();
    assert_eq!(scene.project.job(run.id, "iris:build").unwrap().state, JobState::Pending);
}
