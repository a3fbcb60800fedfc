//! The bot as a process that can be killed.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::flow::play::{HUB_SECRET, SIGNING_TOKEN};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mergewright");
/// A process that does not start or end within this never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// What all processes of one play logged.
pub(crate) type Log = Arc<Mutex<Vec<String>>>;

pub(crate) struct Bot {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
}

/// A process that was started and has not said anything yet.
pub(crate) struct Starting {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    log: Log,
}

impl Starting {
    pub(crate) fn new(config: &Path, token: &str, log: &Log) -> Self {
        Self::acting_as("all", config, token, log)
    }

    /// One that is half a bot, where `role` says so.
    pub(crate) fn acting_as(role: &str, config: &Path, token: &str, log: &Log) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--role", role, "--config"])
            .arg(config)
            .env("TOKEN", token)
            .env("SIGNING", SIGNING_TOKEN)
            .env("HUB_SECRET", HUB_SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        log.lock().unwrap().push("--- started".to_owned());
        Self { child, lines, log: Arc::clone(log) }
    }

    /// Waits until it says where it listens.
    pub(crate) async fn listening(mut self) -> Bot {
        let address = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                let record: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
                self.log.lock().unwrap().push(line);
                let fields = record.get("fields").unwrap_or(&record);
                if fields["message"] == "listening" {
                    return fields["server.address"].as_str().unwrap().to_owned();
                }
            }
            panic!("it ended instead of listening:\n{}", self.log.lock().unwrap().join("\n"));
        };
        let address = tokio::time::timeout(PATIENCE, address).await.unwrap();
        let (mut lines, log) = (self.lines, self.log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                log.lock().unwrap().push(line);
            }
        });
        Bot { child: self.child, address }
    }

    /// SIGKILL before it said anything.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

impl Bot {
    /// SIGKILL; returns when the process is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM.
    pub(crate) async fn ask_to_end(&self) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    }

    /// SIGTERM; its exit status.
    pub(crate) async fn end(self) -> Option<i32> {
        self.ask_to_end().await;
        self.ended().await
    }

    /// The exit status of a process that was asked to end.
    pub(crate) async fn ended(mut self) -> Option<i32> {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().code()
    }
}
