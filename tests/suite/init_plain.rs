//! Plain repositories: they have tests and write no numbers, and what `init` writes for them works as it is.

use std::fs;
use std::process::{Command, Output};

use mergewright::config::valid::{Model, ToolchainKind};
use mergewright::engine::measure;

use super::init::{folder, written};

const MAVEN_TEST: &str = "src/test/java/com/example/scores/ScoreTest.java";
const LOCK: &str = r#"{"lockfileVersion": 3}"#;

/// A package whose script `test` runs this, with these packages to develop with.
fn package(test: &str, needs: &str) -> String {
    format!(
        r#"{{"name": "x", "version": "1.0.0", "scripts": {{"test": "{test}"}}, "devDependencies": {{{needs}}}}}"#
    )
}

/// What `init` writes for a folder with these files, in which nothing is left to fill in.
fn plain(files: &[(&str, &str)]) -> (tempfile::TempDir, Model) {
    let (dir, arguments) = folder("iris", files);
    let (said, model) = written(&arguments);
    assert!(said.contains("1. read the file") && !said.contains("fill in"), "{said}");
    assert!(said.contains("how many of its tests pass is judged"), "{said}");
    let text = fs::read_to_string(arguments.dir.join(".mergewright.yml")).unwrap();
    assert!(!text.contains("To fill in"), "{text}");
    (dir, model)
}

