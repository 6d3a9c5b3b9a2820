//! The part of RE2 that filters use in practice, for `monitoring.regex.full_match`: literals, `.`, classes, groups,
//! `|`, `*`, `+`, `?`. Anything else is refused with a 400 rather than matched wrongly. Small on purpose: the
//! simulated clouds carry no regular-expression crate.

/// Nothing longer is looked at, which bounds the backtracking.
const LONGEST_PATTERN: usize = 1_000;

#[derive(Clone, Debug)]
enum Node {
    Any,
    Char(char),
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    Group(Vec<Vec<Node>>),
    Repeat {
        inner: Box<Node>,
        least: usize,
        most: usize,
    },
}

/// A parsed pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Node);

impl Pattern {
    /// Reads a pattern; the error is the sentence for the 400.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST_PATTERN {
            return Err("the regular expression is too long".to_owned());
        }
        let mut chars = text.chars().peekable();
        let node = group(&mut chars)?;
        if chars.next().is_some() {
            return Err(format!("unbalanced ) in the regular expression {text:?}"));
        }
        Ok(Self(node))
    }

    /// Whether the whole text matches.
    pub(crate) fn full_match(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        ends(&self.0, &text, 0).contains(&text.len())
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn group(chars: &mut Chars<'_>) -> Result<Node, String> {
    let mut options = vec![Vec::new()];
    while let Some(&next) = chars.peek() {
        if next == ')' {
            break;
        }
        chars.next();
        if next == '|' {
            options.push(Vec::new());
            continue;
        }
        let atom = atom(next, chars)?;
        let atom = repeated(atom, chars);
        if let Some(option) = options.last_mut() {
            option.push(atom);
        }
    }
    Ok(Node::Group(options))
}

fn atom(first: char, chars: &mut Chars<'_>) -> Result<Node, String> {
    match first {
        '.' => Ok(Node::Any),
        '(' => {
            if chars.peek() == Some(&'?') {
                chars.next();
                if chars.next() != Some(':') {
                    return Err("only (?: is supported in a regular expression here".to_owned());
                }
            }
            let inner = group(chars)?;
            if chars.next() == Some(')') {
                Ok(inner)
            } else {
                Err("missing ) in the regular expression".to_owned())
            }
        }
        '[' => class(chars),
        '\\' => match chars.next() {
            Some('d') => Ok(Node::Class {
                negated: false,
                ranges: vec![('0', '9')],
            }),
            Some('w') => Ok(Node::Class {
                negated: false,
                ranges: vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')],
            }),
            Some(c) if !c.is_alphanumeric() => Ok(Node::Char(c)),
            _ => Err("unsupported escape in the regular expression".to_owned()),
        },
        '*' | '+' | '?' | '{' | '}' | ']' | '^' | '$' => {
            Err(format!("unsupported {first:?} in the regular expression"))
        }
        c => Ok(Node::Char(c)),
    }
}

fn class(chars: &mut Chars<'_>) -> Result<Node, String> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let low = match chars.next() {
            Some(']') if !ranges.is_empty() => return Ok(Node::Class { negated, ranges }),
            Some('\\') => chars.next(),
            other => other,
        };
        let Some(low) = low else {
            return Err("missing ] in the regular expression".to_owned());
        };
        let mut high = low;
        if chars.peek() == Some(&'-') {
            chars.next();
            match chars.peek() {
                Some(&']') | None => ranges.push(('-', '-')),
                Some(&c) => {
                    high = c;
                    chars.next();
                }
            }
        }
        ranges.push((low, high));
    }
}

fn repeated(atom: Node, chars: &mut Chars<'_>) -> Node {
    let (least, most) = match chars.peek() {
        Some('*') => (0, usize::MAX),
        Some('+') => (1, usize::MAX),
        Some('?') => (0, 1),
        _ => return atom,
    };
    chars.next();
    Node::Repeat {
        inner: Box::new(atom),
        least,
        most,
    }
}

/// Every place at which a match that begins at `from` can end. Sets, not backtracking: linear in the text.
fn ends(node: &Node, text: &[char], from: usize) -> Vec<usize> {
    let one = |hit: bool| if hit { vec![from + 1] } else { Vec::new() };
    let here = text.get(from).copied();
    match node {
        Node::Any => one(here.is_some_and(|c| c != '\n')),
        Node::Char(want) => one(here == Some(*want)),
        Node::Class { negated, ranges } => {
            one(here
                .is_some_and(|c| ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated))
        }
        Node::Group(options) => merged(
            options
                .iter()
                .flat_map(|option| sequence(option, text, from))
                .collect(),
        ),
        Node::Repeat { inner, least, most } => {
            let mut found = if *least == 0 { vec![from] } else { Vec::new() };
            let mut edge = vec![from];
            let mut round = 0;
            while round < *most && !edge.is_empty() {
                edge = merged(edge.iter().flat_map(|at| ends(inner, text, *at)).collect());
                edge.retain(|at| !found.contains(at));
                round += 1;
                if round >= *least {
                    found.extend(&edge);
                }
            }
            found
        }
    }
}

fn sequence(nodes: &[Node], text: &[char], from: usize) -> Vec<usize> {
    nodes.iter().fold(vec![from], |edge, node| {
        merged(edge.iter().flat_map(|at| ends(node, text, *at)).collect())
    })
}

fn merged(mut places: Vec<usize>) -> Vec<usize> {
    places.sort_unstable();
    places.dedup();
    places
}
