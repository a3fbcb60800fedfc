//! Who asks, and what they were let into.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{App, InstallationToken, JobState, State};

use super::{error, missing};

/// Seconds: no token of an App lasts longer.
const LONGEST: i64 = 600;

/// Somebody with a credential.
#[derive(Clone, Debug)]
pub(super) enum Asker {
    /// A person or a bot, with all their rights.
    Person(u64),
    /// A job of a run that this person began: it only reads.
    Job(u64),
    /// An App as itself.
    App(u64),
    /// An App at an installation, under its account.
    Installation(u64, InstallationToken),
}

/// Who asks; else how they are answered.
pub(super) fn of(state: &State, call: &Call) -> Result<Asker, Reply> {
    let Some(token) = call.bearer() else { return Err(error(401, "Requires authentication")) };
    if let Some(person) = state.person_with(token) {
        return Ok(Asker::Person(person.id));
    }
    if token.split('.').count() == 3 {
        return app(state, token).map(|app| Asker::App(app.id)).map_err(|why| error(401, why));
    }
    if let Some(token) = state.app_token(token) {
        return installation(state, token);
    }
    let all = state.projects.values().flat_map(|place| place.jobs.values().map(move |job| (place, job)));
    let mut alive = all.filter(|(_place, job)| job.state == JobState::Running);
    let job = alive.find(|(_place, job)| job.token() == token);
    let by = job.and_then(|(place, job)| place.pipelines.get(&job.pipeline)).map(|run| run.by);
    by.map(Asker::Job).ok_or_else(|| error(401, "Bad credentials"))
}

/// The account that a credential belongs to, for the record of requests.
pub(crate) fn login(state: &State, token: &str) -> Option<String> {
    let bot = |app: &App| state.people.get(&app.bot);
    let known = || state.app_tokens.iter().find(|one| one.token == token);
    let of_token =
        || state.installations.get(&known()?.installation).and_then(|one| state.apps.get(&one.app));
    let person = state.person_with(token);
    let person = person.or_else(|| app(state, token).ok().or_else(of_token).and_then(bot));
    person.map(|person| person.login.clone())
}

fn installation(state: &State, token: &InstallationToken) -> Result<Asker, Reply> {
    let one = state.installations.get(&token.installation).ok_or_else(|| error(401, "Bad credentials"))?;
    if one.suspended.is_some() {
        return Err(error(403, "This installation has been suspended"));
    }
    let app = state.apps.get(&one.app).ok_or_else(|| error(401, "Bad credentials"))?;
    Ok(Asker::Installation(app.bot, token.clone()))
}

/// The App that signed this, by its own number and key and within its time.
fn app<'a>(state: &'a State, token: &str) -> Result<&'a App, &'static str> {
    const BROKEN: &str = "A JSON web token could not be decoded";
    let (said, signature) = token.rsplit_once('.').ok_or(BROKEN)?;
    let (head, claims) = said.split_once('.').ok_or(BROKEN)?;
    let read =
        |part: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() };
    let (head, claims) = (read(head).ok_or(BROKEN)?, read(claims).ok_or(BROKEN)?);
    if head.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err(BROKEN);
    }
    let issuer = claims.get("iss").and_then(|iss| iss.as_u64().or_else(|| iss.as_str()?.parse().ok()));
    let app = issuer.and_then(|id| state.apps.get(&id)).ok_or("Integration not found")?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_error| BROKEN)?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &app.public_key)
        .verify(said.as_bytes(), &signature)
        .map_err(|_unspecified| BROKEN)?;
    let now = state.now().0.div_euclid(1000);
    let seconds = |name: &str| claims.get(name).and_then(Value::as_i64);
    match (seconds("iat"), seconds("exp")) {
        (_, Some(exp)) if exp <= now => Err("'Expiration time' claim ('exp') is in the past"),
        (_, Some(exp)) if exp > now + LONGEST => {
            Err("'Expiration time' claim ('exp') is too far in the future")
        }
        (Some(iat), Some(_)) if iat <= now => Ok(app),
        _ => Err(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        ),
    }
}

/// Refuses what an App was not let into: another project is not there, another right is forbidden.
pub(super) fn within(
    state: &State,
    token: &InstallationToken,
    project: u64,
    method: &str,
    rest: &[&str],
) -> Result<(), Refusal> {
    let place = state.projects.get(&project).ok_or_else(missing)?;
    let at = state.installations.get(&token.installation).filter(|one| one.covers(place));
    if at.is_none() || token.only.as_ref().is_some_and(|only| !only.contains(&project)) {
        return Err(missing());
    }
    let write = !matches!(method, "GET" | "HEAD");
    let any = needed(method, rest);
    if any.iter().any(|name| token.grants(name, write)) { Ok(()) } else { Err(lacking()) }
}

/// What is answered where a right is lacking.
pub(super) fn lacking() -> Refusal {
    Refusal::Forbidden("Resource not accessible by integration".to_owned())
}

/// The rights of which one is needed for what lies below a repository.
fn needed(method: &str, rest: &[&str]) -> &'static [&'static str] {
    match rest {
        [] | ["collaborators" | "rules", ..] => &["metadata"],
        ["pulls", _, "merge"] if method == "PUT" => &["contents"],
        ["pulls", ..] => &["pull_requests"],
        ["issues" | "labels", ..] => &["issues", "pull_requests"],
        ["statuses", ..] | ["commits", _, "status" | "statuses"] => &["statuses"],
        ["check-runs" | "check-suites", ..] | ["commits", _, "check-runs" | "check-suites"] => &["checks"],
        ["commits", _, "pulls"] => &["pull_requests", "contents"],
        ["commits" | "compare" | "branches" | "tags" | "contents" | "git" | "releases", ..] => &["contents"],
        ["actions", ..] => &["actions"],
        ["environments", ..] => &["actions", "environments"],
        ["deployments", ..] => &["deployments"],
        ["hooks", ..] => &["repository_hooks"],
        _ => &[],
    }
}

/// Whether files that a write carries include workflows, which need a right of their own.
pub(super) fn touches_workflows(rest: &[&str], call: &Call) -> bool {
    const FOLDER: &str = ".github/workflows/";
    match (call.method.as_str(), rest) {
        ("PUT" | "DELETE", ["contents", path @ ..]) => path.join("/").starts_with(FOLDER),
        ("POST", ["git", "trees"]) => {
            let tree = call.value("tree");
            let entries = tree.as_ref().and_then(Value::as_array).into_iter().flatten();
            let mut paths = entries.filter_map(|entry| entry.get("path").and_then(Value::as_str));
            paths.any(|path| path.starts_with(FOLDER))
        }
        _ => false,
    }
}
