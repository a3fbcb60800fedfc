//! Merge requests from forks: untrusted code meets no secret before a maintainer names the head.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{Fault, JobState, PipelineState, Role, RunsWait, SandboxProject};

use super::forges::on_both_forges;
use super::outcome::GOOD;
use super::outsiders::{OUTSIDER, forked, head, is_heard, offers, push_again, pushes_again, waiting};
use super::play::{AUTHOR, OWNER, REPORT};
use super::{IRIS, Play};

on_both_forges! {
    a_maintainer_names_the_head_and_it_goes_all_the_way,
    until_then_one_comment_says_how_to_let_it_run,
    the_sha_is_required_and_must_be_the_heads,
    only_a_maintainer_lets_it_run,
    no_label_no_approval_and_no_other_command_starts_anything,
    another_push_needs_another_word,
    a_head_that_moved_between_the_word_and_the_start_is_not_started,
    what_began_on_another_commit_is_cancelled_at_once,
    what_began_on_another_commit_without_an_answer_is_cancelled_too,
    secrets_meet_no_code_that_nobody_named,
    a_run_that_the_forge_started_itself_is_read,
    a_runner_fault_is_not_tried_again_with_secrets_by_itself,
    an_old_head_that_comes_back_needs_a_word_of_its_own,
    shuffled_webhooks_start_nothing_and_lose_nothing,
}

async fn a_maintainer_names_the_head_and_it_goes_all_the_way(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let fork = forked(&play);
    let number = offers(&mut play, &fork, "Train longer").await;
    let named = head(&play, number);
    let asked = play.says(OWNER, number, &format!("/model run {named}")).await;
    assert_eq!(play.reactions(number, asked), ["eyes"]);
    assert_eq!(waiting(&play), ["iris:build"], "{}", play.report(number));
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("success"));
    play.says(OWNER, number, "/model publish").await;
    // Publishing runs where it always does: on the target branch of this project.
    let publish = play.project.waiting_jobs().unwrap().remove(0);
    let run = play.project.pipelines().unwrap().into_iter().find(|run| run.id == publish.pipeline).unwrap();
    assert_eq!((run.reference.as_str(), publish.name.as_str()), ("main", "iris:publish"));
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
    play.ends().await;
}

async fn until_then_one_comment_says_how_to_let_it_run(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let fork = forked(&play);
    let number = offers(&mut play, &fork, "Train longer").await;
    let report = play.report(number);
    assert!(report.contains(&format!("/model run {}", head(&play, number))), "{report}");
    assert_eq!(play.label(number), "model::building");
    // GitLab has no pipeline of this project that a status could join.
    let expected = (forge == ForgeKind::GitHub).then_some("pending");
    assert_eq!(play.status(number, "mergewright").as_deref(), expected);
    assert_eq!(waiting(&play), Vec::<String>::new());
    if forge == ForgeKind::GitLab {
        // What the fork builds for itself, with its own runners, proves nothing.
        let run = fork.pipelines().unwrap().into_iter().find(|run| run.fork_of == Some(play.project.id()));
        let run = run.expect("the fork's own pipeline").id;
        fork.job_succeeds(run, "iris:build", "", &[("models/iris/model.json", b"weights")]).unwrap();
        fork.job_succeeds(run, "iris:test", "", &[("models/iris/metrics.json", GOOD.as_bytes())]).unwrap();
        play.settle().await;
        assert_eq!(play.report(number), report, "a fork's own pipeline is not read");
    }
    play.passes(Duration::from_secs(24 * 3600)).await;
    assert_eq!(play.report(number), report, "nobody is asked twice");
    let ours = play.project.comments(number).unwrap();
    assert_eq!(ours.iter().filter(|comment| comment.author == play.bot.id).count(), 1);
    play.ends().await;
}

async fn the_sha_is_required_and_must_be_the_heads(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let fork = forked(&play);
    let number = offers(&mut play, &fork, "Train longer").await;
    let named = head(&play, number);
    let main = play.project.branch("main").unwrap().short().to_owned();
    for (said, rule) in [("/model run", "sha-required"), (&format!("/model run {main}"), "head-moved")] {
        let asked = play.says(OWNER, number, said).await;
        let reply = play.reply(number, asked);
        assert!(reply.contains(rule) && reply.contains(&named), "{said}: {reply}");
        assert!(rule != "head-moved" || reply.contains(&main), "both are named: {reply}");
        assert_eq!(waiting(&play), Vec::<String>::new(), "{said}");
    }
    let short = play.says(OWNER, number, &format!("/model run {}", &named[..6])).await;
    assert!(play.reply(number, short).contains("Not understood"), "six digits name nothing");
    assert_eq!(waiting(&play), Vec::<String>::new());
    play.ends().await;
}

