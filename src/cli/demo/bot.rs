//! The bot as a process of its own: the same program, `serve`, with a configuration file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::AsyncBufReadExt as _;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

/// How long the bot may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long the bot may take to end after it was asked to; `serve` promises 20 s.
const STOP_LIMIT: Duration = Duration::from_secs(25);

/// A running `mergewright serve`.
#[derive(Debug)]
pub(super) struct Bot {
    child: Mutex<Child>,
    pub(super) address: String,
    pub(super) log: PathBuf,
}

impl Bot {
    /// Starts `serve` with this configuration file and waits until it says where it listens. What it
    /// logs goes to `log`.
    pub(super) async fn start(config: &Path, log: PathBuf) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("finding our own program")?;
        let mut child = Command::new(program)
            .arg("serve")
            .arg("--config")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting `mergewright serve`")?;
        let stderr = child.stderr.take().context("the bot has no log")?;
        let mut lines = tokio::io::BufReader::new(stderr).lines();
        let mut file = File::create(&log).with_context(|| format!("writing {}", log.display()))?;
        let listening = async {
            while let Some(line) = lines.next_line().await? {
                std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes())?;
                if let Some(address) = listening(&line) {
                    return Ok(address);
                }
            }
            bail!("`mergewright serve` ended before it listened; see {}", log.display())
        };
        let address = tokio::time::timeout(START_LIMIT, listening).await.with_context(|| {
            format!("the bot does not listen after {START_LIMIT:?}; see {}", log.display())
        })??;
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let _full_disk = std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes());
            }
        });
        Ok(Self { child: Mutex::new(child), address, log })
    }

    /// Resolves when the bot ends by itself, which it never should.
    pub(super) async fn stopped(&self) -> anyhow::Result<()> {
        loop {
            if let Some(status) = self.child.lock().await.try_wait()? {
                bail!("the bot ended by itself ({status})");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Asks the bot to end, as an operator would, and waits for it.
    pub(super) async fn stop(&self) {
        let mut child = self.child.lock().await;
        if let Some(id) = child.id() {
            // `kill` is a program everywhere; a signal by number would need unsafe code or a crate.
            let _gone = Command::new("kill").arg("-TERM").arg(id.to_string()).status().await;
        }
        if tokio::time::timeout(STOP_LIMIT, child.wait()).await.is_err() {
            let _gone = child.kill().await;
        }
    }
}

/// The address in the log line `listening`.
fn listening(line: &str) -> Option<String> {
    let record: serde_json::Value = serde_json::from_str(line).ok()?;
    let fields = record.get("fields").unwrap_or(&record);
    if fields.get("message")?.as_str()? != "listening" {
        return None;
    }
    fields.get("server.address")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_line_that_promises_it() {
        let line = r#"{"level":"INFO","fields":{"message":"listening","server.address":"127.0.0.1:1"}}"#;
        assert_eq!(listening(line).as_deref(), Some("127.0.0.1:1"));
        let flat = r#"{"level":"INFO","message":"listening","server.address":"127.0.0.1:1"}"#;
        assert_eq!(listening(flat).as_deref(), Some("127.0.0.1:1"));
        assert_eq!(listening(r#"{"message":"starting","server.address":"127.0.0.1:1"}"#), None);
        assert_eq!(listening("listening on 127.0.0.1:1"), None);
    }
}
