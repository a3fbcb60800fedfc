//! The server's configuration: what is written becomes what the program sees, or every problem is
//! told at once, with its place and its remedy and without any secret.

mod unusable;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use mergewright::config::server::{
    DashboardAccess, GithubCredential, LogFormat, Mode, ServerConfig, ServerConfigError,
};
use secrecy::ExposeSecret as _;

/// A folder with a configuration file, and the environment it is read in.
struct Desk {
    folder: tempfile::TempDir,
    env: BTreeMap<String, String>,
}

impl Desk {
    fn new() -> Self {
        let key = base64::engine::general_purpose::STANDARD.encode([7; 32]);
        let env = [
            ("GITHUB_WEBHOOK_SECRET", "hub-secret"),
            ("GITHUB_TOKEN", "hub-token"),
            ("GITLAB_SIGNING_TOKEN", &format!("whsec_{key}")),
            ("GITLAB_WEBHOOK_TOKEN", "lab-webhook"),
            ("GITLAB_TOKEN", "lab-token"),
            ("MERGEWRIGHT_ADMIN_TOKEN", "admin"),
            ("MERGEWRIGHT_GATES_SECRET", "gates"),
            ("EMPTY", ""),
            ("BLANK", " \n"),
        ];
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { folder: tempfile::tempdir().unwrap(), env }
    }

    fn file(self, name: &str, content: &str) -> Self {
        fs::write(self.folder.path().join(name), content).unwrap();
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn read(&self, text: &str) -> Result<ServerConfig, ServerConfigError> {
        let file = self.path().join("server.yml");
        fs::write(&file, text).unwrap();
        ServerConfig::load(&file, &|name| self.env.get(name).cloned())
    }

    /// The problems as the operator sees them, with the folder's name taken out.
    fn refusal(&self, text: &str) -> String {
        let told = self.read(text).unwrap_err().to_string();
        told.replace(&self.path().display().to_string(), "DIR")
    }
}

const GITLAB: &str = "gitlab: {webhook_tokens: [{env: GITLAB_WEBHOOK_TOKEN}], token: {env: GITLAB_TOKEN}}\n";

#[test]
fn the_documented_example_is_read_in_full() {
    let desk = Desk::new().file("registry.key", "ed25519-seed\n");
    let config = desk
        .read(
            r#"
listen: 127.0.0.1:9090
public_url: https://mergewright.example.com/
database_url: sqlite://mergewright.db          # or postgres://…
repositories: ["acme/*", "group/sub/project"]
mode: observe
admin_token: {env: MERGEWRIGHT_ADMIN_TOKEN}
dashboard: public
log: {format: json, level: "info,mergewright::outbox=debug"}
github:
  api_url: https://api.github.com
  upload_url: https://uploads.github.com
  webhook_secrets: [{env: GITHUB_WEBHOOK_SECRET}]
  token: {env: GITHUB_TOKEN}
  write_interval: 1s
gitlab:
  url: https://gitlab.com
  webhook_signing_tokens: [{env: GITLAB_SIGNING_TOKEN}]
  webhook_tokens: [{env: GITLAB_WEBHOOK_TOKEN}]
  token: {env: GITLAB_TOKEN}
  write_interval: 0s
registry_key: {file: registry.key}
commands: {prefix: /model}
workers: 8
reconcile_every: 10m
retention: {deliveries: 7d}
gates: {secret: {env: MERGEWRIGHT_GATES_SECRET}}
"#,
        )
        .unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:9090");
    assert_eq!(config.public_url.as_deref(), Some("https://mergewright.example.com"));
    let database = format!("sqlite://{}/mergewright.db", desk.path().display());
    assert_eq!(config.database_url.expose_secret(), database);
    assert!(config.repositories.contains("acme/models") && config.repositories.contains("group/sub/project"));
    assert!(!config.repositories.contains("acme/a/b") && !config.repositories.contains("group/sub"));
    assert_eq!((config.mode, config.dashboard), (Mode::Observe, DashboardAccess::Public));
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.level, "info,mergewright::outbox=debug");
    assert_eq!((config.workers, config.command_prefix.as_str()), (8, "/model"));
    assert_eq!(config.reconcile_every, Duration::from_secs(600));
    assert_eq!(config.keep_deliveries, Duration::from_secs(7 * 86_400));
    assert_eq!(config.registry_key.unwrap().expose_secret(), "ed25519-seed");
    assert_eq!(config.gates_secret.unwrap().expose_secret(), "gates");
    assert_eq!(config.admin_token.unwrap().expose_secret(), "admin");
    let github = config.github.unwrap();
    assert_eq!(github.graphql_url, "https://api.github.com/graphql");
    assert_eq!(github.webhook_secrets[0].expose_secret(), "hub-secret");
    assert!(
        matches!(&github.credential, GithubCredential::Token(token) if token.expose_secret() == "hub-token")
    );
    let gitlab = config.gitlab.unwrap();
    assert_eq!(gitlab.signing_keys[0].expose_secret(), &vec![7; 32]);
    assert_eq!(gitlab.webhook_tokens[0].expose_secret(), "lab-webhook");
    assert_eq!(gitlab.token.expose_secret(), "lab-token");
    assert_eq!(gitlab.write_interval, Duration::ZERO);
}

