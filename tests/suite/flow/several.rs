//! Several models in one merge request, changes of policy and evaluation, and the rarer commands.

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{File, JobState, Manner, MergeRequestState, PipelineSource};

use super::Play;
use super::forges::on_both_forges;
use super::play::{AUTHOR, BOT, IRIS, OWNER};

on_both_forges! {
    two_models_share_one_comment_one_label_and_one_umbrella,
    a_merge_request_that_changes_its_own_policy_is_judged_by_the_old_one,
    without_a_change_of_policy_no_approval_is_needed_where_none_is_asked_for,
    a_changed_evaluation_is_approved_after_its_report_was_seen,
    an_approval_of_a_named_head_may_come_before_its_report,
    when_ready_publishes_as_soon_as_everything_is_green,
    a_new_head_disarms_when_ready,
    a_dry_run_tells_and_does_nothing,
    run_measures_the_head_once_more,
    cancel_stops_the_run_and_retry_takes_it_up,
    unapprove_takes_the_approval_back,
    a_head_that_moves_between_the_comment_and_the_merge_is_not_merged,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;
const WORSE: &str = r#"{"accuracy": 0.85, "latency_ms": 12}"#;

/// [`IRIS`] and a second model beside it.
fn two_models() -> String {
    let section = &IRIS[IRIS.find("  iris:").unwrap()..];
    format!("{IRIS}{}", section.replace("iris", "rose"))
}

/// A merge request of the author with these files, in which nothing has run yet.
async fn brings(play: &mut Play, branch: &str, files: &[File]) -> u64 {
    let main = play.project.branch("main").unwrap();
    play.project.branch_off(AUTHOR, branch, &main, files, branch).unwrap();
    let number = play.project.open_merge_request(AUTHOR, branch, branch).unwrap();
    play.settle().await;
    number
}

/// A merge request that changes both models.
async fn both(play: &mut Play) -> u64 {
    let files = ["iris", "rose"].map(|model| {
        let path = format!("models/{model}/params.json");
        File::write(&path, "{\"epochs\": 30}\n")
    });
    brings(play, "both", &files).await
}

fn open(play: &Play, number: u64) -> bool {
    play.project.merge_request(number).unwrap().state == MergeRequestState::Open
}

fn merges_asked(play: &Play) -> usize {
    let requests = play.sandbox.requests();
    requests.iter().filter(|one| one.by.as_deref() == Some(BOT) && one.url.ends_with("/merge")).count()
}

async fn two_models_share_one_comment_one_label_and_one_umbrella(forge: ForgeKind) {
    let mut play = Play::with(forge, &two_models()).await;
    let number = both(&mut play).await;
    for (model, metrics) in [("iris", GOOD), ("rose", WORSE)] {
        play.builds_of(model, number, model).await;
        play.measures_of(model, number, metrics).await;
    }
    let report = play.report(number);
    assert!(report.contains("iris:") && report.contains("rose:"), "{report}");
    assert_eq!(play.status(number, "mergewright/iris/test").as_deref(), Some("success"));
    assert_eq!(play.status(number, "mergewright/rose/test").as_deref(), Some("failed"));
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("failed"), "the worst of both");
    assert_eq!(play.label(number), "model::failed");

    play.pushes(number, &[File::write("models/rose/params.json", "{\"epochs\": 40}\n")]).await;
    for model in ["iris", "rose"] {
        play.builds_of(model, number, model).await;
        assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"));
        play.measures_of(model, number, GOOD).await;
    }
    let asked = play.says(OWNER, number, "/model approve").await;
    let reply = play.reply(number, asked);
    assert!(reply.contains("model-required") && reply.contains("iris, rose"), "{reply}");
    play.says(OWNER, number, "/model approve iris").await;
    assert_eq!(play.status(number, "mergewright/iris/review").as_deref(), Some("success"));
    assert_eq!(play.status(number, "mergewright/rose/review").as_deref(), Some("pending"));
    assert_eq!(play.label(number), "model::review");
    let early = play.says(OWNER, number, "/model publish iris").await;
    let reply = play.reply(number, early);
    assert!(reply.contains("not-ready") && reply.contains("rose"), "the merge brings both: {reply}");

    play.says(OWNER, number, "/model approve rose").await;
    assert_eq!(play.label(number), "model::ready");
    play.says(OWNER, number, "/model publish iris").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::publishing", "the other one is still at it");
    play.publishes().await;
    assert_eq!(play.label(number), "model::published");
    assert_eq!(play.tags(), ["iris@v1.0.0", "rose@v1.0.0"]);
    play.ends().await;
}

