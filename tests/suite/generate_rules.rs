//! What every generated file keeps to: each rule is one test over all goldens of both forges.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mergewright::cli::pins;
use mergewright::config::repository;
use mergewright::config::valid::{Deploy, RepositoryConfig};
use mergewright::generator::pins::{ACTIONS, IMAGES, PACKAGES};
use mergewright::generator::{self, Dialect, Existing, GeneratedFile, Templates};
use serde_yaml::Value;

/// A repository and the files that it gets.
struct Golden {
    name: String,
    config: RepositoryConfig,
    gitlab: Vec<GeneratedFile>,
    github: Vec<GeneratedFile>,
}

/// One job of either forge, as its file says it.
struct Job<'g> {
    place: String,
    name: String,
    value: &'g Value,
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn goldens() -> Vec<Golden> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(here("tests/data/generate")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.push(here("examples/iris"));
    folders.sort();
    let golden = |folder: PathBuf| {
        let config = repository::parse(&fs::read_to_string(folder.join(".mergewright.yml")).unwrap())
            .unwrap_or_else(|problems| panic!("{problems}"));
        let files = |dialect| generator::generate(&config, dialect, &Existing::new()).unwrap();
        let (gitlab, github) = (files(Dialect::GitLab), files(Dialect::GitHub));
        Golden { name: folder.file_name().unwrap().to_string_lossy().into_owned(), config, gitlab, github }
    };
    folders.into_iter().map(golden).collect()
}

fn read(file: &GeneratedFile) -> Value {
    serde_yaml::from_str(&file.content).unwrap()
}

