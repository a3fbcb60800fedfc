//! Repositories with CI files of their own: `init` takes over what they run, and nothing replaces them unasked.

use std::fs;
use std::path::{Path, PathBuf};

use mergewright::cli::check::check;
use mergewright::cli::generate::{self, Forges, generate};
use mergewright::cli::init::{Arguments, init};
use mergewright::config::repository;
use mergewright::config::valid::{Model, ScheduleTask};

/// A copy of one of the repositories below `tests/data/init`.
fn copy(name: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/init").join(name);
    let to = dir.path().join("scorer");
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        fs::create_dir_all(to.join(&folder)).unwrap();
        for entry in fs::read_dir(from.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else {
                fs::copy(from.join(&path), to.join(&path)).unwrap();
            }
        }
    }
    (dir, to)
}

fn described(dir: &Path) -> (String, Vec<String>, Model) {
    let answer = init(&Arguments { dir: dir.to_owned(), ..Arguments::default() });
    assert_eq!((answer.status, answer.err.as_str()), (0, ""));
    let checked = check(dir, false);
    assert_eq!(checked.status, 0, "{}", checked.err);
    let config = repository::parse(&fs::read_to_string(dir.join(".mergewright.yml")).unwrap()).unwrap();
    (answer.out, config.secrets, config.models.into_values().next().unwrap())
}

fn asked(dir: &Path, forges: Forges) -> generate::Arguments {
    generate::Arguments { dir: dir.to_owned(), forges, ..generate::Arguments::default() }
}

#[test]
fn g21_a_maven_file_of_two_stages_becomes_jobs_that_have_something_to_report_on() {
    let (_dir, dir) = copy("maven-gitlab");
    let (said, _, model) = described(&dir);
    assert_eq!(model.build.run, ["mvn -B -ntp package appassembler:assemble"]);
    assert_eq!(model.build.artifacts, ["target/*.jar", "target/appassembler/**"]);
    assert_eq!(model.test.run[0], "mvn -B -ntp verify", "a report in a job without tests is empty");
    assert!(model.test.run[1].starts_with("awk ") && model.test.run.len() == 2, "{:?}", model.test.run);
    assert_eq!(model.test.junit, ["target/surefire-reports/TEST-*.xml"]);
    assert!(said.contains(".gitlab-ci.yml is there: its lines were taken over"), "{said}");
    assert!(said.contains("bind JaCoCo to `verify`"), "{said}");

    // The report about coverage lies in the job that has the data.
    let answer = generate(&generate::Arguments { force: true, ..asked(&dir, Forges::GitLab) });
    assert_eq!(answer.status, 0, "{}", answer.err);
    let file: serde_yaml::Value =
        serde_yaml::from_str(&fs::read_to_string(dir.join(".gitlab-ci.yml")).unwrap()).unwrap();
    let report = &file["scorer:test"]["artifacts"]["reports"]["coverage_report"];
    assert_eq!(report["path"], "target/site/jacoco/jacoco.xml");
}

#[test]
fn g21_a_java_workflow_becomes_one_with_current_pinned_actions_and_an_explicit_zone() {
    let (_dir, dir) = copy("maven-github");
    let (said, secrets, model) = described(&dir);
    assert_eq!(model.toolchain.version.as_deref(), Some("8"), "{said}");
    assert_eq!(model.build.run, ["mvn -B -ntp clean package --file pom.xml"]);
    assert_eq!(model.publish.run, ["mvn -B -ntp deploy --settings settings.xml"]);
    assert_eq!(secrets, ["MAVEN_PASSWORD", "MAVEN_USERNAME"]);
    assert_eq!(model.publish.secrets, secrets);
    let daily = &model.schedules["daily"];
    assert_eq!((daily.cron.as_str(), daily.timezone.as_str()), ("0 9 * * *", "UTC"));
    assert_eq!(daily.task, ScheduleTask::Run);
    assert_eq!(daily.run, ["sh archive-logs.sh", "sh delete-old-data.sh --days \"30\""]);

    // Ours stands beside theirs, which nobody touches.
    let before = fs::read_to_string(dir.join(".github/workflows/maven.yml")).unwrap();
    assert_eq!(generate(&asked(&dir, Forges::GitHub)).status, 0);
    assert_eq!(fs::read_to_string(dir.join(".github/workflows/maven.yml")).unwrap(), before);
    let ours = fs::read_to_string(dir.join(".github/workflows/model-scorer.yml")).unwrap();
    assert!(!ours.contains("setup-java@v") && ours.contains("# v5.7.0"), "pinned to a commit");
    for line in [
        "distribution: \"temurin\"",
        "timezone: \"UTC\"",
        "permissions: {}",
        "MAVEN_PASSWORD: \"${{ secrets.MAVEN_PASSWORD }}\"",
    ] {
        assert!(ours.contains(line), "{line}");
    }
}

#[test]
fn g23_a_file_that_people_wrote_is_never_replaced_unasked() {
    let (_dir, dir) = copy("maven-gitlab");
    let before = fs::read_to_string(dir.join(".gitlab-ci.yml")).unwrap();
    described(&dir);
    assert_eq!(fs::read_to_string(dir.join(".gitlab-ci.yml")).unwrap(), before);
    let answer = generate(&asked(&dir, Forges::GitLab));
    assert_eq!(answer.status, 1);
    assert!(answer.err.contains("left as it is"), "{}", answer.err);
    assert_eq!(fs::read_to_string(dir.join(".gitlab-ci.yml")).unwrap(), before);
    let shown = generate(&generate::Arguments { diff: true, ..asked(&dir, Forges::GitLab) });
    assert!(
        shown.out.contains("-    - mvn jacoco:report") && shown.out.contains("+\"scorer:build\":"),
        "{}",
        shown.out
    );
}

#[test]
fn a_file_with_a_password_in_it_is_not_taken_over_and_init_says_so() {
    let (_dir, dir) = copy("maven-gitlab");
    let token = format!("glpat-{}", "aB3dE6gH9jK2mN5pQ8sT");
    fs::write(dir.join(".gitlab-ci.yml"), format!("build: {{script: [\"mvn package -Dtoken={token}\"]}}\n"))
        .unwrap();
    let (said, _, model) = described(&dir);
    assert!(said.contains("what .gitlab-ci.yml runs could not be taken over"), "{said}");
    assert_eq!(model.build.run, ["mvn -B -ntp package"]);
    assert!(!fs::read_to_string(dir.join(".mergewright.yml")).unwrap().contains(&token));
}
