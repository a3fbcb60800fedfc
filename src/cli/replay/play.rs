//! The bot over an empty database and the stage in the forge's place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::stage::Stage;
use crate::config::server::{AllowList, GithubConfig, GithubCredential, GitlabConfig, Mode};
use crate::domain::{Clock, ForgeKind, Lane, MergeRequestId, Redactor, Timestamp};
use crate::forge::{Forge, Forges, GitHub, GitLab, StandIn};
use crate::inbox;
use crate::outbox::Outbox;
use crate::storage::{Decision, DeliveryOutcome, NewDelivery, NewJob, NewState, Store};
use crate::worker::{Settings, Worker};

/// What a delivery is old enough for: what the forge does not show is not there.
const ARRIVED_BEFORE: Duration = Duration::from_secs(60);

/// Jobs and calls beyond these would be a circle.
const MOST: u32 = 500;

/// Why nothing is decided where an answer is not known.
const LACKING: &str =
    "facts are missing: write the answers that `unknown` lists into --facts, or name a clone by --repo";

/// A moment that does not pass.
#[derive(Debug)]
struct Still(Timestamp);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Works the payload to its end; what was decided.
pub(super) async fn play(
    forge: ForgeKind,
    event: &str,
    body: &str,
    stage: &Arc<Stage>,
) -> anyhow::Result<Value> {
    let lane = inbox::lane_of(forge, body).context("this is no JSON object")?;
    let now = stage.facts.now.map(|moment| moment.0).or_else(|| stage.payload.moment());
    let clock: Arc<dyn Clock> = Arc::new(Still(now.unwrap_or_else(today)));
    let store = Store::open("sqlite::memory:").await?;
    let forges = forges(forge, stage, &clock)?;
    let settings = Settings {
        prefix: "/model".to_owned(),
        repositories: AllowList::new(["**"])?,
        redactor: Redactor::new([]),
    };
    let worker = Worker::new(store.clone(), forges.clone(), Arc::clone(&clock), settings);
    let outbox = Outbox::new(store.clone(), forges, Arc::clone(&clock), Mode::Act, Redactor::new([]))?;
    if let Some(state) = &stage.facts.state {
        let id = subject(&lane, stage).context("facts.state: the payload names no merge request")?;
        remember(&store, id, state, clock.now()).await?;
    }
    let delivery = NewDelivery {
        forge,
        id: "replay".to_owned(),
        event: event.to_owned(),
        received_at: clock.now().before(ARRIVED_BEFORE),
        lane: Some(lane),
        ignored: None,
        headers: Vec::new(),
        body: body.to_owned().into(),
    };
    store.record(delivery).await?;
    let mut heard = Heard::default();
    for _ in 0..MOST {
        if !worker.work_one_telling(&mut |decided| heard.hear(decided)).await? {
            break;
        }
    }
    // What the forge answers to these calls would come back as deliveries of their own: they end here.
    for _ in 0..MOST {
        if !outbox.perform_one().await? {
            break;
        }
    }
    let (unknown, assumed) = stage.doubts();
    let mut told = heard.told(!unknown.is_empty());
    if let Some(fields) = told.as_object_mut() {
        fields.insert("at".to_owned(), json!(clock.now().to_string()));
        fields.insert("unknown".to_owned(), json!(unknown));
        fields.insert("assumed".to_owned(), json!(assumed));
    }
    Ok(told)
}

