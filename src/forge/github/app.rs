//! Signing in as a GitHub App: as the App itself, and with a token for each repository.
//!
//! One App is installed at many places, and each of them grants, limits and suspends it by itself. A
//! token is for one repository and for what the bot does there, is kept while it lasts, and is never
//! written anywhere.

mod key;
mod rights;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::answers;
use crate::config::server::NotAnAppKey;
use crate::domain::{Learnt, RepoId, Timestamp, User};
use crate::forge::classify::{Failure, Operation};
use crate::forge::memory::Memory;
use crate::forge::text::segment;
use crate::forge::transport::{Line, Payload, Transport};
use crate::forge::{ErrorKind, ForgeError};
use key::AppKey;

pub(super) use rights::used;

const ITSELF: Operation = Operation { name: "app", does: "say which App we are", needs: "the App's own key" };
const ACCOUNT: Operation =
    Operation { name: "whoami", does: "say who we are", needs: "an installation of the App" };
const INSTALLATION: Operation = Operation {
    name: "installation",
    does: "find the App's installation for the repository",
    needs: "the App's own key",
};
const ADMIT: Operation = Operation {
    name: "installation_token",
    does: "let the App into the repository",
    needs: "the App's own key, and an installation that is not suspended",
};

/// A token is renewed so long before its end, so that what begins under it ends under it.
const BEFORE_THE_END: Duration = Duration::from_secs(5 * 60);
/// The App's own token lasts nine minutes.
const OWN_BEFORE_THE_END: Duration = Duration::from_secs(60);
/// However the clocks differ, a token is used so long before another is asked for.
const AT_LEAST: Duration = Duration::from_secs(60);
/// How long a token lasts where GitHub does not say so.
const USUALLY: Duration = Duration::from_secs(3600);

/// What GitHub says to whoever shows a token of a suspended installation.
const SUSPENDED: &str = "installation has been suspended";

/// A connection that is signed in, and until when it is used.
#[derive(Clone, Debug)]
struct SignedIn {
    http: Arc<Transport>,
    from: Timestamp,
    until: Timestamp,
}

/// What is kept for one repository.
#[derive(Debug, Default)]
struct Place {
    /// Whoever renews it holds the lock, and the others wait.
    kept: tokio::sync::Mutex<Kept>,
    /// How often we were not let in.
    refusals: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    signed_in: Option<SignedIn>,
    /// Why we were not let in the last time.
    refusal: Option<Failure>,
}

/// An App with everything that it is let into.
#[derive(Debug)]
pub(super) struct App {
    key: AppKey,
    write_interval: Duration,
    /// The App itself, where its token was signed before.
    own: Mutex<Option<SignedIn>>,
    places: Memory<RepoId, Arc<Place>, 4096>,
    /// GitHub counts for each installation apart.
    lines: Memory<u64, Arc<Line>, 4096>,
    learnt: Learnt,
    /// Whether tokens are for reading alone.
    watches: bool,
}

impl App {
    pub(super) fn new(id: u64, pem: &SecretString, write_interval: Duration) -> Result<Self, NotAnAppKey> {
        Ok(Self {
            key: AppKey::new(id, pem)?,
            write_interval,
            own: Mutex::new(None),
            places: Memory::default(),
            lines: Memory::default(),
            learnt: Learnt::default(),
            watches: false,
        })
    }

    /// Asks for no right to write anywhere.
    pub(super) fn watches(&mut self) {
        self.watches = true;
    }

    /// Tells every token that it is handed.
    pub(super) fn tells(&mut self, learnt: Learnt) {
        self.learnt = learnt;
    }

    /// The App's own token of the start, with which the connection is made.
    pub(super) fn first_token(&self, now: Timestamp) -> Option<SecretString> {
        self.key.token(now).ok().map(|(token, _ends)| token)
    }

    /// The connection as the App itself, which may do nothing but look after its installations.
    pub(super) fn own(&self, base: &Transport) -> Result<Arc<Transport>, Failure> {
        let now = base.now();
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = own.as_ref().filter(|kept| kept.from <= now && now < kept.until) {
            return Ok(Arc::clone(&kept.http));
        }
        let signed = self.key.token(now);
        let (token, ends) =
            signed.map_err(|_| base.refused(&ITSELF, "this machine cannot sign its token"))?;
        self.learnt.learn(token.expose_secret(), ends, now);
        let http = Arc::new(signed_in(base, &ITSELF, &token, base.line())?);
        *own = Some(SignedIn { http: Arc::clone(&http), from: now, until: ends.before(OWN_BEFORE_THE_END) });
        Ok(http)
    }

