//! What GitHub's workflows say.

use serde_yaml::Value;

use super::*;

const PATH: &str = ".github/workflows/model-iris.yml";

fn standing(text: &str) -> Existing {
    Existing::from([(PATH.to_owned(), text.to_owned())])
}

fn text(config: &RepositoryConfig, existing: &Existing) -> String {
    let files = generate(config, Dialect::GitHub, existing).unwrap_or_else(|error| panic!("{error}"));
    let [file] = files.as_slice() else { panic!("{} files", files.len()) };
    assert_eq!(file.path, PATH);
    file.content.clone()
}

fn parsed(config: &RepositoryConfig) -> Value {
    serde_yaml::from_str(&text(config, &Existing::new())).unwrap()
}

fn step<'v>(job: &'v Value, name: &str) -> &'v Value {
    job["steps"].as_sequence().unwrap().iter().find(|step| step["name"] == name).unwrap()
}

fn steps(job: &Value) -> Vec<&str> {
    job["steps"].as_sequence().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect()
}

#[test]
fn generating_again_changes_nothing_and_own_lines_survive() {
    let config = with("gates: {baseline: target_branch}");
    let first = text(&config, &Existing::new());
    assert_eq!(text(&config, &standing(&first)), first);
    let mark = "  # mergewright:keep jobs\n";
    let lint = "  lint:\n    runs-on: ubuntu-24.04\n    steps: [{run: make lint}]\n";
    let own = first.replace(mark, &format!("{mark}{lint}")).replace(
        "      # mergewright:keep branches\n",
        "      # mergewright:keep branches\n      - develop\n",
    );
    assert_eq!(text(&config, &standing(&own)), own);
    let changed = text(&with("gates: {baseline: target_branch}\nbuild: {run: [make]}"), &standing(&own));
    assert!(
        changed.contains("make lint") && changed.contains("- develop") && changed.contains("run: \"make\"")
    );
}

#[test]
fn own_lines_that_change_the_meaning_are_refused() {
    let config = with("");
    let first = text(&config, &Existing::new());
    for (mark, lines) in [
        ("  # mergewright:keep jobs\n", "  publish:\n    steps: []\n"),
        ("# mergewright:keep settings\n", "permissions: write-all\n"),
        ("# mergewright:keep settings\n", "on: pull_request_target\n"),
        ("  # mergewright:keep jobs\n", "  a: [\n"),
    ] {
        let own = first.replace(mark, &format!("{mark}{lines}"));
        let error = generate(&config, Dialect::GitHub, &standing(&own)).unwrap_err().to_string();
        assert!(error.starts_with(PATH) && error.contains("would not mean"), "{lines}: {error}");
    }
}

#[test]
fn a_template_that_drops_something_is_caught() {
    for (part, lines, key) in [
        ("workflow", "permissions: {}\n", "permissions"),
        ("workflow", "run-name: <{ run_name }>\n", "run-name"),
        ("workflow", "  cancel-in-progress: <{ concurrency.cancel }>\n", "concurrency"),
        ("job", "    if: <{ job.condition }>\n", "jobs.build.if"),
        ("job", "    timeout-minutes: <{ job.minutes }>\n", "jobs.build.timeout-minutes"),
        ("job", "      cancel-in-progress: false\n", "jobs.publish.concurrency"),
        ("job", "      name: <{ job.environment }>\n", "jobs.publish.environment"),
        ("job", " <{ permission.access | word }>", "jobs.publish.permissions"),
        ("step", "        if: <{ step.condition }>\n", "jobs.test.steps"),
        ("step", "        working-directory: <{ step.directory }>\n", "jobs.build.steps"),
        ("job", "      - <{ need | id }>\n", "jobs.test.needs"),
        ("triggers", "      - <{ path }>\n", "on"),
        ("triggers", "        required: <{ input.required }>\n", "on"),
        ("triggers", "  merge_group:\n    types:\n      - checks_requested\n", "on"),
    ] {
        let templates = without(&format!("github/{part}.yml.j2"), lines);
        let config = with(
            "root: r\nbuild: {run: [make], artifacts: [m]}\npublish: {run: [sh p.sh], secrets: [TOKEN]}",
        );
        let error =
            generate_with(&config, Dialect::GitHub, &Existing::new(), &templates).unwrap_err().to_string();
        assert!(error.contains(&format!("`{key}` says")), "{key}: {error}");
    }
}

