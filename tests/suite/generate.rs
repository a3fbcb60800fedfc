//! `mergewright generate` on whole repositories: goldens, drift, refusals.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mergewright::cli::generate::{Arguments, Forges, generate};
use mergewright::config::repository;
use mergewright::generator::{self, Dialect, Existing};

/// A generated file and its golden.
type Golden = (&'static str, &'static str);

/// The repositories with goldens: folder, forge, files.
const EXAMPLES: &[(&str, Dialect, &[Golden])] = &[
    ("examples/iris", Dialect::GitLab, &[(".gitlab-ci.yml", "gitlab/iris.gitlab-ci.yml")]),
    (
        "examples/iris",
        Dialect::GitHub,
        &[(".github/workflows/model-iris.yml", "github/iris/.github/workflows/model-iris.yml")],
    ),
    (
        "tests/data/generate/two-models",
        Dialect::GitLab,
        &[(".gitlab-ci.yml", "gitlab/two-models.gitlab-ci.yml")],
    ),
    (
        "tests/data/generate/two-models",
        Dialect::GitHub,
        &[
            (".github/workflows/model-routing.yml", "github/two-models/.github/workflows/model-routing.yml"),
            (".github/workflows/model-speech.yml", "github/two-models/.github/workflows/model-speech.yml"),
        ],
    ),
];

fn golden(path: &str) -> PathBuf {
    here("tests/data/golden").join(path)
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A folder with this `.mergewright.yml`, and a question about it.
fn asked(configuration: &str) -> (tempfile::TempDir, Arguments) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".mergewright.yml"), configuration).unwrap();
    let arguments = Arguments { dir: dir.path().to_owned(), forges: Forges::GitLab, ..Arguments::default() };
    (dir, arguments)
}

const SMALL: &str = "version: 1\nmodels:\n  iris:\n    test: {reports: {metrics: m.json}}\n    version: {strategy: sequence}\n";

#[test]
fn examples_become_exactly_their_goldens() {
    for (folder, dialect, goldens) in EXAMPLES {
        let text = fs::read_to_string(here(folder).join(".mergewright.yml")).unwrap();
        let config = repository::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
        let files = generator::generate(&config, *dialect, &Existing::new()).unwrap();
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, goldens.iter().map(|(path, _)| *path).collect::<Vec<_>>());
        for (file, (_, name)) in files.iter().zip(*goldens) {
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::create_dir_all(golden(name).parent().unwrap()).unwrap();
                fs::write(golden(name), &file.content).unwrap();
            }
            let expected = fs::read_to_string(golden(name)).unwrap();
            assert_eq!(file.content, expected, "{name}: UPDATE_GOLDEN=1 cargo test writes it anew");
        }
    }
}

/// The repositories below `tests/data/generate` hold what `generate --forge all` leaves there.
#[test]
fn repositories_hold_exactly_what_is_generated() {
    let mut seen = 0;
    for entry in fs::read_dir(here("tests/data/generate")).unwrap() {
        let dir = entry.unwrap().path();
        // Its goldens are shared with other tests: see above.
        if dir.ends_with("two-models") {
            continue;
        }
        seen += 1;
        let update = std::env::var_os("UPDATE_GOLDEN").is_some();
        let arguments = Arguments {
            dir: dir.clone(),
            forges: Forges::All,
            check: !update,
            diff: !update,
            ..Arguments::default()
        };
        let answer = generate(&arguments);
        let remedy = "UPDATE_GOLDEN=1 cargo test writes it anew";
        assert_eq!(answer.status, 0, "{}: {remedy}\n{}{}", dir.display(), answer.err, answer.out);
    }
    assert!(seen >= 6, "{seen}");
}