async fn only_a_maintainer_lets_it_run(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let fork = forked(&play);
    let number = offers(&mut play, &fork, "Train longer").await;
    let said = format!("/model run {}", head(&play, number));
    for login in [OUTSIDER, AUTHOR] {
        let asked = play.says(login, number, &said).await;
        let reply = play.reply(number, asked);
        assert!(reply.contains("not-maintainer"), "{login}: {reply}");
        assert_eq!(waiting(&play), Vec::<String>::new(), "{login}");
    }
    // Rights are those of the moment at which it is decided.
    play.clock.advance(Duration::from_secs(1));
    let late = play.project.comment(OWNER, number, &said).unwrap().unwrap();
    play.project.member(OWNER, Role::Developer).unwrap();
    play.settle().await;
    assert!(play.reply(number, late).contains("not-maintainer"));
    assert_eq!(waiting(&play), Vec::<String>::new());
    play.ends().await;
}

async fn no_label_no_approval_and_no_other_command_starts_anything(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let fork = forked(&play);
    let number = offers(&mut play, &fork, "Train longer").await;
    let robot = play.sandbox.bot("helpful-bot").login;
    play.project.member(&robot, Role::Maintainer).unwrap();
    for by in [robot.as_str(), AUTHOR, OWNER] {
        play.project.labels(by, number, &["ok-to-test", "safe to run", "model::ready"], &[]).unwrap();
        play.settle().await;
        play.project.labels(by, number, &[], &["model::ready", "ok-to-test"]).unwrap();
        play.settle().await;
        assert_eq!(waiting(&play), Vec::<String>::new(), "{by}");
    }
    play.project.approve(OWNER, number).unwrap();
    play.settle().await;
    let named = head(&play, number);
    let said = format!("/model run {named}");
    for said in ["/model retry", "/model publish", &format!("/model retry {named}")] {
        let asked = play.says(OWNER, number, said).await;
        assert!(play.reply(number, asked).contains("Refused"), "{said}");
    }
    // An approval of what nobody has measured yet starts nothing either.
    play.says(OWNER, number, &format!("/model approve {named}")).await;
    play.says(OWNER, number, &format!("/model publish {named} --when-ready")).await;
    assert_eq!(waiting(&play), Vec::<String>::new());
    assert!(play.report(number).contains(&said), "{}", play.report(number));
    play.ends().await;
}

async fn another_push_needs_another_word(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let fork = forked(&play);
    let number = offers(&mut play, &fork, "Train longer").await;
    let first = head(&play, number);
    play.says(OWNER, number, &format!("/model run {first}")).await;
    let run = play.run(number, "iris");
    pushes_again(&mut play, &fork, number).await;
    assert_eq!(play.project.job(run, "iris:build").unwrap().state, JobState::Canceled);
    assert_eq!(waiting(&play), Vec::<String>::new());
    let asked = play.says(OWNER, number, &format!("/model run {first}")).await;
    let reply = play.reply(number, asked);
    assert!(reply.contains("head-moved") && reply.contains(&head(&play, number)), "{reply}");
    assert_eq!(waiting(&play), Vec::<String>::new());
    let second = head(&play, number);
    play.says(OWNER, number, &format!("/model run {second}")).await;
    assert_eq!(waiting(&play), ["iris:build"]);
    play.ends().await;
}

async fn a_head_that_moved_between_the_word_and_the_start_is_not_started(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let fork = forked(&play);
    let number = offers(&mut play, &fork, "Train longer").await;
    let said = format!("/model run {}", head(&play, number));
    is_heard(&mut play, OWNER, number, &said).await;
    push_again(&play, &fork, number);
    play.settle().await;
    assert_eq!(waiting(&play), Vec::<String>::new(), "{}", play.report(number));
    assert_eq!(starts(&play), 0, "nothing was asked for");
    let unseen = format!("/model run {}", head(&play, number));
    assert!(play.report(number).contains(&unseen), "{}", play.report(number));
    play.passes(Duration::from_secs(3600)).await;
    assert_eq!(waiting(&play), Vec::<String>::new());
    let told = play.audit("run").await;
    assert!(told.iter().any(|what| what.contains("the head has moved")), "{told:?}");
    play.ends().await;
}

/// How often the bot asked the forge to start something.
fn starts(play: &Play) -> usize {
    let starts =
        |url: &str| ["/pipelines", "/approve", "/rerun", "/dispatches"].iter().any(|end| url.ends_with(end));
    play.sandbox.requests().iter().filter(|one| one.method == "POST" && starts(&one.url)).count()
}