#[test]
fn every_job_has_a_time_limit_and_the_least_rights_and_every_action_is_pinned() {
    let text = text(&with(DEPLOYED), &Existing::new());
    let file: Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(file["permissions"], Value::Mapping(serde_yaml::Mapping::new()));
    let jobs = file["jobs"].as_mapping().unwrap();
    assert_eq!(
        jobs.keys().map(|id| id.as_str().unwrap()).collect::<Vec<_>>(),
        ["build", "test", "publish", "deploy", "evaluate", "merge_group"]
    );
    for (id, job) in jobs {
        assert_eq!(&job["name"], id);
        assert!(job["timeout-minutes"].as_u64().unwrap() > 0);
        let rights: &[&str] = match id.as_str().unwrap() {
            "publish" | "deploy" | "evaluate" => &["contents", "actions"],
            "merge_group" => &[],
            _ => &["contents"],
        };
        let granted = job["permissions"].as_mapping().unwrap();
        assert_eq!(granted.keys().map(|scope| scope.as_str().unwrap()).collect::<Vec<_>>(), rights);
        assert!(granted.values().all(|level| level == "read"));
        for step in job["steps"].as_sequence().unwrap() {
            assert!(!step["run"].as_str().is_some_and(|run| run.contains("${{")), "no expression in a shell");
            if step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/checkout@")) {
                assert_eq!(step["with"]["persist-credentials"], false);
                assert_eq!(step["with"]["ref"], "${{ env.MERGEWRIGHT_COMMIT }}");
            }
        }
    }
    for line in text.lines().filter_map(|line| line.trim().strip_prefix("uses: ")) {
        let (pin, version) = line.split_once(" # v").unwrap();
        let (_, commit) = pin.split_once('@').unwrap();
        assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line}");
        assert_eq!(version.split('.').count(), 3, "{line}");
    }
    for trigger in ["pull_request_target", "workflow_run", "issue_comment"] {
        assert!(!text.contains(trigger));
    }
}

#[test]
fn nothing_that_brings_a_version_out_is_cancelled_or_runs_twice_at_a_time() {
    let file = parsed(&with(DEPLOYED));
    assert_eq!(file["concurrency"]["cancel-in-progress"], "${{ github.event_name == 'pull_request' }}");
    for (job, group) in [
        ("publish", "mergewright-iris-publish"),
        ("deploy", "mergewright-iris-deploy-${{ inputs.environment }}"),
    ] {
        let job = &file["jobs"][job];
        assert_eq!(job["concurrency"]["group"], group);
        assert_eq!(job["concurrency"]["cancel-in-progress"], false);
        let condition = job["if"].as_str().unwrap();
        let default = "github.ref == format('refs/heads/{0}', github.event.repository.default_branch)";
        assert!(condition.contains(default) && condition.contains("github.ref_protected"), "{condition}");
    }
    assert_eq!(file["jobs"]["deploy"]["environment"]["name"], "${{ inputs.environment }}");
    assert!(file["jobs"]["publish"].get("environment").is_none(), "it uses no secrets");
}

#[test]
fn secrets_reach_only_the_lines_of_the_job_that_lists_them() {
    let file =
        parsed(&with("build: {run: [make], artifacts: [m]}\npublish: {run: [sh p.sh], secrets: [TOKEN]}"));
    let mut holders = Vec::new();
    for (id, job) in file["jobs"].as_mapping().unwrap() {
        for step in job["steps"].as_sequence().unwrap() {
            let said = serde_yaml::to_string(step).unwrap();
            if said.contains("secrets.") {
                assert_eq!(step["env"]["TOKEN"], "${{ secrets.TOKEN }}");
                holders.push((id.as_str().unwrap(), step["name"].as_str().unwrap()));
            }
        }
    }
    assert_eq!(holders, [("publish", "Publish")]);
    assert_eq!(file["jobs"]["publish"]["environment"]["name"], "mergewright-publish");
    assert!(
        file["env"].as_mapping().unwrap().values().all(|value| !value.as_str().unwrap().contains("secrets"))
    );
}

