//! What can be written, as data: the reader asks these shapes, and the JSON Schema is written from them.

use super::words::Words;

/// The form of one value.
#[derive(Debug)]
pub(super) enum Shape {
    /// The number of the format: 1.
    FormatVersion,
    /// A text on one line.
    Line,
    /// Shell lines; one text may hold several.
    Script,
    /// A path inside the repository.
    Path,
    /// A glob of paths inside the repository.
    Glob,
    /// A text in a notation of its own: what every such text matches. The reader may ask for more.
    Notation(&'static str),
    /// A number.
    Number,
    /// How much may be lost.
    Tolerance,
    /// `true` or `false`.
    Truth,
    /// A whole number from the first to the second.
    Integer(u32, u32),
    /// One of some words.
    Choice(fn() -> Vec<&'static str>),
    /// A list.
    List(&'static Shape),
    /// A list; one value alone counts as a list of one.
    Many(&'static Shape),
    /// Keys and values.
    Section(&'static Object),
    /// Keys that people choose, each with a value of one form.
    Named(&'static Names),
}

/// A section whose keys are known.
#[derive(Debug)]
pub(super) struct Object {
    /// Its name among the definitions of the schema.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) about: &'static str,
    /// Its keys, in the order in which people are told of them.
    pub(super) keys: &'static [Key],
}

/// One key of a section.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// One line for people: what it means.
    pub(super) about: &'static str,
    pub(super) presence: Presence,
}

/// What it means when a key is not written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Presence {
    /// A problem; this is how it could be written.
    Required(&'static str),
    /// The same as this value, as JSON.
    Default(&'static str),
    /// That there is none.
    Optional,
}

/// Names that people choose.
#[derive(Debug)]
pub(super) struct Names {
    /// What bears them.
    pub(super) of: &'static str,
    /// What each of them matches.
    pub(super) notation: &'static str,
    /// Those that are taken.
    pub(super) reserved: &'static [&'static [&'static str]],
    /// What stands under each.
    pub(super) value: Shape,
}

impl Object {
    /// The key of this name.
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The keys below which a key of this name would be understood.
    pub(super) fn homes_of(&self, name: &str) -> Vec<&'static str> {
        let holds =
            |key: &&'static Key| key.shape.sections().is_some_and(|object| object.key(name).is_some());
        self.keys.iter().filter(holds).map(|key| key.name).collect()
    }

    /// The names of all keys.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }
}

impl Key {
    /// A key that must be written.
    pub(super) const fn required(
        name: &'static str,
        shape: Shape,
        example: &'static str,
        about: &'static str,
    ) -> Self {
        Self { name, shape, about, presence: Presence::Required(example) }
    }

    /// A key that means `default` (as JSON) where it is not written.
    pub(super) const fn or(
        name: &'static str,
        shape: Shape,
        default: &'static str,
        about: &'static str,
    ) -> Self {
        Self { name, shape, about, presence: Presence::Default(default) }
    }

    /// A key that may be left out.
    pub(super) const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, shape, about, presence: Presence::Optional }
    }
}

impl Shape {
    /// The section that stands here, as it is, in a list or under names.
    fn sections(&self) -> Option<&'static Object> {
        match self {
            Self::Section(object) => Some(object),
            Self::List(item) | Self::Many(item) => item.sections(),
            Self::Named(names) => names.value.sections(),
            _ => None,
        }
    }

    /// One of the words for values of type `T`.
    pub(super) const fn choice<T: Words>() -> Self {
        Self::Choice(words_for::<T>)
    }
}

fn words_for<T: Words>() -> Vec<&'static str> {
    T::WORDS.iter().map(|(word, _value)| *word).collect()
}