#[test]
fn one_forge_is_enough_and_the_rest_has_defaults() {
    let desk = Desk::new();
    let config = desk.read(GITLAB).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.public_url, None);
    assert_eq!((config.mode, config.dashboard), (Mode::Act, DashboardAccess::Token));
    assert_eq!((config.log.format, config.log.level.as_str()), (LogFormat::Text, "info"));
    assert_eq!((config.workers, config.command_prefix.as_str()), (4, "/model"));
    assert_eq!(config.reconcile_every, Duration::from_secs(300));
    assert_eq!(config.keep_deliveries, Duration::from_secs(30 * 86_400));
    assert!(config.repositories.contains("any/thing/at-all"));
    assert!(config.github.is_none() && config.admin_token.is_none() && config.gates_secret.is_none());
    let gitlab = config.gitlab.unwrap();
    assert_eq!((gitlab.url.as_str(), gitlab.write_interval), ("https://gitlab.com", Duration::from_secs(1)));
}

#[test]
fn enterprise_servers_have_their_own_addresses() {
    let github = |extra: &str| {
        let section = "github: {webhook_secrets: [{env: GITHUB_WEBHOOK_SECRET}], token: {env: GITHUB_TOKEN}";
        Desk::new().read(&format!("{section}, {extra}}}")).unwrap().github.unwrap()
    };
    for (extra, upload, graphql) in [
        ("write_interval: 2s", "https://uploads.github.com", "https://api.github.com/graphql"),
        (
            "api_url: https://ghe.acme.org/api/v3/",
            "https://ghe.acme.org/api/uploads",
            "https://ghe.acme.org/api/graphql",
        ),
        ("api_url: 'http://127.0.0.1:4000'", "http://127.0.0.1:4000", "http://127.0.0.1:4000/graphql"),
        ("api_url: https://x/api/v3, upload_url: 'https://up//'", "https://up", "https://x/api/graphql"),
    ] {
        let github = github(extra);
        assert_eq!((github.upload_url.as_str(), github.graphql_url.as_str()), (upload, graphql), "{extra}");
        assert!(!github.api_url.ends_with('/'));
    }
}

#[test]
fn an_app_signs_in_with_its_key() {
    let (pem, other) = (include_str!("../data/app/pkcs1.pem"), include_str!("../data/app/ec.pem"));
    let desk = Desk::new().file("app.pem", pem).file("app.txt", "not a key").file("ec.pem", other);
    let text = |file: &str| {
        format!(
            "github: {{webhook_secrets: [{{env: GITHUB_WEBHOOK_SECRET}}], app: {{id: 12345, private_key: {{file: {file}}}}}}}"
        )
    };
    let credential = desk.read(&text("app.pem")).unwrap().github.unwrap().credential;
    let GithubCredential::App { id, private_key } = credential else { panic!("not an App") };
    assert_eq!((id, private_key.expose_secret()), (12345, pem.trim_end()));
    let refusal = desk.refusal(&text("app.txt"));
    assert!(refusal.contains("`github.app.private_key` is not a private key in PEM form"), "{refusal}");
    let refusal = desk.refusal(&text("ec.pem"));
    assert!(refusal.contains("`github.app.private_key` is a private key, but not an RSA key"), "{refusal}");
    let locked = include_str!("../data/app/encrypted.pem");
    let desk = desk.file("locked.pem", locked);
    let locked_out = desk.refusal(&text("locked.pem"));
    assert!(locked_out.contains("is encrypted") && locked_out.contains("openssl rsa -in"), "{locked_out}");
    assert!(!locked_out.contains(locked.lines().nth(1).unwrap()), "{locked_out}");
    let absent = desk.refusal(&text("nowhere.pem"));
    assert!(absent.contains("`github.app.private_key`"), "{absent}");
    assert!(
        absent.contains("the file cannot be read") && absent.contains("relative paths start at"),
        "{absent}"
    );
    let line = other.lines().nth(1).unwrap();
    assert!(!refusal.contains(line), "{refusal}");
}

