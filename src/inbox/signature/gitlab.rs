//! GitLab: signed deliveries (Standard Webhooks) and the older plain token in `X-Gitlab-Token`.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::{Refused, at_most_one, equal, mac, one};
use crate::config::server::SecretKey;
use crate::domain::Timestamp;

/// How far the signed time may be from ours, both ways, inclusive.
pub const TOLERANCE_SECONDS: u64 = 300;

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";
const TOKEN: &str = "x-gitlab-token";

/// What a believed delivery was proved by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A signature, which also vouches for `webhook-id`.
    Signature,
    /// The plain token.
    Token,
}

/// Believes the body by everything that is configured.
///
/// With signing keys a valid signature is always needed, so that nobody can fall back to the token; a
/// token that comes along must fit too where tokens are configured.
///
/// # Errors
/// Says for the log what was wrong.
pub fn verify(
    headers: &HeaderMap,
    body: &[u8],
    signing_keys: &[SecretKey],
    tokens: &[SecretString],
    now: Timestamp,
) -> Result<Proof, Refused> {
    if signing_keys.is_empty() {
        token_fits(one(headers, TOKEN)?, tokens)?;
        return Ok(Proof::Token);
    }
    signature_fits(headers, body, signing_keys, now)?;
    match at_most_one(headers, TOKEN)? {
        Some(presented) if !tokens.is_empty() => token_fits(presented, tokens)?,
        _ => {}
    }
    Ok(Proof::Signature)
}

fn signature_fits(
    headers: &HeaderMap,
    body: &[u8],
    keys: &[SecretKey],
    now: Timestamp,
) -> Result<(), Refused> {
    let (id, time, presented) = (one(headers, ID)?, one(headers, TIMESTAMP)?, one(headers, SIGNATURE)?);
    if id.is_empty() {
        return Err(Refused::Malformed(ID));
    }
    let made: Vec<[u8; 32]> =
        keys.iter().filter_map(|key| mac(key.expose_secret(), &[id, b".", time, b".", body])).collect();
    let fits = presented
        .split(|byte| *byte == b' ')
        .filter_map(|value| STANDARD.decode(value.strip_prefix(b"v1,")?).ok()?.try_into().ok())
        .fold(false, |fits, digest: [u8; 32]| {
            made.iter().fold(fits, |fits, made| fits | equal(made, &digest))
        });
    if !fits {
        return Err(Refused::Mismatch(SIGNATURE));
    }
    let seconds = whole_seconds(time).ok_or(Refused::Malformed(TIMESTAMP))?;
    if now.0.div_euclid(1000).abs_diff(seconds) > TOLERANCE_SECONDS {
        return Err(Refused::Stale);
    }
    Ok(())
}

/// Digits only: no sign, no spaces, no fraction.
fn whole_seconds(text: &[u8]) -> Option<i64> {
    let digits = std::str::from_utf8(text).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Compares digests, so that not even the length of the token can be measured.
fn token_fits(presented: &[u8], tokens: &[SecretString]) -> Result<(), Refused> {
    let presented: [u8; 32] = Sha256::digest(presented).into();
    let fits = tokens
        .iter()
        .map(SecretString::expose_secret)
        .filter(|token| !token.is_empty())
        .fold(false, |fits, token| fits | equal(&Sha256::digest(token.as_bytes()).into(), &presented));
    if fits { Ok(()) } else { Err(Refused::Mismatch(TOKEN)) }
}

#[cfg(test)]
mod tests;
