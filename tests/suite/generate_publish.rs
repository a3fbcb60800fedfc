//! The generated publish job, executed: it publishes the judged bytes and nothing else.
//!
//! A real repository holds the version's tag, a server on loopback hands out artifacts as GitLab
//! does, and the job's script runs in a fresh clone with the variables that GitLab sets.

mod github;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use mergewright::config::repository;
use mergewright::config::valid::RepositoryConfig;
use mergewright::domain::{Artifact, Digest, Lineage, Report};
use mergewright::generator::{self, Dialect, Existing};
use tempfile::TempDir;

const MODEL: &[u8] = b"{\"weights\": [1, 2, 3]}\n";

/// Each test proves the bytes both ways: with Python's library, and with the tools of any image.
macro_rules! both_ways {
    ($($test:ident),* $(,)?) => {
        mod with_python {
            $(#[test] fn $test() { super::$test("python"); })*
        }
        mod with_any_image {
            $(#[test] #[ignore = "needs curl and unzip"] fn $test() { super::$test("custom"); })*
        }
    };
}

both_ways!(
    the_judged_bytes_are_published_from_the_tagged_commit,
    the_token_does_not_follow_to_the_object_store,
    bytes_that_were_not_judged_are_refused,
    a_version_without_its_tag_is_refused,
    a_record_of_something_else_is_refused,
    a_record_that_leads_out_of_the_checkout_is_refused,
    several_files_are_all_proved_before_any_is_placed,
    a_symbolic_link_in_the_way_is_refused,
    a_job_started_by_hand_is_refused,
    a_deploy_job_brings_the_judged_bytes_out_or_back,
    a_version_is_measured_on_the_data_of_another_commit,
    a_build_that_is_no_version_is_measured_and_proved_by_its_manifest,
    no_build_that_is_no_version_is_published,
    a_clock_has_measured_what_is_live,
);

/// A repository, the artifacts of job 7, and what the job is told.
struct World {
    folder: TempDir,
    commit: String,
    version: String,
    files: Vec<(&'static str, &'static [u8])>,
    answer: Answer,
}

/// How the forge answers the request for the artifacts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Archive,
    Redirect,
    Missing,
}

/// What became of it.
struct Told {
    output: Output,
    requests: Vec<String>,
    checkout: TempDir,
}

impl Told {
    fn err(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    fn refused(&self, why: &str) {
        let err = self.err();
        assert!(!self.output.status.success(), "it was published:\n{err}");
        assert!(
            ["published", "deployed", "measured"]
                .iter()
                .any(|done| err.contains(&format!("nothing was {done}: ")))
                && err.contains(why),
            "`{why}` in:\n{err}"
        );
        assert!(!self.checkout.path().join("m/published").exists(), "the people's lines ran");
        assert!(!err.contains("job-token"), "the token is not repeated");
    }
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repo = folder.path().join("repo");
        fs::create_dir_all(repo.join("m")).unwrap();
        fs::write(repo.join("m/train.py"), "judged\n").unwrap();
        git(&repo, &["init", "--quiet", "--initial-branch=main", "."]);
        git(&repo, &["add", "."]);
        git(&repo, &["commit", "--quiet", "-m", "judged"]);
        let commit = git(&repo, &["rev-parse", "HEAD"]);
        fs::write(repo.join("m/train.py"), "later\n").unwrap();
        git(&repo, &["commit", "--quiet", "-a", "-m", "later"]);
        Self {
            folder,
            commit,
            version: "v3".to_owned(),
            files: vec![("m/model.json", MODEL)],
            answer: Answer::Archive,
        }
    }

    fn repo(&self) -> std::path::PathBuf {
        self.folder.path().join("repo")
    }

    /// The record of version 3 with these artifacts.
    fn lineage(&self, artifacts: &[String]) -> Lineage {
        let sha = &self.commit;
        let digest = Digest::of("x").to_string();
        serde_json::from_value(serde_json::json!({
            "approved_by": ["alice", "renovate[bot]"], "artifacts": artifacts, "author": "bob", "base": sha,
            "candidate": "cand-1.1-g00000000", "commit": sha, "configuration": digest, "dataset": null,
            "head": sha, "merge_request": 1, "metrics": {"accuracy": "0.94"}, "model": "iris",
            "model_digest": digest, "predecessor": null, "report": digest, "source": "7", "version": "v3",
        }))
        .unwrap()
    }

    fn judged(&self) -> Vec<String> {
        vec![format!("{}  m/model.json", Digest::of(MODEL).hex())]
    }

    /// What the files are called before they are a version: by the digest of their manifest, as a report has it.
    fn manifest(&self) -> String {
        let mut files: Vec<Artifact> = self
            .files
            .iter()
            .map(|(path, bytes)| Artifact {
                path: (*path).to_owned(),
                size: bytes.len() as u64,
                sha256: Digest::of(bytes),
            })
            .collect();
        files.sort();
        Report { artifacts: files, ..report() }.model_digest().to_string()
    }

    fn tag(&self, message: &str) {
        git(&self.repo(), &["tag", "-a", "iris@v3.0.0", &self.commit, "-m", message]);
    }

    fn tagged(self) -> Self {
        let message = format!("{}\nsignature: ed25519:AAAA", self.lineage(&self.judged()).canonical());
        self.tag(&message);
        self
    }

    /// Runs the publish job of a model with this toolchain.
    fn publish(&self, toolchain: &str) -> Told {
        self.run(toolchain, "publish", "publish")
    }

    /// Runs a job of a model with this toolchain.
    fn run(&self, toolchain: &str, job: &str, action: &str) -> Told {
        let files = generator::generate(&config(toolchain), Dialect::GitLab, &Existing::new()).unwrap();
        let file: serde_yaml::Value = serde_yaml::from_str(&files[0].content).unwrap();
        let lines = file[format!("iris:{job}")]["script"].as_sequence().unwrap();
        let script: Vec<&str> = lines.iter().map(|line| line.as_str().unwrap()).collect();

        let checkout = tempfile::tempdir().unwrap();
        let origin = format!("file://{}", self.repo().display());
        git(checkout.path(), &["clone", "--quiet", "--no-tags", "--depth=1", &origin, "."]);
        let forge = Forge::start(archive(&self.files), self.answer);
        let output = Command::new("sh")
            .args(["-e", "-c", &script.join("\n")])
            .current_dir(checkout.path())
            .env("CI_API_V4_URL", format!("http://{}/api/v4", forge.address))
            .env("CI_PROJECT_ID", "42")
            .env("CI_JOB_TOKEN", "job-token")
            .env("MERGEWRIGHT_ACTION", action)
            .env("MERGEWRIGHT_ENVIRONMENT", "staging")
            .env("MERGEWRIGHT_MODEL", "iris")
            .env("MERGEWRIGHT_VERSION", &self.version)
            .env("MERGEWRIGHT_COMMIT", &self.commit)
            .env("MERGEWRIGHT_SOURCE", "7")
            .env("no_proxy", "127.0.0.1")
            .output()
            .unwrap();
        let requests = forge.requests.lock().unwrap().clone();
        Told { output, requests, checkout }
    }
}

fn report() -> Report {
    let sha = "0".repeat(40);
    serde_json::from_value(serde_json::json!({
        "model": "iris", "head": sha, "job": 8, "source": "7", "metrics": {}, "unusable": {}, "tests": null,
        "artifacts": [], "dataset": null,
    }))
    .unwrap()
}

/// A configuration with every job, for a model with this toolchain.
fn config(toolchain: &str) -> RepositoryConfig {
    let text = format!(
        "version: 1\nmodels:\n  iris:\n    root: m\n    toolchain: {{kind: {toolchain}}}\n    build: {{artifacts: [model.json]}}\n    test: {{run: ['cp model.json measured', 'cp train.py data'], reports: {{metrics: metrics.json}}}}\n    schedules: {{live: {{cron: \"7 3 * * *\", task: evaluate}}}}\n    version: {{strategy: sequence}}\n    publish: {{run: ['cp model.json published && printf %s \"$MERGEWRIGHT_VERSION\" >version']}}\n    environments: {{staging: {{}}}}\n    deploy:\n      run: ['cp model.json published', 'echo forth >direction']\n      rollback: ['cp model.json published', 'echo back >direction']\n      verify: ['test -s direction && echo \"$MERGEWRIGHT_ENVIRONMENT\" >verified']\n"
    );
    repository::parse(&text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn git(folder: &Path, words: &[&str]) -> String {
    let identity = [
        "-c",
        "user.name=Test",
        "-c",
        "user.email=test@example.com",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "tag.gpgsign=false",
    ];
    let done = Command::new("git").args(identity).args(words).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// GitLab's artifact download and an object store beside it; ends with the test's process.
struct Forge {
    address: std::net::SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Forge {
    fn start(archive: Vec<u8>, answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let request = head(&mut stream);
                let stored = request.starts_with("GET /store/");
                seen.lock().unwrap().push(request);
                let reply = match answer {
                    Answer::Missing => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(),
                    Answer::Redirect if !stored => format!(
                        "HTTP/1.1 302 Found\r\nLocation: http://{address}/store/a.zip\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    )
                    .into_bytes(),
                    Answer::Archive | Answer::Redirect => {
                        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", archive.len());
                        [head.as_bytes(), &archive].concat()
                    }
                };
                let _client_may_be_gone = stream.write_all(&reply);
            }
        });
        Self { address, requests }
    }
}

fn head(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        read.push(byte[0]);
    }
    String::from_utf8_lossy(&read).into_owned()
}

fn the_judged_bytes_are_published_from_the_tagged_commit(toolchain: &str) {
    let mut world = World::new().tagged();
    world.files.push(("m/not-judged.bin", b"x"));
    let told = world.publish(toolchain);
    assert!(told.output.status.success(), "{toolchain}: {}", told.err());
    let out = String::from_utf8_lossy(&told.output.stdout).into_owned();
    assert!(out.contains("1 file(s) of iris v3 verified"), "{out}");
    let read = |name: &str| fs::read(told.checkout.path().join("m").join(name));
    assert_eq!(read("published").unwrap(), MODEL);
    assert_eq!(read("version").unwrap(), b"v3");
    assert_eq!(read("train.py").unwrap(), b"judged\n", "the branch has moved on, the job has not");
    assert!(read("not-judged.bin").is_err(), "what nobody judged is not there");
    let [request] = told.requests.as_slice() else { panic!("{:?}", told.requests) };
    assert!(request.starts_with("GET /api/v4/projects/42/jobs/7/artifacts HTTP/1.1\r\n"), "{request}");
    assert!(request.to_lowercase().contains("\r\njob-token: job-token\r\n"), "{request}");
}

fn the_token_does_not_follow_to_the_object_store(toolchain: &str) {
    let mut world = World::new().tagged();
    world.answer = Answer::Redirect;
    let told = world.publish(toolchain);
    assert!(told.output.status.success(), "{toolchain}: {}", told.err());
    let [first, second] = told.requests.as_slice() else { panic!("{:?}", told.requests) };
    assert!(first.to_lowercase().contains("job-token"));
    assert!(
        second.starts_with("GET /store/a.zip") && !second.to_lowercase().contains("job-token"),
        "{second}"
    );
}

fn bytes_that_were_not_judged_are_refused(toolchain: &str) {
    let mut world = World::new().tagged();
    world.files = vec![("m/model.json", b"{\"weights\": [6, 6, 6]}\n")];
    let told = world.publish(toolchain);
    told.refused("m/model.json is not the file that was judged");
    assert!(!told.checkout.path().join("m/model.json").exists(), "not even put in its place");
    world.files = vec![("m/other.json", MODEL)];
    world.publish(toolchain).refused("not among the artifacts of job 7");
    world.answer = Answer::Missing;
    world.publish(toolchain).refused("404");
}

fn a_version_without_its_tag_is_refused(toolchain: &str) {
    let world = World::new();
    world.publish(toolchain).refused("iris@v3.0.0");
    git(&world.repo(), &["tag", "iris@v3.0.0", &world.commit]);
    world.publish(toolchain).refused("carries no lineage record");
    git(&world.repo(), &["tag", "-d", "iris@v3.0.0"]);
    let message = world.lineage(&world.judged()).canonical();
    git(&world.repo(), &["tag", "-a", "iris@v3.0.0", "main", "-m", &message]);
    world.publish(toolchain).refused("is not on commit");
}

fn a_record_of_something_else_is_refused(toolchain: &str) {
    for (wrong, why) in [("\"v3\"}", "belongs to something else"), ("\"iris\",", "belongs to something else")]
    {
        let world = World::new();
        let record = world.lineage(&world.judged()).canonical();
        assert!(record.contains(wrong));
        world.tag(&record.replace(wrong, &wrong.replace("v3", "v4").replace("iris", "rose")));
        world.publish(toolchain).refused(why);
    }
    let world = World::new();
    world.tag("just a tag");
    world.publish(toolchain).refused("record");
}

fn a_record_that_leads_out_of_the_checkout_is_refused(toolchain: &str) {
    let digest = Digest::of(MODEL).hex();
    for entry in [
        "../escape",
        "/tmp/escape",
        "m/../../escape",
        ".git/hooks/post-checkout",
        "m//model.json",
        "m/./model.json",
    ] {
        let world = World::new();
        world.tag(&world.lineage(&[format!("{digest}  {entry}")]).canonical());
        world.publish(toolchain).refused("malformed entry");
    }
    for artifacts in
        [vec![], vec!["m/model.json".to_owned()], vec![format!("{}  m/model.json", &digest[1..])]]
    {
        let world = World::new();
        world.tag(&world.lineage(&artifacts).canonical());
        world.publish(toolchain).refused("record");
    }
}

fn several_files_are_all_proved_before_any_is_placed(toolchain: &str) {
    let mut world = World::new();
    world.files = vec![("m/model.json", MODEL), ("m/deep/er/tokens, \u{fc}.txt", b"tokens")];
    let mut artifacts = world.judged();
    artifacts.push(format!("{}  m/deep/er/tokens, \u{fc}.txt", Digest::of("tokens").hex()));
    world.tag(&world.lineage(&artifacts).canonical());
    let told = world.publish(toolchain);
    assert!(told.output.status.success(), "{toolchain}: {}", told.err());
    assert_eq!(fs::read(told.checkout.path().join("m/deep/er/tokens, \u{fc}.txt")).unwrap(), b"tokens");
    world.files = vec![("m/model.json", MODEL), ("m/deep/er/tokens, \u{fc}.txt", b"tampered")];
    let told = world.publish(toolchain);
    told.refused("is not the file that was judged");
    assert!(!told.checkout.path().join("m/model.json").exists());
}

fn a_symbolic_link_in_the_way_is_refused(toolchain: &str) {
    let world = World::new();
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), world.repo().join("link")).unwrap();
    git(&world.repo(), &["add", "."]);
    git(&world.repo(), &["commit", "--quiet", "-m", "link"]);
    let mut world = World { commit: git(&world.repo(), &["rev-parse", "HEAD"]), ..world };
    world.files = vec![("link/model.json", MODEL)];
    world.tag(&world.lineage(&[format!("{}  link/model.json", Digest::of(MODEL).hex())]).canonical());
    world.publish(toolchain).refused("behind a symbolic link");
    assert!(!outside.path().join("model.json").exists());
}

