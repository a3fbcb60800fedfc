//! `mergewright generate` for several forges: which one, several files, models that vanish.

use std::fs;
use std::path::Path;
use std::process::Command;

use mergewright::cli::Answer;
use mergewright::cli::generate::{Arguments, Forges, generate};

const GITLAB: &str = ".gitlab-ci.yml";
const IRIS: &str = ".github/workflows/model-iris.yml";
const ROSE: &str = ".github/workflows/model-rose.yml";

/// A folder with these models.
fn with(models: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), models);
    dir
}

fn write(dir: &Path, models: &[&str]) {
    let models: String = models
        .iter()
        .map(|name| {
            format!("  {name}: {{test: {{reports: {{metrics: m.json}}}}, version: {{strategy: sequence}}}}\n")
        })
        .collect();
    fs::write(dir.join(".mergewright.yml"), format!("version: 1\nmodels:\n{models}")).unwrap();
}

fn ask(dir: &Path, change: impl FnOnce(&mut Arguments)) -> Answer {
    let mut arguments = Arguments { dir: dir.to_owned(), ..Arguments::default() };
    change(&mut arguments);
    generate(&arguments)
}

fn git(dir: &Path, words: &[&str]) {
    assert!(Command::new("git").arg("-C").arg(dir).args(words).status().unwrap().success());
}

#[test]
fn each_forge_can_be_asked_for() {
    for (forges, files) in [
        (Forges::GitLab, &[GITLAB][..]),
        (Forges::GitHub, &[IRIS, ROSE]),
        (Forges::All, &[GITLAB, IRIS, ROSE]),
    ] {
        let dir = with(&["iris", "rose"]);
        let answer = ask(dir.path(), |asked| asked.forges = forges);
        let said: String = files.iter().map(|file| format!("wrote {file}\n")).collect();
        assert_eq!((answer.status, answer.out), (0, said), "{}", answer.err);
        assert_eq!(dir.path().join(GITLAB).exists(), files.contains(&GITLAB));
        assert_eq!(dir.path().join(IRIS).exists(), files.contains(&IRIS));
        assert_eq!(ask(dir.path(), |asked| (asked.forges, asked.check) = (forges, true)).status, 0);
    }
}

#[test]
fn the_forge_is_found_out_by_what_is_there() {
    let names =
        |answer: &Answer| answer.out.lines().map(|line| line.replace("wrote ", "")).collect::<Vec<_>>();
    let dir = with(&["iris"]);
    assert_eq!(names(&ask(dir.path(), |_| {})), [GITLAB, IRIS], "nobody knows: both");

    for (url, file) in [
        ("https://github.com/acme/iris.git", IRIS),
        ("git@github.example.com:acme/iris.git", IRIS),
        ("ssh://git@gitlab.example.com:2222/acme/iris", GITLAB),
        ("https://gitlab.com/github/iris", GITLAB),
    ] {
        let dir = with(&["iris"]);
        git(dir.path(), &["init", "--quiet"]);
        git(dir.path(), &["remote", "add", "origin", url]);
        assert_eq!(names(&ask(dir.path(), |_| {})), [file], "{url}");
    }

    let dir = with(&["iris"]);
    fs::create_dir_all(dir.path().join(".github/workflows")).unwrap();
    assert_eq!(names(&ask(dir.path(), |_| {})), [IRIS], "other people's workflows are there");

    let dir = with(&["iris"]);
    git(dir.path(), &["init", "--quiet"]);
    git(dir.path(), &["remote", "add", "origin", "https://github.com/acme/iris"]);
    assert_eq!(ask(dir.path(), |asked| asked.forges = Forges::GitLab).status, 0);
    let again = ask(dir.path(), |asked| asked.check = true);
    assert_eq!(
        (again.status, again.out.as_str()),
        (0, "unchanged .gitlab-ci.yml\n"),
        "what we wrote decides first"
    );
}

