//! Whatever stands in a field of `.mergewright.yml`, it stays in its place in the generated files.
//!
//! Each field is written twice: once harmless, once hostile. Both files must have the same jobs, keys and lists,
//! and differ only where the harmless text stands.

use std::collections::BTreeSet;

use mergewright::config::repository;
use mergewright::generator::{self, Dialect, Existing, GeneratedFile};
use serde_yaml::Value;

/// Texts that mean something to YAML, to a shell, to an expression of either forge, or to a reader's eyes.
const HOSTILE: &[&str] = &[
    "x\"; touch /tmp/x; echo \"",
    "x'; touch /tmp/x; echo '",
    "$(touch /tmp/x)",
    "`touch /tmp/x`",
    "${{ secrets.TOKEN }}",
    "${{secrets.TOKEN}}",
    "${{ '${{' }} secrets.TOKEN }}",
    "}} ${{ '",
    "$${{ secrets.TOKEN }}",
    "$[[ inputs.x ]]",
    "a\n      - b: c\n\"evil:job\": {script: [x]}\n",
    "a\n---\nb: c\n",
    "- a: &b !c *d",
    "-x",
    "--",
    "*alias",
    "&anchor x",
    "!!binary aGk=",
    "!reference [a, b]",
    "? a",
    "{a: b}",
    "[a]",
    "%TAG ! x",
    "@a",
    "''",
    "\"\"",
    "yes",
    "null",
    "0755",
    "1e3",
    "~",
    "...",
    "# mergewright:end jobs",
    "a\n# mergewright:end jobs\nb\n",
    "<{ x }> <% y %> <# z #>",
    "MERGEWRIGHT",
    "a\nMERGEWRIGHT\nb",
    "a: b # c",
    "|",
    "a\tb",
    "\u{2028}\u{85}\u{feff}é😀",
    "a\u{202e}b\u{2066}c\u{200b}d",
    "a\0b",
    "a\rb",
    "\u{1b}[31m",
    "%{CI_JOB_TOKEN} \\\\ \\n",
];

