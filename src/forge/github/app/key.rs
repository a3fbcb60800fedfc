//! How an App proves that it is itself: a JSON Web Token, RS256, signed with its private key.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::config::server::{NotAnAppKey, app_key};
use crate::domain::Timestamp;

/// A token is dated back so far, for a clock of GitHub's that is behind ours.
const DATED_BACK: Duration = Duration::from_secs(60);
/// GitHub takes ten minutes at the most, by its own clock.
const LASTS: Duration = Duration::from_secs(9 * 60);

/// An App's number with its private key.
pub(super) struct AppKey {
    id: u64,
    pair: RsaKeyPair,
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Signing asks for memory and for chance, and both can be lacking.
#[derive(Debug)]
pub(super) struct CannotSign;

impl AppKey {
    pub(super) fn new(id: u64, pem: &SecretString) -> Result<Self, NotAnAppKey> {
        Ok(Self { id, pair: app_key(pem.expose_secret())? })
    }

    /// A token that speaks for the App itself, and when it ends.
    pub(super) fn token(&self, now: Timestamp) -> Result<(SecretString, Timestamp), CannotSign> {
        let ends = now.after(LASTS);
        let seconds = |at: Timestamp| at.0.div_euclid(1000);
        let claims = json!({
            "iat": seconds(now.before(DATED_BACK)),
            "exp": seconds(ends),
            "iss": self.id.to_string(),
        });
        let encoded = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let said = format!("{}.{}", encoded(&json!({"alg": "RS256", "typ": "JWT"})), encoded(&claims));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), said.as_bytes(), &mut signature)
            .map_err(|_unspecified| CannotSign)?;
        Ok((format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature)).into(), ends))
    }
}
