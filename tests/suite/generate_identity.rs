//! The lines by which a job of GitHub's gets its identity tokens, executed as a runner executes them: with
//! real shells, and a server on loopback in the place of GitHub's own service.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use mergewright::config::repository;
use mergewright::generator::{self, Dialect, Existing};

use crate::scripted::closed_door;

/// The credential with which a job asks.
pub(crate) const CREDENTIAL: &str = "runner-credential";
/// The shells in which GitHub runs lines: the named one, and what an image brings.
const SHELLS: &[&[&str]] =
    &[&["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"], &["sh", "-e", "-c"]];

/// The service: what it was asked, and how it answers.
pub(crate) struct Service {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Service {
    /// Answers every request with this status, which may have headers behind it, and body; `AUDIENCE` in the
    /// body is what was asked for.
    pub(crate) fn answering(status: impl Into<String>, body: &'static str) -> Self {
        let status = status.into();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/token?api-version=2.0", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let head = head(&mut stream);
                let audience = head.split_once("&audience=").map_or("", |(_, rest)| rest);
                let audience = audience.split(' ').next().unwrap_or_default().replace(['%', ':'], "_");
                heard.lock().unwrap().push(head);
                let body = body.replace("AUDIENCE", &audience);
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                )
                .unwrap();
            }
        });
        Self { address, asked }
    }

    pub(crate) fn good() -> Self {
        Self::answering("200 OK", r#"{"count": 1, "value": "head.AUDIENCE.sign-_"}"#)
    }

    /// The targets that were asked for, each with the credential.
    pub(crate) fn asked(&self) -> Vec<String> {
        let heads = self.asked.lock().unwrap();
        let target = |head: &String| {
            let lower = head.to_ascii_lowercase();
            assert!(lower.contains(&format!("authorization: bearer {CREDENTIAL}\r\n")), "{head}");
            head.split(' ').nth(1).unwrap().to_owned()
        };
        heads.iter().map(target).collect()
    }
}

fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// The steps of a job with people's own lines: title, variables and script.
fn steps(model: &str, job: &str) -> Vec<(String, BTreeMap<String, String>, String)> {
    let text = format!(
        "version: 1\nmodels:\n  iris:\n    test: {{reports: {{metrics: m.json}}}}\n    version: {{strategy: sequence}}\n    environments: {{staging: {{}}}}\n    {model}\n"
    );
    let config = repository::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let file = generator::generate(&config, Dialect::GitHub, &Existing::new()).unwrap().remove(0);
    let workflow: serde_yaml::Value = serde_yaml::from_str(&file.content).unwrap();
    let all = workflow["jobs"][job]["steps"].as_sequence().unwrap();
    let own = all.iter().filter(|step| {
        ["Publish", "Deploy", "Roll back", "Verify"].contains(&step["name"].as_str().unwrap())
    });
    own.map(|step| {
        let env = step["env"].as_mapping().into_iter().flatten();
        let env = env.map(|(name, value)| (name.as_str().unwrap().into(), value.as_str().unwrap().into()));
        (step["name"].as_str().unwrap().to_owned(), env.collect(), step["run"].as_str().unwrap().to_owned())
    })
    .collect()
}

/// The only step of the publish job with these lines.
fn publish(run: &str, tokens: &str) -> (BTreeMap<String, String>, String) {
    let quoted = serde_json::to_string(run).unwrap();
    let mut all = steps(&format!("publish: {{run: [{quoted}], id_tokens: {{{tokens}}}}}"), "publish");
    let (_, env, script) = all.remove(0);
    (env, script)
}

/// Runs a script as a step of a job: the service at `address`, and nothing of this process's own variables
/// but where programs are.
fn run(shell: &[&str], script: &str, address: Option<&str>, env: &BTreeMap<String, String>) -> Output {
    run_with(shell, script, address, env, &std::env::var("PATH").unwrap())
}

