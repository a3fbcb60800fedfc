//! GitHub: `X-Hub-Signature-256: sha256=<64 hex digits>` over the raw body. The older SHA-1 header
//! is never looked at.

use axum::http::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Refused, equal, mac, one};

/// The only header that counts.
const SIGNATURE: &str = "x-hub-signature-256";

/// Believes the body when one of the secrets made its signature; every secret is tried.
///
/// # Errors
/// Says for the log what was wrong.
pub fn verify(headers: &HeaderMap, body: &[u8], secrets: &[SecretString]) -> Result<(), Refused> {
    let presented = one(headers, SIGNATURE)?.strip_prefix(b"sha256=").ok_or(Refused::Malformed(SIGNATURE))?;
    let mut digest = [0; 32];
    hex::decode_to_slice(presented, &mut digest).map_err(|_error| Refused::Malformed(SIGNATURE))?;
    let fits = secrets.iter().fold(false, |fits, secret| {
        let made = mac(secret.expose_secret().as_bytes(), &[body]);
        fits | made.is_some_and(|made| equal(&made, &digest))
    });
    if fits { Ok(()) } else { Err(Refused::Mismatch(SIGNATURE)) }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const RIGHT: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn judge(values: &[&str], secrets: &[&str]) -> Result<(), Refused> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(SIGNATURE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| (*secret).into()).collect();
        verify(&headers, b"Hello, World!", &secrets)
    }

    #[test]
    fn the_documented_example_is_believed_with_old_and_new_secret() {
        let secret = "It's a Secret to Everybody";
        assert_eq!(judge(&[RIGHT], &[secret]), Ok(()));
        assert_eq!(judge(&[RIGHT], &["old", secret]), Ok(()));
        assert_eq!(judge(&[RIGHT], &[secret, "new"]), Ok(()));
        assert_eq!(judge(&[RIGHT], &["third"]), Err(Refused::Mismatch(SIGNATURE)));
        assert_eq!(judge(&[RIGHT], &[]), Err(Refused::Mismatch(SIGNATURE)));
    }

    #[test]
    fn the_prefix_and_the_length_are_exact() {
        let secret = ["It's a Secret to Everybody"];
        let hex = RIGHT.strip_prefix("sha256=").unwrap();
        for value in [
            hex.to_owned(),
            format!("sha257={hex}"),
            format!("SHA256={hex}"),
            format!("sha1=={hex}"),
            format!("sha256= {hex}"),
            format!("{RIGHT}00"),
            format!("sha256={}", &hex[..62]),
            format!("sha256={}zz", &hex[..62]),
            "sha256=".to_owned(),
            String::new(),
            "111".to_owned(),
            "sha256=é".to_owned(),
        ] {
            assert_eq!(judge(&[&value], &secret), Err(Refused::Malformed(SIGNATURE)), "{value}");
        }
    }

    #[test]
    fn a_missing_or_doubled_signature_is_refused() {
        let secret = ["It's a Secret to Everybody"];
        assert_eq!(judge(&[], &secret), Err(Refused::Missing(SIGNATURE)));
        assert_eq!(judge(&[RIGHT, RIGHT], &secret), Err(Refused::Twice(SIGNATURE)));
    }

    #[test]
    fn an_empty_secret_proves_nothing() {
        let forged = format!("sha256={}", hex::encode(Hmac256::of(b"", b"Hello, World!")));
        assert_eq!(judge(&[&forged], &[""]), Err(Refused::Mismatch(SIGNATURE)));
    }

    struct Hmac256;

    impl Hmac256 {
        fn of(key: &[u8], body: &[u8]) -> Vec<u8> {
            use hmac::Mac as _;
            hmac::Hmac::<sha2::Sha256>::new_from_slice(key)
                .unwrap()
                .chain_update(body)
                .finalize()
                .into_bytes()
                .to_vec()
        }
    }
}
