//! Walks a JSON or YAML document and names its leaves, without trusting its shape.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use rust_decimal::Decimal;

/// The most leaves of one file.
pub(super) const MOST: usize = 10_000;
/// The longest name of a leaf.
const LONGEST_NAME: usize = 256;

/// The most runs of one metric.
const MOST_RUNS: usize = 1_000;

/// A leaf: its name with nested keys joined by `.`, and its numbers (one; or a list of them, one a run)
/// or why it has none.
pub(super) type Leaf = (String, Result<Vec<Decimal>, String>);

/// Collects the leaves below one name.
pub(super) struct Collect<'l> {
    pub(super) name: String,
    pub(super) leaves: &'l mut Vec<Leaf>,
}

impl Collect<'_> {
    fn keep<E: serde::de::Error>(self, value: Result<Vec<Decimal>, String>) -> Result<(), E> {
        if self.name.is_empty() {
            return Err(E::custom("the file is no map of metrics"));
        }
        if self.leaves.len() >= MOST {
            return Err(E::custom(format_args!("more than {MOST} metrics")));
        }
        self.leaves.push((self.name, value));
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Collect<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Collect<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of numbers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            let name = if self.name.is_empty() { key } else { format!("{}.{key}", self.name) };
            if name.len() > LONGEST_NAME {
                return Err(serde::de::Error::custom(format_args!(
                    "a metric's name is longer than {LONGEST_NAME} bytes"
                )));
            }
            map.next_value_seed(Collect { name, leaves: self.leaves })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut runs = Ok(Vec::new());
        while let Some(Element(element)) = list.next_element()? {
            runs = match (runs, element) {
                (Ok(runs), Ok(_)) if runs.len() >= MOST_RUNS => {
                    Err(format!("it is a list of more than {MOST_RUNS} numbers"))
                }
                (Ok(mut runs), Ok(number)) => {
                    runs.push(number);
                    Ok(runs)
                }
                (Ok(_), Err(why)) => Err(format!("it is a list, and of one element {why}")),
                (Err(why), _) => Err(why),
            };
        }
        self.keep(
            runs.and_then(
                |runs| if runs.is_empty() { Err("it is an empty list".to_owned()) } else { Ok(runs) },
            ),
        )
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.keep(Ok(vec![Decimal::from(value)]))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.keep(Ok(vec![Decimal::from(value)]))
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<(), E> {
        self.keep(integer(value).map(|number| vec![number]))
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<(), E> {
        self.keep(integer(value).map(|number| vec![number]))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.keep(decimal(value).map(|number| vec![number]))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.keep(Err(text(value)))
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.keep(Err(format!("it is {value}")))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.keep(Err("it is empty".to_owned()))
    }

    /// What YAML makes of an empty file.
    fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
        self.visit_unit()
    }
}

/// An element of a list: a number, or why it is none.
struct Element(Result<Decimal, String>);

impl<'de> serde::Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneNumber;
        impl<'de> Visitor<'de> for OneNumber {
            type Value = Element;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Element, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Element(Err("it is a map".to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Element, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Element(Err("it is a list".to_owned())))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Element, E> {
                Ok(Element(Ok(Decimal::from(value))))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Element, E> {
                Ok(Element(Ok(Decimal::from(value))))
            }

            fn visit_i128<E>(self, value: i128) -> Result<Element, E> {
                Ok(Element(integer(value)))
            }

            fn visit_u128<E>(self, value: u128) -> Result<Element, E> {
                Ok(Element(integer(value)))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Element, E> {
                Ok(Element(decimal(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Element, E> {
                Ok(Element(Err(text(value))))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Element, E> {
                Ok(Element(Err(format!("it is {value}"))))
            }

            fn visit_unit<E>(self) -> Result<Element, E> {
                Ok(Element(Err("it is empty".to_owned())))
            }
        }
        deserializer.deserialize_any(OneNumber)
    }
}

fn text(value: &str) -> String {
    format!("it is the text {:?}", value.chars().take(40).collect::<String>())
}

/// A key as text, whatever YAML made of it.
struct Key(String);

impl<'de> serde::Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsText;
        impl Visitor<'_> for AsText {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, text: &str) -> Result<Key, E> {
                Ok(Key(text.to_owned()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Key, E> {
                Ok(Key(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Key, E> {
                Ok(Key(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Key, E> {
                Ok(Key(number.to_string()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Key, E> {
                Ok(Key(value.to_string()))
            }
        }
        deserializer.deserialize_any(AsText)
    }
}

/// A whole number of more than 64 bits, as YAML has it.
fn integer(value: impl fmt::Display) -> Result<Decimal, String> {
    value.to_string().parse().map_err(|_too_large| format!("{value} is too large"))
}

/// The number through its shortest decimal text: what is printed as equal is equal.
fn decimal(value: f64) -> Result<Decimal, String> {
    if value.is_nan() {
        return Err("it is not a number (NaN)".to_owned());
    }
    if value.is_infinite() {
        return Err("it is infinite".to_owned());
    }
    let text = format!("{value}");
    text.parse().map_err(|_too_large| format!("{value:e} is too large"))
}
