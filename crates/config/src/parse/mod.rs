//! YAML into a tree that remembers where everything stood.
//!
//! Built from the parser's events, because a ready-made tree has already forgotten duplicate keys.
//! Nothing here knows what a key means; what of it may be shown is `hide/`.

mod merge;
mod repair;
mod scalar;

use std::{collections::HashMap, path::Path};

use self::merge::{MERGE, merged};
use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    help::{Edit, Help},
    hide::{Place, Seen, known_keys},
    problem::Found,
    source::{Sources, Span},
    tree::{self, Data, Entry, Node, size},
};

/// Deeper nesting than any configuration has; keeps the recursion bounded.
const MAX_DEPTH: usize = 64;
/// Nodes in one file, aliases expanded; keeps an alias bomb from filling the memory.
const MAX_NODES: usize = 1_000_000;

/// Reads and parses one file; what is wrong with it goes to `found`.
pub(crate) fn read(path: &Path, schema: &Value, sources: &mut Sources, found: &mut Found) -> Option<Node> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &Zeroizing::new(text), schema, sources, found),
        Err(error) => {
            let file = sources.add(path.to_owned(), "");
            let message = format!("cannot read the configuration file {}: {error}", path.display());
            let help =
                "check the path and its permissions; `nephoscope config example` prints a file to start from";
            found.span(
                Span {
                    file,
                    start: 0,
                    end: 0,
                },
                String::new(),
                message,
                Some(help.into()),
            );
            None
        }
    }
}

fn parse(path: &Path, text: &str, schema: &Value, sources: &mut Sources, found: &mut Found) -> Option<Node> {
    let file = sources.next();
    let mut builder = Builder::new(text, file);
    let root = builder.document(&Place::root(schema));
    let shown = builder.seen.copy(text, root.is_some(), &known_keys(schema));
    sources.add(path.to_owned(), &shown);
    for (span, message, help) in builder.problems {
        found.span(span, String::new(), message, help);
    }
    root
}

type Events<'t> = Parser<'t, StrInput<'t>>;

/// Why building stopped; the words are already among the problems.
struct Stop;

