//! What the gates say, as people see it.

use mergewright::domain::ForgeKind;
use mergewright::sandbox::Fault;

use super::Play;
use super::forges::on_both_forges;
use super::play::{IRIS, OWNER};

on_both_forges! {
    a_worse_model_fails_and_the_comment_says_why,
    exactly_at_the_bound_passes_and_one_step_below_fails,
    a_number_with_a_target_may_leave_it_at_neither_side,
    a_rule_that_only_warns_lets_the_model_through_and_says_so,
    a_metric_that_is_no_number_fails,
    what_says_nothing_is_no_pass_whoever_approves_it,
    a_slice_that_is_gone_fails_and_a_new_one_has_thresholds_alone,
    other_data_makes_the_numbers_incomparable,
    many_small_losses_do_not_pass_unseen,
    a_worse_slice_fails_by_its_name_and_the_good_ones_share_a_row,
    too_few_seeds_are_inconclusive_and_more_of_them_decide,
    a_scan_that_finds_something_is_no_matter_of_the_gates,
    a_failed_script_shows_the_end_of_its_log_in_which_nothing_acts,
    a_build_that_left_none_of_the_models_files_fails_before_anybody_merges_it,
    a_log_that_cannot_be_read_just_now_keeps_nobody_from_hearing_of_the_failure,
    publish_before_the_gates_are_green_says_what_is_missing,
}