    /// The connection for what lies in a repository. Those who came while somebody else was asking share
    /// the answer, also where it is no.
    pub(super) async fn at(&self, base: &Transport, repo: RepoId) -> Result<Arc<Transport>, Failure> {
        let place = self.places.get_or_put(repo, Arc::<Place>::default);
        let refusals = place.refusals.load(Ordering::Acquire);
        let mut kept = place.kept.lock().await;
        if let Some(kept) = kept.signed_in.as_ref().filter(|kept| base.now() < kept.until) {
            return Ok(Arc::clone(&kept.http));
        }
        if let Some(refusal) = kept.refusal.as_ref()
            && place.refusals.load(Ordering::Acquire) != refusals
        {
            return Err(refusal.clone());
        }
        match self.let_in(base, repo).await {
            Ok(signed_in) => {
                let http = Arc::clone(&signed_in.http);
                *kept = Kept { signed_in: Some(signed_in), refusal: None };
                Ok(http)
            }
            Err(failure) => {
                *kept = Kept { signed_in: None, refusal: Some(failure.clone()) };
                place.refusals.fetch_add(1, Ordering::AcqRel);
                Err(failure)
            }
        }
    }

    /// Looks the installation up and asks it for a token for this repository alone.
    async fn let_in(&self, base: &Transport, repo: RepoId) -> Result<SignedIn, Failure> {
        let own = self.own(base)?;
        let path = format!("/repositories/{}/installation", repo.number);
        let found: answers::Installation = own.get(&INSTALLATION, &path).await.map_err(not_installed)?;
        let narrowed = json!({"repository_ids": [repo.number], "permissions": rights::asked(&found.permissions, self.watches)});
        self.admitted(base, &own, &found, narrowed).await
    }