/// The README shows what is generated from the configuration that it shows.
#[test]
fn the_readme_shows_what_is_generated() {
    let path = here("README.md");
    let mut readme = fs::read_to_string(&path).unwrap();
    let before = readme.clone();
    let part = |text: &str, from: &str, to: &str| {
        let rest = text.split_once(from).unwrap_or_else(|| panic!("{from} in:\n{text}")).1;
        rest.split_once(to).unwrap_or_else(|| panic!("{to} in:\n{rest}")).0.to_owned()
    };
    let from = part(&readme, "<!-- generated: from -->\n```yaml\n", "```\n");
    assert_eq!(from.lines().count(), 15);
    let config = repository::parse(&from).unwrap_or_else(|problems| panic!("{problems}"));
    for (word, dialect, begin, end) in [
        ("gitlab", Dialect::GitLab, "\"iris:build\":\n", "\"iris:publish\":\n"),
        ("github", Dialect::GitHub, "\njobs:\n", "  publish:\n"),
    ] {
        let file = generator::generate(&config, dialect, &Existing::new()).unwrap().remove(0);
        let shown = format!("{begin}{}", part(&file.content, begin, end));
        let mark = format!("<!-- generated: {word} -->\n");
        let old = part(&readme, &mark, "<!-- generated: end -->");
        let new = format!("```yaml\n{}\n```\n", shown.trim());
        readme = readme.replace(&format!("{mark}{old}"), &format!("{mark}{new}"));
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &readme).unwrap();
    } else {
        assert!(readme == before, "UPDATE_GOLDEN=1 cargo test writes it anew");
    }
}

/// What `docs/generated-ci.md` proposes for one's own lines is kept, and is valid.
#[test]
fn scanning_can_be_added_between_the_marks() {
    let text = fs::read_to_string(here("docs/generated-ci.md")).unwrap();
    let own = text.split_once("```yaml\n").unwrap().1.split_once("```\n").unwrap().0;
    let (dir, arguments) = asked(SMALL);
    assert_eq!(generate(&arguments).status, 0);
    let path = dir.path().join(".gitlab-ci.yml");
    let mark = "# mergewright:keep settings\n";
    let with = fs::read_to_string(&path).unwrap().replace(mark, &format!("{mark}{own}"));
    fs::write(&path, &with).unwrap();
    let answer = generate(&arguments);
    assert_eq!((answer.status, answer.out.as_str()), (0, "unchanged .gitlab-ci.yml\n"), "{}", answer.err);
    let file: serde_yaml::Value = serde_yaml::from_str(&with).unwrap();
    assert_eq!(file["include"][0]["template"], "Jobs/SAST.gitlab-ci.yml");
}

#[test]
fn a_file_is_written_once_and_then_unchanged() {
    let (dir, arguments) = asked(SMALL);
    let first = generate(&arguments);
    assert_eq!((first.status, first.out.as_str()), (0, "wrote .gitlab-ci.yml\n"), "{}", first.err);
    let path = dir.path().join(".gitlab-ci.yml");
    let written = fs::read(&path).unwrap();
    let again = generate(&arguments);
    assert_eq!((again.status, again.out.as_str()), (0, "unchanged .gitlab-ci.yml\n"));
    assert_eq!(fs::read(&path).unwrap(), written);
    assert_eq!(generate(&Arguments { check: true, ..arguments.clone() }).status, 0);

    fs::write(&path, String::from_utf8(written).unwrap().replace('\n', "\r\n")).unwrap();
    assert_eq!(
        generate(&Arguments { check: true, ..arguments }).status,
        0,
        "line ends of Windows are no drift"
    );
}

#[test]
fn drift_is_told_and_nothing_is_written() {
    let (dir, arguments) = asked(SMALL);
    let path = dir.path().join(".gitlab-ci.yml");
    let missing = generate(&Arguments { check: true, ..arguments.clone() });
    assert_eq!(missing.status, 1);
    assert!(missing.err.contains("run: mergewright generate") && !path.exists(), "{}", missing.err);

    assert_eq!(generate(&arguments).status, 0);
    let edited = fs::read_to_string(&path).unwrap().replace("interruptible: true", "interruptible: false");
    fs::write(&path, &edited).unwrap();
    let drift = generate(&Arguments { check: true, diff: true, ..arguments.clone() });
    assert_eq!(drift.status, 1);
    for line in
        ["--- a/.gitlab-ci.yml", "+++ b/.gitlab-ci.yml", "-  interruptible: false", "+  interruptible: true"]
    {
        assert!(drift.out.lines().any(|found| found == line), "{line} in:\n{}", drift.out);
    }
    let shown = generate(&Arguments { diff: true, ..arguments.clone() });
    assert_eq!((shown.status, shown.out), (0, drift.out));
    assert_eq!(fs::read_to_string(&path).unwrap(), edited);
    assert_eq!(generate(&arguments).status, 0);
    assert_ne!(fs::read_to_string(&path).unwrap(), edited, "generating repairs it");
}

