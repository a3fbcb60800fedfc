//! Which runs speak of a head: only those that measured exactly it, in the file that its target gives.

use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::File;

use super::Play;
use super::forges::on_both_forges;
use super::outcome::GOOD;
use super::play::{ALL_GOOD, AUTHOR, OWNER};

on_both_forges! {
    a_run_by_hand_of_another_commit_says_nothing_of_the_head,
    no_attempt_of_a_run_by_another_targets_file_counts,
    a_retarget_before_the_first_look_is_no_way_round,
    numbers_of_one_build_never_stand_beside_the_bytes_of_another,
}

/// Below the gate's minimum.
const POOR: &str = r#"{"accuracy": 0.80, "latency_ms": 12}"#;

/// Build and test of a run end well with these weights and numbers.
async fn runs_through(play: &mut Play, run: u64, weights: &str, metrics: &str) {
    ends_well(play, run, weights, metrics);
    play.settle().await;
}

/// The same before anybody hears of it.
fn ends_well(play: &Play, run: u64, weights: &str, metrics: &str) {
    let files = [("models/iris/model.json", weights.as_bytes())];
    play.project.job_succeeds(run, "iris:build", "trained\n", &files).unwrap();
    let files =
        [("models/iris/metrics.json", metrics.as_bytes()), ("models/iris/junit.xml", ALL_GOOD.as_bytes())];
    play.project.job_succeeds(run, "iris:test", "evaluated\n", &files).unwrap();
}

/// A branch whose CI file is another one, and a merge request into it of which nobody has heard yet.
fn opens_into_weak(play: &Play) -> u64 {
    let (path, line) = match play.forge {
        ForgeKind::GitHub => (".github/workflows/model-iris.yml", "env:\n  FORGED: \"yes\"\n"),
        ForgeKind::GitLab => (".gitlab-ci.yml", "variables:\n  FORGED: \"yes\"\n"),
    };
    let main = play.project.branch("main").unwrap();
    let honest = String::from_utf8(play.project.file(path, "main").unwrap()).unwrap();
    let forged = match play.forge {
        ForgeKind::GitHub => honest.replacen("env:\n", line, 1),
        ForgeKind::GitLab => format!("{honest}\n{line}"),
    };
    let files = [File::write(path, forged)];
    play.project.branch_off(AUTHOR, "weak", &main, &files, "Weaken").unwrap();
    let files = [File::write("models/iris/params.json", "{\"title\": \"less\"}\n")];
    play.project.branch_off(AUTHOR, "topic", &main, &files, "Train less").unwrap();
    play.project.open_merge_request_into(AUTHOR, "topic", "weak", "Train less").unwrap()
}

/// Whether the run goes by the file of the branch that it was begun for, on GitHub; GitLab takes the head's own.
fn is_forged(play: &Play, run: u64) -> bool {
    play.project.job_sees(run, "iris:build").unwrap().contains_key("FORGED")
}

async fn a_run_by_hand_of_another_commit_says_nothing_of_the_head(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let other = play.candidate("Train well", GOOD).await;
    let good = play.project.merge_request(other).unwrap().head.to_string();
    let number = play.candidate("Train longer", POOR).await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    let head = play.project.merge_request(number).unwrap().head.to_string();
    let by_hand = |commit: &str| {
        let order =
            [("MERGEWRIGHT_ACTION", "run"), ("MERGEWRIGHT_MODEL", "iris"), ("MERGEWRIGHT_COMMIT", commit)];
        play.project.run_pipeline(AUTHOR, "train-longer", &order)
    };
    if forge == ForgeKind::GitLab {
        let refused = by_hand(&good).unwrap_err().to_string();
        assert!(refused.contains("rules configuration prevented"), "{refused}");
        play.ends().await;
        return;
    }
    let of_other = by_hand(&good).unwrap();
    runs_through(&mut play, of_other, "well", GOOD).await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    assert!(play.report(number).contains("| `accuracy` | 0.8 |"), "{}", play.report(number));
    // Whoever asks for the head itself asks for what the bot would ask for.
    let order =
        [("MERGEWRIGHT_ACTION", "run"), ("MERGEWRIGHT_MODEL", "iris"), ("MERGEWRIGHT_COMMIT", head.as_str())];
    let of_head = play.project.run_pipeline(AUTHOR, "train-longer", &order).unwrap();
    runs_through(&mut play, of_head, "longer", GOOD).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.ends().await;
}

async fn no_attempt_of_a_run_by_another_targets_file_counts(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = opens_into_weak(&play);
    play.settle().await;
    let forged = play.run(number, "iris");
    assert_eq!(is_forged(&play, forged), forge == ForgeKind::GitHub);
    runs_through(&mut play, forged, "weights", GOOD).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.project.retarget(AUTHOR, number, "main").unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::building", "{}", play.report(number));
    let honest = play.run(number, "iris");
    assert_ne!(honest, forged, "a run that begins anew would go by the old file");
    assert!(!is_forged(&play, honest));
    // Whoever presses the forge's own button gets the old file again.
    let test = play.project.job(forged, "iris:test").unwrap().id;
    play.project.retry(AUTHOR, test).unwrap();
    let files =
        [("models/iris/metrics.json", GOOD.as_bytes()), ("models/iris/junit.xml", ALL_GOOD.as_bytes())];
    play.project.job_succeeds(forged, "iris:test", "evaluated\n", &files).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::building", "{}", play.report(number));
    runs_through(&mut play, honest, "weights", POOR).await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    // Asked for again, it is the honest one that begins anew.
    play.says(OWNER, number, "/model run").await;
    let again = play.run(number, "iris");
    assert_eq!((again == honest, is_forged(&play, again)), (forge == ForgeKind::GitHub, false));
    play.ends().await;
}

async fn a_retarget_before_the_first_look_is_no_way_round(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = opens_into_weak(&play);
    let forged = play.run(number, "iris");
    ends_well(&play, forged, "weights", GOOD);
    play.project.retarget(AUTHOR, number, "main").unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::building", "{}", play.report(number));
    let honest = play.run(number, "iris");
    assert_ne!(honest, forged);
    runs_through(&mut play, honest, "weights", POOR).await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    play.ends().await;
}

async fn numbers_of_one_build_never_stand_beside_the_bytes_of_another(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Train longer").await;
    let run = play.run(number, "iris");
    play.builds(number, "first").await;
    play.project.job_starts(run, "iris:test").unwrap();
    play.passes(Duration::from_secs(1)).await;
    let build = play.project.job(run, "iris:build").unwrap().id;
    let again = play.project.retry(AUTHOR, build);
    if forge == ForgeKind::GitHub {
        assert!(again.unwrap_err().to_string().contains("already running"));
        play.ends().await;
        return;
    }
    play.builds(number, "second").await;
    assert_eq!(play.label(number), "model::testing");
    let report = play.report(number);
    assert!(report.contains("run again after the test job had begun"), "{report}");
    let first = play.project.job(run, "iris:test").unwrap().id;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::testing", "{}", play.report(number));
    assert_ne!(play.project.job(run, "iris:test").unwrap().id, first, "the bot asked for another one");
    play.measures(number, POOR).await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    play.ends().await;
}
