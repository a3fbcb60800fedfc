//! The expressions of `rules:if`: variables, texts, comparisons, patterns, `&&`, `||`, parentheses.

use std::collections::BTreeMap;

use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use super::CiError;

/// How deeply parentheses may be nested.
const DEPTH: usize = 40;

/// Tells whether an expression holds with these variables.
pub(super) fn holds(text: &str, variables: &BTreeMap<String, String>) -> Result<bool, CiError> {
    let tokens = lex(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, variables, depth: 0 };
    let value = parser.either().map_err(|reason| wrong(text, &reason))?;
    match parser.peek() {
        None => Ok(value.is_truthy()),
        Some(_) => Err(wrong(text, "something follows the end")),
    }
}

fn wrong(text: &str, reason: &str) -> CiError {
    let shown: String = text.chars().take(200).collect();
    CiError(format!("invalid expression syntax in `{shown}`: {reason}"))
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Variable(String),
    Text(String),
    Pattern(String),
    Null,
    Equal,
    Unequal,
    Matches,
    MatchesNot,
    And,
    Or,
    Open,
    Close,
}

fn lex(text: &str) -> Result<Vec<Token>, CiError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let operators = [
            ("==", Token::Equal),
            ("!=", Token::Unequal),
            ("=~", Token::Matches),
            ("!~", Token::MatchesNot),
            ("&&", Token::And),
            ("||", Token::Or),
            ("(", Token::Open),
            (")", Token::Close),
        ];
        let operator =
            operators.into_iter().find_map(|(sign, token)| Some((rest.strip_prefix(sign)?, token)));
        let (after, token) = if let Some(found) = operator {
            found
        } else {
            match first {
                '"' | '\'' => {
                    let inside = rest.get(1..).unwrap_or_default();
                    let (content, after) =
                        inside.split_once(first).ok_or_else(|| wrong(text, "a text has no end"))?;
                    (after, Token::Text(content.to_owned()))
                }
                '/' => {
                    let (pattern, after) =
                        pattern(rest).ok_or_else(|| wrong(text, "a pattern has no end"))?;
                    (after, Token::Pattern(pattern))
                }
                '$' => {
                    let inside = rest.get(1..).unwrap_or_default();
                    let (name, after) = word(inside);
                    if name.is_empty() {
                        return Err(wrong(text, "a variable has no name"));
                    }
                    (after, Token::Variable(name.to_owned()))
                }
                _ => match word(rest) {
                    ("null", after) => (after, Token::Null),
                    _ => return Err(wrong(text, &format!("`{first}` is not understood"))),
                },
            }
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    text.split_at(end)
}

/// A pattern with its flags, in the regex crate's own spelling.
fn pattern(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('/')?;
    let mut escaped = false;
    let end = inside.char_indices().find_map(|(at, c)| {
        let ends = c == '/' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })?;
    let (body, after) = inside.split_at(end);
    let after = after.get(1..).unwrap_or_default();
    let flags = after.find(|c| !matches!(c, 'i' | 'm' | 's' | 'U')).unwrap_or(after.len());
    let (flags, after) = after.split_at(flags);
    let body = body.replace("\\/", "/");
    Some((if flags.is_empty() { body } else { format!("(?{flags}){body}") }, after))
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Null,
    Text(String),
    Pattern(String),
    Truth(bool),
}

impl Value {
    fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Text(text) => !text.is_empty(),
            Self::Pattern(_) => true,
            Self::Truth(truth) => *truth,
        }
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    variables: &'a BTreeMap<String, String>,
    depth: usize,
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

    fn either(&mut self) -> Result<Value, String> {
        let mut value = self.both()?;
        while self.take(&Token::Or) {
            let right = self.both()?;
            value = Value::Truth(value.is_truthy() || right.is_truthy());
        }
        Ok(value)
    }

    fn both(&mut self) -> Result<Value, String> {
        let mut value = self.comparison()?;
        while self.take(&Token::And) {
            let right = self.comparison()?;
            value = Value::Truth(value.is_truthy() && right.is_truthy());
        }
        Ok(value)
    }

    fn comparison(&mut self) -> Result<Value, String> {
        let left = self.operand()?;
        let Some(operator) = self.peek().cloned() else { return Ok(left) };
        if !matches!(operator, Token::Equal | Token::Unequal | Token::Matches | Token::MatchesNot) {
            return Ok(left);
        }
        self.at += 1;
        let right = self.operand()?;
        let truth = match operator {
            Token::Equal => left == right,
            Token::Unequal => left != right,
            Token::Matches => matches(&left, &right)?,
            _ => !matches(&left, &right)?,
        };
        Ok(Value::Truth(truth))
    }

    fn operand(&mut self) -> Result<Value, String> {
        let token = self.peek().cloned().ok_or("it ends too early")?;
        self.at += 1;
        match token {
            Token::Variable(name) => Ok(self.variables.get(&name).cloned().map_or(Value::Null, Value::Text)),
            Token::Text(text) => Ok(Value::Text(text)),
            Token::Pattern(text) => Ok(Value::Pattern(text)),
            Token::Null => Ok(Value::Null),
            Token::Open => {
                self.depth += 1;
                if self.depth > DEPTH {
                    return Err("it is nested too deeply".to_owned());
                }
                let value = self.either()?;
                self.depth -= 1;
                if self.take(&Token::Close) {
                    Ok(value)
                } else {
                    Err("a parenthesis is not closed".to_owned())
                }
            }
            _ => Err("an operator stands where a value should".to_owned()),
        }
    }
}

/// A variable may hold the pattern, written with its slashes.
fn matches(left: &Value, right: &Value) -> Result<bool, String> {
    let spelled = match right {
        Value::Pattern(spelled) => spelled.clone(),
        Value::Text(text) => match pattern(text) {
            Some((spelled, "")) => spelled,
            _ => return Ok(false),
        },
        _ => return Ok(false),
    };
    let Value::Text(text) = left else { return Ok(false) };
    let regex = Regex::builder()
        .syntax(syntax::Config::new().nest_limit(50))
        .configure(Regex::config().nfa_size_limit(Some(1 << 20)))
        .build(&spelled)
        .map_err(|_error| "a pattern is not a regular expression".to_owned())?;
    Ok(regex.is_match(text.as_str()))
}

#[cfg(test)]
mod tests;
