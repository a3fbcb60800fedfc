//! Values with a meaning: words of a list, numbers, spans of time, addresses.

use std::net::SocketAddr;
use std::time::Duration;

use super::fields::{Field, Reader, listed, nearest};
use super::tree::Value;

impl Reader<'_> {
    /// One word of a list.
    pub(super) fn one_of<T: Copy>(&mut self, field: &Field<'_>, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let expected = format!("one of {}", listed(&names));
        let text = self.text(field, &expected)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let remedy = nearest(text, &names)
                .map_or_else(|| format!("write {expected}"), |near| format!("did you mean `{near}`?"));
            let what = format!("`{}` has an unknown value", field.name);
            self.problems.add(field.node.place, &written(field), what, remedy);
        }
        found
    }

    /// A whole number within bounds, inclusive.
    pub(super) fn number(&mut self, field: &Field<'_>, least: u64, most: u64) -> Option<u64> {
        if let Value::Integer(number) = field.node.value
            && let Ok(number) = u64::try_from(number)
            && (least..=most).contains(&number)
        {
            return Some(number);
        }
        let what = format!("`{}` must be a whole number from {least} to {most}", field.name);
        self.problems.add(
            field.node.place,
            &written(field),
            what,
            format!("write a number such as `{least}`"),
        );
        None
    }

    /// A span of time such as `30s`; `0s` only where it has a meaning.
    pub(super) fn duration(&mut self, field: &Field<'_>, zero_allowed: bool) -> Option<Duration> {
        let parsed = match &field.node.value {
            Value::Text(text) => duration(text),
            _ => None,
        };
        match parsed {
            Some(span) if zero_allowed || !span.is_zero() => Some(span),
            Some(_) => {
                let what = format!("`{}` must be longer than zero", field.name);
                self.problems.add(
                    field.node.place,
                    &written(field),
                    what,
                    "write a span of time such as `5m`",
                );
                None
            }
            None => {
                let what = format!("`{}` is not a span of time", field.name);
                let remedy = "write a whole number and its unit, such as `500ms`, `1s`, `5m`, `2h` or `30d`";
                self.problems.add(field.node.place, &written(field), what, remedy);
                None
            }
        }
    }

    /// The base of a web address, without its trailing slashes.
    pub(super) fn address(&mut self, field: &Field<'_>) -> Option<String> {
        let expected = "an address such as `https://gitlab.example.com`";
        let text = self.text(field, expected)?.trim_end_matches('/');
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.map(|rest| rest.split('/').next().unwrap_or_default()).unwrap_or_default();
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '\\');
        if host.is_empty() || host.starts_with(':') || text.contains(odd) {
            self.problems.add(
                field.node.place,
                "",
                format!("`{}` is not the base of a web address", field.name),
                format!("write {expected}, without query or fragment"),
            );
            return None;
        }
        if host.contains('@') {
            self.problems.add(
                field.node.place,
                "",
                format!("`{}` holds a user name or password", field.name),
                "leave them out: credentials have keys of their own, as {env: NAME} or {file: PATH}",
            );
            return None;
        }
        // As whoever asks the address will read it: a port, brackets, what is no name of a host.
        if reqwest::Url::parse(text).is_err() {
            self.problems.add(
                field.node.place,
                "",
                format!("`{}` cannot be read as a web address", field.name),
                format!("look at the host and the port, and write {expected}"),
            );
            return None;
        }
        Some(text.to_owned())
    }

    /// An IP address and port to listen on.
    pub(super) fn listen(&mut self, field: &Field<'_>) -> Option<SocketAddr> {
        let expected = "an address and port such as `127.0.0.1:8080` or `\"[::]:8080\"`";
        let parsed = self.text(field, expected)?.parse().ok();
        if parsed.is_none() {
            let what = format!("`{}` is not an IP address with a port", field.name);
            self.problems.add(field.node.place, &written(field), what, format!("write {expected}"));
        }
        parsed
    }
}

/// The value as far as it may be repeated: for fields that never hold a secret.
fn written(field: &Field<'_>) -> String {
    match &field.node.value {
        Value::Text(text) => text.lines().next().unwrap_or_default().to_owned(),
        Value::Integer(number) => number.to_string(),
        _ => String::new(),
    }
}

/// A whole number and a unit.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at_checked(digits)?;
    let count: u64 = count.parse().ok()?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return None,
    };
    // Longer spans would not fit into the times that we store.
    count.checked_mul(milliseconds).filter(|total| *total <= 36_500 * 86_400_000).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_have_a_number_and_a_unit() {
        for (text, seconds) in
            [("1s", 1.0), ("500ms", 0.5), ("5m", 300.0), ("2h", 7200.0), ("30d", 2_592_000.0), ("0s", 0.0)]
        {
            assert_eq!(duration(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in [
            "",
            "1",
            "s",
            "-1s",
            "1.5s",
            "1 s",
            "1S",
            "1w",
            "99999999999999999999s",
            "18446744073709551615d",
            "36501d",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