/// The outsider pushes in the very moment in which the bot asks the forge to start a run.
fn pushes_at_the_start(play: &Play, fork: &SandboxProject, number: u64, fault: Option<Fault>) {
    let (fork, pushed) = (fork.clone(), AtomicBool::new(false));
    let branch = play.project.merge_request(number).unwrap().source_branch;
    play.sandbox.choose_failures(Some(Arc::new(move |method, path| {
        let starts = path.ends_with("/pipelines") || path.ends_with("/approve");
        if method != "POST" || !starts || pushed.swap(true, Ordering::SeqCst) {
            return None;
        }
        let files = [mergewright::sandbox::File::write("models/iris/params.json", "{\"unseen\": true}\n")];
        fork.push(OUTSIDER, &branch, &files, "Unseen").unwrap();
        fault.clone()
    })));
}

async fn what_began_on_another_commit_is_cancelled_at_once(forge: ForgeKind) {
    raced(forge, None).await;
}

async fn what_began_on_another_commit_without_an_answer_is_cancelled_too(forge: ForgeKind) {
    raced(forge, Some(Fault::BreakAfter)).await;
}

async fn raced(forge: ForgeKind, fault: Option<Fault>) {
    let mut play = Play::start(forge).await;
    let fork = forked(&play);
    let number = offers(&mut play, &fork, "Train longer").await;
    let named = head(&play, number);
    pushes_at_the_start(&play, &fork, number, fault);
    play.says(OWNER, number, &format!("/model run {named}")).await;
    play.passes(Duration::from_secs(60)).await;
    let unseen = head(&play, number);
    assert_ne!(named, unseen);
    assert_eq!(waiting(&play), Vec::<String>::new(), "{}", play.report(number));
    let runs = play.project.pipelines().unwrap();
    let of_unseen: Vec<_> = runs.iter().filter(|run| run.sha.short() == unseen).collect();
    assert_eq!(of_unseen.len(), 1);
    match forge {
        // It takes the newest commit, whatever was meant.
        ForgeKind::GitLab => {
            let job = play.project.job(of_unseen[0].id, "iris:build").unwrap();
            assert_eq!(job.state, JobState::Canceled);
        }
        // A run is bound to its commit: the new one waits for somebody's permission like the first.
        ForgeKind::GitHub => {
            assert_eq!(play.project.pipeline_state(of_unseen[0].id).unwrap(), PipelineState::Manual);
        }
    }
    if forge == ForgeKind::GitLab {
        let told = play.audit("run").await;
        assert!(told.iter().any(|what| what.contains("was cancelled")), "{told:?}");
    }
    assert!(play.report(number).contains(&format!("/model run {unseen}")), "{}", play.report(number));
    play.says(OWNER, number, &format!("/model run {unseen}")).await;
    assert_eq!(waiting(&play), ["iris:build"]);
    play.ends().await;
}

/// The usual policy, with a build that needs a secret.
fn with_secret() -> String {
    IRIS.replace("version: 1\n", "version: 1\nsecrets: [DATA_TOKEN]\n")
        .replace("artifacts: [model.json]}", "artifacts: [model.json], secrets: [DATA_TOKEN]}")
}

async fn secrets_meet_no_code_that_nobody_named(forge: ForgeKind) {
    let mut play = Play::with(forge, &with_secret()).await;
    play.project.secret("DATA_TOKEN", "hush").unwrap();
    let fork = forked(&play);
    let number = offers(&mut play, &fork, "Train longer").await;
    let sees = |project: &SandboxProject, run: u64| {
        project.job_sees(run, "iris:build").unwrap().values().any(|value| value == "hush")
    };
    let said = format!("/model run {}", head(&play, number));
    let asked = play.says(OWNER, number, &said).await;
    match forge {
        ForgeKind::GitLab => {
            let forks = fork.pipelines().unwrap();
            assert!(forks.iter().all(|run| run.error.is_some() || !sees(&fork, run.id)), "the fork has none");
            assert!(sees(&play.project, play.run(number, "iris")), "the maintainer let it run here");
            assert_eq!(waiting(&play), ["iris:build"]);
        }
        ForgeKind::GitHub => {
            let reply = play.reply(number, asked);
            assert!(reply.contains("secrets-withheld") && reply.contains("DATA_TOKEN"), "{reply}");
            assert_eq!(play.label(number), "model::failed");
            let report = play.report(number);
            assert!(report.contains("gives none to a run of a fork"), "{report}");
            assert_eq!(play.status(number, "mergewright").as_deref(), Some("failed"));
            assert_eq!(waiting(&play), Vec::<String>::new());
            // Somebody permits it on the run's page: it has no secret, and is read like any other.
            let run = play.run(number, "iris");
            play.project.permit_run(OWNER, run).unwrap();
            play.settle().await;
            assert!(!sees(&play.project, run));
            assert_eq!(play.label(number), "model::building");
            play.project.job_fails(run, "iris:build", "no DATA_TOKEN\n", &[]).unwrap();
            play.settle().await;
            assert_eq!(play.label(number), "model::failed");
            let report = play.report(number);
            assert!(report.contains("gives none to a run of a fork"), "{report}");
            assert!(report.contains("no DATA"), "{report}");
        }
    }
    play.ends().await;
}

