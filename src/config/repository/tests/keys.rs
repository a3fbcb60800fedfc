//! The table of keys, the reader and the schema say the same.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{EVERYTHING, SMALLEST};
use crate::config::repository::keys::FILE;
use crate::config::repository::parse;
use crate::config::repository::schema::schema;
use crate::config::repository::shape::{Key, Object, Presence, Shape};

/// One key of the table at a place where it is written.
struct Written {
    /// The JSON pointer of its section.
    section: String,
    key: &'static Key,
}

impl Written {
    /// The file with another value under the key, or without it.
    fn with(&self, file: &Value, value: Option<Value>) -> Value {
        let mut file = file.clone();
        let section = file.pointer_mut(&self.section).unwrap().as_object_mut().unwrap();
        match value {
            Some(value) => section.insert(self.key.name.to_owned(), value),
            None => section.remove(self.key.name),
        };
        file
    }

    /// The path by which problems call it.
    fn path(&self) -> String {
        let path = format!("{}/{}", self.section, self.key.name).replace("/0", "[0]").replace('/', ".");
        path.trim_start_matches('.').to_owned()
    }
}

/// The file in which every key is written.
fn everything() -> Value {
    serde_yaml::from_str(EVERYTHING).unwrap()
}

/// The same with a manifest in the place of scripts.
fn with_manifest() -> Value {
    let mut file = everything();
    file["models"]["iris"]["deploy"] = json!({"kind": "kserve", "manifest": "deploy/isvc.yaml"});
    file
}

/// Every section of the file with its place, the file itself first.
fn sections(file: &Value) -> Vec<(String, &'static Object)> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), &FILE)];
    while let Some((pointer, shape)) = open.pop() {
        match shape {
            Shape::Section(object) => {
                found.push((pointer.clone(), *object));
                // `defaults` are a model once more.
                let keys = object.keys.iter().filter(|key| key.name != "defaults");
                open.extend(keys.map(|key| (format!("{pointer}/{}", key.name), &key.shape)));
            }
            Shape::Named(names) => {
                // A manifest leaves out what scripts have.
                let entries = file.pointer(&pointer).and_then(Value::as_object).into_iter().flatten();
                open.extend(
                    entries.map(|(name, _)| name).map(|name| (format!("{pointer}/{name}"), &names.value)),
                );
            }
            Shape::List(item) | Shape::Many(item) => open.push((format!("{pointer}/0"), item)),
            _ => {}
        }
    }
    found.retain(|(pointer, _)| file.pointer(pointer).is_some_and(Value::is_object));
    found
}

fn keys(file: &Value) -> Vec<Written> {
    let keys = |(section, object): (String, &'static Object)| {
        object.keys.iter().map(move |key| Written { section: section.clone(), key })
    };
    sections(file).into_iter().flat_map(keys).collect()
}

/// JSON is YAML.
fn messages(file: &Value) -> Vec<String> {
    match parse(&file.to_string()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(|problem| problem.message.clone()).collect(),
    }
}

/// What a value of this form cannot be.
fn misfit(shape: &Shape) -> Value {
    match shape {
        Shape::Section(_) | Shape::Named(_) => json!([["misfit"]]),
        Shape::List(_) | Shape::Many(_) => json!([{"misfit": 1}]),
        _ => json!({"misfit": 1}),
    }
}

#[test]
fn these_tests_see_every_section() {
    let seen: BTreeSet<_> =
        sections(&everything()).iter().map(|(_, object)| object.name.to_owned()).collect();
    let schema = schema();
    let mut described: BTreeSet<_> = schema["$defs"].as_object().unwrap().keys().cloned().collect();
    assert!(described.remove("complete_model") && described.insert("file".to_owned()));
    assert_eq!(seen, described);
}

#[test]
fn the_reader_reads_every_key_and_no_other() {
    for file in [everything(), with_manifest()] {
        assert_eq!(messages(&file), Vec::<String>::new());
        for written in keys(&file) {
            let path = written.path();
            let found = messages(&written.with(&file, Some(misfit(&written.key.shape))));
            assert!(found.iter().any(|message| message.contains(&format!("`{path}"))), "{path}: {found:#?}");
        }
        for (pointer, _object) in sections(&file) {
            let mut other = file.clone();
            other.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().insert("zzz".into(), json!(1));
            assert!(
                messages(&other).iter().any(|message| message.contains("unknown key `zzz`")),
                "{pointer}"
            );
        }
    }
}

#[test]
fn a_documented_default_is_what_leaving_the_key_out_means() {
    let mut defaults = 0;
    for file in [everything(), with_manifest()] {
        for written in keys(&file) {
            let left_out = written.with(&file, None);
            match written.key.presence {
                Presence::Required(_) => {
                    let missing = format!("`{}` is missing", written.path());
                    assert!(messages(&left_out).contains(&missing), "{missing}: {:#?}", messages(&left_out));
                }
                Presence::Default(default) => {
                    let default: Value = serde_json::from_str(default).expect(default);
                    let explicit = written.with(&file, Some(default));
                    // A manifest goes with none of the scripts, not even with their defaults.
                    if file == with_manifest() && written.section.ends_with("/deploy") {
                        continue;
                    }
                    let digest = |file: &Value| parse(&file.to_string()).map(|config| config.digest).ok();
                    assert_eq!(digest(&left_out), digest(&explicit), "{}", written.path());
                    defaults += 1;
                }
                Presence::Optional => {}
            }
        }
    }
    assert!(defaults > 60, "{defaults}");
}

