//! The private key of a GitHub App, out of its PEM.

use ring::signature::RsaKeyPair;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;

/// Why a text is no key that an App could sign with; nothing of the text is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAppKey {
    /// There is no private key in PEM form.
    #[error("is not a private key in PEM form")]
    Unreadable,
    /// It needs a passphrase, and nobody is there to type one.
    #[error("is encrypted, and there is no place for its passphrase")]
    Encrypted,
    /// It is one of another kind.
    #[error("is a private key, but not an RSA key")]
    NotRsa,
    /// It is an RSA key that cannot be signed with.
    #[error("is an RSA key that is damaged or has fewer than 2048 bits")]
    Unusable,
}

/// What stands in a PEM that needs a passphrase: PKCS#8, and the older form of OpenSSL.
const ENCRYPTED: [&str; 2] = ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED"];

impl NotAnAppKey {
    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Encrypted => {
                "write it without the passphrase, `openssl rsa -in app.pem -out plain.pem`, into a file that the bot alone reads; or generate a new one on the App's settings page"
            }
            Self::Unreadable | Self::NotRsa | Self::Unusable => {
                "generate a private key on the App's settings page: it begins with `-----BEGIN RSA PRIVATE KEY`"
            }
        }
    }
}

/// Reads the key in either form: `BEGIN RSA PRIVATE KEY`, as GitHub hands it out, or `BEGIN PRIVATE KEY`.
///
/// # Errors
/// When it is no RSA key with at least 2048 bits.
pub fn app_key(pem: &str) -> Result<RsaKeyPair, NotAnAppKey> {
    if ENCRYPTED.iter().any(|words| pem.contains(words)) {
        return Err(NotAnAppKey::Encrypted);
    }
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_error| NotAnAppKey::Unreadable)? {
        PrivateKeyDer::Pkcs1(der) => {
            RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(|_error| NotAnAppKey::Unusable)
        }
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|error| {
            // ring has a word for this, but no type.
            match error.to_string().as_str() {
                "WrongAlgorithm" => NotAnAppKey::NotRsa,
                _ => NotAnAppKey::Unusable,
            }
        }),
        _ => Err(NotAnAppKey::NotRsa),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_an_rsa_key_are_read_and_are_the_same_key() {
        let [first, second] = [
            include_str!("../../../tests/data/app/pkcs1.pem"),
            include_str!("../../../tests/data/app/pkcs8.pem"),
        ]
        .map(|pem| app_key(pem).unwrap().public().as_ref().to_owned());
        assert_eq!(first, second);
    }

    #[test]
    fn what_is_no_rsa_key_is_told_from_what_is_no_key() {
        for (pem, expected) in [
            (include_str!("../../../tests/data/app/encrypted.pem"), NotAnAppKey::Encrypted),
            (include_str!("../../../tests/data/app/encrypted-old.pem"), NotAnAppKey::Encrypted),
            (include_str!("../../../tests/data/app/ec.pem"), NotAnAppKey::NotRsa),
            (include_str!("../../../tests/data/app/ec-sec1.pem"), NotAnAppKey::NotRsa),
            (include_str!("../../../tests/data/app/short.pem"), NotAnAppKey::Unusable),
            ("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", NotAnAppKey::Unusable),
            ("-----BEGIN RSA PRIVATE KEY-----\n", NotAnAppKey::Unreadable),
            ("hunter2", NotAnAppKey::Unreadable),
        ] {
            assert_eq!(app_key(pem).unwrap_err(), expected);
        }
    }
}
