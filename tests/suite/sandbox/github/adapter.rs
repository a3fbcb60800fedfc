//! The bot's own adapter against this forge: every operation finds what it needs.

use std::collections::BTreeSet;

use std::sync::Arc;
use std::time::Duration;

use mergewright::config::server::{GithubConfig, GithubCredential};
use mergewright::domain::{
    CommentId, DeploymentState, ForgeKind, JobStatus, Label, MergeMethod, MergeRequestId, RepoId, Status,
    StatusState, Timestamp, UserId, Version, WorkOrder,
};
use mergewright::forge::{ArchiveLimits, ArtifactKind, Asset, Forge as _, GitHub, Merge, NewRelease};
use mergewright::sandbox::{Deliveries, File, Jobs};

use crate::sandbox::scene::{NOON, Scene, WORKFLOW, WORKFLOW_PATH};
use crate::scripted::Hand;

const LIMITS: ArchiveLimits = ArchiveLimits { compressed: 4096, expanded: 4096, entries: 10, wanted: 1000 };

/// The adapter as the bot, with the API below `root`.
fn adapter(scene: &Scene, root: &str) -> GitHub {
    let (url, token) = (scene.forge.url(), scene.forge.bot("mergewright-bot").token().to_owned());
    let config = GithubConfig {
        api_url: format!("{url}{root}"),
        upload_url: if root.is_empty() { url.to_owned() } else { format!("{url}/api/uploads") },
        graphql_url: format!("{url}/graphql"),
        webhook_secrets: Vec::new(),
        credential: GithubCredential::Token(token.into()),
        write_interval: Duration::ZERO,
    };
    let clock = Hand::default();
    clock.set(NOON);
    GitHub::new(&config, Arc::new(clock)).unwrap()
}

fn repo(scene: &Scene) -> RepoId {
    RepoId { forge: ForgeKind::GitHub, number: scene.project.id() }
}

fn order(scene: &Scene, action: &str, model: &str, environment: Option<&str>) -> WorkOrder {
    WorkOrder {
        action: action.to_owned(),
        model: model.parse().unwrap(),
        version: Some(Version::sequence(1).into()),
        commit: scene.main.clone(),
        environment: environment.map(str::to_owned),
        traffic: None,
        source: "7".to_owned(),
    }
}

#[tokio::test]
async fn a_pull_request_is_read_said_something_of_and_merged() {
    let scene = Scene::hub().await;
    let number = scene.merge_request();
    let github = adapter(&scene, "");
    let repo = repo(&scene);
    let id = MergeRequestId { repo, number };
    assert_eq!(github.whoami().await.unwrap().login, "mergewright-bot");
    assert_eq!(github.repository(repo).await.unwrap().path, "acme/iris");
    let head = scene.project.branch("deeper").unwrap();
    assert_eq!(github.merge_request(id).await.unwrap().head, head);
    let changed = github.changed_paths(id).await.unwrap();
    assert_eq!(changed.into_iter().collect::<Vec<_>>(), ["models/iris/params.json"]);
    assert_eq!(github.commit_authors(id).await.unwrap().len(), 1);
    assert_eq!(github.branch_head(repo, "main").await.unwrap(), scene.main);
    assert_eq!(github.parents(repo, &head).await.unwrap(), std::slice::from_ref(&scene.main));
    let file = github.file(repo, "models/iris/params.json", &head, 100).await.unwrap();
    assert_eq!(file.as_deref(), Some(&b"{\"depth\": 3}\n"[..]));
    assert_eq!(github.file(repo, "nope", &head, 100).await.unwrap(), None);
    let folder = github.object(repo, "models/iris", &head).await.unwrap().unwrap();
    assert_eq!(folder.as_str(), scene.git(&["rev-parse", &format!("{head}:models/iris")]));

    scene.project.approve("mia", number).unwrap();
    let approvals = github.reviews(id, &[]).await.unwrap().approvals;
    assert_eq!((approvals.len(), approvals[0].sha.as_ref()), (1, Some(&head)));
    let mia = UserId(scene.forge.person("mia").id);
    scene.forge.group("acme/owners", &["mia"]);
    github.standing(repo, mia, &["acme/owners".to_owned()]).await.unwrap();

    let heard = CommentId(scene.project.comment("mia", number, "/model help").unwrap().unwrap());
    github.acknowledge(id, heard).await.unwrap();
    github.acknowledge(id, heard).await.unwrap();
    assert_eq!(github.comment(id, heard).await.unwrap().unwrap().body, "/model help");
    let said = github.create_comment(id, "hello").await.unwrap();
    github.edit_comment(id, said, "goodbye").await.unwrap();
    assert_eq!(github.comments(id).await.unwrap().len(), 2);
    let status = Status {
        context: "mergewright".to_owned(),
        state: StatusState::Success,
        description: "good".to_owned(),
    };
    github.set_status(id, &head, None, &status).await.unwrap();
    assert_eq!(scene.project.statuses(&head).unwrap()["mergewright"].state, "success");
    github.set_label(id, Some(Label::Ready)).await.unwrap();
    assert!(scene.project.merge_request(number).unwrap().labels.contains("model::ready"));

    let merged = github.merge(id, "main", &head, MergeMethod::Auto).await.unwrap();
    let Merge::Merged(merged) = merged else { panic!("{merged:?}") };
    assert_eq!(scene.project.branch("main").unwrap(), merged);
    let differ = github.paths_between(repo, &scene.main, &merged).await.unwrap();
    assert_eq!(differ.into_iter().collect::<Vec<_>>(), ["models/iris/params.json"]);
    scene.all_routes_are_known();
}

