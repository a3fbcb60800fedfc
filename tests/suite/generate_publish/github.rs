//! The same proof on GitHub, where a step before has fetched the judged files.

use super::{MODEL, Path, TempDir, World, config, fs, git, several_files};
use mergewright::generator::{self, Dialect, Existing};
use std::process::{Command, Output};

macro_rules! both_ways {
    ($($test:ident),* $(,)?) => {
        mod with_python {
            $(#[test] fn $test() { super::$test("python"); })*
        }
        mod with_any_image {
            $(#[test] fn $test() { super::$test("custom"); })*
        }
    };
}

both_ways!(
    the_judged_bytes_are_published,
    what_was_not_judged_is_refused,
    a_record_of_something_else_is_refused,
    nothing_is_read_through_a_symbolic_link,
    a_deploy_job_goes_forth_or_back,
    a_version_is_measured_on_the_data_of_another_commit,
    a_build_that_is_no_version_is_measured_and_proved_by_its_manifest,
    a_clock_has_measured_what_is_live,
);

/// What became of a job: its last step's end, and the checkout.
struct Told {
    output: Output,
    checkout: TempDir,
}

impl Told {
    fn err(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.checkout.path().join(name)).ok()
    }

    fn refused(&self, why: &str) {
        let err = self.err();
        assert!(!self.output.status.success(), "it was published");
        assert!(err.contains("mergewright: nothing was ") && err.contains(why), "`{why}` in:\n{err}");
        assert_eq!(self.read("m/published"), None, "the people's lines ran");
        assert!(!err.contains("job-token"), "the token is not repeated");
    }
}

/// Runs the shell steps of a job whose checkout and download are done.
fn run(world: &World, toolchain: &str, job: &str, action: &str, prepare: impl FnOnce(&Path)) -> Told {
    let files = generator::generate(&config(toolchain), Dialect::GitHub, &Existing::new()).unwrap();
    let file: serde_yaml::Value = serde_yaml::from_str(&files[0].content).unwrap();
    let checkout = tempfile::tempdir().unwrap();
    let origin = format!("file://{}", world.repo().display());
    git(checkout.path(), &["clone", "--quiet", "--no-tags", "--depth=1", &origin, "."]);
    for (name, content) in &world.files {
        let path = checkout.path().join("mergewright-judged").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    prepare(checkout.path());
    let mut last = None;
    let said = checkout.path().join(".git/step-outputs");
    fs::write(&said, "").unwrap();
    for step in file["jobs"][job]["steps"].as_sequence().unwrap() {
        let Some(script) = step["run"].as_str() else { continue };
        let wanted = step["if"].as_str().is_none_or(|said| said == format!("inputs.action == '{action}'"));
        if !wanted || last.as_ref().is_some_and(|done: &Output| !done.status.success()) {
            continue;
        }
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", script]).env("GITHUB_SERVER_URL", "https://github.example.com");
        shell.current_dir(checkout.path().join(step["working-directory"].as_str().unwrap_or(".")));
        if step["env"].get("GITHUB_TOKEN").is_some() {
            shell.env("GITHUB_TOKEN", "job-token");
        } else {
            shell.env_remove("GITHUB_TOKEN");
        }
        // The expressions of a step's own variables: what was given, else what a step before has found out.
        let outputs = fs::read_to_string(&said).unwrap();
        let found = outputs.lines().find_map(|line| line.strip_prefix("version=")).unwrap_or_default();
        shell.env("GITHUB_OUTPUT", &said);
        for (name, value) in [
            ("ACTION", action),
            ("MODEL", "iris"),
            ("VERSION", if world.version.is_empty() { found } else { &world.version }),
            ("COMMIT", &world.commit),
            ("ENVIRONMENT", "staging"),
            ("SOURCE", "7"),
        ] {
            shell.env(format!("MERGEWRIGHT_{name}"), value);
        }
        last = Some(shell.output().unwrap());
    }
    Told { output: last.unwrap(), checkout }
}

fn publish(world: &World, toolchain: &str) -> Told {
    run(world, toolchain, "publish", "publish", |_| {})
}

fn the_judged_bytes_are_published(toolchain: &str) {
    let mut world = World::new().tagged();
    world.files.push(("m/not-judged.bin", b"x"));
    let told = publish(&world, toolchain);
    assert!(told.output.status.success(), "{}", told.err());
    assert_eq!(told.read("m/published").unwrap().as_bytes(), MODEL);
    assert_eq!(told.read("m/version").as_deref(), Some("v3"));
    assert_eq!(
        told.read("m/train.py").as_deref(),
        Some("judged\n"),
        "the branch has moved on, the job has not"
    );
    assert_eq!(told.read("m/not-judged.bin"), None);
    assert!(!told.checkout.path().join("mergewright-judged").exists());
    let config = told.read(".git/config").unwrap();
    assert!(!config.contains("extraheader"), "the credential is left nowhere");
}

fn what_was_not_judged_is_refused(toolchain: &str) {
    let mut world = World::new();
    publish(&world, toolchain).refused("iris@v3.0.0");
    world = world.tagged();
    world.files = vec![("m/model.json", b"{\"weights\": [6, 6, 6]}\n")];
    let told = publish(&world, toolchain);
    told.refused("m/model.json is not the file that was judged");
    assert_eq!(told.read("m/model.json"), None, "not even put in its place");
    world.files = vec![("m/other.json", MODEL)];
    publish(&world, toolchain).refused("m/model.json was judged and is not among the artifacts of run 7");
    world.version = "v3; echo".to_owned();
    publish(&world, toolchain).refused("MERGEWRIGHT_VERSION is missing or malformed");
}

fn a_record_of_something_else_is_refused(toolchain: &str) {
    let world = World::new();
    world.tag(&world.lineage(&world.judged()).canonical().replace("\"iris\",", "\"rose\","));
    publish(&world, toolchain).refused("belongs to something else");
    let world = World::new();
    git(&world.repo(), &["tag", "iris@v3.0.0", &world.commit]);
    publish(&world, toolchain).refused("carries no lineage record");
}

fn nothing_is_read_through_a_symbolic_link(toolchain: &str) {
    let world = World::new().tagged();
    let told = run(&world, toolchain, "publish", "publish", |checkout| {
        let judged = checkout.join("mergewright-judged/m/model.json");
        fs::rename(&judged, checkout.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(checkout.join("elsewhere"), judged).unwrap();
    });
    told.refused("not among the artifacts of run 7");
}

fn a_deploy_job_goes_forth_or_back(toolchain: &str) {
    let mut world = World::new().tagged();
    for (action, direction) in [("deploy", "forth\n"), ("rollback", "back\n")] {
        let told = run(&world, toolchain, "deploy", action, |_| {});
        assert!(told.output.status.success(), "{}", told.err());
        assert_eq!(told.read("m/published").unwrap().as_bytes(), MODEL);
        assert_eq!(told.read("m/direction").as_deref(), Some(direction));
        assert_eq!(told.read("m/verified").as_deref(), Some("staging\n"));
    }
    world.files = vec![("m/model.json", b"other")];
    run(&world, toolchain, "deploy", "deploy", |_| {}).refused("nothing was deployed: m/model.json is not");
}

fn a_version_is_measured_on_the_data_of_another_commit(toolchain: &str) {
    let mut world = World::new().tagged();
    world.commit = git(&world.repo(), &["rev-parse", "main"]);
    let told = run(&world, toolchain, "evaluate", "evaluate", |_| {});
    assert_eq!(told.read("m/measured").unwrap_or_else(|| told.err()).as_bytes(), MODEL);
    assert_eq!(told.read("m/data").as_deref(), Some("later\n"));
    world.files = vec![("m/model.json", b"{\"weights\": [6, 6, 6]}\n")];
    let told = run(&world, toolchain, "evaluate", "evaluate", |_| {});
    assert_eq!(told.read("m/measured"), None, "nothing is measured that was not judged");
}

fn a_build_that_is_no_version_is_measured_and_proved_by_its_manifest(toolchain: &str) {
    let mut world = World::new();
    world.files = several_files();
    world.version = world.manifest();
    let told = run(&world, toolchain, "evaluate", "evaluate", |_| {});
    assert_eq!(told.read("m/measured").unwrap_or_else(|| told.err()).as_bytes(), MODEL);
    assert_eq!(told.read("m/a/tokens, \u{fc}.txt").as_deref(), Some("tokens"));
    world.files.pop();
    let told = run(&world, toolchain, "evaluate", "evaluate", |_| {});
    told.refused("the SHA-256 of their manifest differs");
    assert_eq!(told.read("m/measured"), None);
    run(&world, toolchain, "publish", "publish", |_| {})
        .refused("MERGEWRIGHT_VERSION is missing or malformed");
}

fn a_clock_has_measured_what_is_live(toolchain: &str) {
    let mut world = World::new().tagged();
    world.version = String::new();
    let told = run(&world, toolchain, "live", "live", |_| {});
    told.refused("nothing of iris is live in staging yet");
    git(&world.repo(), &["tag", "-a", "iris#staging#10", &world.commit, "-m", "the last one"]);
    let told = run(&world, toolchain, "live", "live", |_| {});
    assert_eq!(told.read("m/measured").unwrap_or_else(|| told.err()).as_bytes(), MODEL);
    let outputs = told.read(".git/step-outputs").unwrap();
    assert_eq!(outputs, "version=v3\nsource=7\n");
}
