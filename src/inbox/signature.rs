//! Is a delivery really from the forge? Pure functions over headers, body, keys and the time.

pub mod github;
pub mod gitlab;

use axum::http::{HeaderMap, HeaderValue};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Why a delivery is not believed: for our log only. It never holds what was presented, and the
/// sender is told the same for every cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A header that proves the origin is not there.
    #[error("the header `{0}` is missing")]
    Missing(&'static str),
    /// A header came more than once, so nobody knows which one counts.
    #[error("the header `{0}` came more than once")]
    Twice(&'static str),
    /// A header is not written as the scheme says.
    #[error("the header `{0}` is not well-formed")]
    Malformed(&'static str),
    /// The signed time is too far from ours.
    #[error("the signed time is more than {} s away from our clock", gitlab::TOLERANCE_SECONDS)]
    Stale,
    /// No configured secret makes this signature.
    #[error("the header `{0}` fits none of the configured secrets")]
    Mismatch(&'static str),
}

/// The one value of a header.
fn one<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h [u8], Refused> {
    at_most_one(headers, name)?.ok_or(Refused::Missing(name))
}

/// The value of a header that need not be there.
fn at_most_one<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<Option<&'h [u8]>, Refused> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Refused::Twice(name));
    }
    Ok(first.map(HeaderValue::as_bytes))
}

/// HMAC-SHA256 over the parts, one after another; none for an empty key, which proves nothing.
fn mac(key: &[u8], parts: &[&[u8]]) -> Option<[u8; 32]> {
    if key.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().into())
}

/// Compares without telling by its duration where the difference is.
fn equal(left: &[u8; 32], right: &[u8; 32]) -> bool {
    left.ct_eq(right).into()
}
