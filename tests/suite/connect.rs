//! `connect` as people run it, against a forge on loopback.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use mergewright::config::server::ServerConfig;
use mergewright::domain::{ForgeKind, SystemClock};
use mergewright::forge::{Forge as _, GitHub};
use mergewright::sandbox::{Role, Sandbox, SandboxOptions, SandboxProject};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mergewright");
const SIGNING_TOKEN: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const BOT: &str = "mergewright-bot";

async fn forge(forge: ForgeKind) -> Sandbox {
    let options = SandboxOptions { forge, ..SandboxOptions::by_hand(Arc::new(SystemClock)) };
    Sandbox::start(options).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A GitLab, and the configuration of a bot that signs in there.
struct Scene {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn with(repositories: &str, secrets: &str) -> Self {
        let sandbox = forge(ForgeKind::GitLab).await;
        let folder = tempfile::tempdir().unwrap();
        let lines = [
            "public_url: https://bot.example/",
            "database_url: sqlite://bot.db",
            &format!("repositories: {repositories}"),
            "gitlab:",
            &format!("  url: {}", sandbox.url()),
            "  token: {env: TOKEN}",
            "  write_interval: 0s",
            &format!("  {secrets}"),
        ];
        std::fs::write(folder.path().join("mergewright.yml"), lines.join("\n")).unwrap();
        Self { sandbox, folder }
    }

    fn project(&self, path: &str, role: Role) -> SandboxProject {
        let _account = self.sandbox.bot(BOT);
        let project = self.sandbox.create_project(path).unwrap();
        project.member(BOT, role).unwrap();
        project
    }

    fn connect(&self, words: &[&str]) -> Output {
        Command::new(PROGRAM)
            .args(["connect", "gitlab", "--config"])
            .arg(self.folder.path().join("mergewright.yml"))
            .args(words)
            .env("TOKEN", self.sandbox.bot(BOT).token())
            .env("SIGNING", SIGNING_TOKEN)
            .env("PLAIN", "plain-token-of-the-hook")
            .output()
            .unwrap()
    }

    /// One request as the bot.
    async fn ask(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        let url = format!("{}/api/v4{path}", self.sandbox.url());
        let request = reqwest::Client::new().request(method, url);
        let request = request.header("private-token", self.sandbox.bot(BOT).token()).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn hooks(&self, project: &SandboxProject) -> Vec<Value> {
        let path = format!("/projects/{}/hooks", project.id());
        serde_json::from_value(self.ask(reqwest::Method::GET, &path, Value::Null).await).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_project_that_is_served_gets_one_webhook_and_keeps_it() {
    let scene = Scene::with("[\"group/*\"]", "webhook_signing_tokens: [{env: SIGNING}]").await;
    let project = scene.project("group/models", Role::Maintainer);
    let _second = scene.project("group/others", Role::Maintainer);
    let elsewhere = scene.project("elsewhere/models", Role::Maintainer);
    let powerless = scene.project("group/readonly", Role::Developer);

    let looked = scene.connect(&["--dry-run"]);
    assert_eq!(looked.status.code(), Some(0), "{}", text(&looked.stderr));
    assert_eq!(text(&looked.stdout), "group/models: would be created\ngroup/others: would be created\n");
    assert!(scene.hooks(&project).await.is_empty(), "a dry run writes nothing");

    let done = scene.connect(&[]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert_eq!(text(&done.stdout), "group/models: created\ngroup/others: created\n");
    let hooks = scene.hooks(&project).await;
    assert_eq!(hooks.len(), 1);
    assert_eq!(hooks[0]["url"], "https://bot.example/webhooks/gitlab");
    for name in
        ["merge_requests", "note", "pipeline", "job", "push", "tag_push", "deployment", "releases", "emoji"]
    {
        assert_eq!(hooks[0][format!("{name}_events")], true, "{name}");
    }
    assert_eq!(
        (&hooks[0]["signing_token_present"], &hooks[0]["token_present"]),
        (&json!(true), &json!(false))
    );
    for other in [&elsewhere, &powerless] {
        let requests = scene.sandbox.requests().into_iter();
        let asked =
            requests.filter(|one| one.url.contains(&format!("/projects/{}/hooks", other.id()))).count();
        assert_eq!(asked, 0, "not ours to set up");
    }

    let again = scene.connect(&[]);
    assert_eq!(text(&again.stdout), "group/models: as it should be\ngroup/others: as it should be\n");
    let renewed = scene.connect(&["--renew"]);
    assert_eq!(text(&renewed.stdout), "group/models: renewed\ngroup/others: renewed\n");
    assert_eq!(scene.hooks(&project).await, hooks, "neither doubled nor changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_of_ours_that_hears_too_little_is_corrected_and_another_is_left_alone() {
    let scene = Scene::with("[group/models]", "webhook_tokens: [{env: PLAIN}]").await;
    let project = scene.project("group/models", Role::Maintainer);
    let path = format!("/projects/{}/hooks", project.id());
    for url in ["https://bot.example/webhooks/gitlab", "https://other.example/hook"] {
        let body = json!({"url": url, "push_events": true, "merge_requests_events": true});
        scene.ask(reqwest::Method::POST, &path, body).await;
    }
    let before = scene.hooks(&project).await;
    let done = scene.connect(&["--json"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let told: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(told[0]["change"], "updated");
    assert_eq!(told[0]["hook"], before[0]["id"]);
    let fields: Vec<String> = serde_json::from_value(told[0]["fields"].clone()).unwrap();
    assert!(
        fields.contains(&"note_events".to_owned()) && fields.contains(&"token_present".to_owned()),
        "{fields:?}"
    );
    let after = scene.hooks(&project).await;
    assert_eq!(after.len(), 2);
    assert_eq!((&after[0]["note_events"], &after[0]["token_present"]), (&json!(true), &json!(true)));
    assert_eq!(after[1], before[1]);
    for output in [&done.stdout, &done.stderr] {
        assert!(!text(output).contains("plain-token-of-the-hook"));
    }

    let twice = json!({"url": "https://bot.example/webhooks/gitlab"});
    let second = scene.ask(reqwest::Method::POST, &path, twice).await;
    let told = text(&scene.connect(&[]).stdout);
    assert!(told.contains(&format!("webhook {} leads here too", second["id"])), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gitlab_that_forgets_signing_tokens_is_told_of() {
    for (secrets, advice) in [
        ("webhook_signing_tokens: [{env: SIGNING}]", "configure `webhook_tokens` in place of"),
        (
            "webhook_signing_tokens: [{env: SIGNING}]\n  webhook_tokens: [{env: PLAIN}]",
            "take `webhook_signing_tokens` out of the configuration",
        ),
    ] {
        let scene = Scene::with("[group/models]", secrets).await;
        let project = scene.project("group/models", Role::Maintainer);
        scene.sandbox.forgets_signing_tokens(true);
        let done = scene.connect(&[]);
        assert_eq!(done.status.code(), Some(1), "every delivery would be refused");
        assert!(text(&done.stderr).contains(advice), "{}", text(&done.stderr));
        let hooks = scene.hooks(&project).await;
        assert_eq!(hooks[0]["token_present"], secrets.contains("PLAIN"), "what can be done is done");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_connected_is_told_and_the_rest_is() {
    let scene =
        Scene::with("[group/models, group/gone, group/readonly]", "webhook_tokens: [{env: PLAIN}]").await;
    let project = scene.project("group/models", Role::Maintainer);
    let _powerless = scene.project("group/readonly", Role::Developer);
    let done = scene.connect(&[]);
    assert_eq!(done.status.code(), Some(1));
    let told = text(&done.stdout);
    assert!(told.contains("group/gone: not connected: there is no such project"), "{told}");
    assert!(told.contains("group/readonly: not connected: GitLab does not allow the bot to"), "{told}");
    assert!(told.contains("group/models: created"), "{told}");
    assert_eq!(scene.hooks(&project).await.len(), 1);

    let nothing = Scene::with("[\"group/*\"]", "webhook_tokens: [{env: PLAIN}]").await;
    let done = nothing.connect(&[]);
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("may manage no project"), "{}", text(&done.stderr));
}

#[test]
fn without_an_address_of_the_bot_there_is_nothing_to_connect() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mergewright.yml");
    let run = |forge: &str, config: &str| {
        std::fs::write(&file, config).unwrap();
        let words = ["connect", forge, "--config", file.to_str().unwrap()];
        let done = Command::new(PROGRAM).args(words).env("TOKEN", "token-of-the-bot").output().unwrap();
        (done.status.code(), text(&done.stderr))
    };
    let gitlab = "gitlab: {token: {env: TOKEN}, webhook_tokens: [{env: TOKEN}]}\n";
    for (forge, config, advice) in [
        ("gitlab", gitlab, "`public_url` is missing"),
        ("github", gitlab, "`public_url` is missing"),
        ("gitlab", "public_url: https://bot.example\n", "gitlab"),
        ("github", "public_url: [\n", "mergewright.yml"),
    ] {
        let (status, told) = run(forge, config);
        assert_eq!(status, Some(2), "{forge}: {told}");
        assert!(told.contains(advice), "{told}");
    }
}

/// What a form's field or address holds.
fn attribute(html: &str, before: &str) -> String {
    let (_, after) = html.split_once(before).unwrap_or_else(|| panic!("no {before} in {html}"));
    let (value, _) = after.split_once('"').unwrap();
    value.replace("&quot;", "\"").replace("&#x2f;", "/").replace("&amp;", "&")
}

/// `connect github` that waits for its answer, with the address that it shows.
struct Waiting {
    child: std::process::Child,
    told: BufReader<std::process::ChildStderr>,
    address: String,
}

impl Waiting {
    fn start(config: &Path, words: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["connect", "github", "--config"])
            .arg(config)
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        told.read_line(&mut line).unwrap();
        let (_, after) = line.split_once("Open ").unwrap_or_else(|| panic!("no address: {line}"));
        let address = after.split(' ').next().unwrap().trim_end_matches('/').to_owned();
        Self { child, told, address }
    }

    /// Its status, and what it printed.
    fn ends(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.told.read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn github_makes_an_app_from_a_page_on_this_machine_and_the_bot_signs_in_as_it() {
    let sandbox = forge(ForgeKind::GitHub).await;
    sandbox.enterprise_server(true);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("mergewright.yml");
    let first = format!("public_url: https://bot.example/\ngithub:\n  api_url: {}/api/v3\n", sandbox.url());
    std::fs::write(&config, &first).unwrap();
    let waiting = Waiting::start(&config, &["--organization", "acme"]);
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();

    // Only under its own address, and only for the answer to its own question.
    let elsewhere = browser.get(&waiting.address).header("host", "evil.example").send().await.unwrap();
    assert_eq!(elsewhere.status(), 400);
    assert!(!elsewhere.text().await.unwrap().contains("state="));
    for wrong in ["/callback", "/callback?code=stolen", "/callback?code=stolen&state=guessed"] {
        let answer = browser.get(format!("{}{wrong}", waiting.address)).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{wrong}");
    }

    let page = browser.get(&waiting.address).send().await.unwrap().text().await.unwrap();
    let action = attribute(&page, "form action=\"");
    assert!(
        action.starts_with(&format!("{}/organizations/acme/settings/apps/new?state=", sandbox.url())),
        "{action}"
    );
    let manifest = attribute(&page, "name=\"manifest\" value=\"");
    let asked: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(asked["hook_attributes"]["url"], "https://bot.example/webhooks/github");
    assert_eq!(asked["public"], false);
    // It may not hear of what it may not read: GitHub would refuse the manifest as a whole.
    let kind = "application/x-www-form-urlencoded";
    let mut deaf = asked.clone();
    deaf["default_permissions"]["merge_queues"].take();
    let form = format!("manifest={}", utf8_percent_encode(&deaf.to_string(), NON_ALPHANUMERIC));
    let sent = browser.post(&action).header("content-type", kind).body(form).send().await.unwrap();
    assert_eq!(sent.status(), 422);
    let form = format!("manifest={}", utf8_percent_encode(&manifest, NON_ALPHANUMERIC));
    let sent = browser.post(&action).header("content-type", kind).body(form).send().await.unwrap();
    assert_eq!(sent.status(), 302);
    let back = sent.headers()["location"].to_str().unwrap().to_owned();
    assert!(back.starts_with(&waiting.address), "{back}");
    assert_eq!(browser.get(&back).send().await.unwrap().status(), 200);

    let (status, out, err) = waiting.ends();
    assert_eq!(status, Some(0), "{err}");
    assert!(
        out.contains("apps/mergewright-acme/installations/new") && out.contains("@mergewright-acme"),
        "{out}"
    );
    for name in ["github-app.pem", "github-webhook.secret"] {
        let file = folder.path().join(name);
        let secret = std::fs::read_to_string(&file).unwrap();
        assert!(!secret.is_empty() && !out.contains(&secret) && !err.contains(&secret), "{name}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    // What was printed is a configuration with which the bot signs in.
    let (_, section) = out.split_once("github:\n").unwrap();
    let (section, _) = section.split_once("\n\n").unwrap();
    std::fs::write(&config, format!("public_url: https://bot.example\ngithub:\n{section}\n")).unwrap();
    let judged = ServerConfig::load(&config, &|_| None).unwrap();
    sandbox.app("mergewright-acme", &[]).unwrap().install("acme").unwrap();
    let github = GitHub::new(&judged.github.unwrap(), Arc::new(SystemClock)).unwrap();
    assert_eq!(github.whoami().await.unwrap().login, "mergewright-acme[bot]");

    let words = ["connect", "github", "--config", config.to_str().unwrap()];
    let again = Command::new(PROGRAM).args(words).output().unwrap();
    assert_eq!(again.status.code(), Some(1), "a key is not overwritten");
    assert!(text(&again.stderr).contains("is there already"), "{}", text(&again.stderr));
}

#[cfg(target_os = "linux")]
#[test]
fn where_secrets_cannot_be_kept_no_app_is_made() {
    use std::io::Write as _;
    // A configuration that can be read, in a folder where nothing can be written.
    let mut child = Command::new(PROGRAM)
        .args(["connect", "github", "--config", "/proc/self/fd/0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"public_url: https://bot.example\n").unwrap();
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    let told = text(&done.stderr);
    assert!(told.contains("nothing can be written into /proc/self/fd") && !told.contains("Open "), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_github_does_not_know_makes_no_app() {
    let sandbox = forge(ForgeKind::GitHub).await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("mergewright.yml");
    let first = format!(
        "public_url: https://bot.example\nmode: observe\ngithub: {{api_url: \"{}\"}}\n",
        sandbox.url()
    );
    std::fs::write(&config, &first).unwrap();
    let waiting = Waiting::start(&config, &["--json"]);
    let page = reqwest::get(&waiting.address).await.unwrap().text().await.unwrap();
    let action = attribute(&page, "form action=\"");
    assert!(action.starts_with(&format!("{}/settings/apps/new?state=", sandbox.url())), "{action}");
    let asked: Value = serde_json::from_str(&attribute(&page, "name=\"manifest\" value=\"")).unwrap();
    let rights = asked["default_permissions"].as_object().unwrap();
    assert!(rights.values().all(|level| level == "read"), "who only watches need not write: {rights:?}");
    let (_, state) = action.split_once("state=").unwrap();
    let told = format!("{}/callback?code=unknown&state={state}", waiting.address);
    assert_eq!(reqwest::get(told).await.unwrap().status(), 200);
    let (status, out, err) = waiting.ends();
    assert_eq!((status, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("could not hand out the new App's key"), "{err}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only the configuration");
}
