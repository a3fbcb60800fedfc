//! One pattern of a CODEOWNERS file, and whether a path matches it. Time grows with the product of both
//! lengths at worst: each `*` is taken back at most once per step.

/// The longest pattern that counts, in characters.
const LONGEST: usize = 1_000;

/// A path pattern, folder by folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// `**`: any number of folders.
    Any,
    /// A name.
    Name(Vec<Sign>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Sign {
    /// `*`
    Many,
    /// `?`
    One,
    /// `[a-z]`, or not one of these.
    OneOf {
        but: bool,
        ranges: Vec<(char, char)>,
    },
    Char(char),
}

impl Pattern {
    /// By GitHub's rules; none for what GitHub does not understand (`!`, ranges, an escaped `#`).
    pub(super) fn github(text: &str) -> Option<Self> {
        if text.starts_with('!') || text.starts_with("\\#") || text.contains(['[', ']']) {
            return None;
        }
        let folder = text.ends_with('/');
        let inside = text.trim_end_matches('/');
        let anchored = inside.contains('/');
        let mut parts = parts(inside.trim_start_matches('/'), anchored, text)?;
        let whole = matches!(parts.as_slice(), [Part::Any, Part::Name(name)] if *name == [Sign::Many]);
        let shallow = matches!(parts.last(), Some(Part::Name(name)) if *name == [Sign::Many]);
        if folder {
            parts.extend([Part::Any, Part::Name(vec![Sign::Many])]);
        } else if !shallow && !whole {
            // A folder's name without the slash means what lies in it too.
            parts.push(Part::Any);
        }
        Some(Self(parts))
    }

    /// By GitLab's rules: what does not begin with a slash may begin anywhere.
    pub(super) fn gitlab(text: &str) -> Option<Self> {
        let folder = text.ends_with('/');
        let anchored = text.starts_with('/');
        let mut parts = parts(text.trim_matches('/'), anchored, text)?;
        if folder {
            parts.extend([Part::Any, Part::Name(vec![Sign::Many])]);
        }
        Some(Self(parts))
    }

    /// Whether the path, folder by folder, matches.
    pub(super) fn matches(&self, path: &[&str]) -> bool {
        let fits = |part: &Part, name: &&str| matches!(part, Part::Name(signs) if name_matches(signs, name));
        wild(&self.0, path, |part| *part == Part::Any, fits)
    }
}

fn parts(inside: &str, anchored: bool, whole: &str) -> Option<Vec<Part>> {
    if whole.chars().count() > LONGEST {
        return None;
    }
    // A lone slash is the root: everything.
    let names = inside.split('/').filter(|name| !name.is_empty());
    let named = names.map(|name| if name == "**" { Part::Any } else { Part::Name(signs(name)) });
    let start = (!anchored).then_some(Part::Any);
    Some(start.into_iter().chain(named).collect())
}

fn signs(name: &str) -> Vec<Sign> {
    let mut signs = Vec::new();
    let mut chars = name.chars();
    while let Some(char) = chars.next() {
        let sign = match char {
            '*' if signs.last() == Some(&Sign::Many) => continue,
            '*' => Sign::Many,
            '?' => Sign::One,
            '\\' => Sign::Char(chars.next().unwrap_or('\\')),
            '[' => match one_of(chars.as_str()) {
                Some((sign, rest)) => {
                    chars = rest.chars();
                    sign
                }
                None => Sign::Char('['),
            },
            char => Sign::Char(char),
        };
        signs.push(sign);
    }
    signs
}

/// What stands after a `[` up to its `]`, and the rest.
fn one_of(text: &str) -> Option<(Sign, &str)> {
    let (inside, rest) = text.split_once(']')?;
    let but = inside.starts_with(['!', '^']);
    let mut chars = inside.trim_start_matches(['!', '^']).chars().peekable();
    let mut ranges = Vec::new();
    while let Some(from) = chars.next() {
        let range = chars.next_if_eq(&'-').and_then(|_| chars.next());
        ranges.push((from, range.unwrap_or(from)));
    }
    (!ranges.is_empty()).then_some((Sign::OneOf { but, ranges }, rest))
}

fn name_matches(signs: &[Sign], name: &str) -> bool {
    let chars: Vec<char> = name.chars().collect();
    let fits = |sign: &Sign, char: &char| match sign {
        Sign::Many => false,
        Sign::One => true,
        Sign::OneOf { but, ranges } => ranges.iter().any(|(from, to)| (from..=to).contains(&char)) != *but,
        Sign::Char(own) => own == char,
    };
    wild(signs, &chars, |sign| *sign == Sign::Many, fits)
}

/// Whether `items` match `wanted`, in which `many` stands for any number of items.
fn wild<W, I>(wanted: &[W], items: &[I], many: impl Fn(&W) -> bool, fits: impl Fn(&W, &I) -> bool) -> bool {
    let (mut at, mut item) = (0, 0);
    // Where to go on when what follows the last `many` does not fit.
    let mut back = None;
    while let Some(next) = items.get(item) {
        match wanted.get(at) {
            Some(want) if many(want) => {
                back = Some((at, item));
                at += 1;
            }
            Some(want) if fits(want, next) => {
                at += 1;
                item += 1;
            }
            _ => {
                let Some((star, from)) = back else { return false };
                back = Some((star, from + 1));
                at = star + 1;
                item = from + 1;
            }
        }
    }
    wanted.get(at..).unwrap_or_default().iter().all(many)
}