/// Every field that takes a text: its place in the schema, lines of a model in which `@` stands for the text,
/// and a harmless one.
const FIELDS: &[(&str, &str, &str)] = &[
    ("root", "root: @", "harmless"),
    ("paths[]", "paths: [@]", "harmless"),
    ("toolchain.image", "toolchain: {kind: custom, image: @}", "harmless"),
    ("toolchain.version", "toolchain: {kind: node, version: @}", "harmless"),
    ("runners.gitlab[]", "runners: {gitlab: [b, @]}", "harmless"),
    ("runners.github[]", "runners: {github: [b, @]}", "harmless"),
    ("build.run[]", "build: {run: [b, @], artifacts: [m]}", "harmless"),
    ("build.artifacts[]", "build: {run: [b], artifacts: [m, @]}", "harmless"),
    ("build.secrets[]", "build: {run: [b], secrets: [@]}", "HARMLESS"),
    ("build.timeout", "build: {run: [b], timeout: @}", "20m"),
    ("test.run[]", "test: {run: [b, @], reports: {metrics: m.json}}", "harmless"),
    ("test.reports.junit[]", "test: {reports: {metrics: m.json, junit: [b, @]}}", "harmless"),
    ("test.reports.metrics[]", "test: {reports: {metrics: [b, @]}}", "harmless"),
    ("test.dataset", "test: {reports: {metrics: m.json}, dataset: @}", "harmless"),
    ("test.protect[]", "test: {reports: {metrics: m.json}, protect: [@]}", "harmless"),
    ("test.secrets[]", "test: {run: [b], reports: {metrics: m.json}, secrets: [@]}", "HARMLESS"),
    ("test.timeout", "test: {reports: {metrics: m.json}, timeout: @}", "20m"),
    ("scan.run[]", "scan: {run: [b, @]}", "harmless"),
    ("scan.timeout", "scan: {run: [b], timeout: @}", "20m"),
    ("gates.rules[].id", "gates: {rules: [{id: @, metric: m, direction: higher}]}", "harmless"),
    ("gates.rules[].metric", "gates: {rules: [{metric: @, direction: higher}]}", "harmless"),
    ("gates.rules[].slice", "gates: {rules: [{metric: m, slice: @, direction: higher}]}", "harmless"),
    (
        "gates.rules[].confidence",
        "gates: {rules: [{metric: m, confidence: @, direction: higher, min: 0}]}",
        "95%",
    ),
    ("gates.rules[].cumulative", "gates: {rules: [{metric: m, cumulative: @, direction: higher}]}", "5%"),
    (
        "gates.rules[].max_regression",
        "gates: {rules: [{metric: m, max_regression: @, direction: higher}]}",
        "5%",
    ),
    ("review.owners[]", "review: {owners: [@]}", "harmless"),
    ("review.card", "review: {card: @}", "harmless"),
    ("review.card_sections[]", "review: {card: c.md, card_sections: [@]}", "harmless"),
    ("publish.run[]", "build: {artifacts: [m]}\npublish: {run: [b, @]}", "harmless"),
    ("publish.secrets[]", "build: {artifacts: [m]}\npublish: {run: [b], secrets: [@]}", "HARMLESS"),
    (
        "publish.id_tokens.{name}",
        "build: {artifacts: [m]}\npublish: {run: [b], id_tokens: {@: aud}}",
        "HARMLESS",
    ),
    (
        "publish.id_tokens.*",
        "build: {artifacts: [m]}\npublish: {run: [b], id_tokens: {TOKEN: @}}",
        "harmless",
    ),
    ("publish.timeout", "publish: {run: [b], timeout: @}", "20m"),
    ("environments.{name}", "environments: {@: {}}\ndeploy: {run: [b]}", "harmless"),
    ("environments.*.requires", "environments: {a: {}, b: {requires: @}}\ndeploy: {run: [b]}", "a"),
    (
        "environments.*.freeze[]",
        "environments: {a: {freeze: [@]}}\ndeploy: {run: [b]}",
        "Fri 16:00 - Mon 08:00 UTC",
    ),
    (
        "environments.*.canary.hold",
        "environments: {a: {canary: {steps: [100], hold: @}}}\ndeploy: {run: [b]}",
        "20m",
    ),
    ("deploy.run[]", "environments: {a: {}}\ndeploy: {run: [b, @], verify: [c]}", "harmless"),
    ("deploy.rollback[]", "environments: {a: {}}\ndeploy: {run: [b], rollback: [c, @]}", "harmless"),
    ("deploy.verify[]", "environments: {a: {}}\ndeploy: {run: [b], verify: [c, @]}", "harmless"),
    ("deploy.secrets[]", "environments: {a: {}}\ndeploy: {run: [b], secrets: [@]}", "HARMLESS"),
    (
        "deploy.id_tokens.{name}",
        "environments: {a: {}}\ndeploy: {run: [b], verify: [c], id_tokens: {@: aud}}",
        "HARMLESS",
    ),
    (
        "deploy.id_tokens.*",
        "environments: {a: {}}\ndeploy: {run: [b], verify: [c], id_tokens: {TOKEN: @}}",
        "harmless",
    ),
    ("deploy.timeout", "environments: {a: {}}\ndeploy: {run: [b], timeout: @}", "20m"),
    ("deploy.manifest", "deploy: {kind: kserve, manifest: @}", "harmless"),
    ("schedules.{name}", "schedules: {@: {cron: \"7 7 * * *\", task: cleanup}}", "harmless"),
    ("schedules.*.cron", "schedules: {a: {cron: @, task: retrain}}", "7 7 * * *"),
    ("schedules.*.timezone", "schedules: {a: {cron: \"7 7 * * *\", timezone: @, task: retrain}}", "UTC"),
    ("schedules.*.run[]", "schedules: {a: {cron: \"7 7 * * *\", task: run, run: [b, @]}}", "harmless"),
    ("retention.candidates", "retention: {candidates: @}", "14d"),
    ("depends_on[]", "depends_on: [@]", "other"),
];

/// Fields whose texts say nothing to any job.
const SILENT: &[&str] = &["gates.", "review.", "test.dataset", "test.protect[]", "environments.*."];
/// Fields that nothing but words of a narrow shape may stand in, so that no hostile text reaches the generator.
const NARROW: &[&str] = &[
    "timeout",
    "hold",
    "cron",
    "timezone",
    "requires",
    "owners[]",
    "depends_on[]",
    "candidates",
    "freeze[]",
    "confidence",
    "cumulative",
    "max_regression",
];