#[test]
fn a_push_starts_a_run_only_where_the_target_branch_is_the_baseline() {
    assert!(parsed(&with(""))["on"].get("push").is_none());
    let file = parsed(&with("gates: {baseline: target_branch}\npaths: [\"m/**\", \"c++/*\"]"));
    let push = &file["on"]["push"];
    assert_eq!(push["branches"][0], "main");
    assert_eq!(push["paths"], file["on"]["pull_request"]["paths"]);
    assert_eq!(push["paths"][1], "m/**");
    assert_eq!(push["paths"][2], "c\\+\\+/*");
    let condition = file["jobs"]["build"]["if"].as_str().unwrap();
    assert!(condition.contains("github.event_name == 'push' && github.ref == "), "{condition}");
}

#[test]
fn python_is_set_up_or_comes_with_the_image() {
    let file = parsed(&with("toolchain: {kind: python, version: \"3.11\"}"));
    let build = &file["jobs"]["build"];
    assert_eq!(steps(build)[..2], ["Check out", "Set up Python"]);
    assert_eq!(build["steps"][1]["with"]["python-version"], "3.11");
    let file = parsed(&with(
        "toolchain: {kind: python, image: \"registry.example.com/py:1\"}\nrunners: {github: [self-hosted, gpu]}",
    ));
    let build = &file["jobs"]["build"];
    assert_eq!(build["container"]["image"], "registry.example.com/py:1");
    assert!(!steps(build).contains(&"Set up Python"));
    assert_eq!(build["runs-on"].as_sequence().unwrap().len(), 2);
}

#[test]
fn a_command_that_fails_before_a_pipe_fails_its_line_with_an_image_and_without() {
    let lines = "build: {run: [\"train | tee log\"]}";
    let file = parsed(&with(lines));
    let build = &file["jobs"]["build"];
    assert_eq!(build["defaults"]["run"]["shell"], "bash", "named, it gets `-o pipefail`");
    assert_eq!(step(build, "Build")["run"], "train | tee log");
    let file = parsed(&with(&format!("toolchain: {{kind: custom, image: alpine}}\n{lines}")));
    let build = &file["jobs"]["build"];
    assert!(build.get("defaults").is_none(), "an image may have no bash");
    assert_eq!(
        step(build, "Build")["run"],
        "if (set -o pipefail) 2>/dev/null; then set -o pipefail; fi\ntrain | tee log\n"
    );
}

#[test]
fn a_secret_s_name_is_a_name_whatever_yaml_would_take_it_for() {
    for name in ["null", "True", "y", "ON"] {
        let text = format!(
            "version: 1\nsecrets: [\"{name}\"]\nmodels:\n  iris:\n    build: {{run: [make], secrets: [\"{name}\"]}}\n    test: {{reports: {{metrics: m.json}}}}\n    version: {{strategy: sequence}}\n"
        );
        let file = parsed(&config(&text));
        let said = step(&file["jobs"]["build"], "Build")["env"][name].as_str().unwrap();
        assert_eq!(said, format!("${{{{ secrets.{name} }}}}"));
        // Readers of the older YAML are many.
        assert!(self::text(&config(&text), &Existing::new()).contains(&format!("\"{name}\": ")));
    }
}

