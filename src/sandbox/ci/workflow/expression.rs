//! Actions' expressions, as far as the generator writes them: names, texts, `==`, `!=`, `!`, `&&`,
//! `||`, parentheses, `format`, and what a step may ask about those before it.

use std::collections::BTreeMap;

use super::CiError;
use super::names::{self, Kind};

/// How deeply parentheses may be nested.
const DEPTH: usize = 40;

/// What an expression sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'s> {
    /// Names and what they hold.
    pub(super) names: &'s BTreeMap<String, String>,
    /// Whether everything before was good; none where nobody may ask.
    pub(super) good: Option<bool>,
}

/// A value of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Nothing,
    Truth(bool),
    Text(String),
}

impl Value {
    pub(super) fn is_truthy(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Truth(truth) => *truth,
            Self::Text(text) => !text.is_empty(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Truth(truth) => truth.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// Texts are compared without regard to case; nothing equals the empty text, as on the forge,
    /// where both become the number 0.
    fn equals(&self, other: &Self) -> Result<bool, String> {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => Ok(one.to_lowercase() == other.to_lowercase()),
            (Self::Truth(one), Self::Truth(other)) => Ok(one == other),
            (Self::Nothing, Self::Nothing) => Ok(true),
            (Self::Nothing, Self::Text(text)) | (Self::Text(text), Self::Nothing) => Ok(text.is_empty()),
            _ => Err("a truth is compared with something else".to_owned()),
        }
    }
}

/// Whether a condition holds. One that does not ask about the steps before holds only if they were good.
pub(super) fn condition(text: &str, scope: Scope<'_>) -> Result<bool, CiError> {
    let inner = text.trim();
    let inner = inner.strip_prefix("${{").and_then(|inner| inner.strip_suffix("}}")).unwrap_or(inner);
    let (value, asked) = evaluate(inner, scope)?;
    Ok(value.is_truthy() && (asked || scope.good.unwrap_or(true)))
}

/// A text with its `${{ … }}` replaced.
pub(super) fn interpolate(text: &str, scope: Scope<'_>) -> Result<String, CiError> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${{") {
        out.push_str(before);
        let end = end(after).ok_or_else(|| wrong(text, "`${{` has no end"))?;
        let (inside, next) = after.split_at(end);
        out.push_str(&evaluate(inside, scope)?.0.text());
        rest = next.get(2..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(out)
}

/// Where `}}` stands outside of texts.
fn end(text: &str) -> Option<usize> {
    let mut inside = false;
    text.char_indices().find_map(|(at, c)| {
        inside ^= c == '\'';
        (!inside && text.get(at..).is_some_and(|rest| rest.starts_with("}}"))).then_some(at)
    })
}

/// The value, and whether the expression asked about the steps before.
fn evaluate(text: &str, scope: Scope<'_>) -> Result<(Value, bool), CiError> {
    let tokens = lex(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, scope, depth: 0, asked: false };
    let value = parser.either().map_err(|reason| wrong(text, &reason))?;
    match parser.peek() {
        None => Ok((value, parser.asked)),
        Some(_) => Err(wrong(text, "something follows the end")),
    }
}

fn wrong(text: &str, reason: &str) -> CiError {
    let shown: String = text.trim().chars().take(200).collect();
    CiError(format!("invalid expression `{shown}`: {reason}"))
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Equal,
    Unequal,
    Not,
    And,
    Or,
    Open,
    Close,
    Comma,
}

fn lex(text: &str) -> Result<Vec<Token>, CiError> {
    let signs = [
        ("==", Token::Equal),
        ("!=", Token::Unequal),
        ("&&", Token::And),
        ("||", Token::Or),
        ("!", Token::Not),
        ("(", Token::Open),
        (")", Token::Close),
        (",", Token::Comma),
    ];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let sign = signs.iter().find_map(|(sign, token)| Some((rest.strip_prefix(sign)?, token.clone())));
        let (after, token) = if let Some(found) = sign {
            found
        } else if first == '\'' {
            string(rest).ok_or_else(|| wrong(text, "a text has no end"))?
        } else {
            let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            let end = rest.find(|c| !named(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            if !word.starts_with(|c: char| c.is_ascii_alphabetic()) {
                return Err(wrong(text, &format!("`{first}` is not understood")));
            }
            (after, Token::Word(word.to_owned()))
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

/// A text in single quotes; two of them are one.
fn string(text: &str) -> Option<(&str, Token)> {
    let mut content = String::new();
    let mut rest = text.strip_prefix('\'')?;
    loop {
        let (part, after) = rest.split_once('\'')?;
        content.push_str(part);
        match after.strip_prefix('\'') {
            Some(next) => {
                content.push('\'');
                rest = next;
            }
            None => return Some((after, Token::Text(content))),
        }
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    scope: Scope<'a>,
    depth: usize,
    asked: bool,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    /// `a || b` is `a` where that is something, else `b`: the values themselves, not truths.
    fn either(&mut self) -> Result<Value, String> {
        let mut value = self.both()?;
        while self.take(&Token::Or) {
            let right = self.both()?;
            value = if value.is_truthy() { value } else { right };
        }
        Ok(value)
    }

    fn both(&mut self) -> Result<Value, String> {
        let mut value = self.comparison()?;
        while self.take(&Token::And) {
            let right = self.comparison()?;
            value = if value.is_truthy() { right } else { value };
        }
        Ok(value)
    }

    fn comparison(&mut self) -> Result<Value, String> {
        let left = self.operand()?;
        if self.take(&Token::Equal) {
            return Ok(Value::Truth(left.equals(&self.operand()?)?));
        }
        if self.take(&Token::Unequal) {
            return Ok(Value::Truth(!left.equals(&self.operand()?)?));
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Value, String> {
        let token = self.peek().cloned().ok_or("it ends too early")?;
        self.at += 1;
        match token {
            Token::Text(text) => Ok(Value::Text(text)),
            Token::Not => Ok(Value::Truth(!self.operand()?.is_truthy())),
            Token::Open => {
                self.depth += 1;
                if self.depth > DEPTH {
                    return Err("it is nested too deeply".to_owned());
                }
                let value = self.either()?;
                self.depth -= 1;
                self.close()?;
                Ok(value)
            }
            Token::Word(word) if self.take(&Token::Open) => self.call(&word),
            Token::Word(word) if word == "true" || word == "false" => Ok(Value::Truth(word == "true")),
            Token::Word(word) => self.name(&word),
            _ => Err("an operator stands where a value should".to_owned()),
        }
    }

    fn close(&mut self) -> Result<(), String> {
        if self.take(&Token::Close) { Ok(()) } else { Err("a parenthesis is not closed".to_owned()) }
    }

    fn name(&self, name: &str) -> Result<Value, String> {
        let found = self.scope.names.get(name);
        match (names::kind(name), found) {
            (None, _) => Err(format!("`{name}` is not a name that generated files use")),
            (Some(Kind::Flag), Some(text)) if text == "true" || text == "false" => {
                Ok(Value::Truth(text == "true"))
            }
            (Some(Kind::Flag), _) => Err(format!("`{name}` is neither true nor false")),
            (Some(Kind::Always), None) => Err(format!("nobody says what `{name}` is")),
            (Some(Kind::Sometimes), None) => Ok(Value::Nothing),
            (Some(_), Some(text)) => Ok(Value::Text(text.clone())),
        }
    }

    fn call(&mut self, function: &str) -> Result<Value, String> {
        let mut arguments = Vec::new();
        if !self.take(&Token::Close) {
            loop {
                arguments.push(self.either()?.text());
                if !self.take(&Token::Comma) {
                    break;
                }
            }
            self.close()?;
        }
        if function == "format" {
            let (pattern, values) = arguments.split_first().ok_or("`format` has no text")?;
            return format(pattern, values).map(Value::Text);
        }
        if function == "hashFiles" {
            // Nothing is kept here, so that nothing depends on it.
            return Ok(Value::Text("hash".to_owned()));
        }
        let unknown = || format!("`{function}` is not a function that generated files use");
        let answer: fn(bool) -> bool = match (function, arguments.as_slice()) {
            ("always", []) => |_good| true,
            // A job that somebody has ended runs no more steps here at all.
            ("cancelled", []) => |_good| false,
            ("success", []) => |good| good,
            ("failure", []) => |good| !good,
            _ => return Err(unknown()),
        };
        let good = self.scope.good.ok_or_else(|| format!("`{function}()` cannot be asked here"))?;
        self.asked = true;
        Ok(Value::Truth(answer(good)))
    }
}

/// `{0}` is the first value; `{{` and `}}` are braces.
fn format(pattern: &str, values: &[String]) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        if let Some(next) = after.strip_prefix("{{").or_else(|| after.strip_prefix("}}")) {
            out.push_str(after.get(..1).unwrap_or_default());
            rest = next;
            continue;
        }
        let wrong = || format!("`{pattern}` is not a format");
        let (number, next) =
            after.strip_prefix('{').and_then(|inside| inside.split_once('}')).ok_or_else(wrong)?;
        let value = number.parse().ok().and_then(|number: usize| values.get(number)).ok_or_else(wrong)?;
        out.push_str(value);
        rest = next;
    }
    out.push_str(rest);
    Ok(out)
}