/// The files of a model with this text in this field, where it may stand there.
fn files(lines: &str, text: &str, dialect: Dialect) -> Option<Vec<GeneratedFile>> {
    let quoted = serde_json::to_string(text).unwrap();
    let mut lines: String = lines.replace('@', &quoted).lines().map(|line| format!("    {line}\n")).collect();
    if !lines.starts_with("    test: ") {
        lines.push_str("    test: {reports: {metrics: m.json}}\n");
    }
    let other =
        if lines.contains("depends_on") { "  other: {test: {reports: {metrics: m.json}}}\n" } else { "" };
    let secret = if lines.contains("secrets: ") { quoted.as_str() } else { "TOKEN" };
    let all = format!(
        "version: 1\nsecrets: [{secret}]\ndefaults: {{version: {{strategy: sequence}}}}\nmodels:\n  iris:\n{lines}{other}"
    );
    let config = repository::parse(&all).ok()?;
    let written = generator::generate(&config, dialect, &Existing::new());
    Some(written.unwrap_or_else(|error| panic!("{text:?}: {error}\n{all}")))
}

fn read(file: &GeneratedFile) -> Value {
    serde_yaml::from_str(&file.content).unwrap_or_else(|error| panic!("{error}\n{}", file.content))
}

#[test]
fn no_field_that_takes_a_text_is_forgotten() {
    let schema = repository::schema();
    let mut found = BTreeSet::new();
    texts(&schema, &schema["properties"]["models"]["additionalProperties"], "", &mut found);
    // One value alone counts as a list of one.
    let lists: Vec<String> =
        found.iter().filter_map(|place| Some(place.strip_suffix("[]")?.to_owned())).collect();
    found.retain(|place| !lists.contains(place));
    let known: BTreeSet<String> = FIELDS.iter().map(|(field, ..)| (*field).to_owned()).collect();
    assert_eq!(found, known, "the schema on the left, what is attacked below on the right");
}

/// The places below `node` where people write a text of their own, and not one word of a few.
fn texts(schema: &serde_json::Value, node: &serde_json::Value, place: &str, found: &mut BTreeSet<String>) {
    let empty = Vec::new();
    if let Some(name) = node["$ref"].as_str() {
        return texts(schema, &schema["$defs"][name.rsplit('/').next().unwrap()], place, found);
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        for one in node[word].as_array().unwrap_or(&empty) {
            texts(schema, one, place, found);
        }
    }
    let is_text = node["type"] == "string"
        || node["type"].as_array().is_some_and(|types| types.iter().any(|one| one == "string"));
    if is_text && node.get("enum").is_none() {
        found.insert(place.to_owned());
    }
    if let Some(items) = node.get("items") {
        texts(schema, items, &format!("{place}[]"), found);
    }
    let inside = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    for (name, one) in node["properties"].as_object().into_iter().flatten() {
        texts(schema, one, &inside(name), found);
    }
    if node["additionalProperties"].is_object() {
        found.insert(inside("{name}"));
        texts(schema, &node["additionalProperties"], &inside("*"), found);
    }
}

#[test]
fn g18_hostile_texts_stay_in_their_place_on_gitlab_whatever_the_field() {
    attack(Dialect::GitLab);
}

#[test]
fn g18_hostile_texts_stay_in_their_place_on_github_whatever_the_field() {
    attack(Dialect::GitHub);
}