fn a_job_started_by_hand_is_refused(toolchain: &str) {
    let mut world = World::new().tagged();
    for version in ["", "v3; echo", "3", "v"] {
        world.version = version.to_owned();
        world.publish(toolchain).refused("MERGEWRIGHT_VERSION is missing or malformed");
    }
}

fn a_deploy_job_brings_the_judged_bytes_out_or_back(toolchain: &str) {
    let mut world = World::new().tagged();
    for (action, direction) in [("deploy", "forth\n"), ("rollback", "back\n")] {
        let told = world.run(toolchain, "deploy", action);
        assert!(told.output.status.success(), "{toolchain}: {}", told.err());
        let read = |name: &str| fs::read_to_string(told.checkout.path().join("m").join(name)).unwrap();
        assert_eq!(read("published").as_bytes(), MODEL);
        assert_eq!((read("direction").as_str(), read("verified").as_str()), (direction, "staging\n"));
    }
    world.files = vec![("m/model.json", b"{\"weights\": [6, 6, 6]}\n")];
    world.run(toolchain, "deploy", "deploy").refused("is not the file that was judged");
}

fn a_version_is_measured_on_the_data_of_another_commit(toolchain: &str) {
    let mut world = World::new().tagged();
    world.commit = git(&world.repo(), &["rev-parse", "main"]);
    let told = world.run(toolchain, "evaluate", "evaluate");
    assert!(told.output.status.success(), "{toolchain}: {}", told.err());
    let read = |name: &str| fs::read(told.checkout.path().join("m").join(name)).unwrap();
    assert_eq!((read("measured"), read("data")), (MODEL.to_vec(), b"later\n".to_vec()));
    world.files = vec![("m/model.json", b"{\"weights\": [6, 6, 6]}\n")];
    world.run(toolchain, "evaluate", "evaluate").refused("is not the file that was judged");
}

