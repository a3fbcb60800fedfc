//! Commit names and content digests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ids::InvalidName;

/// A full commit (or other git object) name: 40 or 64 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha(String);

impl Sha {
    /// All hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }

    /// Whether `prefix` (at least 7 digits, any case) begins this name.
    #[must_use]
    pub fn has_prefix(&self, prefix: &str) -> bool {
        prefix.len() >= 7 && self.0.starts_with(&prefix.to_ascii_lowercase())
    }
}

impl FromStr for Sha {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if hex && (text.len() == 40 || text.len() == 64) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidName::new("commit", text, "40 or 64 hex digits"))
        }
    }
}

impl TryFrom<String> for Sha {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Sha> for String {
    fn from(sha: Sha) -> Self {
        sha.0
    }
}

impl fmt::Display for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A SHA-256 of content, written `sha256:<64 hex>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Wraps the 32 bytes of a finished SHA-256.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The SHA-256 of `content`.
    #[must_use]
    pub fn of(content: impl AsRef<[u8]>) -> Self {
        use sha2::{Digest as _, Sha256};
        Self(Sha256::digest(content).into())
    }

    /// The SHA-256 of the JSON form of `value`; maps must be ordered for the digest to be stable.
    ///
    /// # Errors
    /// When `value` has no JSON form (a map whose keys are not strings).
    pub fn of_json(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::to_vec(value).map(Self::of)
    }

    /// The 64 hex digits without the `sha256:` in front.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// The first twelve hex digits, for people and file headers.
    #[must_use]
    pub fn short(&self) -> String {
        let mut text = self.hex();
        text.truncate(12);
        text
    }
}

impl FromStr for Digest {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidName::new("digest", text, "sha256: and 64 hex digits");
        let digits = text.strip_prefix("sha256:").ok_or_else(invalid)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_error| invalid())?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_name_is_forty_or_sixty_four_hex_digits() {
        let sha: Sha = "0123456789ABCDEF0123456789abcdef01234567".parse().unwrap();
        assert_eq!(sha.as_str(), "0123456789abcdef0123456789abcdef01234567");
        assert_eq!(sha.short(), "01234567");
        assert!(sha.has_prefix("0123456"));
        assert!(!sha.has_prefix("012345"), "six digits are too few to be meant");
        for text in ["", "0123", "g123456789abcdef0123456789abcdef01234567"] {
            assert!(text.parse::<Sha>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_digest_reads_back_what_it_writes() {
        let digest = Digest::of("abc");
        assert_eq!(
            digest.to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert!("sha256:ba78".parse::<Digest>().is_err());
    }
}