#[test]
fn files_are_kept_with_their_paths_as_long_as_the_configuration_says() {
    let file =
        parsed(&with("root: m\nbuild: {run: [x], artifacts: [\"out/*.bin\"]}\nretention: {candidates: 30h}"));
    let (build, test) = (&file["jobs"]["build"], &file["jobs"]["test"]);
    assert_eq!(steps(build)[1..], ["Build", "Lay out the files", "Upload the files"]);
    assert_eq!(step(build, "Lay out the files")["env"]["MERGEWRIGHT_FILES"], "m/out/[^/]*\\.bin(/.*)?");
    assert_eq!(step(build, "Upload the files")["with"]["name"], "iris-model");
    assert_eq!(step(build, "Upload the files")["with"]["retention-days"], 2);
    assert_eq!(step(test, "Fetch the model")["with"]["name"], "iris-model");
    for step in test["steps"].as_sequence().unwrap().iter().rev().take(2) {
        assert_eq!(step["if"], "!cancelled()", "reports are kept also when the test failed");
    }
    let nothing = parsed(&with("retention: {candidates: 400d}"));
    assert!(!steps(&nothing["jobs"]["build"]).contains(&"Upload the files"));
    assert!(!steps(&nothing["jobs"]["test"]).contains(&"Fetch the model"));
    let upload = nothing["jobs"]["test"]["steps"].as_sequence().unwrap().last().unwrap().clone();
    assert_eq!(upload["with"]["retention-days"], 90, "GitHub's most");
}

#[test]
fn any_number_of_models_has_a_file_each_and_a_model_that_vanished_leaves_one_behind() {
    let many = |count: usize| {
        let models: String = (0..count).map(|number| format!("  m{number}: {{}}\n")).collect();
        config(&format!(
            "version: 1\ndefaults: {{test: {{reports: {{metrics: m.json}}}}, version: {{strategy: sequence}}}}\nmodels:\n{models}"
        ))
    };
    let files = generate(&many(30), Dialect::GitHub, &Existing::new()).unwrap();
    assert_eq!(files.len(), 30);
    let mut existing: Existing = files.into_iter().map(|file| (file.path, file.content)).collect();
    existing.insert(".github/workflows/model-own.yml".to_owned(), "name: mine\n".to_owned());
    existing
        .insert(".github/workflows/copy.yml".to_owned(), existing[".github/workflows/model-m1.yml"].clone());
    let fewer = generate(&many(29), Dialect::GitHub, &existing).unwrap();
    assert_eq!(stale(Dialect::GitHub, &fewer, &existing), [".github/workflows/model-m29.yml"]);
    assert!(stale(Dialect::GitLab, &fewer, &existing).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn hostile_texts_never_leave_their_place(run in "[ -~\n\u{a0}-\u{2ff}]{1,60}", label in "[ -~]{1,20}") {
        prop_assume!(!run.trim().is_empty() && !label.trim().is_empty());
        prop_assume!(!run.chars().any(|c| c.is_control() && c != '\n'));
        let lines = format!(
            "root: \"a 'b' c\"\nrunners: {{github: [{}]}}\nbuild: {{run: [{}, \"echo ${{{{ secrets.X }}}}\"]}}",
            serde_json::to_string(&label).unwrap(),
            serde_json::to_string(&run).unwrap(),
        );
        let config = with(&lines);
        let first = text(&config, &Existing::new());
        let build = &serde_yaml::from_str::<Value>(&first).unwrap()["jobs"]["build"];
        prop_assert_eq!(&step(build, "Build")["run"], "eval \"$MERGEWRIGHT_LINES\"", "no expression in a shell");
        let written = step(build, "Build")["env"]["MERGEWRIGHT_LINES"].as_str().unwrap();
        let expected = format!("{}\necho ${{{{ secrets.X }}}}\n", run.trim_end_matches('\n'));
        prop_assert_eq!(written.replace("${{ '${{' }}", "${{"), expected);
        prop_assert!(!written.replace("${{ '${{' }}", "").contains("${{"), "nothing of it is evaluated");
        prop_assert_eq!(&step(build, "Build")["working-directory"], "a 'b' c");
        prop_assert_eq!(build["runs-on"][0].as_str().unwrap().replace("${{ '${{' }}", "${{"), label);
        prop_assert_eq!(text(&config, &standing(&first)), first);
    }
}
