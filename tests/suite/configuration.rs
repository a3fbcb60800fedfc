//! `mergewright check` on files as people have them.

use std::fs;
use std::path::Path;

use mergewright::cli::check::check;
use mergewright::config::repository;

#[test]
fn the_examples_are_valid() {
    for folder in ["examples/iris", "tests/data/generate/two-models"] {
        let answer = check(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), false);
        assert_eq!(answer.status, 0, "{}", answer.err);
        assert!(answer.out.starts_with(".mergewright.yml is valid: "), "{}", answer.out);
    }
}

#[test]
fn a_folder_and_the_merge_request_show_the_same_text() {
    let text = "version: 1\nmodls: {}\n";
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".mergewright.yml"), text).unwrap();
    let answer = check(dir.path(), false);
    assert_eq!(answer.status, 1);
    let shown = repository::parse(text).unwrap_err().to_string();
    assert!(answer.err.starts_with(&format!("{shown}\n")), "{}\n{shown}", answer.err);
    assert!(shown.contains("did you mean `models`?") && shown.contains("`models` is missing"), "{shown}");
    assert!(answer.err.ends_with("\n2 problems\n"), "{}", answer.err);
}

#[test]
fn a_file_is_called_as_it_was_called() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("proposal.yml");
    fs::write(&file, b"version: \xff").unwrap();
    let answer = check(&file, false);
    assert_eq!(answer.status, 1);
    assert!(answer.err.starts_with(&format!("{}:1:10: ", file.display())), "{}", answer.err);
    let missing = check(&dir.path().join("none.yml"), false);
    assert_eq!(missing.status, 1);
    assert!(missing.err.contains("none.yml") && missing.err.contains("mergewright init"), "{}", missing.err);
}

#[test]
fn programs_get_json() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(".mergewright.yml");
    fs::write(&file, "version: 1\nmodels: {iris: {version: {strategy: sequence}}}\n").unwrap();
    let answer = check(dir.path(), true);
    assert_eq!((answer.status, answer.err.as_str()), (1, ""));
    let value: serde_json::Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(value["valid"], false);
    assert_eq!((&value["file"], &value["problems"][0]["line"]), (&".mergewright.yml".into(), &2.into()));
    assert!(value["problems"][0]["excerpt"].as_str().unwrap().contains("models: {iris"), "{value}");
    assert_eq!(value["problems"][0]["message"], "`models.iris.test` is missing");
    let missing = check(&dir.path().join("none.yml"), true);
    let value: serde_json::Value = serde_json::from_str(&missing.out).unwrap();
    assert_eq!((missing.status, &value["valid"]), (1, &serde_json::json!(false)));
    assert!(value["problems"][0]["message"].as_str().unwrap().contains("none.yml"), "{value}");
    fs::write(
        &file,
        "version: 1\nmodels: {iris: {test: {reports: {metrics: m}}, version: {strategy: sequence}}}\n",
    )
    .unwrap();
    let value: serde_json::Value = serde_json::from_str(&check(dir.path(), true).out).unwrap();
    assert_eq!((value["valid"].as_bool(), &value["models"]), (Some(true), &serde_json::json!(["iris"])));
}

#[test]
fn a_file_in_the_wrong_place_or_of_the_wrong_name_is_pointed_at() {
    let dir = tempfile::tempdir().unwrap();
    let inside = dir.path().join("models/iris");
    fs::create_dir_all(&inside).unwrap();
    let nothing = check(&inside, false);
    assert!(
        nothing.err.contains(&format!("there is no {}/.mergewright.yml", inside.display())),
        "{}",
        nothing.err
    );
    assert!(nothing.err.contains("`mergewright init`"), "{}", nothing.err);

    fs::write(dir.path().join(".mergewright.yml"), "version: 1\n").unwrap();
    let above = check(&inside, false);
    assert_eq!(above.status, 1);
    assert!(above.err.contains("it belongs to the root of the repository"), "{}", above.err);

    fs::write(inside.join(".mergewright.yaml"), "version: 1\n").unwrap();
    let renamed = check(&inside, false);
    assert!(renamed.err.contains("the file is called .mergewright.yml: rename"), "{}", renamed.err);
}

#[test]
fn a_file_without_end_is_not_read_to_the_end() {
    let answer = check(Path::new("/dev/zero"), false);
    assert_eq!(answer.status, 1);
    assert!(answer.err.contains("more than 262144 bytes"), "{}", answer.err);
}