#[test]
fn secrets_come_from_files_without_their_last_line_end_and_from_nowhere_else() {
    let desk = Desk::new().file("token", "s3cret\r\n").file("empty", "\n");
    let text =
        |token: &str| format!("gitlab: {{webhook_tokens: [{{env: GITLAB_WEBHOOK_TOKEN}}], token: {token}}}");
    let config = desk.read(&text("{file: token}")).unwrap();
    assert_eq!(config.gitlab.unwrap().token.expose_secret(), "s3cret");
    for (written, told) in [
        ("glpat-topsecret", "must name where the secret is kept, never hold the secret itself"),
        ("'12345678topsecret'", "never hold the secret itself"),
        ("[topsecret]", "never hold the secret itself"),
        ("{env: ABSENT}", "the environment variable ABSENT is not set"),
        ("{env: glpat_topsecret}", "the environment variable is not set"),
        ("{env: EMPTY}", "the secret is empty"),
        ("{env: BLANK}", "the secret is empty"),
        ("{file: absent}", "the file cannot be read"),
        ("{file: empty}", "the secret is empty"),
        ("{file: .}", "the file cannot be read"),
        ("{literal: topsecret}", "must have the key `env` or `file`"),
        ("{env: GITLAB_TOKEN, file: token}", "must have exactly one key"),
        ("{env: 1}", "must name a variable or a file"),
        ("{}", "must have exactly one key"),
    ] {
        let refusal = desk.refusal(&text(written));
        assert!(refusal.contains(told) && refusal.contains("gitlab.token"), "{written}: {refusal}");
        assert!(!refusal.contains("topsecret"), "the secret was repeated: {refusal}");
    }
}

#[test]
fn a_literal_secret_is_never_repeated_whatever_else_is_wrong_around_it() {
    for text in [
        "gitlab: {token: topsecret, urll: x, webhook_tokens: topsecret}",
        "gitlab:\n  tokne: topsecret\n  webhook_tokens: [topsecret]\n",
        "admin_token: topsecret\nadmin_token: topsecret\n",
        "admin_token: 'topsecret\n",
        "admin_token: \"topsecret\\q\"\n",
        "admin_token: !!int topsecret\n",
        "admin_token: *topsecret2\n",
        "admin_token: {topsecret\n",
        "admin_token: topsecret: topsecret\n",
        "database_url: postgres://bot:topsecret@db/mergewright",
        "database_url: mysql://bot:topsecret@db/mergewright",
        "public_url: https://bot:topsecret@host",
        "gitlab: {url: 'https://bot:topsecret@host', token: {env: GITLAB_TOKEN}}",
        "log: {level: '=topsecret='}\n",
        "gates: topsecret\n",
    ] {
        let refusal = Desk::new().refusal(text);
        assert!(!refusal.contains("topsecret"), "{text}\n→ {refusal}");
    }
}