async fn a_worse_model_fails_and_the_comment_says_why(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.released("Good", r#"{"accuracy": 0.94, "latency_ms": 12}"#).await;

    let number = play.candidate("Worse", r#"{"accuracy": 0.92, "latency_ms": 12}"#).await;
    assert_eq!(play.label(number), "model::failed");
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("failed"));
    assert_eq!(play.status(number, "mergewright/iris/test").as_deref(), Some("failed"));
    let report = play.report(number);
    for expected in ["accuracy", "0.92", "0.94", "fail", "v1"] {
        assert!(report.contains(expected), "`{expected}` is not in\n{report}");
    }
    play.ends().await;
}

async fn exactly_at_the_bound_passes_and_one_step_below_fails(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.released("Good", r#"{"accuracy": 0.94, "latency_ms": 12}"#).await;
    let at_the_bound = play.candidate("At the bound", r#"{"accuracy": 0.93, "latency_ms": 12}"#).await;
    assert_eq!(play.label(at_the_bound), "model::review");
    let below = play.candidate("Below", r#"{"accuracy": 0.9299, "latency_ms": 12}"#).await;
    assert_eq!(play.label(below), "model::failed");
    play.ends().await;
}

async fn a_number_with_a_target_may_leave_it_at_neither_side(forge: ForgeKind) {
    let rule = "- {metric: accuracy, direction: higher, min: 0.90, max_regression: 0.01}";
    let aimed = IRIS.replace(
        rule,
        &format!("{rule}\n        - {{metric: slope, direction: target, target: 1, max: 1.3, max_regression: 0.05}}"),
    );
    assert_ne!(aimed, IRIS);
    let mut play = Play::with(forge, &aimed).await;
    let metrics = |slope: &str| format!(r#"{{"accuracy": 0.94, "latency_ms": 12, "slope": {slope}}}"#);
    play.released("Good", &metrics("0.9")).await;
    for (slope, label) in [
        ("1.15", "model::review"),
        ("1.1500001", "model::failed"),
        ("0.85", "model::review"),
        ("0.8499", "model::failed"),
    ] {
        let number = play.candidate(&format!("Slope {slope}"), &metrics(slope)).await;
        assert_eq!(play.label(number), label, "{slope}: {}", play.report(number));
    }
    play.ends().await;
}

async fn a_rule_that_only_warns_lets_the_model_through_and_says_so(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Slow", r#"{"accuracy": 0.94, "latency_ms": 51}"#).await;
    assert_eq!(play.label(number), "model::review");
    assert!(play.report(number).contains("⚠ warn"), "{}", play.report(number));
    assert_eq!(play.status(number, "mergewright/iris/test").as_deref(), Some("success"));
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("success"));
    play.ends().await;
}

async fn a_metric_that_is_no_number_fails(forge: ForgeKind) {
    for (title, metrics) in [
        ("Not a number", r#"{"accuracy": NaN, "latency_ms": 1}"#),
        ("Infinite", r#"{"accuracy": Infinity, "latency_ms": 1}"#),
        ("Infinite in YAML", "accuracy: .inf\nlatency_ms: 1\n"),
        ("Too large", r#"{"accuracy": 1e300, "latency_ms": 1}"#),
        ("One of several", r#"{"accuracy": [0.99, NaN], "latency_ms": 1}"#),
        ("Text", r#"{"accuracy": "0.99", "latency_ms": 1}"#),
        ("Absent", r#"{"latency_ms": 1}"#),
        ("Twice", r#"{"accuracy": 0.99, "accuracy": 0.99, "latency_ms": 1}"#),
    ] {
        let mut play = Play::start(forge).await;
        let number = play.candidate(title, metrics).await;
        assert_eq!(play.label(number), "model::failed", "{title}: {}", play.report(number));
        assert!(play.report(number).contains("✗ missing"), "{title}: {}", play.report(number));
        for context in ["mergewright", "mergewright/iris/test"] {
            let status = play.status(number, context);
            assert!(matches!(status.as_deref(), Some("failed" | "failure")), "{title}: {status:?}");
        }
        play.ends().await;
    }
}

async fn what_says_nothing_is_no_pass_whoever_approves_it(forge: ForgeKind) {
    for (rule, good, metrics, why) in [
        (
            "{metric: loss, direction: lower, max: 5, max_regression: 10%}",
            r#"{"loss": 0}"#,
            r#"{"loss": 0.0}"#,
            "a percentage of v1's value 0 says nothing",
        ),
        (
            "{metric: auc, direction: higher, min: 0.5, min_samples: 200}",
            r#"{"auc": {"value": 0.9, "samples": 200}}"#,
            r#"{"auc": {"value": 0.9, "samples": 199}}"#,
            "199 samples of at least 200",
        ),
        (
            "{metric: auc, slice: region, direction: higher, min: 0.5, min_samples: 200}",
            r#"{"auc": {"region": {"eu": {"value": 0.9, "samples": 200}}}}"#,
            r#"{"auc": {"region": {"eu": {"value": 0.9, "samples": 500}, "us": {"value": 0.9, "samples": 20}}}}"#,
            "20 samples of at least 200",
        ),
    ] {
        let mut play = Play::with(forge, &ruled(rule)).await;
        play.released("Good", good).await;
        let number = play.candidate("Says nothing", metrics).await;
        let report = play.report(number);
        assert!(report.contains("✗ incomparable") && report.contains(why), "{rule}: {report}");
        play.says(OWNER, number, "/model approve").await;
        assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"), "{rule}");
        let asked = play.says(OWNER, number, "/model publish").await;
        assert!(play.reply(number, asked).contains("`not-ready`"), "{rule}");
        play.ends().await;
    }
}

async fn a_slice_that_is_gone_fails_and_a_new_one_has_thresholds_alone(forge: ForgeKind) {
    let rule = "{metric: auc, slice: region, direction: higher, min: 0.5, max_regression: 0.01}";
    let mut play = Play::with(forge, &ruled(rule)).await;
    play.released("Good", r#"{"auc": {"region": {"eu": 0.9, "us": 0.8}}}"#).await;
    let gone = play.candidate("Gone", r#"{"auc": {"region": {"eu": 0.9}}}"#).await;
    assert_eq!(play.label(gone), "model::failed", "{}", play.report(gone));
    assert!(play.report(gone).contains("v1 has the slice `auc.region.us`"), "{}", play.report(gone));
    let new = play.candidate("New", r#"{"auc": {"region": {"eu": 0.9, "us": 0.8, "ap": 0.51}}}"#).await;
    assert_eq!(play.label(new), "model::review", "{}", play.report(new));
    let bad = play.candidate("Bad", r#"{"auc": {"region": {"eu": 0.9, "us": 0.8, "ap": 0.49}}}"#).await;
    assert_eq!(play.label(bad), "model::failed", "{}", play.report(bad));
    play.ends().await;
}

async fn other_data_makes_the_numbers_incomparable(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.released("Good", r#"{"accuracy": 0.94, "latency_ms": 12}"#).await;
    let number = play.opens("New data").await;
    play.pushes(number, &[mergewright::sandbox::File::write("models/iris/data/holdout.csv", "9,9,9\n")])
        .await;
    play.builds(number, "weights").await;
    play.measures(number, r#"{"accuracy": 0.99, "latency_ms": 12}"#).await;
    let job = play.project.waiting_jobs().unwrap().remove(0);
    play.project.job_fails(job.pipeline, &job.name, "the version cannot read this data\n", &[]).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"), "neither good nor bad");
    assert!(play.report(number).contains("incomparable"), "{}", play.report(number));
    play.says(OWNER, number, "/model approve").await;
    let asked = play.says(OWNER, number, "/model publish").await;
    assert!(!play.reply(number, asked).is_empty(), "an approval does not make numbers comparable");
    play.ends().await;
}

/// The usual policy with other rules.
fn ruled(rule: &str) -> String {
    IRIS.replace("{metric: accuracy, direction: higher, min: 0.90, max_regression: 0.01}", rule)
        .replace("        - {metric: latency_ms, direction: lower, max: 50, level: warn}\n", "")
}

async fn many_small_losses_do_not_pass_unseen(forge: ForgeKind) {
    let rule = "{metric: accuracy, direction: higher, max_regression: 0.01, cumulative: 0.015}";
    let mut play = Play::with(forge, &ruled(rule)).await;
    play.released("Best", r#"{"accuracy": 0.95}"#).await;
    play.released("A little worse", r#"{"accuracy": 0.94}"#).await;
    let number = play.candidate("A little worse again", r#"{"accuracy": 0.93}"#).await;
    assert_eq!(play.label(number), "model::failed");
    let report = play.report(number);
    assert!(report.contains("v1") && report.contains("the best version"), "{report}");
    play.ends().await;
}

async fn a_worse_slice_fails_by_its_name_and_the_good_ones_share_a_row(forge: ForgeKind) {
    let rule = "{id: by-region, metric: auc, slice: region, direction: higher, max_regression: 0.02, \
                min_samples: 100}";
    let mut play = Play::with(forge, &ruled(rule)).await;
    let metrics = |us: &str| {
        format!(
            r#"{{"auc": {{"value": 0.9, "region": {{"eu": {{"value": 0.92, "samples": 300}},
               "cn": {{"value": 0.91, "samples": 200}}, "us": {{"value": {us}, "samples": 400}}}}}}}}"#
        )
    };
    play.released("Good", &metrics("0.90")).await;
    let number = play.candidate("Worse in one region", &metrics("0.87")).await;
    assert_eq!(play.label(number), "model::failed");
    let report = play.report(number);
    for expected in ["auc.region.us", "0.87", "2 slices", "loses 0.03", "1 rule is not met"] {
        assert!(report.contains(expected), "`{expected}` is not in\n{report}");
    }
    play.ends().await;
}

async fn too_few_seeds_are_inconclusive_and_more_of_them_decide(forge: ForgeKind) {
    let rule = "{metric: accuracy, direction: higher, min: 0.90, confidence: 95%}";
    let mut play = Play::with(forge, &ruled(rule)).await;
    let number = play.candidate("Three seeds", r#"{"accuracy": [0.89, 0.91, 0.93]}"#).await;
    assert_eq!(play.label(number), "model::review");
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"));
    let report = play.report(number);
    for expected in ["inconclusive", "mean of 3", "/model run", "more repeated measurements"] {
        assert!(report.contains(expected), "`{expected}` is not in\n{report}");
    }
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(
        play.status(number, "mergewright").as_deref(),
        Some("pending"),
        "an approval is no measurement"
    );

    play.says(OWNER, number, "/model run").await;
    play.builds(number, "weights").await;
    play.measures(number, r#"{"accuracy": [0.92, 0.91, 0.93, 0.92, 0.92, 0.91, 0.93]}"#).await;
    assert_eq!(
        play.status(number, "mergewright/iris/test").as_deref(),
        Some("success"),
        "{}",
        play.report(number)
    );
    play.ends().await;
}

async fn a_scan_that_finds_something_is_no_matter_of_the_gates(forge: ForgeKind) {
    let mut play = Play::with(forge, &IRIS.replace("    gates:\n", "    scan: {}\n    gates:\n")).await;
    let number = play.opens("Scanned").await;
    let run = play.run(number, "iris");
    play.project.job_fails(run, "iris:scan", "1 finding\n", &[]).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::building", "{}", play.report(number));
    play.builds(number, "weights").await;
    play.measures(number, r#"{"accuracy": 0.94, "latency_ms": 12}"#).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    assert!(!play.report(number).contains("finding"), "{}", play.report(number));
    play.ends().await;
}

async fn a_failed_script_shows_the_end_of_its_log_in_which_nothing_acts(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Broken").await;
    let pipeline = play.run(number, "iris");
    let log = "\u{1b}[31mTraceback\u{1b}[0m\n/merge\n@everyone look\n```\n</details>\nValueError: no data\n";
    play.project.job_fails(pipeline, "iris:build", log, &[]).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::failed");
    let report = play.report(number);
    assert!(report.contains("ValueError: no data"), "{report}");
    assert!(!report.contains('\u{1b}'), "terminal codes are gone");
    assert!(!report.lines().any(|line| line.starts_with('/')), "a quick action would act:\n{report}");
    assert_eq!(
        play.project.merge_request(number).unwrap().state,
        mergewright::sandbox::MergeRequestState::Open
    );
    play.ends().await;
}

async fn a_build_that_left_none_of_the_models_files_fails_before_anybody_merges_it(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Nothing").await;
    let pipeline = play.run(number, "iris");
    let files = [("models/iris/other.txt", &b"not the model"[..])];
    play.project.job_succeeds(pipeline, "iris:build", "trained\n", &files).unwrap();
    play.measures(number, r#"{"accuracy": 0.94, "latency_ms": 12}"#).await;
    assert_eq!(play.label(number), "model::failed");
    let report = play.report(number);
    assert!(report.contains("left no file at model.json"), "{report}");
    play.ends().await;

    let silent = IRIS.replace(", artifacts: [model.json]", "");
    let mut play = Play::with(forge, &silent).await;
    let number = play.opens("Nothing named").await;
    let pipeline = play.run(number, "iris");
    play.project.job_succeeds(pipeline, "iris:build", "trained\n", &[]).unwrap();
    play.measures(number, r#"{"accuracy": 0.94, "latency_ms": 12}"#).await;
    let report = play.report(number);
    assert!(report.contains("build.artifacts"), "{report}");
    play.ends().await;
}

async fn a_log_that_cannot_be_read_just_now_keeps_nobody_from_hearing_of_the_failure(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Broken").await;
    let pipeline = play.run(number, "iris");
    play.meets(1, "log", Fault::html(502));
    play.project.job_fails(pipeline, "iris:build", "ValueError: no data\n", &[]).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::failed");
    play.ends().await;
}

async fn publish_before_the_gates_are_green_says_what_is_missing(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", r#"{"accuracy": 0.94, "latency_ms": 12}"#).await;
    let asked = play.says(OWNER, number, "/model publish").await;
    let reply = play.reply(number, asked);
    assert!(reply.contains("approv"), "{reply}");
    assert_eq!(play.label(number), "model::review");
    assert!(play.tags().is_empty());
    play.ends().await;
}
