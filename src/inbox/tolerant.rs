//! Reading a few fields out of foreign JSON without ever failing on the rest: a field of another
//! type than expected, a null and a repeated field are all fine.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A whole number, or nothing where something else stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Number(pub(super) Option<u64>);

/// A text, or nothing where something else stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Option<Cow<'a, str>>);

/// The first element of a list that `T` can be read from, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct List<T>(pub(super) Vec<T>);

/// How many elements of a list are looked at.
const LOOKED_AT: usize = 16;

/// The parts of a visitor that take and forget what was not expected.
macro_rules! forget {
    ($($method:ident($kind:ty)),+ $(,)?) => {
        $(fn $method<E>(self, _value: $kind) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        })+
    };
    (unit) => {
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
    (map) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
    (seq) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}
pub(super) use forget;

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
        Ok(Number(Some(value)))
    }

    forget!(visit_bool(bool), visit_i64(i64), visit_f64(f64), visit_str(&str));
    forget!(unit);
    forget!(map);
    forget!(seq);
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Borrowed(value))))
    }

    fn visit_str<E>(self, value: &str) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Owned(value.to_owned()))))
    }

    forget!(visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64));
    forget!(unit);
    forget!(map);
    forget!(seq);
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct ListVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T>, A::Error> {
        let mut list = Vec::new();
        while list.len() < LOOKED_AT {
            match seq.next_element()? {
                Some(element) => list.push(element),
                None => return Ok(List(list)),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(List(list))
    }

    forget!(visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
    forget!(unit);
    forget!(map);
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(std::marker::PhantomData))
    }
}

/// Declares structs that take the named fields out of a JSON object. A field that comes twice counts
/// with its last value; where no object stands, all fields are empty and `is_object` is false.
macro_rules! tolerant {
    ($($(#[$meta:meta])* struct $name:ident<'a> { $($field:ident: $kind:ty),+ $(,)? })+) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        struct $name<'a> {
            is_object: bool,
            $($field: $kind,)+
            lives: std::marker::PhantomData<&'a ()>,
        }

        impl<'de: 'a, 'a> serde::de::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields<'a>(std::marker::PhantomData<&'a ()>);

                impl<'de: 'a, 'a> serde::de::Visitor<'de> for Fields<'a> {
                    type Value = $name<'a>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name<'a>, A::Error> {
                        let mut found = $name { is_object: true, ..$name::default() };
                        while let Some(Text(key)) = map.next_key::<Text<'de>>()? {
                            match key.as_deref() {
                                $(Some(stringify!($field)) => found.$field = map.next_value()?,)+
                                _ => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(found)
                    }

                    crate::inbox::tolerant::forget!(
                        visit_bool(bool),
                        visit_i64(i64),
                        visit_u64(u64),
                        visit_f64(f64),
                        visit_str(&str),
                    );
                    crate::inbox::tolerant::forget!(unit);

                    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<$name<'a>, A::Error> {
                        while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                        Ok($name::default())
                    }
                }

                deserializer.deserialize_any(Fields(std::marker::PhantomData))
            }
        }
    )+};
}
pub(super) use tolerant;

#[cfg(test)]
mod tests {
    use super::*;

    tolerant! {
        struct Outer<'a> { number: Number, text: Text<'a>, inner: Inner<'a>, list: List<Inner<'a>> }
        struct Inner<'a> { number: Number }
    }

    fn read(json: &str) -> Outer<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn named_fields_are_taken_and_the_rest_is_passed_over() {
        let outer =
            read(r#"{"other":[{}],"number":7,"text":"é\n","inner":{"number":8},"list":[1,{"number":9}]}"#);
        assert_eq!(outer.number.0, Some(7));
        assert_eq!(outer.text.0.as_deref(), Some("é\n"));
        assert_eq!(outer.inner.number.0, Some(8));
        assert_eq!(outer.list.0.iter().map(|inner| inner.number.0).collect::<Vec<_>>(), [None, Some(9)]);
    }

    #[test]
    fn a_value_of_another_type_counts_as_absent() {
        for odd in ["null", "true", "-1", "1.5", "[1,[2]]", r#"{"a":{"b":1}}"#, r#""text""#, "[]", "{}"] {
            let json = format!(r#"{{"number":{odd},"inner":{odd},"list":{odd}}}"#);
            let outer = read(&json);
            assert_eq!((outer.number.0, outer.inner.number.0), (None, None), "{odd}");
        }
        for odd in ["null", "true", "-1", "7", "1.5", "[1]", "{}"] {
            assert_eq!(read(&format!(r#"{{"text":{odd}}}"#)).text.0, None, "{odd}");
        }
    }

    #[test]
    fn of_a_repeated_field_the_last_one_counts() {
        assert_eq!(read(r#"{"number":1,"number":2}"#).number.0, Some(2));
    }

    #[test]
    fn escaped_names_are_the_same_names() {
        assert_eq!(read(r#"{"n\u0075mber":3}"#).number.0, Some(3));
    }

    #[test]
    fn only_objects_are_objects() {
        assert!(read("{}").is_object);
        for other in ["[]", "1", "null", "\"{}\"", "true"] {
            assert!(!read(other).is_object, "{other}");
        }
    }

    #[test]
    fn long_lists_are_read_to_their_end() {
        let many = vec![r#"{"number":1}"#; 500].join(",");
        let json = format!(r#"{{"list":[{many}],"number":5}}"#);
        let outer = read(&json);
        assert_eq!((outer.list.0.len(), outer.number.0), (LOOKED_AT, Some(5)));
    }
}
