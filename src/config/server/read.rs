//! From the text of a file to [`ServerConfig`].

use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::fields::{Field, Reader, Section};
use super::forges::{APP_KEYS, GITHUB_KEYS, GITLAB_KEYS};
use super::level;
use super::problem::{Problems, ServerConfigError};
use super::tree::{self, Place, Value};
use super::{AllowList, DashboardAccess, LogConfig, LogFormat, Mode, NotActedOn, ServerConfig};
use crate::domain::{Learnt, database_file};

/// The largest file that is still a configuration.
const LONGEST: u64 = 1024 * 1024;

const LISTEN: &str = "127.0.0.1:8080";
const DATABASE: &str = "sqlite://mergewright.db";
const PREFIX: &str = "/model";
const WORKERS: usize = 4;
const RECONCILE_EVERY: Duration = Duration::from_secs(5 * 60);
const KEEP_DELIVERIES: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const KEYS: &[&str] = &[
    "listen",
    "public_url",
    "database_url",
    "repositories",
    "mode",
    "admin_token",
    "dashboard",
    "log",
    "github",
    "gitlab",
    "registry_key",
    "commands",
    "workers",
    "reconcile_every",
    "retention",
    "gates",
];

/// What is accepted already, but brings nothing yet.
const NOT_ACTED_ON: &[NotActedOn] = &[
    NotActedOn { key: "registry_key", instead: "tags are not signed, and signatures are not checked" },
    NotActedOn { key: "gates", instead: "there are no routes below /gates" },
    NotActedOn { key: "admin_token", instead: "there is no dashboard and no API" },
    NotActedOn { key: "dashboard", instead: "there is no dashboard" },
];

const LOG_KEYS: &[&str] = &["format", "level"];
const SMALL_KEYS: &[&str] = &["prefix", "deliveries", "secret", "env", "file"];

/// Whether a word is one of our keys, and therefore no secret.
pub(super) fn is_key(word: &str) -> bool {
    [KEYS, LOG_KEYS, SMALL_KEYS, GITHUB_KEYS, GITLAB_KEYS, APP_KEYS].iter().any(|keys| keys.contains(&word))
}

