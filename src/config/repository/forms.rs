//! The form of a value alone, whatever it is merged with: what `defaults` say is judged even where every
//! model says something else.

use super::keys::{DURATION, NAME, SECRET_NAME};
use super::reader::Field;
use super::shape::Shape;

impl Field<'_> {
    /// Notes every key that means nothing and every value of another form, however deep. What is missing and
    /// what contradicts something else is seen when everything is merged.
    pub(super) fn judge_form(&self, secrets: &[String]) {
        match self.shape {
            Shape::Section(_) => {
                let fields = self.section().map(|section| section.fields()).unwrap_or_default();
                fields.iter().for_each(|field| field.judge_form(secrets));
            }
            Shape::Named(names) => self.named().iter().for_each(|entry| {
                if names.notation == NAME {
                    self.sound_name(entry);
                }
                entry.field.judge_form(secrets);
            }),
            Shape::List(Shape::Notation(SECRET_NAME)) => {
                self.secret_names(Some(secrets));
            }
            Shape::List(_) => self.list().iter().for_each(|item| item.judge_form(secrets)),
            Shape::Many(_) => self.items().iter().for_each(|item| item.judge_form(secrets)),
            Shape::FormatVersion => {}
            Shape::Notation(DURATION) => drop(self.duration()),
            Shape::Line | Shape::Notation(_) => drop(self.line()),
            Shape::Script => drop(self.scripts()),
            Shape::Path => drop(self.relative_path()),
            Shape::Glob => drop(self.glob()),
            Shape::Number => drop(self.decimal()),
            Shape::Tolerance => drop(self.tolerance()),
            Shape::Truth => drop(self.truth()),
            Shape::Integer(..) => drop(self.integer::<u32>()),
            Shape::Choice(words) => self.one_of(&words()),
        }
    }

    fn one_of(&self, words: &[&'static str]) {
        if let Some(text) = self.text()
            && !words.contains(&text)
        {
            self.refuse_word(text, words);
        }
    }
}