async fn a_merge_request_that_changes_its_own_policy_is_judged_by_the_old_one(forge: ForgeKind) {
    let old = IRIS.replace("approvals: 1", "approvals: 0");
    let new = old.replace("min: 0.90", "min: 0.80");
    let mut play = Play::with(forge, &old).await;
    let files =
        [File::write(".mergewright.yml", new), File::write("models/iris/params.json", "{\"a\": 1}\n")];
    let number = brings(&mut play, "softer", &files).await;
    play.builds(number, "weights").await;
    play.measures(number, WORSE).await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));

    play.pushes(number, &[File::write("models/iris/params.json", "{\"a\": 2}\n")]).await;
    play.builds(number, "better").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review", "somebody must look at the new policy");
    let report = play.report(number);
    for expected in
        ["changes the policy", "| key | before | after |", "| `gates.rules.accuracy.min` | `0.9` | `0.8` |"]
    {
        assert!(report.contains(expected), "`{expected}` is not in\n{report}");
    }
    let own = play.says(AUTHOR, number, "/model approve").await;
    assert!(play.reply(number, own).contains("not-owner"));
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready");
    play.ends().await;
}

async fn without_a_change_of_policy_no_approval_is_needed_where_none_is_asked_for(forge: ForgeKind) {
    let mut play = Play::with(forge, &IRIS.replace("approvals: 1", "approvals: 0")).await;
    let number = play.candidate("Good", GOOD).await;
    assert_eq!(play.label(number), "model::ready");
    play.ends().await;
}

async fn a_changed_evaluation_is_approved_after_its_report_was_seen(forge: ForgeKind) {
    let script = "print('always good')\n";
    let policy =
        IRIS.replace("dataset: data/holdout.csv", "dataset: data/holdout.csv\n      protect: [evaluate.py]");
    for (branch, path) in [("script", "models/iris/evaluate.py"), ("data", "models/iris/data/holdout.csv")] {
        let mut play = Play::with(forge, &policy).await;
        let number = brings(&mut play, branch, &[File::write(path, script)]).await;
        let head = play.project.merge_request(number).unwrap().head;
        play.says(OWNER, number, &format!("/model approve {}", head.short())).await;
        play.builds(number, "weights").await;
        play.measures(number, GOOD).await;
        assert_eq!(play.label(number), "model::review", "{path}: the approval came before the report");
        let report = play.report(number);
        assert!(report.contains("Evaluation changed") && report.contains(&format!("`{path}`")), "{report}");
        play.says(OWNER, number, "/model approve").await;
        assert_eq!(play.label(number), "model::ready", "{path}: {}", play.report(number));
        play.ends().await;
    }
}

async fn an_approval_of_a_named_head_may_come_before_its_report(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Good").await;
    let head = play.project.merge_request(number).unwrap().head;
    play.says(OWNER, number, &format!("/model approve {}", head.short())).await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.ends().await;
}

async fn when_ready_publishes_as_soon_as_everything_is_green(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Good").await;
    play.says(OWNER, number, "/model publish --when-ready").await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review");
    play.says(OWNER, number, "/model approve").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published");
    play.ends().await;
}