/// Files whose paths sort otherwise by folder, by length or by the words of a language than by their bytes.
fn several_files() -> Vec<(&'static str, &'static [u8])> {
    vec![
        ("m/model.json", MODEL),
        ("m/a.b/z", b"1"),
        ("m/a/tokens, \u{fc}.txt", b"tokens"),
        ("m/Z", b""),
        ("m/a-b", b"3"),
    ]
}

fn a_build_that_is_no_version_is_measured_and_proved_by_its_manifest(toolchain: &str) {
    let mut world = World::new();
    world.commit = git(&world.repo(), &["rev-parse", "main"]);
    world.files = several_files();
    world.version = world.manifest();
    let told = world.run(toolchain, "evaluate", "evaluate");
    assert!(told.output.status.success(), "{toolchain}: {}", told.err());
    let read = |name: &str| fs::read(told.checkout.path().join("m").join(name)).unwrap();
    assert_eq!((read("measured"), read("data")), (MODEL.to_vec(), b"later\n".to_vec()));
    assert_eq!(read("a/tokens, \u{fc}.txt"), b"tokens");
    for other in [vec![("m/model.json", MODEL)], {
        let mut files = several_files();
        files[1].1 = b"2";
        files
    }] {
        world.files = other;
        world.run(toolchain, "evaluate", "evaluate").refused("the SHA-256 of their manifest differs");
    }
    world.files = vec![("m/model.json", MODEL), ("m/../../escaped", b"x")];
    world.version = world.manifest();
    let told = world.run(toolchain, "evaluate", "evaluate");
    assert!(!told.output.status.success() && !told.checkout.path().join("m/measured").exists());
    for malformed in ["sha256:", "sha256:12zz", "sha256:$(id)", "3", "sha256:v3", ""] {
        world.version = malformed.to_owned();
        world.run(toolchain, "evaluate", "evaluate").refused("");
    }
}

fn no_build_that_is_no_version_is_published(toolchain: &str) {
    let mut world = World::new().tagged();
    world.version = world.manifest();
    world.publish(toolchain).refused("MERGEWRIGHT_VERSION is missing or malformed");
    world.run(toolchain, "deploy", "deploy").refused("MERGEWRIGHT_VERSION is missing or malformed");
}

fn a_clock_has_measured_what_is_live(toolchain: &str) {
    let mut world = World::new().tagged();
    world.version = String::new();
    world.run(toolchain, "live", "live").refused("nothing of iris is live in staging yet");
    git(&world.repo(), &["tag", "-a", "iris#staging#9", "main", "-m", "another"]);
    git(&world.repo(), &["tag", "-a", "iris#staging#10", &world.commit, "-m", "the last one"]);
    let told = world.run(toolchain, "live", "live");
    assert!(told.output.status.success(), "{toolchain}: {}", told.err());
    assert_eq!(fs::read(told.checkout.path().join("m/measured")).unwrap(), MODEL);
    let [request] = told.requests.as_slice() else { panic!("{:?}", told.requests) };
    assert!(request.contains("/jobs/7/artifacts"), "the record says where the bytes lie: {request}");
}