#[test]
fn the_workflow_of_a_vanished_model_is_drift_and_goes() {
    let dir = with(&["iris", "rose"]);
    let github = |asked: &mut Arguments| asked.forges = Forges::GitHub;
    assert_eq!(ask(dir.path(), github).status, 0);
    let own = dir.path().join(".github/workflows/model-mine.yml");
    fs::write(&own, "name: mine\n").unwrap();
    write(dir.path(), &["iris"]);
    let checked = ask(dir.path(), |asked| (asked.forges, asked.check) = (Forges::GitHub, true));
    assert_eq!(checked.status, 1);
    assert!(checked.err.contains(&format!("{ROSE} belongs to no model")), "{}", checked.err);
    let shown = ask(dir.path(), |asked| (asked.forges, asked.diff) = (Forges::GitHub, true));
    assert!(shown.out.contains(&format!("--- a/{ROSE}\n+++ /dev/null\n")), "{}", shown.out);
    assert!(dir.path().join(ROSE).exists(), "nothing was touched");
    let done = ask(dir.path(), github);
    assert_eq!(done.status, 0);
    assert!(done.out.ends_with(&format!("removed {ROSE}\n")), "{}", done.out);
    assert!(!dir.path().join(ROSE).exists() && own.exists(), "a file that is not ours stays");
}

/// Both ways in which a file loses its model: the model is gone, or twenty models stand in one file again.
#[test]
fn lines_that_people_wrote_are_not_thrown_away_with_their_file() {
    let many: Vec<String> = (0..21).map(|number| format!("m{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let gitlab = ".gitlab/mergewright/m1.yml";
    for (models, fewer, file, forges) in [
        (vec!["iris", "rose"], vec!["iris"], ROSE, Forges::GitHub),
        (many.clone(), many[..20].to_vec(), gitlab, Forges::GitLab),
    ] {
        let dir = with(&models);
        assert_eq!(ask(dir.path(), |asked| asked.forges = forges).status, 0);
        let path = dir.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let mark = text.lines().find(|line| line.contains("mergewright:keep jobs")).unwrap().to_owned();
        fs::write(&path, text.replace(&mark, &format!("{mark}\n# precious"))).unwrap();
        write(dir.path(), &fewer);
        let answer = ask(dir.path(), |asked| asked.forges = forges);
        assert_eq!(answer.status, 1, "{}", answer.out);
        let told = format!(
            "{file} belongs to no model of .mergewright.yml, but lines of your own stand in it (`jobs`)"
        );
        assert!(answer.err.contains(&told), "{}", answer.err);
        assert!(fs::read_to_string(&path).unwrap().contains("# precious"));
        let forced = ask(dir.path(), |asked| (asked.forges, asked.force) = (forges, true));
        assert_eq!((forced.status, path.exists()), (0, false), "{}", forced.err);
    }
}

#[test]
fn a_file_of_ours_that_cannot_be_read_is_not_passed_over() {
    let dir = with(&["iris"]);
    assert_eq!(ask(dir.path(), |asked| asked.forges = Forges::All).status, 0);
    let path = dir.path().join(GITLAB);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(b"# caf\xe9\n");
    fs::write(&path, bytes).unwrap();
    let answer = ask(dir.path(), |asked| asked.check = true);
    assert_eq!(answer.status, 1, "{}", answer.out);
    assert!(answer.err.contains("cannot be read"), "{}", answer.err);
}

#[test]
fn a_workflow_that_is_not_ours_is_left_alone_and_the_others_are_written() {
    let dir = with(&["iris", "rose"]);
    fs::create_dir_all(dir.path().join(".github/workflows")).unwrap();
    fs::write(dir.path().join(IRIS), "name: mine\n").unwrap();
    let answer = ask(dir.path(), |asked| asked.forges = Forges::GitHub);
    assert_eq!((answer.status, answer.out), (1, format!("wrote {ROSE}\n")));
    assert!(answer.err.contains(&format!("{IRIS} was not written by mergewright")), "{}", answer.err);
    assert_eq!(fs::read_to_string(dir.path().join(IRIS)).unwrap(), "name: mine\n");
}

#[test]
fn broken_marks_are_told_with_their_file() {
    let dir = with(&["iris"]);
    assert_eq!(ask(dir.path(), |asked| asked.forges = Forges::GitHub).status, 0);
    let text = fs::read_to_string(dir.path().join(IRIS)).unwrap();
    fs::write(dir.path().join(IRIS), text.replace("  # mergewright:end jobs\n", "")).unwrap();
    let answer = ask(dir.path(), |asked| asked.forges = Forges::GitHub);
    assert_eq!(answer.status, 1);
    assert!(answer.err.starts_with(&format!("{IRIS}: line ")), "{}", answer.err);
}