#[test]
fn every_problem_is_told_at_once_with_its_place_and_remedy() {
    let refusal = Desk::new().refusal(
        "listen: 8080
public-url: https://x
workers: 0
log: {format: jsn, level: info}
retention: {deliveries: 30}
gitlab:
  url: gitlab.com
  tokne: {env: GITLAB_TOKEN}
workers: 2
",
    );
    insta::assert_snapshot!(refusal, @r#"
    DIR/server.yml:1:9: `listen` must be an address and port such as `127.0.0.1:8080` or `"[::]:8080"`, not a number
      1 | listen:
        |         ^
      write an address and port such as `127.0.0.1:8080` or `"[::]:8080"`
    DIR/server.yml:2:1: unknown key `public-url`
      2 | public-url
        | ^^^^^^^^^^
      did you mean `public_url`?
    DIR/server.yml:3:10: `workers` must be a whole number from 1 to 256
      3 | workers: 0
        |          ^
      write a number such as `1`
    DIR/server.yml:4:15: `log.format` has an unknown value
      4 | … format: jsn
        |           ^^^
      did you mean `json`?
    DIR/server.yml:5:25: `retention.deliveries` is not a span of time
      5 | … deliveries: 30
        |               ^^
      write a whole number and its unit, such as `500ms`, `1s`, `5m`, `2h` or `30d`
    DIR/server.yml:6:1: `gitlab` has neither `webhook_signing_tokens` nor `webhook_tokens`
      6 | gitlab
        | ^^^^^^
      deliveries without a proof of origin are never believed: name at least one, `[{env: NAME}]`
    DIR/server.yml:6:1: `gitlab.token` is missing
      6 | gitlab
        | ^^^^^^
      name the access token for GitLab's API, `{env: GITLAB_TOKEN}`
    DIR/server.yml:7:8: `gitlab.url` is not the base of a web address
      7 |   url:
        |        ^
      write an address such as `https://gitlab.example.com`, without query or fragment
    DIR/server.yml:8:3: unknown key `tokne` in `gitlab`
      8 |   tokne
        |   ^^^^^
      did you mean `token`?
    DIR/server.yml:9:1: the key `workers` was written before, in line 3
      9 | workers
        | ^^^^^^^
      keep one of the two
    "#);
}

#[test]
fn a_forge_without_any_webhook_secret_is_refused() {
    for text in [
        "gitlab: {token: {env: GITLAB_TOKEN}}",
        "gitlab: {token: {env: GITLAB_TOKEN}, webhook_tokens: []}",
        "gitlab: {token: {env: GITLAB_TOKEN}, webhook_signing_tokens: []}",
        "github: {token: {env: GITHUB_TOKEN}}",
        "github: {token: {env: GITHUB_TOKEN}, webhook_secrets: []}",
    ] {
        let refusal = Desk::new().refusal(text);
        assert!(refusal.contains("name at least one"), "{text}: {refusal}");
    }
}

#[test]
fn a_signing_token_holds_exactly_32_bytes() {
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    for (value, good) in [
        (format!("whsec_{}", encode(&[1; 32])), true),
        (format!("whsec_{}", encode(&[1; 31])), false),
        (format!("whsec_{}", encode(&[1; 33])), false),
        (encode(&[1; 32]), false),
        ("whsec_not base64".to_owned(), false),
        ("whsec_".to_owned(), false),
    ] {
        let mut desk = Desk::new();
        desk.env.insert("GITLAB_SIGNING_TOKEN".to_owned(), value.clone());
        let text =
            "gitlab: {token: {env: GITLAB_TOKEN}, webhook_signing_tokens: [{env: GITLAB_SIGNING_TOKEN}]}";
        let read = desk.read(text);
        assert_eq!(read.is_ok(), good, "{value}");
        if let Err(refusal) = read {
            let told = refusal.to_string();
            assert!(told.contains("the base64 of exactly 32 bytes"), "{told}");
            assert!(value.len() < 10 || !told.contains(&value), "{told}");
        }
    }
}

#[test]
fn something_must_be_configured() {
    for text in ["", "# nothing yet\n", "{}", "workers: 2"] {
        let refusal = Desk::new().refusal(text);
        assert!(refusal.contains("no forge is configured"), "{text:?}: {refusal}");
    }
    assert!(Desk::new().refusal("[1, 2]").contains("must be a block of keys, not a list"));
}

#[test]
fn a_database_is_a_file_or_a_server() {
    let desk = Desk::new();
    let database =
        |url: &str| desk.read(&format!("{GITLAB}database_url: {url}\n")).map(|config| config.database_url);
    let dir = desk.path().display();
    for (written, read) in [
        ("sqlite:///var/lib/m.db", "sqlite:///var/lib/m.db".to_owned()),
        ("sqlite://data/m.db", format!("sqlite://{dir}/data/m.db")),
        ("'sqlite::memory:'", "sqlite::memory:".to_owned()),
        ("postgres://bot@db:5432/m", "postgres://bot@db:5432/m".to_owned()),
        ("postgresql:///m?host=/run/postgresql", "postgresql:///m?host=/run/postgresql".to_owned()),
    ] {
        assert_eq!(database(written).unwrap().expose_secret(), read);
    }
    let told = database("mysql://bot:topsecret@db/m").unwrap_err().to_string();
    assert!(told.contains("postgres://user@host/database") && !told.contains("topsecret"), "{told}");
}

#[test]
fn the_address_of_a_server_may_be_kept_with_the_secrets_and_its_password_is_one() {
    let desk = Desk::new();
    fs::write(desk.path().join("address"), "postgres://bot:top%20secret@db/m\n").unwrap();
    let config = desk.read(&format!("{GITLAB}database_url: {{file: address}}\n")).unwrap();
    assert_eq!(config.database_url.expose_secret(), "postgres://bot:top%20secret@db/m");
    let told = config.redactor().text("top%20secret, or top secret").to_string();
    assert!(!told.contains("secret"), "{told}");
}

#[test]
fn odd_values_are_refused_and_edges_are_not() {
    for (line, good) in [
        ("listen: 127.0.0.1:0", true),
        ("listen: '[::1]:80'", true),
        ("listen: localhost:80", false),
        ("listen: 127.0.0.1", false),
        ("workers: 1", true),
        ("workers: 256", true),
        ("workers: 257", false),
        ("workers: many", false),
        ("workers: 1.5", false),
        ("reconcile_every: 0s", false),
        ("reconcile_every: 500ms", true),
        ("commands: {prefix: /bot}", true),
        ("commands: {prefix: model}", false),
        ("commands: {prefix: /}", false),
        ("commands: {prefix: '/a b'}", false),
        ("repositories: []", false),
        ("repositories: acme/*", false),
        ("repositories: ['a[']", false),
        ("repositories: ['Acme/**']", true),
        ("public_url: http://host:80/base/", true),
        ("public_url: ftp://host", false),
        ("public_url: https://host?x=1", false),
        ("public_url: https://", false),
        ("dashboard: Token", false),
        ("gates: {}", true),
        ("log: {level: 'a=b=c'}", false),
        ("log: {level: warning}", false),
    ] {
        let read = Desk::new().read(&format!("{GITLAB}{line}\n"));
        assert_eq!(read.is_ok(), good, "{line}: {read:?}");
    }
}

#[test]
fn a_text_in_the_place_of_a_list_is_one_problem() {
    let refusal = Desk::new().read(&format!("{GITLAB}repositories: acme/*\n")).unwrap_err();
    assert_eq!(refusal.problems().len(), 1, "{refusal}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let absent = ServerConfig::load(Path::new("/nowhere/server.yml"), &|_name| None).unwrap_err();
    let told = absent.to_string();
    assert!(told.starts_with("/nowhere/server.yml: the configuration cannot be read"), "{told}");
    assert!(told.contains("--config"), "{told}");
}

#[test]
fn printing_a_configuration_shows_no_secret() {
    let desk = Desk::new();
    let config = desk.read(GITLAB).unwrap();
    let printed = format!("{config:?}");
    assert!(!printed.contains("lab-token") && !printed.contains("lab-webhook"), "{printed}");
    assert_eq!(config.redactor().text("PRIVATE-TOKEN: lab-token"), "PRIVATE-TOKEN: [redacted]");
}

#[test]
fn what_is_set_but_not_acted_on_is_known() {
    let desk = Desk::new();
    assert_eq!(desk.read(GITLAB).unwrap().not_acted_on, []);
    let more = format!("{GITLAB}reconcile_every: 5m\ngates: {{secret: {{env: MERGEWRIGHT_GATES_SECRET}}}}\n");
    let config = desk.read(&more).unwrap();
    let keys: Vec<_> = config.not_acted_on.iter().map(|one| one.key).collect();
    assert_eq!(keys, ["gates"], "`reconcile_every` is acted on");
}
