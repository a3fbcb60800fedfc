use std::sync::Arc;

use axum::http::HeaderValue;
use secrecy::SecretBox;

use super::*;

const NOW: i64 = 1_760_000_000;

/// A delivery under construction; every test says what is odd about its own.
struct Delivery {
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Delivery {
    fn new() -> Self {
        Self { headers: HeaderMap::new(), body: br#"{"object_kind":"push"}"#.to_vec() }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }

    fn without(mut self, name: &'static str) -> Self {
        self.headers.remove(name);
        self
    }

    fn signed_at(self, key: &[u8], time: &str) -> Self {
        let signature = format!("v1,{}", signature(key, "id-1", time, &self.body));
        self.with(ID, "id-1").with(TIMESTAMP, time).with(SIGNATURE, &signature)
    }

    fn signed(self, key: &[u8]) -> Self {
        self.signed_at(key, &NOW.to_string())
    }

    fn judged(&self, keys: &[&[u8]], tokens: &[&str]) -> Result<Proof, Refused> {
        let keys: Vec<SecretKey> =
            keys.iter().map(|key| Arc::new(SecretBox::new(Box::new(key.to_vec())))).collect();
        let tokens: Vec<SecretString> = tokens.iter().map(|token| (*token).into()).collect();
        verify(&self.headers, &self.body, &keys, &tokens, Timestamp(NOW * 1000 + 999))
    }
}

fn signature(key: &[u8], id: &str, time: &str, body: &[u8]) -> String {
    STANDARD.encode(mac(key, &[id.as_bytes(), b".", time.as_bytes(), b".", body]).unwrap())
}

#[test]
fn a_signature_of_any_configured_key_is_believed() {
    let delivery = Delivery::new().signed(b"second");
    assert_eq!(delivery.judged(&[b"first", b"second"], &[]), Ok(Proof::Signature));
    assert_eq!(delivery.judged(&[b"first"], &[]), Err(Refused::Mismatch(SIGNATURE)));
    assert_eq!(delivery.judged(&[b""], &[]), Err(Refused::Mismatch(SIGNATURE)));
}

#[test]
fn of_several_signatures_one_must_fit_in_the_right_version() {
    let right = signature(b"key", "id-1", &NOW.to_string(), br#"{"object_kind":"push"}"#);
    for (value, verdict) in [
        (format!("v1,{right}"), Ok(Proof::Signature)),
        (format!("v1,AAAA v1a,x v1,{right} v2,y"), Ok(Proof::Signature)),
        (format!("v2,{right}"), Err(Refused::Mismatch(SIGNATURE))),
        (right.clone(), Err(Refused::Mismatch(SIGNATURE))),
        ("v1,".to_owned(), Err(Refused::Mismatch(SIGNATURE))),
        ("v1,not base64!".to_owned(), Err(Refused::Mismatch(SIGNATURE))),
        (format!("v1,{}", &right[..8]), Err(Refused::Mismatch(SIGNATURE))),
        (String::new(), Err(Refused::Mismatch(SIGNATURE))),
    ] {
        let delivery = Delivery::new().signed(b"key").without(SIGNATURE).with(SIGNATURE, &value);
        assert_eq!(delivery.judged(&[b"key"], &[]), verdict, "{value}");
    }
}

#[test]
fn the_time_may_be_five_minutes_off_and_no_more() {
    for (offset, verdict) in [
        (0, Ok(Proof::Signature)),
        (300, Ok(Proof::Signature)),
        (-300, Ok(Proof::Signature)),
        (301, Err(Refused::Stale)),
        (-301, Err(Refused::Stale)),
    ] {
        let delivery = Delivery::new().signed_at(b"key", &(NOW + offset).to_string());
        assert_eq!(delivery.judged(&[b"key"], &[]), verdict, "{offset} s");
    }
    for odd in ["", "soon", "-1", "+1760000000", "1760000000.0", "99999999999999999999999"] {
        let delivery = Delivery::new().signed_at(b"key", odd);
        assert_eq!(delivery.judged(&[b"key"], &[]), Err(Refused::Malformed(TIMESTAMP)), "{odd}");
    }
}

#[test]
fn each_header_of_a_signature_is_needed_once() {
    for name in [ID, TIMESTAMP, SIGNATURE] {
        let missing = Delivery::new().signed(b"key").without(name);
        assert_eq!(missing.judged(&[b"key"], &[]), Err(Refused::Missing(name)));
        let signed = Delivery::new().signed(b"key");
        let value = signed.headers.get(name).unwrap().to_str().unwrap().to_owned();
        let doubled = signed.with(name, &value);
        assert_eq!(doubled.judged(&[b"key"], &[]), Err(Refused::Twice(name)));
    }
}

#[test]
fn identity_and_time_are_part_of_what_is_signed() {
    for (name, other) in [(ID, "id-2"), (TIMESTAMP, "1760000001")] {
        let delivery = Delivery::new().signed(b"key").without(name).with(name, other);
        assert_eq!(delivery.judged(&[b"key"], &[]), Err(Refused::Mismatch(SIGNATURE)), "{name}");
    }
    let mut delivery = Delivery::new().signed(b"key");
    delivery.body.push(b' ');
    assert_eq!(delivery.judged(&[b"key"], &[]), Err(Refused::Mismatch(SIGNATURE)));
}

#[test]
fn with_a_signing_key_the_token_alone_does_not_do() {
    let delivery = Delivery::new().with(TOKEN, "token");
    assert_eq!(delivery.judged(&[b"key"], &["token"]), Err(Refused::Missing(ID)));
}

#[test]
fn signature_and_token_must_both_fit_when_both_are_configured_and_sent() {
    let right = Delivery::new().signed(b"key").with(TOKEN, "token");
    assert_eq!(right.judged(&[b"key"], &["token"]), Ok(Proof::Signature));
    let wrong = Delivery::new().signed(b"key").with(TOKEN, "other");
    assert_eq!(wrong.judged(&[b"key"], &["token"]), Err(Refused::Mismatch(TOKEN)));
    let forged = Delivery::new().signed(b"other").with(TOKEN, "token");
    assert_eq!(forged.judged(&[b"key"], &["token"]), Err(Refused::Mismatch(SIGNATURE)));
    let silent = Delivery::new().signed(b"key");
    assert_eq!(silent.judged(&[b"key"], &["token"]), Ok(Proof::Signature));
    assert_eq!(wrong.judged(&[b"key"], &[]), Ok(Proof::Signature), "no token is configured to compare with");
}

#[test]
fn a_token_is_equal_or_refused() {
    for (presented, verdict) in [
        ("token", Ok(Proof::Token)),
        ("rotated", Ok(Proof::Token)),
        ("toke", Err(Refused::Mismatch(TOKEN))),
        ("token2", Err(Refused::Mismatch(TOKEN))),
        ("Token", Err(Refused::Mismatch(TOKEN))),
        ("tökén", Err(Refused::Mismatch(TOKEN))),
        ("", Err(Refused::Mismatch(TOKEN))),
    ] {
        let delivery = Delivery::new().with(TOKEN, presented);
        assert_eq!(delivery.judged(&[], &["token", "rotated", ""]), verdict, "{presented}");
    }
    assert_eq!(Delivery::new().judged(&[], &["token"]), Err(Refused::Missing(TOKEN)));
    let twice = Delivery::new().with(TOKEN, "token").with(TOKEN, "token");
    assert_eq!(twice.judged(&[], &["token"]), Err(Refused::Twice(TOKEN)));
    assert_eq!(Delivery::new().with(TOKEN, "").judged(&[], &[]), Err(Refused::Mismatch(TOKEN)));
}