impl ServerConfig {
    /// Reads and judges a file; `env` answers for environment variables.
    ///
    /// # Errors
    /// Every problem of the file at once, with places and remedies.
    pub fn load(file: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ServerConfigError> {
        let readable = std::fs::metadata(file).and_then(|about| {
            if about.len() > LONGEST {
                return Err(std::io::Error::other(format!("it is longer than {LONGEST} bytes")));
            }
            std::fs::read_to_string(file)
        });
        match readable {
            Ok(text) => Self::read(&text, file, env),
            Err(error) => Err(ServerConfigError::whole(
                file.to_owned(),
                format!("the configuration cannot be read: {error}"),
                "name another file with --config or MERGEWRIGHT_CONFIG",
            )),
        }
    }

    /// Judges the text of a file; relative paths start at the file's folder.
    ///
    /// # Errors
    /// Every problem of the text at once, with places and remedies.
    pub fn read(
        text: &str,
        file: &Path,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ServerConfigError> {
        let whole = std::path::absolute(file).unwrap_or_else(|_error| file.to_owned());
        let folder = whole.parent().unwrap_or_else(|| Path::new("/"));
        let mut reader = Reader { problems: Problems::new(text), env, folder };
        let config = match tree::parse(text) {
            Ok(root) => reader
                .block(&root, Place { line: 1, column: 1 }, "", KEYS)
                .and_then(|root| reader.server(&root)),
            Err((place, what)) => {
                reader.problems.add(place, "", what, "correct the YAML here");
                None
            }
        };
        reader.problems.verdict(file.to_owned(), config)
    }
}

impl Reader<'_> {
    /// Every part is read before any problem ends the reading.
    fn server(&mut self, root: &Section<'_>) -> Option<ServerConfig> {
        let listen = match root.field("listen") {
            Some(field) => self.listen(&field),
            None => LISTEN.parse().ok(),
        };
        let public_url = self.optional(root, "public_url", Self::address);
        let database_url = match root.field("database_url") {
            Some(field) => self.database(&field),
            None => {
                let found = sqlite(self.folder, DATABASE);
                if let Err(why) = &found {
                    let what = format!("no database can be made beside this file: {why}");
                    let remedy =
                        "name a file with `database_url`, such as `sqlite:///var/lib/mergewright.db`";
                    self.problems.add(Place { line: 1, column: 1 }, "", what, remedy);
                }
                found.ok()
            }
        };
        let repositories = self.repositories(root);
        let mode = self.or_default(root, "mode", |reader, field| {
            reader.one_of(field, &[("act", Mode::Act), ("observe", Mode::Observe)])
        });
        let admin_token = self.optional(root, "admin_token", Self::secret);
        let dashboard = self.or_default(root, "dashboard", |reader, field| {
            reader.one_of(field, &[("token", DashboardAccess::Token), ("public", DashboardAccess::Public)])
        });
        let log = self.log(root);
        let (github, gitlab) =
            (self.optional(root, "github", Self::github), self.optional(root, "gitlab", Self::gitlab));
        if root.field("github").or_else(|| root.field("gitlab")).is_none() {
            self.problems.add(
                Place { line: 1, column: 1 },
                "",
                "no forge is configured",
                "add a section `gitlab` or `github`",
            );
        }
        let registry_key = self.optional(root, "registry_key", Self::secret);
        let command_prefix = self.nested(root, "commands", "prefix", PREFIX.to_owned(), Self::prefix);
        let workers = match root.field("workers") {
            Some(field) => self.number(&field, 1, 256).and_then(|number| usize::try_from(number).ok()),
            None => Some(WORKERS),
        };
        let reconcile_every = match root.field("reconcile_every") {
            Some(field) => self.duration(&field, false),
            None => Some(RECONCILE_EVERY),
        };
        let keep_deliveries =
            self.nested(root, "retention", "deliveries", KEEP_DELIVERIES, |reader, field| {
                reader.duration(field, false)
            });
        let gates_secret =
            self.nested(root, "gates", "secret", None, |reader, field| reader.secret(field).map(Some));
        Some(ServerConfig {
            listen: listen?,
            public_url: public_url?,
            database_url: database_url?.into(),
            repositories: repositories?,
            mode: mode?,
            admin_token: admin_token?,
            dashboard: dashboard?,
            log: log?,
            github: github?,
            gitlab: gitlab?,
            registry_key: registry_key?,
            command_prefix: command_prefix?,
            workers: workers?,
            reconcile_every: reconcile_every?,
            keep_deliveries: keep_deliveries?,
            gates_secret: gates_secret?,
            learnt: Learnt::default(),
            not_acted_on: NOT_ACTED_ON.iter().filter(|one| root.field(one.key).is_some()).copied().collect(),
        })
    }

    /// A field that need not be there: none when it is there and wrong.
    fn optional<T>(
        &mut self,
        section: &Section<'_>,
        key: &str,
        read: impl FnOnce(&mut Self, &Field<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        match section.field(key) {
            Some(field) => read(self, &field).map(Some),
            None => Some(None),
        }
    }

    fn or_default<T: Default>(
        &mut self,
        section: &Section<'_>,
        key: &str,
        read: impl FnOnce(&mut Self, &Field<'_>) -> Option<T>,
    ) -> Option<T> {
        self.optional(section, key, read).map(Option::unwrap_or_default)
    }

    /// The one key of a small section, or its default.
    fn nested<T>(
        &mut self,
        root: &Section<'_>,
        name: &'static str,
        key: &'static str,
        default: T,
        read: impl FnOnce(&mut Self, &Field<'_>) -> Option<T>,
    ) -> Option<T> {
        let Some(field) = root.field(name) else { return Some(default) };
        let section = self.section(&field, name, &[key])?;
        self.optional(&section, key, read).map(|value| value.unwrap_or(default))
    }

    fn log(&mut self, root: &Section<'_>) -> Option<LogConfig> {
        let mut log = LogConfig { format: LogFormat::Text, level: "info".to_owned() };
        let Some(field) = root.field("log") else { return Some(log) };
        let section = self.section(&field, "log", LOG_KEYS)?;
        let format = self.or_default(&section, "format", |reader, field| {
            reader.one_of(field, &[("text", LogFormat::Text), ("json", LogFormat::Json)])
        });
        if let Some(field) = section.field("level") {
            log.level = self.text(&field, "a level such as `info` or `debug`")?.to_owned();
            if let Err((what, remedy)) = level::judge(&log.level) {
                self.problems.add(field.node.place, "", what, remedy);
            }
        }
        log.format = format?;
        Some(log)
    }

    /// Absent = every repository whose deliveries carry a valid proof.
    fn repositories(&mut self, root: &Section<'_>) -> Option<AllowList> {
        let expected = "a list of full paths or patterns such as `[\"acme/*\", \"group/**\"]`";
        let Some(field) = root.field("repositories") else { return AllowList::new(["**"]).ok() };
        let entries = self.list(&field, expected);
        let mut good = Vec::new();
        for entry in &entries {
            let Some(pattern) = self.text(entry, "a full path or pattern") else { continue };
            match AllowList::new([pattern]) {
                Ok(_) => good.push(pattern),
                Err(error) => {
                    let what = format!("`{}` is not a pattern: {error}", entry.name);
                    self.problems.add(entry.node.place, pattern, what, format!("write {expected}"));
                }
            }
        }
        if matches!(&field.node.value, Value::List(nodes) if nodes.is_empty()) {
            let what = "`repositories` names no repository";
            self.problems.add(field.node.place, "", what, format!("write {expected}, or remove the key"));
        }
        AllowList::new(good).ok()
    }

    fn prefix(&mut self, field: &Field<'_>) -> Option<String> {
        let expected = "one word that begins with a slash, such as `/model`";
        let text = self.text(field, expected)?;
        let word = text.strip_prefix('/').unwrap_or_default();
        let fits = !word.is_empty()
            && word.len() <= 32
            && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !fits {
            let what = format!("`{}` must be {expected}", field.name);
            self.problems.add(
                field.node.place,
                text,
                what,
                "only letters, digits, `-` and `_` may follow the slash",
            );
        }
        fits.then(|| text.to_owned())
    }

    /// The address of a server may hold a password and is never repeated; with one it may be kept where
    /// secrets are.
    fn database(&mut self, field: &Field<'_>) -> Option<String> {
        let kept = match &field.node.value {
            Value::Map(_) => Some(self.secret(field)?),
            _ => None,
        };
        let text = match &kept {
            Some(secret) => secret.expose_secret().trim(),
            None => self.text(field, "an address such as `sqlite://mergewright.db`")?,
        };
        if text.starts_with("sqlite:") {
            let found = sqlite(self.folder, text);
            if let Err(why) = &found {
                let what = format!("`database_url` names no file: {why}");
                self.problems.add(field.node.place, "", what, "write `sqlite://` and the path of a file");
            }
            return found.ok();
        }
        let (what, remedy) = if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            if text.parse::<sqlx::postgres::PgConnectOptions>().is_ok() {
                return Some(text.to_owned());
            }
            let remedy = "write `postgres://user:password@host:5432/database`, with other characters than letters and digits in the password as `%40` and the like, and `sslmode` one of `disable`, `prefer`, `require`, `verify-ca` and `verify-full`";
            ("`database_url` is not the address of a Postgres server", remedy)
        } else {
            let remedy = "write `sqlite://mergewright.db`, or `postgres://user@host/database`";
            ("`database_url` is not the address of a database", remedy)
        };
        self.problems.add(field.node.place, "", what, remedy);
        None
    }
}

/// The address with its path made absolute; else what is wrong with the path.
fn sqlite(folder: &Path, address: &str) -> Result<String, &'static str> {
    let path =
        address.strip_prefix("sqlite://").or_else(|| address.strip_prefix("sqlite:")).unwrap_or(address);
    if path == ":memory:" {
        return Ok("sqlite::memory:".to_owned());
    }
    let whole = folder.join(database_file(path)?).display().to_string();
    database_file(&whole)?;
    Ok(format!("sqlite://{whole}"))
}