fn attack(dialect: Dialect) {
    let mut reached = BTreeSet::new();
    for (field, lines, harmless) in FIELDS {
        if lines.contains("kserve") {
            // It has no job yet, whatever its manifest is called.
            continue;
        }
        let meant = files(lines, harmless, dialect)
            .unwrap_or_else(|| panic!("{field}: the harmless text is refused"));
        let silent = SILENT.iter().any(|begin| field.starts_with(begin));
        // Where nothing may change at all, the first few say enough.
        for text in HOSTILE.iter().take(if silent { 8 } else { HOSTILE.len() }) {
            // What can be no path, no name and no time is refused before.
            let Some(written) = files(lines, text, dialect) else { continue };
            reached.insert(*field);
            assert_eq!(paths(&meant), paths(&written), "{field}: {text:?}");
            for (one, other) in meant.iter().zip(&written) {
                let place = format!("{field}: {text:?}: {}", one.path);
                let (one, mut other) = (read(one), read(other));
                one_shell(&mut other);
                if silent {
                    assert_eq!(one, other, "{place}");
                } else {
                    let told =
                        Told { field, harmless, text, place: &place, github: dialect == Dialect::GitHub };
                    same(&one, &other, &told);
                }
            }
        }
    }
    let narrow = |field: &&str| NARROW.iter().any(|end| field.ends_with(end));
    let free: BTreeSet<&str> = FIELDS
        .iter()
        .map(|(field, ..)| *field)
        .filter(|field| !narrow(field) && *field != "deploy.manifest")
        .collect();
    assert_eq!(reached, free, "fields that hostile texts reach, and those that they should");
}

fn paths(files: &[GeneratedFile]) -> Vec<&str> {
    files.iter().map(|file| file.path.as_str()).collect()
}

/// Lines that spell the sign of an expression come to their shell through a variable: seen as the shell sees them.
fn one_shell(file: &mut Value) {
    let jobs = file.get_mut("jobs").and_then(Value::as_mapping_mut);
    for (_, job) in jobs.into_iter().flatten() {
        for step in job["steps"].as_sequence_mut().unwrap() {
            if step.get("run").and_then(Value::as_str) == Some("eval \"$MERGEWRIGHT_LINES\"") {
                let step = step.as_mapping_mut().unwrap();
                let env = step["env"].as_mapping_mut().unwrap();
                let lines = env.shift_remove("MERGEWRIGHT_LINES").unwrap();
                if env.is_empty() {
                    step.shift_remove("env");
                }
                step["run"] = lines;
            }
        }
    }
}

/// What was written in which field.
struct Told<'t> {
    field: &'t str,
    harmless: &'t str,
    text: &'t str,
    place: &'t str,
    github: bool,
}

impl Told<'_> {
    /// What a text with the harmless one in it becomes, as GitHub sees it: its expressions are apart from the
    /// signs that only spell one.
    fn said(&self, written: &str) -> String {
        if self.github { written.replace("${{ '${{' }}", "${ {") } else { written.to_owned() }
    }

    /// What was written in the field, seen the same way.
    fn meant(&self) -> String {
        let text = self.text.trim_end_matches('\n');
        if self.github { text.replace("${{", "${ {") } else { text.to_owned() }
    }
}

/// The same keys and lists, and the same values wherever the harmless text does not stand.
fn same(one: &Value, other: &Value, told: &Told<'_>) {
    let Told { field, harmless, text, place, github } = told;
    match (one, other) {
        (Value::Mapping(one), Value::Mapping(other)) => {
            assert_eq!(one.len(), other.len(), "{place}: {other:?}");
            for (one, other) in
                one.keys().zip(other.keys()).map(|(one, other)| (one.as_str(), other.as_str()))
            {
                // A job is called by the schedule's name; its id begins with a letter.
                let meant = one.unwrap().replace(harmless, text);
                let found = other.unwrap_or_else(|| panic!("{place}: {meant} is no text any more"));
                assert!(found == meant || *github && found == format!("_{meant}"), "{place}: {found}");
            }
            one.values().zip(other.values()).for_each(|(one, other)| same(one, other, told));
        }
        (Value::Sequence(one), Value::Sequence(other)) => {
            assert_eq!(one.len(), other.len(), "{place}: {other:?}");
            // Some lists are sorted, so that the hostile text stands elsewhere among the others.
            let stays = |value: &&Value| value.as_str().is_some_and(|text| !text.contains(harmless));
            let (mut ours, mut theirs): (Vec<&Value>, Vec<&Value>) =
                (one.iter().collect(), other.iter().collect());
            for fixed in one.iter().filter(stays) {
                let at = theirs.iter().position(|value| *value == fixed);
                theirs.remove(at.unwrap_or_else(|| panic!("{place}: {fixed:?} is gone: {other:?}")));
                ours.retain(|value| *value != fixed);
            }
            ours.into_iter().zip(theirs).for_each(|(one, other)| same(one, other, told));
        }
        (Value::String(one), Value::String(other)) if one.contains(harmless) => {
            let said = told.said(other);
            let expressions = |text: &str| text.matches("${{").count();
            assert!(!github || expressions(one) == expressions(&said), "{place}: evaluated: {other}");
            // Path filters have a notation of their own.
            let whole = one == harmless && *field != "paths[]";
            let line = format!("\n{harmless}\n");
            if whole {
                assert_eq!(said.trim_end_matches('\n'), told.meant(), "{place}");
            } else if one.contains(&line) {
                assert_eq!(said, one.replace(&line, &format!("\n{}\n", told.meant())), "{place}");
            }
        }
        (one, other) => assert_eq!(one, other, "{place}"),
    }
}