async fn a_run_that_the_forge_started_itself_is_read(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    // GitHub starts runs of forks by itself where it need not wait; at GitLab a member presses the button.
    play.project.runs_wait(RunsWait::Never).unwrap();
    let fork = forked(&play);
    let number = offers(&mut play, &fork, "Train longer").await;
    if forge == ForgeKind::GitLab {
        play.project.run_merge_request_pipeline(AUTHOR, number).unwrap();
        play.settle().await;
    }
    assert_eq!(waiting(&play), ["iris:build"]);
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.ends().await;
}

async fn a_runner_fault_is_not_tried_again_with_secrets_by_itself(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.project.runs_wait(RunsWait::Never).unwrap();
    let fork = forked(&play);
    let number = offers(&mut play, &fork, "Train longer").await;
    if forge == ForgeKind::GitLab {
        play.project.run_merge_request_pipeline(AUTHOR, number).unwrap();
        play.settle().await;
    }
    let run = play.run(number, "iris");
    let broken = play.project.job_breaks(run, "iris:build", "runner_system_failure").unwrap();
    // The generated file has GitLab itself try such a job again; every try ends the same way.
    while play.project.job(run, "iris:build").unwrap().state == JobState::Pending {
        play.project.job_breaks(run, "iris:build", "runner_system_failure").unwrap();
    }
    assert!(broken > 0);
    play.settle().await;
    play.passes(Duration::from_secs(60)).await;
    match forge {
        ForgeKind::GitLab => {
            assert_eq!(waiting(&play), Vec::<String>::new());
            let retry = format!("/model retry {}", head(&play, number));
            assert!(play.report(number).contains(&retry), "{}", play.report(number));
            play.says(OWNER, number, &retry).await;
        }
        // A run of a fork has no secrets there.
        ForgeKind::GitHub => {}
    }
    assert_eq!(waiting(&play), ["iris:build"], "{}", play.report(number));
    play.ends().await;
}

async fn an_old_head_that_comes_back_needs_a_word_of_its_own(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let fork = forked(&play);
    let number = offers(&mut play, &fork, "Train longer").await;
    let first = play.project.merge_request(number).unwrap();
    pushes_again(&mut play, &fork, number).await;
    play.says(OWNER, number, &format!("/model run {}", head(&play, number))).await;
    assert_eq!(waiting(&play), ["iris:build"]);
    fork.force(OUTSIDER, &first.source_branch, &first.head).unwrap();
    play.settle().await;
    assert_eq!(waiting(&play), Vec::<String>::new(), "{}", play.report(number));
    let said = format!("/model run {}", first.head.short());
    assert!(play.report(number).contains(&said), "{}", play.report(number));
    play.says(OWNER, number, &said).await;
    assert_eq!(waiting(&play), ["iris:build"]);
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn shuffled_webhooks_start_nothing_and_lose_nothing(forge: ForgeKind) {
    for seed in 1..=3 {
        let mut play = Play::start(forge).await;
        play.manner.order = mergewright::sandbox::Order::Shuffled(seed);
        play.manner.copies = mergewright::sandbox::Copies::OtherId;
        let fork = forked(&play);
        let number = offers(&mut play, &fork, "Train longer").await;
        pushes_again(&mut play, &fork, number).await;
        assert_eq!(waiting(&play), Vec::<String>::new());
        play.says(OWNER, number, &format!("/model run {}", head(&play, number))).await;
        play.builds(number, "weights").await;
        play.measures(number, GOOD).await;
        assert_eq!(play.label(number), "model::review", "seed {seed}: {}", play.report(number));
        let comments = play.project.comments(number).unwrap();
        let reports = comments.iter().filter(|comment| comment.body.starts_with(REPORT));
        assert_eq!(reports.count(), 1);
        play.ends().await;
    }
}