/// Looks at every job of GitLab.
fn each_gitlab_job(look: impl Fn(&Golden, &Value, &Job<'_>)) {
    for golden in goldens() {
        let file = read(&golden.gitlab[0]);
        for (name, value) in file.as_mapping().unwrap() {
            let name = name.as_str().unwrap();
            if let Some((_, task)) = name.split_once(':') {
                let place = format!("{}: {name}", golden.name);
                look(&golden, &file, &Job { place, name: task.to_owned(), value });
            }
        }
    }
}

/// Looks at every job of GitHub.
fn each_github_job(look: impl Fn(&Golden, &Value, &Job<'_>)) {
    for golden in goldens() {
        for file in &golden.github {
            let workflow = read(file);
            for (id, value) in workflow["jobs"].as_mapping().unwrap() {
                let place = format!("{}: {} {id:?}", golden.name, file.path);
                let name = id.as_str().unwrap().to_owned();
                look(&golden, &workflow, &Job { place, name, value });
            }
        }
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_sequence()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect()
}

fn conditions(job: &Value) -> Vec<&str> {
    job["rules"].as_sequence().unwrap().iter().map(|rule| rule["if"].as_str().unwrap()).collect()
}

fn steps(job: &Value) -> &[Value] {
    job["steps"].as_sequence().unwrap()
}

const BRINGS_OUT: &[&str] = &["publish", "deploy"];

#[test]
fn g01_exactly_one_pipeline_for_each_push() {
    for golden in goldens() {
        let rules = read(&golden.gitlab[0])["workflow"]["rules"].clone();
        for rule in rules.as_sequence().unwrap() {
            let said = rule["if"].as_str().unwrap();
            let merge_request = said == "$CI_PIPELINE_SOURCE == \"merge_request_event\"";
            // No push makes it: only the bot names a commit.
            let asked = said.contains("$CI_COMMIT_SHA == $MERGEWRIGHT_COMMIT");
            assert!(
                merge_request || asked || said.contains("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"),
                "{said}"
            );
        }
        for file in &golden.github {
            let on = &read(file)["on"];
            for (event, settings) in on.as_mapping().unwrap() {
                match event.as_str().unwrap() {
                    "pull_request" => assert!(!texts(&settings["paths"]).is_empty()),
                    "push" => assert_eq!(texts(&settings["branches"]), ["main", "master"]),
                    "merge_group" | "schedule" | "workflow_dispatch" => {}
                    other => panic!("{}: {other}", file.path),
                }
            }
        }
    }
}

#[test]
fn g02_a_new_commit_ends_what_judges_the_old_one_and_nothing_else() {
    each_gitlab_job(|_, file, job| {
        assert_eq!(file["workflow"]["auto_cancel"]["on_new_commit"], "interruptible");
        let judges = matches!(job.name.as_str(), "build" | "test" | "scan");
        assert_eq!(job.value["interruptible"], judges, "{}", job.place);
    });
    each_github_job(|_, workflow, job| {
        assert_eq!(
            workflow["concurrency"]["cancel-in-progress"],
            "${{ github.event_name == 'pull_request' }}"
        );
        if let Some(group) = job.value.get("concurrency") {
            assert_eq!(group["cancel-in-progress"], false, "{}", job.place);
        }
    });
}

#[test]
fn g03_no_job_starts_where_one_that_it_needs_does_not() {
    each_gitlab_job(|_, file, job| {
        for need in job.value["needs"].as_sequence().unwrap() {
            let needed = file[need["job"].as_str().unwrap()]["rules"].as_sequence().unwrap();
            let rules = job.value["rules"].as_sequence().unwrap();
            assert!(rules.iter().all(|rule| needed.contains(rule)), "{}", job.place);
        }
    });
    each_github_job(|_, workflow, job| {
        for need in texts(&job.value["needs"]) {
            assert_eq!(workflow["jobs"][need]["if"], job.value["if"], "{}", job.place);
        }
    });
}

#[test]
fn a_scan_stands_beside_build_and_test_and_only_where_it_is_asked_for() {
    let mut scans = BTreeSet::new();
    each_gitlab_job(|golden, file, job| {
        let model = golden
            .config
            .models
            .values()
            .find(|model| job.place.ends_with(&format!("{}:{}", model.name, job.name)));
        assert!(job.name != "scan" || model.unwrap().scan.is_some(), "{}", job.place);
        if job.name == "scan" {
            let build = &file[format!("{}:build", model.unwrap().name)];
            assert_eq!(
                (&job.value["rules"], &job.value["stage"]),
                (&build["rules"], &"test".into()),
                "{}",
                job.place
            );
            assert_eq!(texts(&job.value["needs"]), Vec::<&str>::new(), "{}", job.place);
            assert!(
                job.value.get("artifacts").is_none() && job.value["interruptible"] == true,
                "{}",
                job.place
            );
        }
    });
    each_github_job(|_, workflow, job| {
        if job.name == "scan" {
            assert_eq!(workflow["jobs"]["build"]["if"], job.value["if"], "{}", job.place);
            assert!(job.value.get("needs").is_none(), "{}", job.place);
        }
    });
    for golden in goldens() {
        let named = golden.config.models.values().filter_map(|model| model.scan.as_ref());
        scans.extend(named.map(|scan| scan.run.is_empty()));
    }
    assert_eq!(scans, BTreeSet::from([false, true]), "both kinds are among the goldens");
}

#[test]
fn g04_a_merge_queue_gets_a_report_whatever_the_paths() {
    each_github_job(|_, workflow, job| {
        assert_eq!(texts(&workflow["on"]["merge_group"]["types"]), ["checks_requested"]);
        if job.name == "merge_group" {
            assert_eq!(job.value["if"], "github.event_name == 'merge_group'");
            assert!(job.value.get("needs").is_none() && steps(job.value).len() == 1, "{}", job.place);
        }
        assert!(workflow["jobs"].get("merge_group").is_some());
    });
}

#[test]
fn g05_every_job_ends_some_time_and_has_the_least_rights() {
    each_gitlab_job(|_, _, job| {
        assert!(job.value["timeout"].is_string(), "{}", job.place);
        if let Some(kept) = job.value.get("artifacts") {
            assert!(kept["expire_in"].is_string(), "{}", job.place);
        }
        let faults = texts(&job.value["retry"]["when"]);
        assert_eq!(faults.is_empty(), BRINGS_OUT.contains(&job.name.as_str()), "{}", job.place);
        assert!(!faults.iter().any(|fault| matches!(*fault, "script_failure" | "always")), "{}", job.place);
    });
    each_github_job(|_, workflow, job| {
        assert!(workflow["permissions"].as_mapping().unwrap().is_empty());
        assert!(job.value["timeout-minutes"].as_u64().unwrap() > 0, "{}", job.place);
        let granted = job.value["permissions"].as_mapping().unwrap();
        // GitHub has no other word for a job that may say who it is.
        let reads = |(scope, level): (&Value, &Value)| level == "read" || scope == "id-token";
        assert!(granted.iter().all(reads), "{}", job.place);
        for step in steps(job.value) {
            if step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/upload-artifact@")) {
                assert!(step["with"]["retention-days"].as_u64().unwrap() <= 90, "{}", job.place);
            }
        }
    });
}

#[test]
fn g06_downloads_are_kept_by_lock_file_and_version_and_never_cross_to_protected_branches() {
    let mut kept = BTreeSet::new();
    each_gitlab_job(|golden, _, job| {
        let Some(cache) = job.value.get("cache") else { return };
        assert!(matches!(job.name.as_str(), "build" | "test" | "scan"), "{}", job.place);
        let prefix = cache["key"]["prefix"].as_str().unwrap();
        assert!(
            prefix.ends_with("-$CI_COMMIT_REF_PROTECTED-$CI_MERGE_REQUEST_IID"),
            "{}: {prefix}",
            job.place
        );
        let files = texts(&cache["key"]["files"]);
        assert!((1..=2).contains(&files.len()), "{}", job.place);
        for model in golden.config.models.values() {
            if let (true, Some(version)) =
                (job.place.contains(&format!("{}:", model.name)), &model.toolchain.version)
            {
                assert!(prefix.contains(version.as_str()), "{}: {prefix}", job.place);
            }
        }
        if let Some(artifacts) = job.value.get("artifacts") {
            assert_eq!(texts(&artifacts["exclude"]), [".mergewright-cache/**/*"], "{}", job.place);
        }
    });
    for golden in goldens() {
        for file in &golden.github {
            for (id, job) in read(file)["jobs"].as_mapping().unwrap() {
                for step in steps(job) {
                    let uses = step["uses"].as_str().unwrap_or_default();
                    let off = |input: &str, value: bool| {
                        assert_eq!(step["with"][input], value, "{}: {uses}", file.path);
                    };
                    match uses.split('@').next().unwrap() {
                        "actions/cache" => {
                            assert_eq!(step["if"], "github.event_name == 'pull_request'", "{}", file.path);
                            assert!(matches!(id.as_str(), Some("build" | "test" | "scan")), "{}", file.path);
                            let key = step["with"]["key"].as_str().unwrap();
                            let model = file.path.split("model-").last().unwrap().trim_end_matches(".yml");
                            let models = &golden.config.models;
                            let model = models.values().find(|one| one.name.as_str() == model).unwrap();
                            let version = &model.toolchain.version;
                            for part in ["hashFiles(", "${{ runner.os }}-${{ runner.arch }}"] {
                                assert!(key.contains(part), "{}: {key}", file.path);
                            }
                            assert!(
                                version.as_ref().is_none_or(|version| key.contains(version.as_str())),
                                "{key}"
                            );
                            kept.insert(golden.name.clone());
                        }
                        "astral-sh/setup-uv" => off("enable-cache", false),
                        "actions/setup-node" => off("package-manager-cache", false),
                        "gradle/actions/setup-gradle" => off("cache-disabled", true),
                        _ => assert!(step["with"].get("cache").is_none(), "{}: {uses}", file.path),
                    }
                }
            }
        }
    }
    let all =
        ["gradle-monorepo", "maven-secrets", "node-deploy", "python-pip-coverage", "python-uv-schedules"];
    assert_eq!(kept.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

#[test]
fn g07_everything_from_elsewhere_stands_in_the_one_table() {
    let table: serde_json::Value = serde_json::from_str(&pins::pins(true).out).unwrap();
    assert_eq!(table["actions"].as_array().unwrap().len(), ACTIONS.len());
    let shown = pins::pins(false).out;
    let mut used = BTreeSet::new();
    for golden in goldens() {
        for line in golden.github.iter().flat_map(|file| file.content.lines()) {
            let Some(uses) = line.trim().strip_prefix("uses: ") else { continue };
            let pinned =
                ACTIONS.iter().find(|one| uses == format!("{}@{} # {}", one.name, one.commit, one.version));
            used.insert(pinned.unwrap_or_else(|| panic!("{}: {uses} is not in the table", golden.name)).name);
            assert!(shown.contains(uses), "{uses}");
        }
        let file = read(&golden.gitlab[0]);
        for (name, job) in file.as_mapping().unwrap() {
            let Some(image) = job.get("image").and_then(Value::as_str) else { continue };
            let own =
                golden.config.models.values().any(|model| model.toolchain.image.as_deref() == Some(image));
            let known = IMAGES.iter().any(|one| {
                let (before, after) = one.name.split_once("{version}").unwrap();
                image.strip_prefix(before).is_some_and(|rest| rest.ends_with(after))
            });
            assert!(own || known, "{name:?}: {image}");
        }
    }
    let all: BTreeSet<_> = ACTIONS.iter().map(|one| one.name).collect();
    assert_eq!(used, all, "an action that no golden uses is dead, or a golden is missing");
    let lines: String =
        goldens().into_iter().flat_map(|golden| golden.github).map(|file| file.content).collect();
    for package in PACKAGES {
        assert!(shown.contains(&package.pin()) && lines.contains(&package.pin()), "{}", package.name);
    }
    for image in IMAGES {
        assert!(shown.contains(&image.with(image.version)) && shown.contains(image.purpose), "{shown}");
    }
}

#[test]
fn g08_versions_are_brought_out_from_protected_branches_one_at_a_time() {
    each_gitlab_job(|_, _, job| {
        if !BRINGS_OUT.contains(&job.name.as_str()) {
            return;
        }
        for condition in conditions(job.value) {
            for part in ["$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH", "$CI_COMMIT_REF_PROTECTED == \"true\""] {
                assert!(condition.split(" && ").any(|found| found == part), "{}: {condition}", job.place);
            }
        }
        assert!(job.value["resource_group"].is_string(), "{}", job.place);
        assert!(job.name != "deploy" || job.value["environment"]["name"].is_string(), "{}", job.place);
    });
    each_github_job(|_, _, job| {
        if !BRINGS_OUT.contains(&job.name.as_str()) {
            return;
        }
        let condition = job.value["if"].as_str().unwrap();
        assert!(
            condition.contains("default_branch") && condition.contains("github.ref_protected"),
            "{condition}"
        );
        assert!(job.value["concurrency"]["group"].is_string(), "{}", job.place);
        assert!(job.name != "deploy" || job.value["environment"]["name"].is_string(), "{}", job.place);
    });
}

#[test]
fn g09_secrets_are_named_where_they_are_used_and_identities_are_asked_for_where_the_policy_says_so() {
    let identified = |golden: &Golden, model: &str, job: &str| {
        let model = &golden.config.models[&model.parse().unwrap()];
        match (job, &model.deploy) {
            ("publish", _) => !model.publish.id_tokens.is_empty(),
            ("deploy", Some(Deploy::Scripts { id_tokens, .. })) => !id_tokens.is_empty(),
            _ => false,
        }
    };
    let identities = Cell::new(0);
    each_gitlab_job(|golden, _, job| {
        let (_, name) = job.place.split_once(": ").unwrap();
        let asked = identified(golden, name.split_once(':').unwrap().0, &job.name);
        assert_eq!(job.value.get("id_tokens").is_some(), asked, "{}", job.place);
        identities.set(identities.get() + usize::from(asked));
    });
    assert!(identities.get() >= 2, "a golden publishes and deploys with an identity");
    each_github_job(|golden, workflow, job| {
        let said = serde_yaml::to_string(job.value).unwrap();
        let asked = identified(golden, workflow["name"].as_str().unwrap(), &job.name);
        assert_eq!(job.value["permissions"].get("id-token").is_some(), asked, "{}", job.place);
        assert!(!asked || job.value["environment"]["name"].is_string(), "{}", job.place);
        for name in &golden.config.secrets {
            let used = said.contains(&format!("secrets.{name}"));
            let listed = golden.config.models.values().any(|model| match job.name.as_str() {
                "build" => model.build.secrets.contains(name),
                "test" | "evaluate" => model.test.secrets.contains(name),
                "publish" => model.publish.secrets.contains(name),
                "deploy" => {
                    matches!(&model.deploy, Some(Deploy::Scripts { secrets, .. }) if secrets.contains(name))
                }
                _ => false,
            });
            assert!(listed || !used, "{}: {name}", job.place);
            assert!(!used || job.value["environment"]["name"].is_string(), "{}", job.place);
        }
    });
}

#[test]
fn g10_no_expression_stands_in_a_script_and_no_trigger_is_dangerous() {
    for file in goldens().iter().flat_map(|golden| &golden.github) {
        for word in ["pull_request_target", "workflow_run", "issue_comment", "secrets: inherit", "write-all"]
        {
            assert!(!file.content.contains(word), "{}: {word}", file.path);
        }
    }
    each_github_job(|_, _, job| {
        for step in steps(job.value) {
            assert!(!step["run"].as_str().is_some_and(|run| run.contains("${{")), "{}", job.place);
            if step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/checkout@")) {
                assert_eq!(step["with"]["persist-credentials"], false, "{}", job.place);
            }
        }
    });
}

#[test]
fn g11_times_have_their_zone_and_a_job_of_their_own() {
    let mut seen = 0;
    for golden in goldens() {
        for (file, model) in golden.github.iter().zip(golden.config.models.values()) {
            let workflow = read(file);
            let times = workflow["on"]["schedule"].as_sequence().cloned().unwrap_or_default();
            for (name, schedule) in &model.schedules {
                seen += 1;
                let job = &workflow["jobs"][name.as_str()];
                let condition = job["if"].as_str().unwrap();
                let own = |time: &&Value| {
                    let cron = time["cron"].as_str().unwrap();
                    condition.contains(&format!("github.event.schedule == '{cron}'"))
                };
                let own: Vec<_> = times.iter().filter(own).collect();
                assert_eq!(own.len(), 1, "{name}: {condition}");
                assert_eq!(own[0]["timezone"], schedule.timezone.as_str(), "{name}");
                assert!(condition.contains(&format!("inputs.action == '{name}'")), "{condition}");
                assert_eq!(job["env"]["MERGEWRIGHT_ACTION"], name.as_str());
                let gitlab = read(&golden.gitlab[0])[format!("{}:{name}", model.name)].clone();
                assert_eq!(gitlab["stage"], "monitor");
                assert!(conditions(&gitlab)[0].contains(&format!("$MERGEWRIGHT_ACTION == \"{name}\"")));
            }
        }
    }
    assert_eq!(seen, 5);
}

/// The daily 09:00 of many a first schedule is that of the zone, and the minute is the one that was named.
#[test]
fn g11_nine_in_the_morning_is_nine_where_it_was_meant() {
    let golden = goldens().into_iter().find(|golden| golden.name == "python-uv-schedules").unwrap();
    let times = read(&golden.github[0])["on"]["schedule"].clone();
    let times: Vec<(&str, &str)> = times
        .as_sequence()
        .unwrap()
        .iter()
        .map(|time| (time["cron"].as_str().unwrap(), time["timezone"].as_str().unwrap()))
        .collect();
    assert_eq!(
        times,
        [
            ("17 */6 * * *", "UTC"),
            ("0 9 * * *", "Europe/Berlin"),
            // GitHub tells a run the expression and not the zone: each expression stands for one zone.
            ("0,0 9 * * *", "UTC"),
            ("0,0,0 9 * * *", "Asia/Shanghai"),
            ("43 3 * * sun", "UTC"),
        ]
    );
}

#[test]
fn g12_beyond_twenty_models_each_has_a_file_with_the_same_job_names() {
    let with = |count: usize| {
        let models: String = (0..count).map(|number| format!("  m{number}: {{}}\n")).collect();
        let text = format!(
            "version: 1\ndefaults: {{test: {{reports: {{metrics: m.json}}}}, version: {{strategy: sequence}}}}\nmodels:\n{models}"
        );
        let config = repository::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
        generator::generate(&config, Dialect::GitLab, &Existing::new()).unwrap()
    };
    let names = |files: &[GeneratedFile]| -> BTreeSet<String> {
        let jobs = files.iter().flat_map(|file| read(file).as_mapping().unwrap().clone());
        jobs.map(|(name, _)| name.as_str().unwrap().to_owned())
            .filter(|name| name.contains(":test"))
            .collect()
    };
    let (one, several) = (with(20), with(21));
    assert_eq!((one.len(), several.len()), (1, 22));
    let mut expected = names(&one);
    expected.insert("m20:test".to_owned());
    assert_eq!(names(&several), expected);
}

#[test]
fn g16_own_lines_with_tags_of_gitlab_are_kept() {
    let golden = goldens().into_iter().find(|golden| golden.name == "maven-secrets").unwrap();
    let mark = "# mergewright:keep jobs\n";
    let own = format!("{mark}report:\n  script: !reference [\"scorer:test\", script]\n");
    let own = golden.gitlab[0].content.replace(mark, &own);
    let existing = Existing::from([(golden.gitlab[0].path.clone(), own.clone())]);
    assert_eq!(generator::generate(&golden.config, Dialect::GitLab, &existing).unwrap()[0].content, own);
}

#[test]
fn g19_a_value_that_is_not_there_is_an_error() {
    let golden = goldens().into_iter().find(|golden| golden.name == "node-deploy").unwrap();
    for (dialect, part) in [(Dialect::GitLab, "gitlab/cache.yml.j2"), (Dialect::GitHub, "github/step.yml.j2")]
    {
        let mut templates = Templates::embedded();
        templates.replace(part, "x: <{ job.nothing }>\n").unwrap();
        let error =
            generator::generate_with(&golden.config, dialect, &Existing::new(), &templates).unwrap_err();
        assert!(error.to_string().contains(part) && error.to_string().contains("undefined"), "{error}");
    }
}

#[test]
fn g19_every_template_can_be_replaced_and_its_errors_have_a_place() {
    let with = |name: &str| goldens().into_iter().find(|golden| golden.name == name).unwrap().config;
    let models: String = (0..21).map(|number| format!("  m{number}: {{}}\n")).collect();
    let many = repository::parse(&format!(
        "version: 1\ndefaults: {{test: {{reports: {{metrics: m.json}}}}, version: {{strategy: sequence}}}}\nmodels:\n{models}"
    ));
    let configs = [with("python-uv-schedules"), with("node-deploy"), many.unwrap()];
    for name in Templates::embedded().names() {
        let mut templates = Templates::embedded();
        templates.replace(name, "one\n<{ nothing }>\n").unwrap();
        let generate =
            |config, dialect| generator::generate_with(config, dialect, &Existing::new(), &templates);
        let said: Vec<String> = configs
            .iter()
            .flat_map(|config| Dialect::ALL.map(|dialect| generate(config, dialect)))
            .filter_map(|done| done.err().map(|error| error.to_string()))
            .collect();
        let place = format!("the template {name} cannot be rendered: `nothing` is undefined (line 2)");
        assert!(said.iter().any(|error| error.contains(&place)), "{name} is used by nothing: {said:?}");
    }
}

#[test]
fn g13_runners_are_chosen_by_all_their_labels_and_may_take_days() {
    let golden = goldens().into_iter().find(|golden| golden.name == "custom-gpu").unwrap();
    let (gitlab, github) = (read(&golden.gitlab[0]), read(&golden.github[0]));
    assert_eq!(texts(&gitlab["vision:build"]["tags"]), ["gpu", "a100"]);
    assert_eq!(gitlab["vision:build"]["timeout"], "4 days");
    assert_eq!(texts(&github["jobs"]["build"]["runs-on"]), ["self-hosted", "linux", "gpu"]);
    assert_eq!(github["jobs"]["build"]["timeout-minutes"], 4 * 24 * 60);
}

#[test]
fn g14_the_first_line_names_version_and_digest() {
    for golden in goldens() {
        let digest = golden.config.digest.short();
        for file in golden.gitlab.iter().chain(&golden.github) {
            let begin = format!(
                "# Generated by mergewright {} from .mergewright.yml (sha256:{digest}). Edit that file, then run: mergewright generate\n",
                env!("CARGO_PKG_VERSION")
            );
            assert!(file.content.starts_with(&begin), "{}", file.path);
        }
    }
}

#[test]
fn g15_generating_again_changes_nothing() {
    for golden in goldens() {
        for (dialect, files) in [(Dialect::GitLab, &golden.gitlab), (Dialect::GitHub, &golden.github)] {
            let existing: Existing =
                files.iter().map(|file| (file.path.clone(), file.content.clone())).collect();
            let again = generator::generate(&golden.config, dialect, &existing).unwrap();
            assert_eq!(&again, files, "{}", golden.name);
        }
    }
}

#[test]
fn g22_every_toolchain_tells_its_tests_and_its_image() {
    for (name, image, junit, coverage) in [
        ("python-pip-coverage", "python:3.11", "junit.xml", Some("coverage.xml")),
        ("python-uv-schedules", "ghcr.io/astral-sh/uv:python3.13-bookworm", "models/ranking/junit.xml", None),
        (
            "maven-secrets",
            "maven:3-eclipse-temurin-17",
            "target/surefire-reports/TEST-*.xml",
            Some("target/site/jacoco/jacoco.xml"),
        ),
        (
            "gradle-monorepo",
            "gradle:9-jdk21",
            "services/features/build/test-results/test/*.xml",
            Some("services/features/build/reports/jacoco/test/jacocoTestReport.xml"),
        ),
        ("node-deploy", "node:22", "junit.xml", Some("coverage/cobertura-coverage.xml")),
    ] {
        let golden = goldens().into_iter().find(|golden| golden.name == name).unwrap();
        let file = read(&golden.gitlab[0]);
        let model = golden.config.models.keys().next().unwrap();
        let test = &file[format!("{model}:test")];
        assert_eq!(test["image"], image);
        assert_eq!(texts(&test["artifacts"]["reports"]["junit"])[0], junit);
        let report = &test["artifacts"]["reports"]["coverage_report"];
        assert_eq!(report["path"].as_str(), coverage, "{name}");
        assert!(coverage.is_none_or(|path| texts(&test["artifacts"]["paths"]).contains(&path)), "{name}");
    }
}

/// How long many models take is printed, and beside it what one takes; a machine under load fails nothing.
#[test]
fn five_hundred_models_cost_what_five_hundred_models_are() {
    let many = |count: usize| {
        let models: String =
            (0..count).map(|number| format!("  m{number}: {{paths: [\"m{number}/**\"]}}\n")).collect();
        let text = format!(
            "version: 1\ndefaults: {{toolchain: {{kind: python}}, build: {{run: [pip install x], artifacts: [m]}}, test: {{reports: {{metrics: m.json}}}}, version: {{strategy: sequence}}}}\nmodels:\n{models}"
        );
        repository::parse(&text).unwrap_or_else(|problems| panic!("{problems}"))
    };
    let (few, many) = (many(25), many(500));
    for dialect in Dialect::ALL {
        let time = |config: &RepositoryConfig| {
            let begin = std::time::Instant::now();
            let files = generator::generate(config, dialect, &Existing::new()).unwrap();
            (files.len(), begin.elapsed().as_secs_f64())
        };
        let ((_, first), (files, second)) = (time(&few), time(&many));
        assert_eq!(files, if dialect == Dialect::GitLab { 501 } else { 500 });
        println!("{dialect:?}: 20 times as many models took {:.1} times as long", second / first.max(1e-9));
    }
}
