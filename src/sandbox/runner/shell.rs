//! One shell with a job's lines: echoed, logged, timed, and ended with everything it started.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::LOOK;

/// A log is cut at so many bytes, as on GitLab.
const LOG_LIMIT: u64 = 4 << 20;

/// How a script ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With status 0.
    Good,
    /// With another status.
    Bad(i32),
    /// After its time.
    TooLate,
    /// Somebody cancelled the job.
    Cancelled,
    /// The shell could not be run.
    Broken(String),
}

/// Where and under which conditions scripts run.
pub(super) struct Errand<'a> {
    pub(super) checkout: &'a Path,
    pub(super) home: &'a Path,
    pub(super) variables: &'a BTreeMap<String, String>,
    pub(super) timeout: Duration,
    pub(super) cancelled: &'a (dyn Fn() -> bool + Sync),
    pub(super) show: &'a (dyn Fn(&str) + Sync),
}

impl Errand<'_> {
    /// Runs lines in one shell; the log and the end.
    pub(super) async fn run(&self, lines: &[String]) -> (String, End) {
        match self.attempt(lines).await {
            Ok(ended) => ended,
            Err(error) => (String::new(), End::Broken(error.to_string())),
        }
    }

    async fn attempt(&self, lines: &[String]) -> std::io::Result<(String, End)> {
        // Script and log lie outside the checkout, so no artifact glob can meet them.
        let (script, log) = (self.home.join("job.sh"), self.home.join("job.log"));
        tokio::fs::write(&script, script_of(lines)).await?;
        let output = std::fs::File::create(&log)?;
        let mut command = Command::new("sh");
        command.arg("-e").arg(&script).current_dir(self.checkout).env_clear().envs(self.variables);
        command.env("HOME", self.home).env("LANG", "C.UTF-8");
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        // A group of its own, so that whatever the script starts ends with it.
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn()?;
        let end = self.wait(&mut child, &log).await?;
        let text = read(&log)?;
        Ok((text, end))
    }

    async fn wait(&self, child: &mut Child, log: &Path) -> std::io::Result<End> {
        // Held until the end, also when the sandbox itself is dropped meanwhile.
        let group = child.id().map(Group);
        let started = Instant::now();
        let end = loop {
            tokio::select! {
                status = child.wait() => {
                    let status = status?;
                    break if status.success() { End::Good } else { End::Bad(status.code().unwrap_or(137)) };
                }
                () = tokio::time::sleep(LOOK) => {
                    (self.show)(&read(log)?);
                    if (self.cancelled)() {
                        break End::Cancelled;
                    }
                    if started.elapsed() >= self.timeout {
                        break End::TooLate;
                    }
                }
            }
        };
        drop(group);
        child.wait().await?;
        Ok(end)
    }
}

/// A shell and everything that it started; ends with the value.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "kill -s KILL -- \"-$1\"", "sh", &self.0.to_string()]);
        // A group that is gone already is what we want.
        let _gone = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn read(log: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(log)?.take(LOG_LIMIT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The log with stars in the place of each of these values.
pub(super) fn masked(log: &str, values: &[&str]) -> String {
    values.iter().fold(log.to_owned(), |log, value| log.replace(value, "***"))
}

/// The lines, each echoed before it runs, as GitLab's logs show them.
fn script_of(lines: &[String]) -> String {
    let mut script = String::new();
    for line in lines {
        let mut shown = line.lines();
        let first = shown.next().unwrap_or_default().replace('\'', "'\\''");
        let more = if shown.next().is_some() { " # collapsed multi-line command" } else { "" };
        script.push_str(&format!("printf '%s\\n' '$ {first}{more}'\n{line}\n"));
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_echoed_and_no_quote_ends_the_echo() {
        let lines = ["echo 'it''s'".to_owned(), "cat <<'X'\nbody\nX".to_owned()];
        assert_eq!(
            script_of(&lines),
            "printf '%s\\n' '$ echo '\\''it'\\'''\\''s'\\'''\necho 'it''s'\n\
             printf '%s\\n' '$ cat <<'\\''X'\\'' # collapsed multi-line command'\ncat <<'X'\nbody\nX\n"
        );
    }
}
