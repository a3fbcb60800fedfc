//! The golden workflow of the example, planned and really run.

use std::process::Command;
use std::sync::Mutex;

use super::*;
use crate::sandbox::ci::When;
use crate::sandbox::ci::workflow::{RunPlan, Surroundings, Trigger, Workflow, plan};

const GOLDEN: &str =
    include_str!("../../../../tests/data/golden/github/iris/.github/workflows/model-iris.yml");
const PATH: &str = ".github/workflows/model-iris.yml";

/// Artifacts by run and name; this run is 1.
#[derive(Default)]
struct Shelf(Mutex<BTreeMap<(u64, String), Vec<u8>>>);

impl Uploads for Shelf {
    fn put(&self, name: &str, zip: Vec<u8>) {
        self.0.lock().unwrap().insert((1, name.to_owned()), zip);
    }

    fn get(&self, run: Option<u64>, name: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(&(run.unwrap_or(1), name.to_owned())).cloned()
    }
}

impl Shelf {
    fn paths(&self, name: &str) -> Vec<String> {
        let zip = self.get(None, name).unwrap();
        archive::unpack(&zip).unwrap().into_iter().map(|(path, _)| path.display().to_string()).collect()
    }
}

/// A repository with the example, and a run's artifacts.
struct Scene {
    folder: tempfile::TempDir,
    head: String,
    shelf: Shelf,
}

impl Scene {
    fn new(params: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repo = folder.path().join("repo");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/iris/models/iris");
        let root = repo.join("models/iris");
        std::fs::create_dir_all(root.join("data")).unwrap();
        for name in ["train.py", "evaluate.py", "data/train.csv", "data/holdout.csv"] {
            std::fs::copy(source.join(name), root.join(name)).unwrap();
        }
        std::fs::write(root.join("params.json"), params).unwrap();
        let scene = Self { folder, head: String::new(), shelf: Shelf::default() };
        scene.git(&["init", "--quiet", "--initial-branch=main", "."]);
        scene.git(&["add", "."]);
        scene.git(&["commit", "--quiet", "-m", "Begin"]);
        let head = scene.git(&["rev-parse", "HEAD"]);
        Self { head, ..scene }
    }