fn run_with(
    shell: &[&str],
    script: &str,
    address: Option<&str>,
    env: &BTreeMap<String, String>,
    path: &str,
) -> Output {
    let folder = tempfile::tempdir().unwrap();
    for file in ["env", "output", "state"] {
        fs::write(folder.path().join(file), "").unwrap();
    }
    let program = ["/bin", "/usr/bin"].map(|place| Path::new(place).join(shell[0]));
    let program = program.iter().find(|program| program.exists()).unwrap();
    let mut command = Command::new(program);
    command.args(&shell[1..]).arg(script).current_dir(folder.path()).env_clear().env("PATH", path).envs(env);
    for file in ["env", "output", "state"] {
        command.env(format!("GITHUB_{}", file.to_uppercase()), folder.path().join(file));
    }
    if let Some(address) = address {
        // As GitHub's runner gives them; no proxy of the machine stands before a server on loopback.
        command.env("ACTIONS_ID_TOKEN_REQUEST_URL", address);
        command.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", CREDENTIAL);
    }
    let done = command.output().unwrap();
    for file in ["env", "output", "state"] {
        let left = fs::read_to_string(folder.path().join(file)).unwrap();
        assert_eq!(left, "", "nothing is handed on to later steps: GITHUB_{file}");
    }
    done
}

