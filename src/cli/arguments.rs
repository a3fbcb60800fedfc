//! What may be written on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};

mod audit;
mod connect;
mod deliveries;

pub(super) use audit::{AskAudit, Audit, ExportAudit, VerifyAudit};
pub(super) use connect::{Connect, ConnectGithub, ConnectGitlab, ConnectTo};
pub(super) use deliveries::{
    AskDeliveries, Deliveries, DeliveryOutcome, ListDeliveries, NamedDelivery, RetryDelivery, ShowDelivery,
};

use super::{generate, init, replay};
use crate::config::valid::ToolchainKind;
use crate::domain::{ForgeKind, ModelName, Timestamp};

/// The bot between a merge request and production for machine-learning models.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Example:\n  mergewright demo --once\n  mergewright serve --config mergewright.yml"
)]
pub(super) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(super) subcommand: Subcommand,
}

/// Everything that the program does.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Subcommand {
    /// Plays merge requests from push to a model in production, against a forge on this machine
    Demo(Demo),
    /// Runs the bot
    Serve(Serve),
    /// Writes a `.mergewright.yml` to start from
    Init(Init),
    /// Writes the CI files that `.mergewright.yml` asks for
    Generate(Generate),
    /// Judges a `.mergewright.yml`: every problem in one run
    Check(Check),
    /// Prints the JSON Schema of `.mergewright.yml`
    Schema(Schema),
    /// Plays one saved payload and prints the calls that would follow; nothing is sent
    Replay(Replay),
    /// Lists the actions and images that generated files use, and their versions
    Pins(Pins),
    /// Lists published versions and where they are live
    Versions(Versions),
    /// Shows where a version comes from
    Describe(Describe),
    /// Says what was live in an environment, now or then, and why
    Blame(Blame),
    /// Lists what forges sent and what came of it, and puts back to work what was given up
    Deliveries(Deliveries),
    /// Proves the audit log, or prints it
    Audit(Audit),
    /// Introduces the bot and a forge to each other
    Connect(Connect),
}

/// Which database is asked, and how the answer looks.
#[derive(Debug, Args)]
pub(super) struct Database {
    /// The server's configuration file: it names the database
    #[arg(long, env = "MERGEWRIGHT_CONFIG", value_name = "FILE")]
    pub(super) config: PathBuf,
    /// Print the answer as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Where the registry is read from.
#[derive(Debug, Args)]
pub(super) struct Registry {
    /// Only this repository, by its full path
    #[arg(long, value_name = "PATH")]
    pub(super) repository: Option<String>,
    #[command(flatten)]
    pub(super) database: Database,
}

/// `mergewright versions`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright versions iris --config mergewright.yml")]
pub(super) struct Versions {
    /// Only this model
    pub(super) model: Option<ModelName>,
    #[command(flatten)]
    pub(super) registry: Registry,
}

/// `mergewright describe`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright describe iris@v42 --config mergewright.yml\n  \
                        mergewright describe production --model iris --json")]
pub(super) struct Describe {
    /// v42, iris@v42, a tag, at least 7 digits of a commit or digest, a time, or an environment
    #[arg(value_name = "REF")]
    pub(super) reference: String,
    /// The model, where REF does not name it and there are several
    #[arg(long)]
    pub(super) model: Option<ModelName>,
    #[command(flatten)]
    pub(super) registry: Registry,
}

/// `mergewright blame`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright blame iris production --at 2026-11-23T03:00:00Z")]
pub(super) struct Blame {
    /// The model
    pub(super) model: ModelName,
    /// The environment
    #[arg(value_name = "ENV")]
    pub(super) environment: String,
    /// The moment, as RFC 3339; now where it is left out
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(super) at: Option<Timestamp>,
    #[command(flatten)]
    pub(super) registry: Registry,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "write it as 2026-11-23T03:00:00Z (RFC 3339)".to_owned())
}

/// `mergewright demo`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mergewright demo --once\n\nNeeds git, sh and python3. Without --once everything \
                        stays up to play with; Ctrl-C ends it."
)]
pub(super) struct Demo {
    /// Which forge to play
    #[arg(long, value_enum, default_value_t = DemoForge::Gitlab)]
    pub(super) forge: DemoForge,
    /// What to play
    #[arg(long, value_enum, default_value_t = Scenario::Tour)]
    pub(super) scenario: Scenario,
    /// Where the bot listens; port 0 lets the system choose
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(super) listen: SocketAddr,
    /// End when everything is played: 0 when the model is published and promoted, else 1
    #[arg(long)]
    pub(super) once: bool,
}

/// The forges that the demo can play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DemoForge {
    /// A forge that speaks GitLab's API
    Gitlab,
    /// A forge that speaks GitHub's API
    Github,
}

/// The plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Scenario {
    /// A better model goes to production, a worse one fails its gates, and the next is rolled back
    Tour,
    /// Only the better model, to production
    Publish,
}

/// `mergewright serve`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright serve --config /etc/mergewright/mergewright.yml\n  \
                        mergewright serve --config mergewright.yml --check-config")]
pub(super) struct Serve {
    /// The server's configuration file
    #[arg(long, env = "MERGEWRIGHT_CONFIG", value_name = "FILE")]
    pub(super) config: PathBuf,
    /// Which half of the bot to run
    #[arg(long, value_enum, default_value_t = Role::All)]
    pub(super) role: Role,
    /// Judge the configuration and end
    #[arg(long)]
    pub(super) check_config: bool,
}

/// The halves of the bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Role {
    /// Receives and acts
    All,
    /// Receives only; needs a database that several processes share
    Web,
    /// Acts only; needs a database that several processes share
    Worker,
}