/// The file with other lines between one pair of its marks.
fn with_own(content: &str, mark: &str, lines: &str) -> Option<String> {
    let begin = content.find(mark)? + mark.len();
    let (before, after) = content.split_at(begin);
    Some(format!("{before}\n{lines}{after}"))
}

/// Lines of people's own may add, and whatever they are, none of ours says anything else afterwards.
#[test]
fn lines_between_the_marks_change_nothing_of_ours() {
    let own = HOSTILE.iter().map(|text| (*text).to_owned()).chain(
        [
            "permissions: write-all",
            "on: pull_request_target",
            "jobs: {}",
            "workflow: {rules: []}",
            "stages: [build]",
            "<<: {permissions: write-all}",
            "\"iris:publish\": {script: [x]}",
            "  publish: {runs-on: x, steps: []}",
            "  publish:\n    steps: []",
            "note: |",
            "note: \"",
            "note: '",
            "x: &x {a: *x}",
            "# mergewright:keep other",
            "# mergewright:end jobs\n# mergewright:keep jobs",
        ]
        .map(str::to_owned),
    );
    let own: Vec<String> = own.collect();
    let mut kept = 0;
    for dialect in Dialect::ALL {
        for file in files("build: {run: [b], artifacts: [m]}", "", dialect).unwrap() {
            let ours = read(&file);
            for (mark, lines) in ["settings", "jobs", "stages"]
                .into_iter()
                .flat_map(|mark| own.iter().map(move |lines| (format!("# mergewright:keep {mark}"), lines)))
            {
                let Some(edited) = with_own(&file.content, &mark, &format!("{lines}\n")) else { continue };
                let existing = Existing::from([(file.path.clone(), edited)]);
                let config = config();
                // What is no YAML any more, or says something else, is refused with the file's name.
                match generator::generate(&config, dialect, &existing) {
                    Err(error) => assert!(error.to_string().starts_with(&file.path), "{error}"),
                    Ok(written) => {
                        let again = written.iter().find(|one| one.path == file.path).unwrap();
                        unchanged(&ours, &read(again), &format!("{}: {mark}: {lines:?}", file.path));
                        kept += 1;
                    }
                }
            }
        }
    }
    assert!(kept > 20, "comments and plain keys are kept: {kept}");
}

fn config() -> mergewright::config::valid::RepositoryConfig {
    let text = "version: 1\nsecrets: [TOKEN]\ndefaults: {version: {strategy: sequence}}\nmodels:\n  iris:\n    build: {run: [b], artifacts: [m]}\n    test: {reports: {metrics: m.json}}\n  other: {test: {reports: {metrics: m.json}}}\n";
    repository::parse(text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Every key of ours is there with its value; lists may have grown by people's own entries.
fn unchanged(ours: &Value, written: &Value, place: &str) {
    match (ours, written) {
        (Value::Mapping(ours), Value::Mapping(written)) => {
            for (key, value) in ours {
                let found = written.get(key).unwrap_or_else(|| panic!("{place}: {key:?} is gone"));
                unchanged(value, found, place);
            }
        }
        (Value::Sequence(ours), Value::Sequence(written)) => {
            assert!(ours.iter().all(|one| written.contains(one)), "{place}: {written:?}");
        }
        (ours, written) => assert_eq!(ours, written, "{place}"),
    }
}