fn forges(forge: ForgeKind, stage: &Arc<Stage>, clock: &Arc<dyn Clock>) -> anyhow::Result<Forges> {
    let stand_in: Arc<dyn StandIn> = Arc::<Stage>::clone(stage);
    let (clock, token, write_interval) = (Arc::clone(clock), "none".to_owned().into(), Duration::ZERO);
    let mut forges = Forges::default();
    match forge {
        ForgeKind::GitHub => {
            let config = GithubConfig {
                api_url: stage.address.clone(),
                upload_url: stage.uploads(),
                graphql_url: format!("{}/graphql", stage.address),
                webhook_secrets: Vec::new(),
                credential: GithubCredential::Token(token),
                write_interval,
            };
            let adapter: Arc<dyn Forge> = Arc::new(GitHub::new(&config, clock)?.answered_by(stand_in));
            forges.github = Some(adapter);
        }
        ForgeKind::GitLab => {
            let config = GitlabConfig {
                url: stage.address.clone(),
                signing_keys: Vec::new(),
                webhook_tokens: Vec::new(),
                token,
                write_interval,
            };
            let adapter: Arc<dyn Forge> = Arc::new(GitLab::new(&config, clock)?.answered_by(stand_in));
            forges.gitlab = Some(adapter);
        }
    }
    Ok(forges)
}

fn today() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or_default())
}

/// The merge request that the payload is about.
fn subject(lane: &Lane, stage: &Stage) -> Option<MergeRequestId> {
    match lane {
        Lane::MergeRequest(id) => Some(*id),
        Lane::Repository(repo) => {
            Some(MergeRequestId { repo: *repo, number: stage.payload.request()?.number })
        }
        Lane::Forge(_) | Lane::Model(_) => None,
    }
}

/// Puts into the database what the bot knew before.
async fn remember(
    store: &Store,
    id: MergeRequestId,
    state: &crate::domain::State,
    now: Timestamp,
) -> anyhow::Result<()> {
    let job = NewJob { lane: Lane::MergeRequest(id), event: "{}".to_owned() };
    store.enqueue(vec![job], now).await?;
    let claimed = store.claim(now, Duration::from_secs(1)).await?.context("the database is busy")?;
    let state = NewState {
        id,
        expected: 0,
        state: state.clone(),
        title: String::new(),
        web_url: String::new(),
        repository: String::new(),
        open: true,
    };
    let decision = Decision { state: Some(state), ..Decision::default() };
    Ok(store.commit(&claimed.lease, decision, now).await?)
}

/// What was decided, gathered over the jobs that one payload leads to.
#[derive(Debug, Default)]
struct Heard {
    on: Option<MergeRequestId>,
    models: BTreeMap<String, Value>,
    effects: Vec<String>,
    audit: Vec<Value>,
    ignored: Option<String>,
    failed: Option<String>,
}

impl Heard {
    fn hear(&mut self, decided: Result<&Decision, &str>) {
        let decision = match decided {
            Ok(decision) => decision,
            Err(why) => return self.failed = Some(why.to_owned()),
        };
        if let DeliveryOutcome::Ignored(why) = &decision.outcome {
            self.ignored = Some(why.clone());
        }
        if let Some(state) = &decision.state {
            self.on = Some(state.id);
            let model = |model: &crate::domain::ModelState| json!({ "phase": model.phase, "stage": model.stage, "candidate": model.candidate });
            let models = state.state.models.iter();
            self.models.extend(models.map(|(name, found)| (name.to_string(), model(found))));
        }
        self.effects.extend(decision.effects.iter().map(crate::domain::Effect::slot));
        let entry = |entry: &crate::domain::Audit| json!({ "kind": entry.kind, "actor": entry.actor, "what": entry.what, "detail": entry.detail });
        self.audit.extend(decision.audit.iter().map(entry));
    }

    fn told(self, lacking: bool) -> Value {
        let (outcome, why) = match (self.failed, self.on, self.ignored) {
            (Some(_), ..) if lacking => ("undecided", Some(LACKING.to_owned())),
            (Some(why), ..) => ("undecided", Some(why)),
            (None, Some(_), _) => ("decided", None),
            (None, None, Some(why)) => ("ignored", Some(why)),
            (None, None, None) => ("nothing", None),
        };
        json!({
            "outcome": outcome,
            "why": why,
            "merge_request": self.on.map(|on| on.to_string()),
            "models": self.models,
            "effects": self.effects,
            "audit": self.audit,
        })
    }
}
