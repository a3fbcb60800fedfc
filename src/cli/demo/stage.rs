//! Everything the play needs: the forge, its people and repository, and the bot beside them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use super::bot::Bot;
use super::forge::Played;
use super::iris;
use crate::cli::output::say;
use crate::domain::{ForgeKind, SystemClock};
use crate::sandbox::{Deliveries, Jobs, Role, Sandbox, SandboxOptions, SandboxProject};

/// Owns the model and reviews.
pub(super) const OWNER: &str = "alice";
/// Writes the changes.
pub(super) const AUTHOR: &str = "ben";
/// The bot's account.
pub(super) const BOT: &str = "mergewright-bot";
/// The project's path.
const PROJECT: &str = "demo/iris";

/// The demo's world.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) forge: Played,
    sandbox: Sandbox,
    pub(super) project: SandboxProject,
    bot: Bot,
    bot_account: u64,
    repository: PathBuf,
}

impl Stage {
    /// Starts the forge, fills it, and starts the bot with its webhook.
    pub(super) async fn set(forge: Played, listen: SocketAddr) -> anyhow::Result<Self> {
        let mut sandbox = Sandbox::start(SandboxOptions {
            forge: forge.kind(),
            clock: Arc::new(SystemClock),
            jobs: Jobs::Shell,
            deliveries: Deliveries::Automatic,
            listen: None,
        })
        .await?;
        sandbox.keep_files();
        for login in [OWNER, AUTHOR] {
            let _account = sandbox.person(login);
        }
        let bot_account = sandbox.bot(BOT);
        let project = sandbox.create_project(PROJECT)?;
        project.member(OWNER, Role::Maintainer)?;
        project.member(AUTHOR, Role::Developer)?;
        project.member(BOT, Role::Maintainer)?;
        project.push(
            OWNER,
            "main",
            &iris::repository_files(forge.dialect())?,
            "Start with a model that is not good enough",
        )?;
        project.protect("main", true)?;

        let folder = sandbox.folder().join("bot");
        let secret = forge.webhook_secret();
        let section = forge.section(sandbox.url());
        let config = configuration(&folder, listen, &section, bot_account.token(), &secret)?;
        let bot = Bot::start(&config, folder.join("bot.log")).await?;
        let door = format!("http://{}/webhooks/{}", bot.address, forge.kind());
        match forge.kind() {
            ForgeKind::GitLab => project.hook(&door, Some(&secret), None)?,
            ForgeKind::GitHub => project.hook(&door, None, Some(&secret))?,
        };
        let repository = project.git_folder()?;
        Ok(Self { forge, sandbox, project, bot, bot_account: bot_account.id, repository })
    }

    /// Says what there is and where.
    pub(super) fn introduce(&self) {
        say(format!(
            "forge       {}  (speaks {}'s API; git, runner and webhooks are real)",
            self.sandbox.url(),
            self.forge.name()
        ));
        say(format!("repository  {}", self.repository.display()));
        say(format!("bot         http://{}  (log: {})", self.bot.address, self.bot.log.display()));
        say(format!("people      {AUTHOR} writes, {OWNER} owns the model, {BOT} is the bot\n"));
    }

    /// What stands in the repository in the end.
    pub(super) fn conclude(&self) -> anyhow::Result<()> {
        let tags = self.project.tags()?;
        let releases = self.project.releases()?;
        say("\nWhat is true in git now:");
        for tag in &tags {
            let release = releases.get(&tag.name).map(|release| format!("  release: {}", release.name));
            say(format!("  tag {}  on {}{}", tag.name, tag.commit.short(), release.unwrap_or_default()));
        }
        say(format!("\nThe repository stays for you to look at: {}", self.repository.display()));
        let promoted = tags.iter().any(|tag| tag.name.starts_with("iris#production#"));
        anyhow::ensure!(promoted, "nothing was published and promoted");
        Ok(())
    }

    /// The bot's number at the forge.
    pub(super) const fn bot_account(&self) -> u64 {
        self.bot_account
    }

    /// The bot's log.
    pub(super) fn log_file(&self) -> &Path {
        &self.bot.log
    }

    /// Resolves when the bot ends by itself.
    pub(super) async fn bot_stopped(&self) -> anyhow::Result<()> {
        self.bot.stopped().await
    }

    /// Ends the bot as an operator would.
    pub(super) async fn stop_bot(&self) {
        self.bot.stop().await;
    }
}

/// Writes the bot's configuration and secrets; the file's path.
fn configuration(
    folder: &Path,
    listen: SocketAddr,
    section: &str,
    token: &str,
    webhook_secret: &str,
) -> anyhow::Result<PathBuf> {
    let write = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).with_context(|| format!("writing {}", path.display()))
    };
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    write("token", token)?;
    write("webhook-secret", webhook_secret)?;
    let mut text = String::new();
    writeln!(text, "listen: {listen}")?;
    writeln!(text, "database_url: sqlite://mergewright.db")?;
    writeln!(text, "repositories: [\"{PROJECT}\"]")?;
    writeln!(text, "log: {{format: json, level: info}}")?;
    text.push_str(section);
    write("mergewright.yml", &text)?;
    Ok(folder.join("mergewright.yml"))
}