struct Builder<'t> {
    events: Events<'t>,
    text: &'t str,
    file: usize,
    /// Byte of every character, one more at the end.
    bytes: Vec<usize>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    seen: Seen,
    problems: Vec<(Span, String, Help)>,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str, file: usize) -> Self {
        let bytes = text
            .char_indices()
            .map(|(byte, _)| byte)
            .chain([text.len()])
            .collect();
        Self {
            events: Parser::new_from_str(text),
            text,
            file,
            bytes,
            anchors: HashMap::new(),
            nodes: 0,
            seen: Seen::default(),
            problems: vec![],
        }
    }

    fn document(&mut self, place: &Place<'_>) -> Option<Node> {
        loop {
            let (event, span) = self.next().ok()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd | Event::DocumentEnd => {
                    let start = Span {
                        start: 0,
                        end: 0,
                        ..span
                    };
                    return Some(plain(start, Data::Map(vec![])));
                }
                Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd => {
                    let root = self.node(event, span, 0, place).ok()?;
                    return self.rest().ok().map(|()| root);
                }
            }
        }
    }

    /// Reads on to the end, so that a syntax error or a second document after the first is seen.
    fn rest(&mut self) -> Result<(), Stop> {
        loop {
            let (event, span) = self.next()?;
            if event == Event::StreamEnd {
                return Ok(());
            }
            if matches!(event, Event::DocumentStart(_)) {
                let help = Help::from("remove the `---`").with_one(Edit {
                    start: span.start,
                    end: span.end,
                    text: String::new(),
                });
                return Err(self.stop(
                    span,
                    "only one YAML document is read, and a second one begins here",
                    help,
                ));
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.events.next_event() {
            Some(Ok((event, span))) => {
                let (start, end) = (self.byte(span.start.index()), self.byte(span.end.index()));
                let end = end.max(start);
                let end = self.scalar_end(&event, start, end);
                let file = self.file;
                Ok((event, Span { file, start, end }))
            }
            Some(Err(error)) => {
                let at = self.byte(error.marker().index());
                let span = Span {
                    file: self.file,
                    start: at,
                    end: at,
                };
                let message = format!("this is not YAML: {}", error.info());
                let help = repair::help(self.text, at);
                Err(self.stop(span, message, help))
            }
            None => Ok((
                Event::StreamEnd,
                Span {
                    file: self.file,
                    start: 0,
                    end: 0,
                },
            )),
        }
    }

    /// Where a scalar ends; anything else ends where the parser says.
    fn scalar_end(&self, event: &Event<'t>, start: usize, end: usize) -> usize {
        if let Event::Scalar(text, style, ..) = event {
            // A value that is not there has the length of what follows.
            let absent = text.is_empty() && *style == ScalarStyle::Plain;
            let length = scalar::length(*style, &self.text[start..end]);
            return start + if absent { 0 } else { length };
        }
        end
    }

    fn byte(&self, character: usize) -> usize {
        self.bytes
            .get(character)
            .or(self.bytes.last())
            .copied()
            .unwrap_or(0)
    }

    fn stop(&mut self, span: Span, message: impl Into<String>, help: impl Into<Help>) -> Stop {
        self.problems.push((span, message.into(), help.into()));
        Stop
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize, place: &Place<'_>) -> Result<Node, Stop> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(self.stop(
                span,
                "nesting is too deep, or aliases repeat too much",
                "write it without so many levels and aliases",
            ));
        }
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (self.scalar(&text, style, span, place), anchor),
            Event::SequenceStart(anchor, _) => (self.sequence(span, depth, place)?, anchor),
            Event::MappingStart(anchor, _) => (self.mapping(span, depth, place)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, span, place),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(self.stop(span, "a value is missing here", "write one")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span, place: &Place<'_>) -> Node {
        let open = self.seen.value(self.text, text, span, place);
        let data = tree::scalar(text, style);
        let kept = matches!(data, Data::Bool(_) | Data::Int(_) | Data::Float(_));
        Node {
            secret: !open,
            written: Zeroizing::new(if kept { text.to_owned() } else { String::new() }),
            ..plain(span, data)
        }
    }

    fn alias(&mut self, anchor: usize, span: Span, place: &Place<'_>) -> Result<Node, Stop> {
        let Some(mut node) = self.anchors.get(&anchor).cloned() else {
            return Err(self.stop(
                span,
                "this alias refers to itself",
                "refer to an anchor (`&name`) above it",
            ));
        };
        self.nodes += size(&node);
        self.close(&mut node, place);
        Ok(Node {
            span,
            extent: span,
            ..node
        })
    }

    /// What an anchor names may be harmless where it stands, and a secret where it is used.
    fn close(&mut self, node: &mut Node, place: &Place<'_>) {
        match &mut node.data {
            Data::Seq(items) => items.iter_mut().for_each(|item| self.close(item, &place.item())),
            Data::Map(entries) => {
                for entry in entries {
                    self.close(&mut entry.value, &place.key(&entry.key));
                }
            }
            Data::Null => {}
            Data::Str(_) | Data::Bool(_) | Data::Int(_) | Data::Float(_) => {
                if !place
                    .secret_parts(node.text().unwrap_or(&node.written))
                    .is_empty()
                {
                    self.seen.close(node.span);
                    node.secret = true;
                }
            }
        }
    }

    fn sequence(&mut self, span: Span, depth: usize, place: &Place<'_>) -> Result<Node, Stop> {
        let mut items = vec![];
        let below = place.item();
        loop {
            let (event, at) = self.next()?;
            if event == Event::SequenceEnd {
                let first = items.first().map_or(span, |first: &Node| first.span);
                let end = self.end(span, at, items.last().map(|last| last.extent));
                return Ok(Node {
                    extent: Span { end, ..span },
                    ..plain(first, Data::Seq(items))
                });
            }
            items.push(self.node(event, at, depth + 1, &below)?);
        }
    }

    /// Where a collection ends: behind its bracket, or behind the last thing in it.
    fn end(&self, start: Span, end: Span, last: Option<Span>) -> usize {
        let bracket = self.text.as_bytes().get(start.start);
        let flow = bracket.is_some_and(|bracket| b"[{".contains(bracket))
            && last.is_none_or(|l| l.start > start.start);
        if flow {
            end.end
        } else {
            last.map_or(start.end, |last| last.end)
        }
    }

    fn mapping(&mut self, span: Span, depth: usize, place: &Place<'_>) -> Result<Node, Stop> {
        let mut entries: Vec<Entry> = vec![];
        let mut last = None;
        loop {
            let (event, key_span) = self.next()?;
            let key = match event {
                Event::MappingEnd => {
                    let first = entries.first().map_or(span, |first| first.key_span);
                    let extent = Span {
                        end: self.end(span, key_span, last),
                        ..span
                    };
                    return Ok(Node {
                        extent,
                        ..plain(first, Data::Map(merged(entries)))
                    });
                }
                Event::Scalar(text, ..) => text.into_owned(),
                Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_)
                | Event::DocumentEnd
                | Event::Alias(_)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..) => {
                    return Err(self.no_key(key_span));
                }
            };
            let entry = self.entry(key, key_span, depth, place)?;
            let before = last.replace(entry.extent());
            self.add(&mut entries, entry, before);
        }
    }

    /// A list or a mapping where a key belongs: most often a template.
    fn no_key(&mut self, span: Span) -> Stop {
        let before = self.text.get(..span.start).unwrap_or_default();
        if before.trim_end().ends_with('{') && self.text[span.start..].starts_with('{') {
            return self.stop(
                span,
                "`{{` begins a template, and this file is read as it is",
                "render the template first, or put the value in quotes",
            );
        }
        self.stop(
            span,
            "a key must be plain text",
            "write `key: value`; what begins with `[` or `{` is a value",
        )
    }

    fn entry(&mut self, key: String, key_span: Span, depth: usize, place: &Place<'_>) -> Result<Entry, Stop> {
        let number = self.seen.add(key_span);
        if place.shows_key(&key, false) {
            self.seen.open(number);
        }
        let (event, at) = self.next()?;
        // What is merged stands for keys of this very place.
        let below = if key == MERGE {
            place.clone()
        } else {
            place.key(&key)
        };
        let mut value = self.node(event, at, depth + 1, &below)?;
        if matches!(value.data, Data::Null) && value.extent.start == value.extent.end {
            value.extent = self.nothing(key_span);
        }
        let hidden = !place.shows_key(&key, !matches!(value.data, Data::Null));
        if !hidden {
            self.seen.open(number);
        }
        Ok(Entry {
            key,
            key_span,
            hidden,
            value,
        })
    }

    /// Where a value that is not there would stand: behind the key's colon.
    fn nothing(&self, key: Span) -> Span {
        let rest = self.text.get(key.end..).unwrap_or_default();
        let colon = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let at = key.end
            + if rest[colon..].starts_with(':') {
                colon + 1
            } else {
                0
            };
        Span {
            start: at,
            end: at,
            ..key
        }
    }

    fn add(&mut self, entries: &mut Vec<Entry>, entry: Entry, last: Option<Span>) {
        if entries.iter().any(|other| other.key == entry.key) {
            let message = format!("duplicate key `{}`", entry.shown());
            let help = Help::from("remove one of the two, or merge them").with_one(Edit {
                start: last.map_or(entry.key_span.start, |last| last.end),
                end: entry.extent().end,
                text: String::new(),
            });
            self.problems.push((entry.key_span, message, help));
        } else {
            entries.push(entry);
        }
    }
}

fn plain(span: Span, data: Data) -> Node {
    Node {
        span,
        extent: span,
        written: Zeroizing::default(),
        data,
        secret: false,
    }
}
