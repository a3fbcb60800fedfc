//! The HTTP client of an adapter.

use std::sync::Once;

use reqwest::{Client, Url};

use super::{Limits, origin};

/// The client with one TLS provider for the whole process; no redirects and no repeats by itself.
pub(super) fn client(base: &Url, limits: &Limits) -> Result<Client, reqwest::Error> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Somebody else may have installed one before us; any one will do.
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
    });
    let builder = || {
        let builder = Client::builder()
            .user_agent(concat!("mergewright/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(limits.connect)
            .read_timeout(limits.call);
        if origin::is_loopback(base) { builder.no_proxy() } else { builder }
    };
    match builder().build() {
        // A machine without any certificate can still speak to a plain http address.
        Err(_) if base.scheme() == "http" => builder().tls_certs_only([]).build(),
        result => result,
    }
}
