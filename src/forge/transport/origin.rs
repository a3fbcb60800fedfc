//! Which addresses are ours, and which pages come next.

use reqwest::Url;
use reqwest::header::HeaderMap;

use crate::forge::classify::header;

/// A configured address, or what is wrong with it (`{}` stands for the address).
pub(super) fn configured(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{{}}` is no address ({error})"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("its address must begin with http:// or https:// and name a host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err("its address must hold no credentials and no query".to_owned());
    }
    Ok(url)
}

/// Whether both have the same scheme, host and port.
pub(super) fn same(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// Whether a step leads from an encrypted to a plain address.
pub(super) fn weakens(from: &Url, to: &Url) -> bool {
    !(to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http"))
}

/// Whether the address is on this machine, where no proxy has any business.
pub(super) fn is_loopback(address: &Url) -> bool {
    let host = address.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// Where a list goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NextPage {
    /// It has ended.
    None,
    /// There, at the forge's own address.
    At(Box<Url>),
    /// The link leads to another origin: it is not followed.
    Foreign,
}

/// Reads `Link: <…>; rel="next"`, else `X-Next-Page`. The number of entries on the page says
/// nothing: a page may be short, or even empty, before the last.
pub(crate) fn next_page(current: &Url, headers: &HeaderMap) -> NextPage {
    for value in headers.get_all("link") {
        if let Some(target) = value.to_str().ok().and_then(rel_next) {
            return match current.join(target) {
                Ok(next) if same(current, &next) => NextPage::At(Box::new(next)),
                _ => NextPage::Foreign,
            };
        }
    }
    let number = header(headers, "x-next-page").map(str::trim).filter(|text| !text.is_empty());
    let Some(number) = number.and_then(|text| text.parse::<u64>().ok()) else { return NextPage::None };
    let kept: Vec<(String, String)> = current
        .query_pairs()
        .filter(|(key, _)| key != "page")
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    let mut next = current.clone();
    next.query_pairs_mut().clear().extend_pairs(kept).append_pair("page", &number.to_string());
    NextPage::At(Box::new(next))
}

/// The target of the link that says `rel="next"`.
fn rel_next(value: &str) -> Option<&str> {
    let mut rest = value;
    while let Some((_, from)) = rest.split_once('<') {
        let (target, after) = from.split_once('>')?;
        let end = after.find('<').unwrap_or(after.len());
        let (parameters, following) = after.split_at(end);
        let is_next = parameters.split([';', ',']).any(|parameter| {
            parameter.split_once('=').is_some_and(|(key, value)| {
                key.trim().eq_ignore_ascii_case("rel")
                    && value.trim().trim_matches('"').split_whitespace().any(|word| word == "next")
            })
        });
        if is_next {
            return Some(target);
        }
        rest = following;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(headers: &[(&'static str, &str)]) -> NextPage {
        let current = Url::parse("https://gl.test/api/v4/x?per_page=100&page=1&sort=asc").unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    reqwest::header::HeaderName::from_static(name),
                    reqwest::header::HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect();
        next_page(&current, &headers)
    }

    fn at(address: &str) -> NextPage {
        NextPage::At(Box::new(Url::parse(address).unwrap()))
    }

    #[test]
    fn the_next_page_is_where_the_link_or_the_number_says() {
        let links = "<https://gl.test/api/v4/x?page=1>; rel=\"first\", <https://gl.test/api/v4/x?page=3>; rel=\"next\"";
        assert_eq!(next(&[("link", links)]), at("https://gl.test/api/v4/x?page=3"));
        assert_eq!(next(&[("link", "</api/v4/x?page=2>; rel=next")]), at("https://gl.test/api/v4/x?page=2"));
        assert_eq!(
            next(&[("x-next-page", "2")]),
            at("https://gl.test/api/v4/x?per_page=100&sort=asc&page=2")
        );
        let last = "<https://gl.test/api/v4/x?page=1>; rel=\"first\"";
        for none in [
            &[][..],
            &[("x-next-page", "")],
            &[("x-next-page", "x")],
            &[("link", last)],
            &[("link", "<broken")],
        ] {
            assert_eq!(next(none), NextPage::None, "{none:?}");
        }
    }

    #[test]
    fn a_link_to_another_origin_is_foreign() {
        for target in [
            "https://evil.test/x",
            "http://gl.test/x",
            "https://gl.test:8443/x",
            "//evil.test/x",
            "https://:",
        ] {
            assert_eq!(
                next(&[("link", &format!("<{target}>; rel=\"next\""))]),
                NextPage::Foreign,
                "{target}"
            );
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (address, expected) in [
            ("http://127.0.0.1:80", true),
            ("http://localhost", true),
            ("http://[::1]:1", true),
            ("http://10.0.0.1", false),
            ("https://gitlab.com", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(address).unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn https_is_never_left() {
        let url = |text| Url::parse(text).unwrap();
        assert!(weakens(&url("https://a"), &url("http://a")));
        assert!(weakens(&url("http://a"), &url("ftp://a")));
        assert!(
            !weakens(&url("http://a"), &url("http://b")) && !weakens(&url("http://a"), &url("https://b"))
        );
    }
}