#[test]
fn a_file_that_is_not_ours_is_left_alone_unless_forced() {
    let (dir, arguments) = asked(SMALL);
    let path = dir.path().join(".gitlab-ci.yml");
    let own = "test:\n  script: [make]\n# mergewright:keep jobs\nlint: {script: [make lint]}\n# mergewright:end jobs\n";
    fs::write(&path, own).unwrap();
    let refused = generate(&arguments);
    assert_eq!(refused.status, 1);
    assert!(refused.err.contains("was not written by mergewright"), "{}", refused.err);
    assert_eq!(fs::read_to_string(&path).unwrap(), own);
    assert_eq!(generate(&Arguments { force: true, ..arguments }).status, 0);
    let forced = fs::read_to_string(&path).unwrap();
    assert!(
        generator::is_generated(&forced)
            && forced.contains("make lint")
            && !forced.contains("script: [make]")
    );
}

#[test]
fn what_cannot_be_generated_is_said_plainly() {
    let kserve = format!(
        "{SMALL}    environments: {{staging: {{}}}}\n    deploy: {{kind: kserve, manifest: isvc.yaml}}\n"
    );
    let (_dir, arguments) = asked(&kserve);
    for forges in [Forges::GitLab, Forges::GitHub, Forges::All] {
        let answer = generate(&Arguments { forges, ..arguments.clone() });
        assert_eq!(answer.status, 1);
        assert!(answer.err.starts_with(".mergewright.yml: deploying the model `iris`"), "{}", answer.err);
        assert!(answer.err.contains("not generated yet"), "{}", answer.err);
    }
    let (_dir, arguments) = asked("version: 1\n");
    let answer = generate(&arguments);
    assert_eq!(answer.status, 1);
    assert!(answer.err.starts_with(".mergewright.yml:1:1: `models` is missing"), "{}", answer.err);
    let empty = tempfile::tempdir().unwrap();
    let answer = generate(&Arguments { dir: empty.path().to_owned(), ..Arguments::default() });
    assert_eq!(answer.status, 1);
    assert!(answer.err.contains("there is no") && answer.err.contains("mergewright init"), "{}", answer.err);
}

#[test]
fn templates_of_ones_own_replace_by_name() {
    let (dir, arguments) = asked(SMALL);
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("gitlab")).unwrap();
    let own = fs::read_to_string(here("templates/gitlab/pipeline.yml.j2")).unwrap();
    fs::write(folder.path().join("gitlab/pipeline.yml.j2"), format!("# house rules\n{own}")).unwrap();
    let arguments = Arguments { templates: Some(folder.path().to_owned()), ..arguments };
    assert_eq!(generate(&arguments).status, 0);
    assert!(fs::read_to_string(dir.path().join(".gitlab-ci.yml")).unwrap().contains("\n# house rules\n"));

    fs::write(folder.path().join("gitlab/pipelin.yml.j2"), "").unwrap();
    let answer = generate(&arguments);
    assert_eq!(answer.status, 2);
    let said =
        "there is no template `gitlab/pipelin.yml.j2` to replace; did you mean `gitlab/pipeline.yml.j2`?";
    assert!(answer.err.contains(said), "{}", answer.err);
}

#[test]
#[ignore = "needs python3 with jsonschema and PyYAML, and GitLab's schema beside the project"]
fn goldens_follow_the_schema_of_gitlab() {
    let schema = here("../shared/contracts/schemas/gitlab-ci.json");
    let program = "import json, sys, yaml, jsonschema
schema = json.load(open(sys.argv[1]))
for name in sys.argv[2:]:
    jsonschema.validate(yaml.safe_load(open(name)), schema)
broken = yaml.safe_load(open(sys.argv[2]))
broken['iris:build']['timeout'] = []
try:
    jsonschema.validate(broken, schema)
except jsonschema.ValidationError:
    sys.exit(0)
sys.exit('the schema refuses nothing')";
    let goldens = EXAMPLES.iter().filter(|(_, dialect, _)| *dialect == Dialect::GitLab);
    let goldens = goldens.flat_map(|(_, _, files)| files.iter().map(|(_, name)| golden(name)));
    let done = Command::new("python3").arg("-c").arg(program).arg(schema).args(goldens).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