    /// The connection for a repository of which only the name is known; none where the App is not
    /// installed. It is used once: from then on the repository has a number.
    pub(super) async fn at_name(
        &self,
        base: &Transport,
        owner: &str,
        name: &str,
    ) -> Result<Option<Arc<Transport>>, Failure> {
        let own = self.own(base)?;
        let path = format!("/repos/{}/{}/installation", segment(owner), segment(name));
        let found: answers::Installation = match own.get(&INSTALLATION, &path).await {
            Ok(found) => found,
            Err(failure) if failure.is(404) => return Ok(None),
            Err(failure) => return Err(own_refused(failure)),
        };
        let narrowed = json!({"repositories": [name], "permissions": {"metadata": "read"}});
        match self.admitted(base, &own, &found, narrowed).await {
            Ok(signed_in) => Ok(Some(signed_in.http)),
            // The address leads on to a repository of another name: of this name there is none.
            Err(failure) if failure.is(422) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// The account under which the App acts.
    pub(super) async fn account(&self, base: &Transport) -> Result<User, Failure> {
        let own = self.own(base)?;
        let itself: answers::App = own.get(&ITSELF, "/app").await.map_err(own_refused)?;
        let all: Vec<answers::Installation> = own
            .list_until(&ITSELF, "/app/installations?per_page=100", |page| {
                page.iter().any(|one: &answers::Installation| one.suspended_at.is_none())
            })
            .await
            .map_err(own_refused)?;
        let Some(anywhere) = all.into_iter().find(|one| one.suspended_at.is_none()) else {
            let mut failure = base.refused(&ACCOUNT, "");
            failure.error.kind = ErrorKind::Unauthorized;
            failure.error.external = format!(
                "the GitHub App `{}` is installed nowhere (or suspended everywhere): install it for the repositories that it is to serve",
                itself.slug
            );
            return Err(failure);
        };
        let narrowed = json!({"permissions": {"metadata": "read"}});
        let http = self.admitted(base, &own, &anywhere, narrowed).await?.http;
        let login = format!("{}[bot]", itself.slug);
        let found: answers::User = http.get(&ACCOUNT, &format!("/users/{}", segment(&login))).await?;
        Ok(found.into())
    }

    /// A token of this installation for what `narrowed` names.
    async fn admitted(
        &self,
        base: &Transport,
        own: &Transport,
        at: &answers::Installation,
        narrowed: Value,
    ) -> Result<SignedIn, Failure> {
        if at.suspended_at.is_some() {
            return Err(suspended(base.refused(&ADMIT, "the installation is suspended"), at));
        }
        let path = format!("/app/installations/{}/access_tokens", at.id);
        let asked = own.write(&ADMIT, Method::POST, &path, Payload::Json(narrowed)).await;
        let (_, told): (u16, answers::InstallationToken) = asked.map_err(|failure| match failure.status {
            Some(403) if failure.pause.is_none() && !failure.untold => suspended(failure, at),
            Some(404) => not_installed(failure),
            // What was granted a moment ago is not any more, or the repository has moved on.
            Some(422) => Failure {
                error: ForgeError { kind: ErrorKind::Retry { after: None }, ..failure.error },
                ..failure
            },
            _ => own_refused(failure),
        })?;
        let now = base.now();
        let ends = Timestamp::parse(&told.expires_at).unwrap_or(now.after(USUALLY));
        let token = SecretString::from(told.token);
        self.learnt.learn(token.expose_secret(), ends.max(now.after(AT_LEAST)), now);
        let line = self.lines.get_or_put(at.id, || Arc::new(base.another_line(at.id, self.write_interval)));
        let http = Arc::new(signed_in(base, &ADMIT, &token, line)?);
        Ok(SignedIn { http, from: now, until: ends.before(BEFORE_THE_END).max(now.after(AT_LEAST)) })
    }

    /// Whether the answer means that what we are signed in with is over; then it is not used again. A right
    /// that is lacking may have been granted since: that is not believed of a fresh token.
    pub(super) async fn is_over(&self, repo: RepoId, http: &Arc<Transport>, failure: &Failure) -> bool {
        let Some(place) = self.places.get(&repo) else { return false };
        let over = failure.is(401) || failure.is(403) && failure.says(SUSPENDED);
        let lacking = failure.is(403) && failure.says("not accessible by integration");
        let mut kept = place.kept.lock().await;
        let ours = kept.signed_in.as_ref().filter(|kept| Arc::ptr_eq(&kept.http, http));
        let old = ours.is_some_and(|kept| http.now().since(kept.from) >= AT_LEAST);
        if ours.is_some() && (over || lacking && old) {
            kept.signed_in = None;
        }
        over
    }

    /// Does not use this connection again: whoever needs one is let in anew.
    pub(super) async fn leave(&self, repo: RepoId, http: &Arc<Transport>) {
        if let Some(place) = self.places.get(&repo) {
            place.kept.lock().await.signed_in.take_if(|kept| Arc::ptr_eq(&kept.http, http));
        }
    }
}

fn signed_in(
    base: &Transport,
    operation: &Operation,
    token: &SecretString,
    line: Arc<Line>,
) -> Result<Transport, Failure> {
    base.under(token, line).map_err(|error| base.refused(operation, &error.external))
}

/// The App itself is not believed.
pub(super) fn own_refused(mut failure: Failure) -> Failure {
    if failure.is(401) {
        failure.error.external = format!(
            "GitHub does not accept the App's own signature: compare `github.app.id` and `github.app.private_key` with the App's settings page, and this machine's clock with the time ({})",
            failure.words
        );
    }
    failure
}

/// Not there is no answer about what was asked for: nobody may take a file or a comment for missing.
fn not_installed(failure: Failure) -> Failure {
    if !failure.is(404) {
        return own_refused(failure);
    }
    let mut failure = Failure { status: None, ..failure };
    failure.error.kind = ErrorKind::Refused;
    "the GitHub App is not installed for this repository (any more): install it there, or take the repository out of `repositories`"
        .clone_into(&mut failure.error.external);
    failure
}

/// Somebody can end this any day, and what waits for it is not given up.
fn suspended(failure: Failure, at: &answers::Installation) -> Failure {
    let mut failure = Failure { status: None, ..failure };
    failure.error.kind = ErrorKind::Unauthorized;
    failure.error.external = format!(
        "the installation of the GitHub App at `{}` is suspended, or does not let the App in: an owner there lifts that under Settings → GitHub Apps",
        at.account.as_ref().map_or("?", |account| account.login.as_str())
    );
    failure
}
