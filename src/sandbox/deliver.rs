//! Webhooks over real HTTP: signed, in the wanted order and number.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use reqwest::RequestBuilder;
use sha2::Sha256;

use crate::domain::Timestamp;

use super::world::{Delivery, Receiver, World};

/// A forge waits so long for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// In automatic mode a failed delivery is sent so many times in all.
const TRIES: u32 = 5;

/// In which order deliveries go out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As things happened.
    #[default]
    AsHappened,
    /// Drawn by this seed.
    Shuffled(u64),
}

/// How often each delivery goes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Copies {
    /// Once.
    #[default]
    One,
    /// Twice with the same id, as a resend.
    SameId,
    /// Twice with two ids, as two subscriptions to the same fact.
    OtherId,
}

/// Decides whether a delivery goes out.
pub type Filter = Arc<dyn Fn(&Delivery) -> bool + Send + Sync>;

/// How pending deliveries go out.
#[derive(Clone, Default)]
pub struct Manner {
    /// In which order.
    pub order: Order,
    /// How often each.
    pub copies: Copies,
    /// Those for which it says no are lost; none loses nothing.
    pub keep: Option<Filter>,
}

impl std::fmt::Debug for Manner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manner")
            .field("order", &self.order)
            .field("copies", &self.copies)
            .finish_non_exhaustive()
    }
}

/// Sends everything that is pending now; each delivery with its answer.
pub(crate) async fn deliver(world: &World, client: &reqwest::Client, manner: &Manner) -> Vec<Delivery> {
    let mut waiting: Vec<Delivery> = world.lock().pending.drain(..).collect();
    if let Some(keep) = &manner.keep {
        let lost: Vec<Delivery>;
        (waiting, lost) = waiting.into_iter().partition(|delivery| keep(delivery));
        world.lock().deliveries.extend(lost);
    }
    let mut sendings: Vec<Delivery> = Vec::new();
    for delivery in waiting {
        let mut second = delivery.clone();
        sendings.push(delivery);
        match manner.copies {
            Copies::One => continue,
            Copies::SameId => {}
            Copies::OtherId => second.id = format!("{}-again", second.id),
        }
        sendings.push(second);
    }
    if let Order::Shuffled(seed) = manner.order {
        fastrand::Rng::with_seed(seed).shuffle(&mut sendings);
    }
    for delivery in &mut sendings {
        send(world, client, delivery).await;
    }
    sendings
}

/// Sends deliveries as they arise, one after another; what fails is sent again a few times.
pub(crate) async fn keep_delivering(world: Arc<World>, client: reqwest::Client) {
    loop {
        let next = world.lock().pending.pop_front();
        let Some(mut delivery) = next else {
            // A ring that came between the look and the wait is kept by the bell.
            tokio::select! {
                () = world.mail.notified() => {}
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
            }
            continue;
        };
        for attempt in 0..TRIES {
            let answer = post(&world, &client, &delivery).await;
            let again = match &answer {
                Ok(status) => *status >= 500 || *status == 429,
                Err(_unreachable) => true,
            };
            delivery.answer = Some(answer);
            if !again {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200 << attempt)).await;
        }
        world.lock().sent(&mut delivery);
    }
}

/// Sends a delivery once, and keeps that with its answer.
pub(crate) async fn send(world: &World, client: &reqwest::Client, delivery: &mut Delivery) {
    delivery.answer = Some(post(world, client, delivery).await);
    world.lock().sent(delivery);
}

async fn post(world: &World, client: &reqwest::Client, delivery: &Delivery) -> Result<u16, String> {
    let (now, instance, github, receiver) = {
        let state = world.lock();
        (state.now(), state.url.clone(), state.dialect.is_github(), state.receiver)
    };
    match receiver {
        Receiver::There => {}
        Receiver::Away => return Err("connection refused".to_owned()),
        Receiver::Answers(status) => return Ok(status),
    }
    let request = client.post(&delivery.url).timeout(PATIENCE).header("content-type", "application/json");
    let request =
        if github { as_github(request, delivery)? } else { as_gitlab(request, delivery, now, instance)? };
    let sent = request.body(delivery.body.clone()).send().await;
    sent.map(|response| response.status().as_u16()).map_err(|error| error.without_url().to_string())
}

fn as_github(request: RequestBuilder, delivery: &Delivery) -> Result<RequestBuilder, String> {
    let request = request
        .header("user-agent", "GitHub-Hookshot/5eedb0c")
        .header("x-github-event", delivery.event)
        .header("x-github-delivery", &delivery.id)
        .header("x-github-hook-id", delivery.hook.to_string());
    let (kind, target) = match delivery.app {
        Some(app) => ("integration", app),
        None => ("repository", delivery.project),
    };
    let request = request
        .header("x-github-hook-installation-target-type", kind)
        .header("x-github-hook-installation-target-id", target.to_string());
    let Some(secret) = &delivery.token else { return Ok(request) };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|error| error.to_string())?;
    mac.update(delivery.body.as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    Ok(request.header("x-hub-signature-256", signature))
}

fn as_gitlab(
    request: RequestBuilder,
    delivery: &Delivery,
    now: Timestamp,
    instance: String,
) -> Result<RequestBuilder, String> {
    let mut request = request
        .header("user-agent", "GitLab/19.0.0")
        .header("x-gitlab-event", delivery.event)
        .header("x-gitlab-instance", instance)
        .header("x-gitlab-webhook-uuid", format!("{}-{}", delivery.id, delivery.hook))
        .header("x-gitlab-event-uuid", format!("chain-{}", delivery.number))
        .header("idempotency-key", &delivery.id);
    if let Some(token) = &delivery.token {
        request = request.header("x-gitlab-token", token);
    }
    if let Some(key) = &delivery.signing_key {
        let seconds = now.0.div_euclid(1000).to_string();
        let signature = sign(key, &delivery.id, now, &delivery.body)?;
        request = request
            .header("webhook-id", &delivery.id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature);
    }
    Ok(request)
}

/// `v1,` and the base64 of the HMAC over id, seconds and body.
fn sign(key: &[u8], id: &str, at: Timestamp, body: &str) -> Result<String, String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| error.to_string())?;
    mac.update(format!("{id}.{}.", at.0.div_euclid(1000)).as_bytes());
    mac.update(body.as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}