async fn a_new_head_disarms_when_ready(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", GOOD).await;
    play.says(OWNER, number, "/model publish --when-ready").await;
    play.pushes(number, &[File::write("models/iris/params.json", "{\"again\": 1}\n")]).await;
    play.builds(number, "other").await;
    play.measures(number, GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready");
    assert!(open(&play, number) && merges_asked(&play) == 0);
    play.ends().await;
}

async fn a_dry_run_tells_and_does_nothing(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    let asked = play.says(OWNER, number, "/model publish --dry-run").await;
    let reply = play.reply(number, asked);
    let head = play.project.merge_request(number).unwrap().head;
    assert!(reply.contains(head.as_str()) && reply.contains("merge at exactly"), "{reply}");
    assert_eq!(play.label(number), "model::ready");
    assert!(open(&play, number) && merges_asked(&play) == 0 && play.tags().is_empty());
    play.ends().await;
}

async fn run_measures_the_head_once_more(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", GOOD).await;
    let first = play.run(number, "iris");
    let asked = play.says(AUTHOR, number, "/model run").await;
    assert_eq!(play.reactions(number, asked), ["eyes"]);
    let second = play.project.head_run(number, "iris").unwrap();
    match forge {
        ForgeKind::GitLab => assert!(second.id != first && second.source == PipelineSource::MergeRequest),
        ForgeKind::GitHub => assert_eq!((second.id, second.attempt), (first, 2)),
    }
    assert_eq!(play.label(number), "model::building");
    play.builds(number, "weights").await;
    play.measures(number, WORSE).await;
    assert_eq!(play.label(number), "model::failed", "the newest run of the head counts");
    play.ends().await;
}

async fn cancel_stops_the_run_and_retry_takes_it_up(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Good").await;
    let pipeline = play.run(number, "iris");
    play.says(AUTHOR, number, "/model cancel").await;
    assert_eq!(play.project.job(pipeline, "iris:build").unwrap().state, JobState::Canceled);
    let again = play.says(AUTHOR, number, "/model cancel").await;
    assert!(play.reply(number, again).contains("nothing-to-cancel"));
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"), "stopped is not bad");

    play.says(AUTHOR, number, "/model retry").await;
    play.builds(number, "weights").await;
    if forge == ForgeKind::GitLab {
        // It runs one job again at a time: those that were cancelled behind it stay so.
        assert!(play.report(number).contains("/model retry"), "{}", play.report(number));
        play.says(AUTHOR, number, "/model retry").await;
    }
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.ends().await;
}

async fn unapprove_takes_the_approval_back(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready");
    play.says(OWNER, number, "/model unapprove").await;
    assert_eq!(play.label(number), "model::review");
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"));
    let publish = play.says(OWNER, number, "/model publish").await;
    assert!(play.reply(number, publish).contains("not-ready"));
    let again = play.says(OWNER, number, "/model unapprove").await;
    assert!(play.reply(number, again).contains("nothing-to-withdraw"));
    play.ends().await;
}

async fn a_head_that_moves_between_the_comment_and_the_merge_is_not_merged(forge: ForgeKind) {
    // The push is told before the merge call is made, after it, or never.
    for told in ["before", "after", "never"] {
        let mut play = Play::start(forge).await;
        let number = play.candidate("Good", GOOD).await;
        play.says(OWNER, number, "/model approve").await;
        play.clock.advance(std::time::Duration::from_secs(1));
        play.project.comment(OWNER, number, "/model publish").unwrap();
        play.sandbox.deliver_pending().await;
        while play.app.worker.work_one().await.unwrap() {}
        let branch = play.project.merge_request(number).unwrap().source_branch;
        let worse = [File::write("models/iris/params.json", "{\"unseen\": true}\n")];
        play.project.push(AUTHOR, &branch, &worse, "Unseen").unwrap();
        match told {
            "before" => {}
            "after" => while play.app.outbox.perform_one().await.unwrap() {},
            _ => {
                let lost = Manner { keep: Some(std::sync::Arc::new(|_| false)), ..Manner::default() };
                play.settle_with(&lost).await;
            }
        }
        play.settle().await;
        assert!(open(&play, number), "told {told}: something was merged that nobody judged");
        assert_eq!(merges_asked(&play), 1, "told {told}");
        assert_eq!(play.label(number), "model::building", "told {told}: {}", play.report(number));
        assert!(play.tags().is_empty());
        play.passes(std::time::Duration::from_secs(3600)).await;
        assert_eq!(merges_asked(&play), 1, "told {told}: asked again for a head that is gone");
        play.ends().await;
    }
}