    fn git(&self, words: &[&str]) -> String {
        let identity =
            ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "tag.gpgsign=false"];
        let mut git = Command::new("git");
        git.args(identity).args(["-c", "commit.gpgsign=false"]).args(words);
        let done = git.current_dir(self.folder.path().join("repo")).output().unwrap();
        assert!(done.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    fn planned(&self, trigger: &Trigger) -> RunPlan {
        self.planned_from(GOLDEN, trigger)
    }

    fn planned_from(&self, text: &str, trigger: &Trigger) -> RunPlan {
        let workflow = Workflow::read(PATH, text).unwrap();
        let context = [
            ("github.sha", self.head.as_str()),
            ("github.ref", "refs/heads/main"),
            ("github.ref_protected", "true"),
            ("github.run_id", "1"),
            ("github.event.repository.default_branch", "main"),
            ("github.event.pull_request.head.sha", self.head.as_str()),
            ("github.event.pull_request.number", "1"),
        ];
        let context = context.map(|(name, value)| (name.to_owned(), value.to_owned()));
        plan(&workflow, trigger, &Surroundings { context: context.into() }).unwrap().unwrap()
    }

    /// Runs one job of a plan; its log and its end.
    async fn run(&self, plan: &RunPlan, job: &str) -> (String, End) {
        let job = plan.jobs.iter().find(|one| one.name == job).unwrap();
        assert_eq!(job.when, When::OnSuccess);
        let (workspace, home) = (self.folder.path().join("work"), self.folder.path().join("home"));
        std::fs::create_dir_all(&workspace).unwrap();
        std::fs::create_dir_all(&home).unwrap();
        let mut variables = plan.environment.clone();
        variables.insert("GITHUB_SERVER_URL".to_owned(), "http://127.0.0.1:9".to_owned());
        let steps = Steps {
            steps: &job.steps,
            repository: &self.folder.path().join("repo"),
            sha: &self.head,
            variables: &variables,
            token: "job-token",
            workspace: &workspace,
            home: &home,
            timeout: job.timeout.unwrap(),
            uploads: &self.shelf,
            cancelled: &|| false,
            show: &|_log| {},
        };
        steps.run().await
    }
}

fn opened() -> Trigger {
    Trigger::PullRequest {
        action: "opened".to_owned(),
        base: "main".to_owned(),
        changed: vec!["models/iris/params.json".to_owned()],
        fork: false,
    }
}

const GOOD: &str = r#"{"features": ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"], "epochs": 50, "learning_rate": 0.5, "l2": 0.0001}"#;
const BAD: &str = r#"{"features": ["sepal_width_cm"], "epochs": 50, "learning_rate": 0.5, "l2": 0.0001}"#;

#[tokio::test]
async fn the_example_trains_and_is_measured_and_leaves_its_files_with_their_paths() {
    let scene = Scene::new(GOOD);
    let plan = scene.planned(&opened());
    for job in ["build", "test"] {
        let (log, end) = scene.run(&plan, job).await;
        assert_eq!(end, End::Good, "{log}");
    }
    assert_eq!(scene.shelf.paths("iris-model"), ["models/iris/model.json"]);
    assert_eq!(scene.shelf.paths("iris-reports"), ["models/iris/junit.xml", "models/iris/metrics.json"]);
    let reports = scene.shelf.get(None, "iris-reports").unwrap();
    let metrics = archive::entry(&reports, "models/iris/metrics.json").unwrap();
    let metrics: serde_json::Value = serde_json::from_slice(&metrics).unwrap();
    assert!(metrics["accuracy"].as_f64().unwrap() > 0.8, "{metrics}");
}

#[tokio::test]
async fn reports_are_kept_also_when_the_test_failed() {
    let scene = Scene::new(BAD);
    let plan = scene.planned(&opened());
    assert_eq!(scene.run(&plan, "build").await.1, End::Good);
    let (log, end) = scene.run(&plan, "test").await;
    assert!(matches!(end, End::Bad(_)), "{log}");
    assert!(log.contains("##[error]Process completed with exit code"), "{log}");
    assert_eq!(scene.shelf.paths("iris-reports"), ["models/iris/junit.xml", "models/iris/metrics.json"]);
}

#[tokio::test]
async fn without_a_model_the_build_fails_and_the_test_cannot_begin() {
    let scene = Scene::new("{}");
    let plan = scene.planned(&opened());
    let (log, end) = scene.run(&plan, "build").await;
    assert!(matches!(end, End::Bad(_)), "{log}");
    assert!(
        !log.contains("Upload the files"),
        "nothing runs after a failure that does not ask for it: {log}"
    );
    let (log, end) = scene.run(&plan, "test").await;
    assert_eq!(end, End::Bad(1));
    assert!(log.contains("Artifact not found for name: iris-model"), "{log}");
}

#[tokio::test]
async fn lines_that_look_like_expressions_arrive_as_they_were_written() {
    let scene = Scene::new(GOOD);
    let lines = "        env:\n          MERGEWRIGHT_LINES: \"cat >model.json <<'END'\\n${{ '${{' }} secrets.X }}\\nEND\\n\"\n        run: 'eval \"$MERGEWRIGHT_LINES\"'\n";
    let usual = "        run: \"python3 train.py --params params.json --out model.json\"\n";
    assert!(GOLDEN.contains(usual));
    let plan = scene.planned_from(&GOLDEN.replace(usual, lines), &opened());
    let (log, end) = scene.run(&plan, "build").await;
    assert_eq!(end, End::Good, "{log}");
    let zip = scene.shelf.get(None, "iris-model").unwrap();
    let model = archive::entry(&zip, "models/iris/model.json").unwrap();
    assert_eq!(String::from_utf8(model).unwrap(), "${{ secrets.X }}\n");
}

#[tokio::test]
async fn only_the_judged_bytes_are_published() {
    let scene = Scene::new(GOOD);
    let judged = scene.planned(&opened());
    assert_eq!(scene.run(&judged, "build").await.1, End::Good);
    let zip = scene.shelf.get(None, "iris-model").unwrap();
    let model = archive::entry(&zip, "models/iris/model.json").unwrap();
    // The run that was judged is another one than the run that publishes.
    scene.shelf.0.lock().unwrap().insert((7, "iris-model".to_owned()), zip);
    let digest = crate::domain::Digest::of(model).hex();
    let record = serde_json::json!({
        "approved_by": [], "artifacts": [format!("{digest}  models/iris/model.json")], "author": "ada",
        "commit": scene.head, "configuration": "x", "model": "iris", "model_digest": "x", "version": "v1",
    });
    scene.git(&["tag", "-a", "iris@v1.0.0", "-m", &record.to_string()]);
    let inputs = [("action", "publish"), ("version", "v1"), ("commit", &scene.head), ("source", "7")];
    let inputs = inputs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let publish = scene.planned(&Trigger::Dispatch { inputs });
    assert_eq!(publish.title, format!("mergewright publish v1 {} - - 7", scene.head));
    let (log, end) = scene.run(&publish, "publish").await;
    assert_eq!(end, End::Good, "{log}");
    assert!(log.contains("1 file(s) of iris v1 verified"), "{log}");

    let other = archive::pack([("models/iris/model.json", &b"{}"[..])]).unwrap();
    scene.shelf.0.lock().unwrap().insert((7, "iris-model".to_owned()), other);
    let (log, end) = scene.run(&publish, "publish").await;
    assert_eq!(end, End::Bad(1), "{log}");
    assert!(
        log.contains("nothing was published: models/iris/model.json is not the file that was judged"),
        "{log}"
    );
}
