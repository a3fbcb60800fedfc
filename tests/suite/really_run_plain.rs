//! Plain repositories, really executed with what `init` wrote: projects with tests that write no numbers, and
//! no configuration that anybody edited.

use mergewright::domain::ForgeKind;
use mergewright::engine::measure;

use super::flow::forges::on_both_forges;
use super::really_run::left::{run, tools};
use super::really_run::project::Project;
use super::really_run::{MAVEN_OFFLINE, goes_out, is_run};

on_both_forges! {
    #[ignore = "needs gitlab-ci-local, act and Debian's Gradle"]
    a_plain_gradle_project_is_published_by_what_init_writes,
    #[ignore = "needs gitlab-ci-local, act and Debian's Maven repository"]
    a_plain_maven_project_is_published_by_what_init_writes,
    #[ignore = "needs gitlab-ci-local, act and wheels of pytest and setuptools"]
    a_plain_python_project_is_published_by_what_init_writes,
    #[ignore = "needs gitlab-ci-local and act"]
    a_plain_node_project_is_published_by_what_init_writes,
    #[ignore = "needs gitlab-ci-local and act"]
    a_plain_project_whose_test_fails_is_not_published,
}

async fn a_plain_gradle_project_is_published_by_what_init_writes(forge: ForgeKind) {
    let project = Project::initialised("tests/data/projects/gradle", &[]);
    works_as_it_is(forge, &project, [2, 0, 1]).await;
}

async fn a_plain_maven_project_is_published_by_what_init_writes(forge: ForgeKind) {
    let test = r#"package spam;
public class ClassifierTest {
    @org.junit.Test
    public void learnsFromMessages() throws Exception {
        Train.main(new String[] {"data/train.tsv", "target/model.properties"});
        org.junit.Assert.assertTrue(
            Classifier.load(java.nio.file.Path.of("target/model.properties")).spam("win a free prize now"));
    }
}
"#;
    let files = [("models/spam/src/test/java/spam/ClassifierTest.java", test), MAVEN_OFFLINE];
    works_as_it_is(forge, &Project::initialised("tests/data/projects/maven", &files), [1, 0, 0]).await;
}

async fn a_plain_python_project_is_published_by_what_init_writes(forge: ForgeKind) {
    // As a fresh image, so that nothing is installed but what the lines install.
    let fresh = tempfile::tempdir().unwrap();
    let made = run("python3".as_ref(), &["-m", "venv", "."], fresh.path(), &[]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let wheels = tools().join("wheels").display().to_string();
    let project = Project::initialised("tests/data/projects/python", &[]).finding(fresh.path().join("bin"));
    let offline = project.told("PIP_NO_INDEX", "1".to_owned()).told("PIP_FIND_LINKS", wheels);
    works_as_it_is(forge, &offline, [2, 0, 1]).await;
}

/// A package with a script that tests and none that builds.
const PACKAGE: (&str, &str) = (
    "models/fares/package.json",
    r#"{"name": "fares", "version": "1.0.0", "type": "module", "scripts": {"test": "node --test"}}"#,
);

async fn a_plain_node_project_is_published_by_what_init_writes(forge: ForgeKind) {
    works_as_it_is(forge, &node("0.5"), [2, 0, 0]).await;
}

async fn a_plain_project_whose_test_fails_is_not_published(forge: ForgeKind) {
    let (play, number, ran) = is_run(forge, &node("0.75")).await;
    let test = &ran.jobs["test"];
    assert!(ran.jobs["build"].succeeded && !test.succeeded, "{}", test.log);
    assert_eq!(play.label(number), "model::failed");
    let report = play.report(number);
    assert!(report.contains("finds the tariff behind exact fares"), "{report}");
    play.ends().await;
}

/// A Node.js project with two tests, of which one expects this price for a minute.
fn node(minute: &str) -> Project {
    let test = format!(
        "import assert from 'node:assert/strict';
import test from 'node:test';
import {{ fareOf, fit }} from '../regression.mjs';

const fares = [[1, 4], [2, 3], [5, 11], [8, 9]].map(([km, min]) => [km, min, 3 + 2 * km + 0.5 * min]);

test('finds the tariff behind exact fares', () => {{
  fit(fares).forEach((value, i) => assert.ok(Math.abs(value - [3, 2, {minute}][i]) < 1e-6));
}});

test('a longer ride costs more', () => {{
  assert.ok(fareOf(fit(fares), 9, 20) > fareOf(fit(fares), 3, 20));
}});
"
    );
    let files = [PACKAGE, ("models/fares/test/fare.test.mjs", test.as_str())];
    Project::initialised("tests/data/projects/node", &files)
}

/// The jobs pass, the report judges how many tests passed, failed and were skipped, and what was built is
/// published.
async fn works_as_it_is(forge: ForgeKind, project: &Project, counts: [u32; 3]) {
    let (play, number, ran) = is_run(forge, project).await;
    for (job, left) in &ran.jobs {
        assert!(left.succeeded, "{job}: {}", left.log);
    }
    let files = &ran.jobs["test"].files;
    let (path, counted) = files.iter().find(|(path, _)| path.ends_with("test-counts.json")).unwrap();
    let measured = measure::metrics([(path.as_str(), counted.as_slice())]);
    for (name, count) in ["tests.passed", "tests.failed", "tests.skipped"].into_iter().zip(counts) {
        assert_eq!(measured.numbers[name].to_string(), count.to_string(), "{name}");
    }
    let report = play.report(number);
    let row = |name: &str, count: u32| {
        report.contains(&format!("| `{name}` | ")) && report.contains(&format!("| {count} |"))
    };
    assert!(row("tests.passed", counts[0]) && row("tests.failed", counts[1]), "{report}");
    Box::pin(goes_out(play, number, &ran)).await;
}
