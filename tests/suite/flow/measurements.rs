//! What counts as the report of a head: the files of exactly its newest test job, in any form that is read,
//! and nothing else that looks like them.

use std::io::{Cursor, Write as _};

use mergewright::domain::ForgeKind;
use mergewright::sandbox::File;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::Play;
use super::forges::on_both_forges;
use super::play::{ALL_GOOD, AUTHOR, IRIS, OWNER};

on_both_forges! {
    numbers_in_yaml_and_in_several_files_are_one_report,
    a_name_that_two_files_give_counts_for_neither,
    files_that_are_truncated_or_hostile_fail_with_their_name,
    archives_that_attack_are_refused_by_their_limits_and_an_honest_run_mends_it,
    the_numbers_of_an_old_head_do_not_judge_the_new_one,
    a_rerun_of_an_old_pipeline_changes_nothing,
    files_that_another_job_left_are_no_report,
    a_report_that_is_exchanged_afterwards_stays_as_it_was_read,
    numbers_compare_as_numbers_whatever_they_measure,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;
const BAD: &str = r#"{"accuracy": 0.5, "latency_ms": 12}"#;

/// The test job of the head's run ends well with these files below the model's folder.
async fn leaves(play: &mut Play, number: u64, files: &[(&str, &str)]) {
    let run = play.run(number, "iris");
    let files: Vec<_> = files.iter().map(|(path, text)| (format!("models/iris/{path}"), *text)).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    play.project.job_succeeds(run, "iris:test", "evaluated\n", &files).unwrap();
    play.settle().await;
}

fn several() -> String {
    IRIS.replace("metrics: metrics.json", "metrics: [metrics.yml, parts/speed.json, parts/more.json]")
}

async fn numbers_in_yaml_and_in_several_files_are_one_report(forge: ForgeKind) {
    let mut play = Play::with(forge, &several()).await;
    let number = play.opens("Parts").await;
    play.builds(number, "weights").await;
    let files = [
        ("metrics.yml", "# by hand\naccuracy: 9.4e-1\nper:\n  class: {setosa: 1, virginica: 0.9}\n"),
        ("parts/speed.json", r#"{"latency_ms": 12}"#),
        ("parts/more.json", r#"{"size_mb": 3}"#),
        ("parts/other.json", r#"{"accuracy": 0.1}"#),
        ("junit.xml", ALL_GOOD),
    ];
    leaves(&mut play, number, &files).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    let report = play.report(number);
    for expected in ["0.94", "per.class.setosa", "size_mb", "| 12 |"] {
        assert!(report.contains(expected), "`{expected}` is not in\n{report}");
    }
    play.ends().await;
}

async fn a_name_that_two_files_give_counts_for_neither(forge: ForgeKind) {
    let mut play = Play::with(forge, &several()).await;
    let number = play.opens("Twice").await;
    play.builds(number, "weights").await;
    let files = [
        ("metrics.yml", "accuracy: 0.94\nlatency_ms: 12\n"),
        ("parts/more.json", r#"{"accuracy": 0.99}"#),
        ("junit.xml", ALL_GOOD),
    ];
    leaves(&mut play, number, &files).await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    assert!(play.report(number).contains("given twice"), "{}", play.report(number));
    play.ends().await;
}

async fn files_that_are_truncated_or_hostile_fail_with_their_name(forge: ForgeKind) {
    let bomb: String = (1..40).fold("a0: &a0 [1, 1]\n".to_owned(), |text, n| {
        let before = n - 1;
        text + &format!("a{n}: &a{n} [*a{before}, *a{before}]\n")
    });
    let mut play = Play::start(forge).await;
    for (title, metrics, junit, named) in [
        ("Truncated numbers", r#"{"accuracy": 0.94, "laten"#, ALL_GOOD, "metrics.json"),
        ("Aliases", bomb.as_str(), ALL_GOOD, "it is a list"),
        ("Truncated tests", GOOD, "<testsuite><testcase name=\"a\">", "junit.xml"),
    ] {
        let number = play.opens(title).await;
        play.builds(number, title).await;
        leaves(&mut play, number, &[("metrics.json", metrics), ("junit.xml", junit)]).await;
        assert_eq!(play.label(number), "model::failed", "{title}: {}", play.report(number));
        assert!(play.report(number).contains(named), "{title}: {}", play.report(number));
    }
    play.ends().await;
}

fn archive(build: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    build(&mut zip);
    zip.finish().unwrap().into_inner()
}

/// An honest archive of these files.
fn honest(files: &[(&str, &[u8])]) -> Vec<u8> {
    archive(|zip| {
        for (path, content) in files {
            zip.start_file(*path, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
    })
}

/// The same with every occurrence of some bytes replaced by as many others.
fn forged(mut zip: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let places: Vec<_> = (0..zip.len()).filter(|at| zip[*at..].starts_with(from)).collect();
    assert!(!places.is_empty() && from.len() == to.len());
    for at in places {
        zip[at..at + to.len()].copy_from_slice(to);
    }
    zip
}

/// One that promises so many entries in its last record.
fn promising(mut zip: Vec<u8>, entries: u16) -> Vec<u8> {
    let end = zip.len() - 22;
    assert!(zip[end..].starts_with(b"PK\x05\x06"));
    for at in [end + 8, end + 10] {
        zip[at..at + 2].copy_from_slice(&entries.to_le_bytes());
    }
    zip
}

/// One whose first entry promises almost four gigabytes of content.
fn swelling(mut zip: Vec<u8>) -> Vec<u8> {
    let entry = zip.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    zip[entry + 24..entry + 28].copy_from_slice(&0xfff0_0000_u32.to_le_bytes());
    zip
}

async fn archives_that_attack_are_refused_by_their_limits_and_an_honest_run_mends_it(forge: ForgeKind) {
    let usual: [(&str, &[u8]); 2] =
        [("models/iris/metrics.json", GOOD.as_bytes()), ("models/iris/junit.xml", ALL_GOOD.as_bytes())];
    let with = |path: &str| {
        let place = "q".repeat(path.len());
        let zip = honest(&[usual[0], usual[1], (place.as_str(), b"x")]);
        forged(zip, place.as_bytes(), path.as_bytes())
    };
    let link = archive(|zip| {
        zip.add_symlink("models/iris/metrics.json", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    });
    let bombs = vec![0; 17 << 20];
    let cases = [
        ("A step up", with("../../../../etc/cron.d/x"), "leaves the archive"),
        ("An absolute path", with("/etc/passwd"), "which is absolute"),
        ("A backslash", with("a\\..\\x"), "backslash"),
        ("A link", link, "symbolic link"),
        ("One path twice", with("models/iris/junit.xml"), "twice"),
        ("A hundred thousand entries", promising(honest(&usual), 60_000), "entries"),
        ("A promise of gigabytes", swelling(honest(&usual)), "bytes"),
        ("A bomb", honest(&[("models/iris/metrics.json", &bombs), usual[1]]), "bytes"),
        ("Half of it", honest(&usual)[..60].to_vec(), "zip archive"),
        ("No archive", b"<html>not found</html>".to_vec(), "zip archive"),
    ];
    let mut play = Play::start(forge).await;
    for (title, zip, named) in cases {
        let number = play.opens(title).await;
        play.builds(number, title).await;
        let run = play.run(number, "iris");
        let job = play.project.job_succeeds(run, "iris:test", "evaluated\n", &[]).unwrap();
        play.project.set_artifacts(job, zip).unwrap();
        play.settle().await;
        let report = play.report(number);
        assert_eq!(play.label(number), "model::failed", "{title}: {report}");
        assert!(report.contains(named), "{title}: `{named}` is not in\n{report}");
    }
    let number = play.opens("Honest").await;
    play.builds(number, "weights").await;
    let run = play.run(number, "iris");
    let job = play.project.job_succeeds(run, "iris:test", "evaluated\n", &[]).unwrap();
    play.project.set_artifacts(job, honest(&usual)).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.ends().await;
}

async fn the_numbers_of_an_old_head_do_not_judge_the_new_one(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready");
    play.pushes(number, &[File::write("models/iris/params.json", "{\"depth\": 1}\n")]).await;
    assert_eq!(play.label(number), "model::building");
    assert!(!play.report(number).contains("0.94"), "{}", play.report(number));
    let asked = play.says(OWNER, number, "/model publish").await;
    assert!(!play.reply(number, asked).is_empty());
    assert!(play.tags().is_empty());
    play.ends().await;
}

async fn a_rerun_of_an_old_pipeline_changes_nothing(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("First", BAD).await;
    let old = play.run(number, "iris");
    let task = if forge == ForgeKind::GitHub { "test" } else { "iris:test" };
    let test = play.project.jobs(old).unwrap().into_iter().find(|job| job.name == task).unwrap();
    play.pushes(number, &[File::write("models/iris/params.json", "{\"depth\": 1}\n")]).await;
    play.builds(number, "weights").await;
    play.measures(number, BAD).await;
    let before = play.report(number);

    play.project.retry(AUTHOR, test.id).unwrap();
    play.settle().await;
    let files =
        [("models/iris/metrics.json", GOOD.as_bytes()), ("models/iris/junit.xml", ALL_GOOD.as_bytes())];
    play.project.job_succeeds(old, "iris:test", "evaluated\n", &files).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    assert_eq!(play.report(number), before);
    play.ends().await;
}

async fn files_that_another_job_left_are_no_report(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Elsewhere").await;
    let run = play.run(number, "iris");
    let files = [
        ("models/iris/model.json", &b"weights"[..]),
        ("models/iris/metrics.json", GOOD.as_bytes()),
        ("models/iris/junit.xml", ALL_GOOD.as_bytes()),
    ];
    play.project.job_succeeds(run, "iris:build", "trained\n", &files).unwrap();
    play.settle().await;
    leaves(&mut play, number, &[("junit.xml", ALL_GOOD)]).await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    assert!(play.report(number).contains("has no metric `accuracy`"), "{}", play.report(number));
    play.ends().await;
}

async fn a_report_that_is_exchanged_afterwards_stays_as_it_was_read(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Bad", BAD).await;
    let run = play.run(number, "iris");
    let task = if forge == ForgeKind::GitHub { "test" } else { "iris:test" };
    let test = play.project.jobs(run).unwrap().into_iter().find(|job| job.name == task).unwrap();
    let better = honest(&[
        ("models/iris/metrics.json", GOOD.as_bytes()),
        ("models/iris/junit.xml", ALL_GOOD.as_bytes()),
    ]);
    play.project.set_artifacts(test.id, better).unwrap();
    play.project.labels(AUTHOR, number, &["look-again"], &[]).unwrap();
    play.settle().await;
    play.passes(std::time::Duration::from_secs(3_600)).await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    assert!(!play.report(number).contains("0.94"), "{}", play.report(number));
    play.ends().await;
}

async fn numbers_compare_as_numbers_whatever_they_measure(forge: ForgeKind) {
    let rules = "{metric: size_mb, direction: lower, max: 10.2}
        - {metric: latency.p95_ms, direction: lower, max: 50}
        - {metric: error_rate, direction: lower, max: 0.002}
        - {metric: throughput_rps, direction: higher, min: 900}";
    let policy =
        IRIS.replace("{metric: accuracy, direction: higher, min: 0.90, max_regression: 0.01}", rules);
    let mut play = Play::with(forge, &policy).await;
    let good = r#"{"size_mb": 9.5, "latency": {"p95_ms": 9}, "error_rate": 2e-3, "throughput_rps": 1000, "latency_ms": 1}"#;
    let number = play.candidate("Small and fast", good).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    let number = play.candidate("Large", &good.replace("9.5", "10.21")).await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    assert!(play.report(number).contains("10.21 is above the maximum 10.2"), "{}", play.report(number));
    play.ends().await;
}