#[tokio::test]
async fn runs_are_read_started_and_stopped_and_their_bytes_fetched() {
    for root in ["", "/api/v3"] {
        let scene = Scene::hub().await;
        scene.forge.enterprise_server(!root.is_empty());
        let number = scene.merge_request();
        let github = adapter(&scene, root);
        let repo = repo(&scene);
        let id = MergeRequestId { repo, number };
        let head = scene.project.branch("deeper").unwrap();
        let run = scene.project.head_run(number, "iris").unwrap().id;
        let files: [(&str, &[u8]); 1] = [("models/iris/model.json", b"{}")];
        scene.project.job_succeeds(run, "iris:build", "trained\n", &files).unwrap();
        scene.project.job_fails(run, "iris:test", "2 failed\n", &[]).unwrap();
        let runs = github.runs(id, &head).await.unwrap().runs;
        assert_eq!(runs.len(), 1, "{root}");
        let job = |task: &str| runs[0].jobs.iter().find(|job| job.task == task).unwrap();
        assert_eq!(job("build").status, JobStatus::Succeeded);
        assert!(matches!(job("test").status, JobStatus::Failed(_)), "{:?}", job("test").status);
        assert_eq!(job("build").model, Some("iris".parse().unwrap()));
        let all = |_path: &str| true;
        let archive = github.archive(repo, job("build"), ArtifactKind::Model, &all, LIMITS).await.unwrap();
        assert_eq!(archive.files["models/iris/model.json"], b"{}");
        let source = &job("build").source;
        assert!(github.kept(repo, &"iris".parse().unwrap(), source).await.unwrap());
        assert!(github.log_tail(repo, job("test").id, 100).await.unwrap().contains("2 failed"));

        github.retry_job(repo, runs[0].id, job("test").id).await.unwrap();
        scene.project.job_succeeds(run, "iris:test", "", &[]).unwrap();
        let again = github.start_run(id, &head, &BTreeSet::new()).await.unwrap();
        assert_eq!(again, runs[0].id, "a run that begins anew keeps its number");
        github.cancel_run(repo, again).await.unwrap();
        github.cancel_run(repo, again).await.unwrap();

        let wish = order(&scene, "publish", "iris", None);
        assert_eq!(github.dispatched(repo, "main", &wish, Timestamp(NOON * 1000)).await.unwrap(), None);
        let started = github.dispatch(repo, "main", &wish).await.unwrap();
        let found = github.dispatched(repo, "main", &wish, Timestamp(NOON * 1000)).await.unwrap();
        assert_eq!(found, Some(started), "{root}");
        github.run(repo, started).await.unwrap();
        scene.all_routes_are_known();
    }
}

#[tokio::test]
async fn versions_are_tagged_released_and_deployed() {
    let files = [
        File::write(WORKFLOW_PATH, WORKFLOW),
        File::write(
            ".github/workflows/model-speech.yml",
            include_str!("../../../data/golden/github/two-models/.github/workflows/model-speech.yml"),
        ),
    ];
    let scene = Scene::on(ForgeKind::GitHub, Jobs::ByHand, Deliveries::ByHand, &files).await;
    let github = adapter(&scene, "");
    let repo = repo(&scene);
    let made = github.create_tag(repo, "speech@v1.0.0", &scene.main, "{}\nline").await.unwrap();
    assert_eq!(github.tag(repo, "speech@v1.0.0").await.unwrap(), Some(made.clone()));
    assert_eq!(github.tags(repo, "speech@").await.unwrap(), [made]);
    assert!(github.create_tag(repo, "speech@v1.0.0", &scene.main, "again").await.is_err());
    let wanted = NewRelease {
        tag: "speech@v1.0.0".to_owned(),
        name: "speech v1".to_owned(),
        notes: "Notes".to_owned(),
        model: "speech".parse().unwrap(),
        package_version: "1.0.0".to_owned(),
        assets: vec![Asset { name: "lineage.json".to_owned(), content: b"{}".to_vec() }],
        fresh: true,
    };
    github.create_release(repo, &wanted).await.unwrap();
    github.create_release(repo, &wanted).await.unwrap();
    assert!(github.release(repo, "speech@v1.0.0").await.unwrap().is_some());
    assert_eq!(scene.project.releases().unwrap()["speech@v1.0.0"].assets.len(), 1);

    let wish = order(&scene, "deploy", "speech", Some("staging"));
    let started = github.dispatch(repo, "main", &wish).await.unwrap();
    scene.project.job_succeeds(started.0, "speech:deploy", "", &[]).unwrap();
    let run = github.run(repo, started).await.unwrap();
    let job = run.jobs.iter().find(|job| job.task == "deploy").unwrap();
    let deployment = github.deployment(repo, "staging", &run, job).await.unwrap().unwrap();
    assert_eq!(deployment.state, DeploymentState::Succeeded);
    scene.all_routes_are_known();
}