/// `mergewright init`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mergewright init\n  mergewright init path/to/repository --toolchain python"
)]
pub(super) struct Init {
    /// The repository's folder
    #[arg(default_value = ".")]
    pub(super) dir: PathBuf,
    /// What the jobs run with; by default, what the files of the folder show
    #[arg(long, value_enum)]
    pub(super) toolchain: Option<InitToolchain>,
    /// Replace a `.mergewright.yml` that is there
    #[arg(long)]
    pub(super) force: bool,
    /// Print what was done as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// The families of toolchains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum InitToolchain {
    /// Python with pip or uv
    Python,
    /// Apache Maven
    Maven,
    /// Gradle
    Gradle,
    /// Node.js with npm
    Node,
    /// Whatever an image or the runner brings
    Custom,
}

impl From<Init> for init::Arguments {
    fn from(arguments: Init) -> Self {
        let Init { dir, toolchain, force, json } = arguments;
        let toolchain = toolchain.map(|toolchain| match toolchain {
            InitToolchain::Python => ToolchainKind::Python,
            InitToolchain::Maven => ToolchainKind::Maven,
            InitToolchain::Gradle => ToolchainKind::Gradle,
            InitToolchain::Node => ToolchainKind::Node,
            InitToolchain::Custom => ToolchainKind::Custom,
        });
        Self { dir, toolchain, force, json }
    }
}

/// `mergewright generate`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright generate\n  mergewright generate --forge github --check")]
pub(super) struct Generate {
    /// The repository's folder
    #[arg(default_value = ".")]
    pub(super) dir: PathBuf,
    /// For which forge; by default the one of the files generated before, of the remote, or both
    #[arg(long, value_enum)]
    pub(super) forge: Option<GenerateForge>,
    /// Write nothing; exit 1 when the files differ from what would be written
    #[arg(long)]
    pub(super) check: bool,
    /// Write nothing; print the difference
    #[arg(long)]
    pub(super) diff: bool,
    /// Files here replace built-in templates of the same name
    #[arg(long, value_name = "DIR")]
    pub(super) templates: Option<PathBuf>,
    /// Replace files that we did not write
    #[arg(long)]
    pub(super) force: bool,
}

/// The forges that files can be generated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum GenerateForge {
    /// Workflows under `.github/workflows`
    Github,
    /// `.gitlab-ci.yml`
    Gitlab,
    /// Both
    All,
}

impl From<Generate> for generate::Arguments {
    fn from(arguments: Generate) -> Self {
        let Generate { dir, forge, check, diff, templates, force } = arguments;
        let forges = match forge {
            None => generate::Forges::Detected,
            Some(GenerateForge::Github) => generate::Forges::GitHub,
            Some(GenerateForge::Gitlab) => generate::Forges::GitLab,
            Some(GenerateForge::All) => generate::Forges::All,
        };
        Self { dir, forges, check, diff, templates, force }
    }
}

/// `mergewright check`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright check\n  mergewright check path/to/.mergewright.yml --json")]
pub(super) struct Check {
    /// A repository's folder, or the file itself
    #[arg(default_value = ".", value_name = "DIR|FILE")]
    pub(super) path: PathBuf,
    /// Print the answer as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// `mergewright replay`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mergewright replay opened.json --forge github --event pull_request --repo .\n  \
                        mergewright replay note.json --forge gitlab --event 'Note Hook' --facts facts.json --repo .\n\n\
                        The first line is the decision, with the facts that were needed and unknown; then comes one \
                        line for each call that would be made. docs/replay.md describes the file of facts."
)]
pub(super) struct Replay {
    /// The body of a delivery, as the forge sent it
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// The forge that sent it
    #[arg(long, value_enum)]
    pub(super) forge: ReplayForge,
    /// What its header called it: `X-GitHub-Event` or `X-Gitlab-Event`
    #[arg(long, value_name = "NAME")]
    pub(super) event: String,
    /// What the forge would answer, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) facts: Option<PathBuf>,
    /// A clone of the repository: files, commits, branches and tags are read from it
    #[arg(long, value_name = "DIR")]
    pub(super) repo: Option<PathBuf>,
    /// As every command that prints data has it; the lines are JSON anyway
    #[arg(long, hide = true)]
    pub(super) json: bool,
}

/// The forges whose payloads can be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ReplayForge {
    /// GitHub
    Github,
    /// GitLab
    Gitlab,
}

impl From<Replay> for replay::Arguments {
    fn from(arguments: Replay) -> Self {
        let Replay { file, forge, event, facts, repo, json: _ } = arguments;
        let forge = match forge {
            ReplayForge::Github => ForgeKind::GitHub,
            ReplayForge::Gitlab => ForgeKind::GitLab,
        };
        Self { file, forge, event, facts, repo }
    }
}

/// `mergewright schema`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright schema > mergewright.schema.json")]
pub(super) struct Schema {
    /// As every command that prints data has it; a schema is JSON anyway
    #[arg(long, hide = true)]
    pub(super) json: bool,
}

/// `mergewright pins`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mergewright pins\n  mergewright pins --json")]
pub(super) struct Pins {
    /// Print the table as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_level_of_help_shows_an_example() {
        let mut command = Arguments::command();
        command.build();
        assert!(command.render_long_help().to_string().contains("Example:"));
        below(&mut command);
    }

    fn below(command: &mut clap::Command) {
        for subcommand in command.get_subcommands_mut().filter(|one| one.get_name() != "help") {
            let help = subcommand.render_long_help().to_string();
            assert!(help.contains("Example:"), "{}", subcommand.get_name());
            below(subcommand);
        }
    }

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
