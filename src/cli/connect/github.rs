//! `mergewright connect github`: has GitHub make an App, keeps its secrets, and says what to configure.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use super::keep::keep;
use super::{no_public_url, page};
use crate::cli::arguments::ConnectGithub;
use crate::cli::{Answer, output};
use crate::domain::SystemClock;
use crate::forge::{NewApp, manifest, new_app, web_address};

const API: &str = "https://api.github.com";
/// The most characters of an App's name.
const LONGEST_NAME: usize = 34;

/// What must be known before there is an App: a configuration without `github` is not whole yet.
#[derive(Debug, Default, Deserialize)]
struct Outline {
    public_url: Option<String>,
    mode: Option<String>,
    github: Option<OutlineOfGithub>,
}

#[derive(Debug, Default, Deserialize)]
struct OutlineOfGithub {
    api_url: Option<String>,
}

/// Where the secrets go.
#[derive(Debug)]
struct Files {
    private_key: PathBuf,
    webhook_secret: PathBuf,
}

/// What must be done before a bot that was made to watch can act.
const READS_ONLY: &str = "mergewright: under `mode: observe` the App may only read: before `mode: act`, give it write access on its settings page and have the organization accept that\n";

const PRIVATE_KEY: &str = "github-app.pem";
const WEBHOOK_SECRET: &str = "github-webhook.secret";

pub(super) async fn connect(arguments: &ConnectGithub) -> Answer {
    let outline = match outline(&arguments.config) {
        Ok(outline) => outline,
        Err(why) => return Answer::usage(why),
    };
    let Some(public_url) = outline.public_url else { return no_public_url(&arguments.config) };
    let public_url = public_url.trim_end_matches('/').to_owned();
    let watches = outline.mode.as_deref() == Some("observe");
    let api_url = outline.github.and_then(|github| github.api_url).unwrap_or_else(|| API.to_owned());
    let files = Files::beside(&arguments.config);
    // Before anything is made: GitHub hands the key out only once.
    if let Some(there) = files.there().filter(|_| !arguments.force) {
        return Answer::no(format!(
            "mergewright: {} is there already: move it away, or write over it with --force",
            there.display()
        ));
    }
    if let Err(error) = files.can_be_kept() {
        let folder = files.private_key.parent().unwrap_or(Path::new(""));
        return Answer::no(format!(
            "mergewright: nothing can be written into {} ({error}), where the App's secrets would go: put the configuration into another folder",
            folder.display()
        ));
    }
    match introduce(arguments, &public_url, &api_url, watches).await {
        Ok(app) => match files.keep(&app, arguments.force) {
            Ok(()) => {
                let mut answer = told(&app, &files, &api_url, arguments.json);
                if watches {
                    answer.err.push_str(READS_ONLY);
                }
                answer
            }
            Err(error) => Answer::no(format!(
                "mergewright: the App `{}` is made, but its secrets could not be kept ({error}): generate new ones at {}",
                app.slug, app.html_url
            )),
        },
        Err(why) => Answer::no(format!("mergewright: {why}")),
    }
}

fn outline(file: &Path) -> Result<Outline, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("{}: the configuration cannot be read: {error}", file.display()))?;
    serde_saphyr::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// Shows the page, waits for the code, and takes what it stands for.
async fn introduce(
    arguments: &ConnectGithub,
    public_url: &str,
    api_url: &str,
    watches: bool,
) -> Result<NewApp, String> {
    let listener = TcpListener::bind(arguments.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", arguments.listen))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    if !address.ip().is_loopback() {
        return Err("--listen must be an address of this machine alone, such as 127.0.0.1:0".to_owned());
    }
    let state = state()?;
    let web = web_address(api_url);
    let place = match &arguments.organization {
        Some(organization) => format!("{web}/organizations/{organization}/settings/apps/new"),
        None => format!("{web}/settings/apps/new"),
    };
    let name = arguments.name.clone().unwrap_or_else(|| name(arguments.organization.as_deref()));
    let offer = page::Offer {
        action: format!("{place}?state={state}"),
        state,
        manifest: manifest(&name, public_url, &format!("http://{address}/callback"), watches),
        host: address.to_string(),
    };
    output::tell(format!("Open http://{address}/ in a browser that is signed in to {web}"));
    let code = page::code(listener, offer).await.map_err(|error| error.to_string())?;
    new_app(api_url, &code, Arc::new(SystemClock)).await.map_err(|error| error.external)
}

/// Names are unique over all of GitHub; a person may change it on the way.
fn name(organization: Option<&str>) -> String {
    let name = organization.map_or_else(|| "mergewright".to_owned(), |one| format!("mergewright-{one}"));
    name.chars().take(LONGEST_NAME).collect()
}

/// Nobody can guess it.
fn state() -> Result<String, String> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_unspecified| "this machine has no randomness".to_owned())?;
    Ok(hex::encode(bytes))
}

impl Files {
    fn beside(config: &Path) -> Self {
        let folder = config.parent().unwrap_or(Path::new(""));
        Self { private_key: folder.join(PRIVATE_KEY), webhook_secret: folder.join(WEBHOOK_SECRET) }
    }

    fn there(&self) -> Option<&Path> {
        [&self.private_key, &self.webhook_secret].into_iter().find(|file| file.exists()).map(PathBuf::as_path)
    }

    /// Whether there is a place for them.
    fn can_be_kept(&self) -> std::io::Result<()> {
        let folder = self.private_key.parent().filter(|folder| !folder.as_os_str().is_empty());
        tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map(drop)
    }

    fn keep(&self, app: &NewApp, replace: bool) -> std::io::Result<()> {
        keep(&self.private_key, &app.private_key, replace)?;
        keep(&self.webhook_secret, &app.webhook_secret, replace)
    }
}

fn told(app: &NewApp, files: &Files, api_url: &str, as_json: bool) -> Answer {
    let api = if api_url == API { String::new() } else { format!("  api_url: {api_url}\n") };
    let section = format!(
        "github:\n{api}  webhook_secrets: [{{file: {WEBHOOK_SECRET}}}]\n  app: {{id: {}, private_key: {{file: {PRIVATE_KEY}}}}}\n",
        app.id
    );
    let install = format!("{}/installations/new", app.html_url);
    if as_json {
        let all = json!({
            "app": {"id": app.id, "slug": app.slug, "html_url": app.html_url},
            "private_key": files.private_key, "webhook_secret": files.webhook_secret,
            "configuration": section, "install_url": install,
        });
        return Answer::good(serde_json::to_string_pretty(&all).unwrap_or_default());
    }
    Answer::good(format!(
        "The App `{slug}` is made. Its secrets are in {} and {}.\n\nPut this into the configuration:\n\n{section}\n\
         Then install it where the repositories are: {install}\nPeople speak to it as @{slug}.\n",
        files.private_key.display(),
        files.webhook_secret.display(),
        slug = app.slug,
    ))
}