fn out(done: &Output) -> String {
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// The step has ended before people's lines, with this reason, and shows neither credential nor token.
fn refused(done: &Output, why: &str) {
    let (out, err) = (out(done), String::from_utf8_lossy(&done.stderr));
    let begins = "mergewright: there is no identity token SIGSTORE_ID_TOKEN: ";
    assert!(!done.status.success() && err.contains(&format!("{begins}{why}")), "`{why}` in:\n{out}\n{err}");
    assert!(!out.contains("own lines"), "{out}");
    assert!(!format!("{out}{err}").contains(CREDENTIAL), "{out}{err}");
}

#[test]
fn lines_see_each_token_with_its_audience_and_it_is_masked_first() {
    for shell in SHELLS {
        let service = Service::good();
        let (env, script) = publish(
            r#"echo "own lines: $SIGSTORE_ID_TOKEN $B"; sh -c 'echo "child: $B"'"#,
            "SIGSTORE_ID_TOKEN: sigstore, B: 'https://b.example.com/x?y=z&a=1'",
        );
        let done = run(shell, &script, Some(&service.address), &env);
        let b = "head.https_3A_2F_2Fb.example.com_2Fx_3Fy_3Dz_26a_3D1.sign-_";
        let expected = format!(
            "::add-mask::{b}\n::add-mask::head.sigstore.sign-_\nown lines: head.sigstore.sign-_ {b}\nchild: {b}\n"
        );
        assert_eq!(out(&done), expected, "{}", String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success());
        assert_eq!(
            service.asked(),
            [
                "/token?api-version=2.0&audience=https%3A%2F%2Fb.example.com%2Fx%3Fy%3Dz%26a%3D1",
                "/token?api-version=2.0&audience=sigstore"
            ]
        );
    }
}

#[test]
fn the_shell_of_the_lines_is_as_without_tokens() {
    for shell in SHELLS {
        let service = Service::good();
        let lines = r#"type mergewright_id_token refuse >/dev/null 2>&1 && exit 7; echo "left: ${answer:-}${credential:-}${token:-}"; false; echo later"#;
        let (env, script) = publish(lines, "SIGSTORE_ID_TOKEN: sigstore");
        let done = run(shell, &script, Some(&service.address), &env);
        assert!(out(&done).ends_with("\nleft: \n"), "{}", out(&done));
        assert_eq!(done.status.code(), Some(1), "the first line that fails ends the step");
    }
}

#[test]
fn lines_that_spell_an_expression_get_their_token_too() {
    for shell in SHELLS {
        let service = Service::good();
        let (mut env, script) = publish(
            "echo \"own lines: $SIGSTORE_ID_TOKEN ${{ x }}\" | sed 's/[$]{{/(/' || true; echo '${{ x }}'",
            "SIGSTORE_ID_TOKEN: sigstore",
        );
        assert_eq!(script, "eval \"$MERGEWRIGHT_LINES\"");
        // The forge evaluates what only spells the sign.
        let lines = env.get_mut("MERGEWRIGHT_LINES").unwrap();
        *lines = lines
            .replace("${{ '${{' }}", "${{")
            .replace("own lines: $SIGSTORE_ID_TOKEN ${{ x }}", "own lines: $SIGSTORE_ID_TOKEN");
        let done = run(shell, &script, Some(&service.address), &env);
        assert!(out(&done).ends_with("own lines: head.sigstore.sign-_\n${{ x }}\n"), "{}", out(&done));
    }
}

#[test]
fn each_step_of_a_deploy_job_asks_anew() {
    let service = Service::good();
    let job =
        "deploy: {run: ['echo d $T'], rollback: ['echo r $T'], verify: ['echo v $T'], id_tokens: {T: a}}";
    let all = steps(job, "deploy");
    assert_eq!(
        all.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(),
        ["Deploy", "Roll back", "Verify"]
    );
    for ((_, env, script), word) in all.iter().zip(["d", "r", "v"]) {
        let done = run(SHELLS[0], script, Some(&service.address), env);
        assert!(out(&done).ends_with(&format!("\n{word} head.a.sign-_\n")), "{}", out(&done));
    }
    assert_eq!(service.asked().len(), 3);
}

#[test]
fn a_service_that_gives_none_ends_the_step_before_the_lines() {
    let (env, script) = publish("echo own lines", "SIGSTORE_ID_TOKEN: sigstore");
    for shell in SHELLS {
        for (status, body, why) in [
            ("403 Forbidden", "no", "GitHub's service refuses it, or does not answer"),
            ("404 Not Found", r#"{"value": "a.b.c"}"#, "GitHub's service refuses it"),
            ("200 OK", "", "the answer of GitHub's service holds none"),
            ("200 OK", "{}", "the answer of GitHub's service holds none"),
            ("200 OK", r#"{"value": ""}"#, "the answer of GitHub's service holds none"),
            ("200 OK", r#"{"value": null}"#, "the answer of GitHub's service holds none"),
            ("200 OK", "<html>value</html>", "the answer of GitHub's service holds none"),
            (
                "200 OK",
                "{\"value\": \"a\\n::stop-commands::x\"}",
                "the answer of GitHub's service holds none",
            ),
        ] {
            let service = Service::answering(status, body);
            refused(&run(shell, &script, Some(&service.address), &env), why);
            assert_eq!(service.asked().len(), 1, "{status}: it is asked once");
        }
        refused(&run(shell, &script, None, &env), "GitHub offers this job none");
        let (_kept, nobody) = closed_door();
        let address = format!("http://{nobody}/token?api-version=2.0");
        refused(
            &run(shell, &script, Some(&address), &env),
            "GitHub's service refuses it, or does not answer",
        );
    }
}

/// The credential goes to the service alone, wherever that points.
fn follows_nobody(run: impl Fn(&str) -> Output) {
    let elsewhere = Service::good();
    let service =
        Service::answering(format!("302 Found\r\nlocation: {}&audience=sigstore", elsewhere.address), "");
    refused(&run(&service.address), "");
    assert_eq!((service.asked().len(), elsewhere.asked().len()), (1, 0));
}

#[test]
fn the_credential_follows_no_redirection() {
    let (env, script) = publish("echo own lines", "SIGSTORE_ID_TOKEN: sigstore");
    for shell in SHELLS {
        follows_nobody(|address| run(shell, &script, Some(address), &env));
    }
}

#[test]
fn python_asks_where_an_image_has_no_curl_and_an_image_with_neither_is_told_so() {
    let (env, script) = publish("echo \"own lines: $SIGSTORE_ID_TOKEN\"", "SIGSTORE_ID_TOKEN: sigstore");
    // What an image holds: links to the few programs that it has.
    let image = tempfile::tempdir().unwrap();
    let found = |program: &str| {
        let paths = std::env::var("PATH").unwrap();
        let places = paths.split(':').map(|place| Path::new(place).join(program));
        places.into_iter().find(|place| place.exists()).unwrap_or_else(|| panic!("{program}"))
    };
    let add = |program: &str| {
        std::os::unix::fs::symlink(found(program), image.path().join(program)).unwrap();
    };
    // What lies on the path may be a script that needs more than itself.
    let python = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
    let python = String::from_utf8(python.stdout).unwrap();
    ["sed", "tr"].into_iter().for_each(add);
    let path = image.path().to_str().unwrap();
    for shell in SHELLS {
        let service = Service::good();
        let done = run_with(shell, &script, Some(&service.address), &env, path);
        refused(&done, "the image of this job has neither curl nor python3");
        assert!(service.asked().is_empty());
    }
    std::os::unix::fs::symlink(python.trim(), image.path().join("python3")).unwrap();
    for shell in SHELLS {
        let service = Service::good();
        let done = run_with(shell, &script, Some(&service.address), &env, path);
        assert!(
            out(&done).ends_with("\nown lines: head.sigstore.sign-_\n"),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        assert_eq!(service.asked(), ["/token?api-version=2.0&audience=sigstore"]);
        let service = Service::answering("403 Forbidden", "no");
        refused(&run_with(shell, &script, Some(&service.address), &env, path), "GitHub's service refuses it");
        follows_nobody(|address| run_with(shell, &script, Some(address), &env, path));
    }
}