#[test]
fn every_familys_tests_are_reported_and_counted() {
    let node_reports = "NODE_OPTIONS='--test-reporter=spec --test-reporter-destination=stdout --test-reporter=junit --test-reporter-destination=junit.xml' npm run test";
    let project = ("pyproject.toml", "[build-system]\n[project]\nname = \"iris\"\n");
    let (by_node, by_vitest, by_mocha, by_jest) = (
        package("node --test test/", ""),
        package("vitest run", ""),
        package("mocha spec", ""),
        package("jest", r#""jest-junit": "1""#),
    );
    let pip = |tests: &[&str]| {
        let lines = ["pip wheel --no-deps --wheel-dir dist ."];
        (lines.map(str::to_owned).to_vec(), "dist/*.whl", tests.iter().map(|&line| line.to_owned()).collect())
    };
    let uv = |test: &str| {
        let tests = vec!["uv sync --frozen".to_owned(), test.to_owned()];
        (vec!["uv build --wheel".to_owned()], "dist/*.whl", tests)
    };
    let npm = |test: &str| {
        let lines = |line: &str| vec!["npm ci".to_owned(), line.to_owned()];
        (lines("npm pack"), "*.tgz", lines(test))
    };
    let one =
        |build: &str, files: &'static str, test: &str| (vec![build.to_owned()], files, vec![test.to_owned()]);
    let cases: Vec<(Vec<(&str, &str)>, _, &str)> = vec![
        (
            vec![("pom.xml", "<project/>"), (MAVEN_TEST, "")],
            one("mvn -B -ntp package", "target/*.jar", "mvn -B -ntp verify"),
            "target/*-reports/TEST-*.xml",
        ),
        (
            vec![("build.gradle", ""), (MAVEN_TEST, "")],
            one("gradle --no-daemon assemble", "build/libs/*.jar", "gradle --no-daemon check"),
            "build/test-results/*/TEST-*.xml",
        ),
        (
            vec![project, ("tests/unit/test_model.py", "")],
            pip(&["pip install .", "pip install pytest", "python3 -m pytest --junitxml=junit.xml"]),
            "junit.xml",
        ),
        (
            vec![project, ("requirements.txt", "pytest==8.4\n"), ("model_test.py", "")],
            pip(&[
                "pip install -r requirements.txt",
                "pip install .",
                "python3 -m pytest --junitxml=junit.xml",
            ]),
            "junit.xml",
        ),
        (
            vec![project, ("uv.lock", "[[package]]\nname = \"pytest\"\n"), ("test_model.py", "")],
            uv("uv run --frozen python -m pytest --junitxml=junit.xml"),
            "junit.xml",
        ),
        (
            vec![project, ("uv.lock", ""), ("test_model.py", "")],
            uv("uv run --frozen --with pytest python -m pytest --junitxml=junit.xml"),
            "junit.xml",
        ),
        (vec![("package.json", &by_node), ("package-lock.json", LOCK)], npm(node_reports), "junit.xml"),
        (
            vec![("package.json", &by_vitest), ("package-lock.json", LOCK)],
            npm("npm run test -- --reporter=default --reporter=junit --outputFile=junit.xml"),
            "junit.xml",
        ),
        (
            vec![("package.json", &by_mocha), ("package-lock.json", LOCK)],
            npm("npm run test -- --reporter=xunit --reporter-option=output=junit.xml"),
            "junit.xml",
        ),
        (
            vec![("package.json", &by_jest), ("package-lock.json", LOCK)],
            npm("npm run test -- --reporters=default --reporters=jest-junit"),
            "junit.xml",
        ),
    ];
    for (files, (build, artifacts, mut test), counted) in cases {
        let (_dir, model) = plain(&files);
        assert_eq!(
            (model.build.run, model.build.artifacts),
            (build, vec![artifacts.to_owned()]),
            "{files:?}"
        );
        let counting = model.test.run.last().unwrap();
        assert!(counting.starts_with("awk ") && counting.contains(counted), "{counting}");
        test.push(counting.clone());
        assert_eq!(model.test.run, test, "{files:?}");
        assert!(!model.test.junit.is_empty());
        assert_eq!(model.test.metrics, ["test-counts.json"]);
        let rules: Vec<_> = model.gates.rules.iter().map(|rule| rule.metric.as_str()).collect();
        assert_eq!(rules, ["tests.passed", "tests.failed"]);
    }
}

#[test]
fn numbers_that_the_tests_write_themselves_are_taken_instead() {
    let measured = r#"Evaluate.main("model", "reports/metrics.json");"#;
    let script = package("node --test && node evaluate.mjs metrics.json", "");
    for (files, file) in [
        (vec![("pom.xml", "<project/>"), (MAVEN_TEST, measured)], "reports/metrics.json"),
        (vec![("package.json", script.as_str())], "metrics.json"),
        (vec![("setup.py", ""), ("tests/test_model.py", "open('metrics.json', 'w')")], "metrics.json"),
    ] {
        let (_dir, arguments) = folder("iris", &files);
        let (said, model) = written(&arguments);
        assert_eq!(model.test.metrics, [file], "{said}");
        assert!(!model.test.run.iter().any(|line| line.starts_with("awk ")), "{:?}", model.test.run);
        assert!(!model.test.junit.is_empty() && model.gates.rules.is_empty(), "{said}");
        assert!(said.contains("fill in what no file shows, marked in it: gates.rules"), "{said}");
    }
}

#[test]
fn a_test_runner_that_writes_no_junit_unasked_is_left_as_it_is() {
    let old =
        r#"{"name": "x", "version": "1.0.0", "scripts": {"test": "node --test"}, "engines": {"node": "18"}}"#;
    for text in [
        package("jest", ""),
        package("vitest run && echo done", ""),
        package("node --test --test-reporter=tap", ""),
        package("sh test.sh", ""),
        old.to_owned(),
    ] {
        let (_dir, arguments) = folder("iris", &[("package.json", &text)]);
        let (said, model) = written(&arguments);
        assert_eq!(model.toolchain.kind, ToolchainKind::Node);
        assert_eq!(model.test.run, ["npm install", "npm run test"], "{text}");
        assert!(model.test.junit.is_empty());
        assert!(said.contains("test.reports.metrics, gates.rules"), "{said}");
    }
}

#[test]
fn the_script_that_npm_writes_for_want_of_tests_is_none() {
    let text = package("echo \\\"Error: no test specified\\\" && exit 1", "");
    let (_dir, arguments) = folder("iris", &[("package.json", &text)]);
    let (said, model) = written(&arguments);
    assert_eq!(model.test.run, ["npm install", "npm run test"]);
    assert!(said.contains("test.run, test.reports.metrics, gates.rules"), "{said}");
}

/// Runs the line that counts in a folder with these JUnit files.
fn counted(files: &[(&str, &str)]) -> (tempfile::TempDir, Output) {
    let (dir, model) = plain(&[("pom.xml", "<project/>"), (MAVEN_TEST, "")]);
    let root = dir.path().join("iris");
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let line = model.test.run.last().unwrap();
    let done = Command::new("sh").args(["-ec", line]).current_dir(&root).output().unwrap();
    (dir, done)
}

#[test]
fn tests_are_counted_by_their_elements_whatever_they_printed() {
    let unit = r#"<testsuite tests="9" failures="7">
<testcase name="good" classname="x"><system-out><![CDATA[ <testcase name="x"> <failure> ]]></system-out></testcase>
<testcase
    name="bad"><failure message="&lt;skipped"/><error/></testcase><testcase name="left"><skipped/></testcase>
<testcase name="slow"/><system-out><![CDATA[
<testcase>
<error/>]]></system-out><testcase name="again"><rerunFailure/><flakyFailure/></testcase></testsuite>"#;
    let whole = r#"<testsuite><testcase name="one"/><testcase name="two"><error/></testcase></testsuite>"#;
    let (dir, done) = counted(&[
        ("target/surefire-reports/TEST-a.xml", unit),
        ("target/failsafe-reports/TEST-b.xml", whole),
    ]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let written = fs::read(dir.path().join("iris/test-counts.json")).unwrap();
    let measured = measure::metrics([("test-counts.json", written.as_slice())]);
    let numbers: Vec<_> =
        measured.numbers.iter().map(|(name, value)| (name.as_str(), value.to_string())).collect();
    assert_eq!(
        numbers,
        [("tests.failed", "2".into()), ("tests.passed", "4".into()), ("tests.skipped", "1".into())]
    );
}

#[test]
fn tests_that_left_no_file_fail_the_line_that_counts() {
    let (_dir, done) = counted(&[]);
    assert!(!done.status.success());
}