#[test]
fn what_is_missing_hides_no_other_problem() {
    let file = everything();
    let all = keys(&file);
    for missing in all.iter().filter(|written| matches!(written.key.presence, Presence::Required(_))) {
        for other in
            all.iter().filter(|other| other.section == missing.section && other.key.name != missing.key.name)
        {
            let broken = other.with(&missing.with(&file, None), Some(misfit(&other.key.shape)));
            let found = messages(&broken).join("\n");
            let told = found.contains(&format!("`{}", other.path()));
            assert!(told, "without {}: {} in {found}", missing.path(), other.path());
        }
    }
}

#[test]
fn bounds_and_words_are_those_of_the_table() {
    let file = everything();
    for written in keys(&file) {
        let told = |value: Value| messages(&written.with(&file, Some(value))).join("\n");
        match written.key.shape {
            Shape::Integer(least, most) => {
                for number in [least, most] {
                    assert!(!told(json!(number)).contains("whole number"), "{}: {number}", written.path());
                }
                for number in [i64::from(least) - 1, i64::from(most) + 1] {
                    assert!(told(json!(number)).contains("whole number"), "{}: {number}", written.path());
                }
            }
            Shape::Choice(words) => {
                for word in words() {
                    assert!(!told(json!(word)).contains("cannot be"), "{}: {word}", written.path());
                }
                assert!(told(json!("zzz")).contains("cannot be `zzz`"), "{}", written.path());
            }
            _ => {}
        }
    }
}

/// Files with what the schema must say of them.
fn judged() -> Vec<(Value, bool)> {
    let mut cases: Vec<(Value, bool)> = Vec::new();
    let yaml = |text: &str| serde_yaml::from_str::<Value>(text).unwrap();
    for text in [
        EVERYTHING,
        SMALLEST,
        include_str!("../../../../examples/iris/.mergewright.yml"),
        include_str!("../../../../tests/data/generate/two-models/.mergewright.yml"),
    ] {
        cases.push((yaml(text), true));
    }
    let defaults = "version: 1\ndefaults: {test: {reports: {metrics: m}}, version: {strategy: calver}}\nmodels: {a: , b: {root: x}}";
    cases.push((yaml(defaults), true));
    for file in [everything(), with_manifest()] {
        for (pointer, _object) in sections(&file) {
            let mut other = file.clone();
            other.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().insert("zzz".into(), json!(1));
            cases.push((other, false));
        }
        for written in keys(&file) {
            let mut add = |value: Option<Value>, sound: bool| cases.push((written.with(&file, value), sound));
            add(Some(misfit(&written.key.shape)), false);
            match written.key.presence {
                Presence::Required(_) => {}
                Presence::Default(default) => add(Some(serde_json::from_str(default).unwrap()), true),
                Presence::Optional => add(None, true),
            }
            match written.key.shape {
                Shape::Integer(least, most) => {
                    add(Some(json!(least)), true);
                    add(Some(json!(i64::from(most) + 1)), false);
                }
                Shape::Choice(words) => {
                    words().into_iter().for_each(|word| add(Some(json!(word)), true));
                    add(Some(json!("zzz")), false);
                }
                Shape::Line | Shape::Path | Shape::Glob | Shape::Notation(_) => {
                    add(Some(json!(" ")), false);
                    add(Some(json!(7)), false);
                }
                Shape::Tolerance => {
                    add(Some(json!("10%")), true);
                    add(Some(json!("0.1")), false);
                    add(Some(json!(-1)), false);
                }
                _ => {}
            }
        }
    }
    // Without `defaults`, what is required must stand in the model itself.
    let mut alone = everything();
    alone.as_object_mut().unwrap().remove("defaults");
    for written in keys(&alone) {
        if matches!(written.key.presence, Presence::Required(_)) {
            cases.push((written.with(&alone, None), false));
        }
    }
    for (pointer, value) in [
        ("/models/iris/root", json!("../x")),
        ("/models/iris/root", json!("a/../../x")),
        ("/models/iris/root", json!("/etc")),
        ("/models/iris/paths/0", json!("!a")),
        ("/models/iris/build/timeout", json!("20")),
        ("/models/iris/build/timeout", json!("1h1d")),
        ("/secrets/0", json!("not a name")),
        ("/models/iris/schedules/nightly/cron", json!("0 9 * *")),
        ("/registry_key", json!("ed25519:AAAA")),
    ] {
        let mut file = everything();
        *file.pointer_mut(pointer).expect(pointer) = value;
        cases.push((file, false));
    }
    for name in ["Iris", "-a", "publish", "all"] {
        let mut file = everything();
        file["models"][name] = file["models"]["iris"].clone();
        cases.push((file, false));
    }
    cases
}

#[test]
fn the_parser_refuses_whatever_the_schema_must_refuse() {
    for (file, sound) in judged() {
        assert!(sound || !messages(&file).is_empty(), "{file:#}");
    }
}

#[test]
#[ignore = "needs python3 with jsonschema"]
fn the_schema_says_of_every_file_what_the_parser_says() {
    let program = "import json, sys, jsonschema
given = json.load(sys.stdin)
jsonschema.Draft202012Validator.check_schema(given['schema'])
validator = jsonschema.Draft202012Validator(given['schema'])
wrong = [case for case in given['cases'] if validator.is_valid(case[0]) != case[1]]
for file, sound in wrong[:5]:
    print(json.dumps(file), 'should be', 'taken' if sound else 'refused', [e.message for e in validator.iter_errors(file)])
sys.exit(1 if wrong else 0)";
    let cases = judged();
    assert!(cases.len() > 300, "{}", cases.len());
    let mut python = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let given = json!({"schema": schema(), "cases": cases}).to_string();
    python.stdin.take().unwrap().write_all(given.as_bytes()).unwrap();
    let done = python.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}
