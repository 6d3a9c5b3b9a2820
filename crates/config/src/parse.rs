//! YAML into a tree that remembers where everything stood.
//!
//! Built from the parser's events, because a ready-made tree has already forgotten duplicate keys.
//! Nothing here knows what a key means; which ones are secret is `hide.rs`.

use std::{collections::HashMap, path::Path};

use saphyr_parser::{Event, Parser, StrInput};
use zeroize::Zeroizing;

use crate::{
    hide,
    problem::Found,
    source::{Sources, Span},
    tree::{Data, Entry, Node, scalar, size},
};

/// Deeper nesting than any configuration has; keeps the recursion bounded.
const MAX_DEPTH: usize = 64;
/// Nodes in one file, aliases expanded; keeps an alias bomb from filling the memory.
const MAX_NODES: usize = 1_000_000;

/// Reads and parses one file; what is wrong with it goes to `found`.
pub(crate) fn read(path: &Path, sources: &mut Sources, found: &mut Found) -> Option<Node> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &Zeroizing::new(text), sources, found),
        Err(error) => {
            let file = sources.add(path.to_owned(), "", &[]);
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

fn parse(path: &Path, text: &str, sources: &mut Sources, found: &mut Found) -> Option<Node> {
    let file = sources.next();
    let mut builder = Builder::new(text, file);
    let root = builder.document();
    let mut secrets = std::mem::take(&mut builder.secrets);
    if root.is_none() {
        // What was not parsed is hidden by the look of its lines.
        secrets.extend(hide::lines(text, file));
    }
    sources.add(path.to_owned(), text, &secrets);
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
    file: usize,
    /// Byte of every character, one more at the end.
    bytes: Vec<usize>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    secrets: Vec<Span>,
    problems: Vec<(Span, String, Option<String>)>,
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
            file,
            bytes,
            anchors: HashMap::new(),
            nodes: 0,
            secrets: vec![],
            problems: vec![],
        }
    }

    fn document(&mut self) -> Option<Node> {
        loop {
            let (event, span) = self.next().ok()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd | Event::DocumentEnd => {
                    return Some(Node {
                        span: Span {
                            start: 0,
                            end: 0,
                            ..span
                        },
                        data: Data::Map(vec![]),
                        secret: false,
                    });
                }
                Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd => {
                    let root = self.node(event, span, 0, false).ok()?;
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
                return Err(self.stop(
                    span,
                    "a second YAML document begins here; only one is read",
                    "remove the `---`",
                ));
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.events.next_event() {
            Some(Ok((event, span))) => {
                let (start, end) = (self.byte(span.start.index()), self.byte(span.end.index()));
                Ok((
                    event,
                    Span {
                        file: self.file,
                        start,
                        end: end.max(start),
                    },
                ))
            }
            Some(Err(error)) => {
                let at = self.byte(error.marker().index());
                let span = Span {
                    file: self.file,
                    start: at,
                    end: at,
                };
                let message = format!("this is not YAML: {}", error.info());
                let help = "look at the indentation, quotes and brackets of this line and the one above; \
                            a value with `: `, `#`, `*`, `{` or `[` in it needs quotes";
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

    fn byte(&self, character: usize) -> usize {
        self.bytes
            .get(character)
            .or(self.bytes.last())
            .copied()
            .unwrap_or(0)
    }

    fn stop(&mut self, span: Span, message: impl Into<String>, help: &str) -> Stop {
        self.problems.push((span, message.into(), Some(help.to_owned())));
        Stop
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize, secret: bool) -> Result<Node, Stop> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(self.stop(
                span,
                "this is nested too deeply or repeated too often",
                "write it flat",
            ));
        }
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (
                Node {
                    span,
                    data: scalar(&text, style),
                    secret: self.hidden(&text, span, secret),
                },
                anchor,
            ),
            Event::SequenceStart(anchor, _) => (self.sequence(span, depth, secret)?, anchor),
            Event::MappingStart(anchor, _) => (self.mapping(span, depth, secret)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, span),
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

    /// Remembers a secret's place, unless it only says where the secret is kept.
    fn hidden(&mut self, text: &str, span: Span, secret: bool) -> bool {
        if secret && !text.is_empty() {
            self.secrets.push(span);
        }
        secret
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, Stop> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(self.stop(
                span,
                "this alias refers to itself",
                "refer to an anchor (`&name`) above it",
            ));
        };
        self.nodes += size(&node);
        Ok(Node { span, ..node })
    }

    fn sequence(&mut self, span: Span, depth: usize, secret: bool) -> Result<Node, Stop> {
        let mut items = vec![];
        loop {
            let (event, at) = self.next()?;
            if event == Event::SequenceEnd {
                let span = items.first().map_or(span, |first: &Node| first.span);
                return Ok(Node {
                    span,
                    data: Data::Seq(items),
                    secret,
                });
            }
            items.push(self.node(event, at, depth + 1, secret)?);
        }
    }

    fn mapping(&mut self, span: Span, depth: usize, secret: bool) -> Result<Node, Stop> {
        let mut entries: Vec<Entry> = vec![];
        loop {
            let (event, key_span) = self.next()?;
            let key = match event {
                Event::MappingEnd => {
                    let span = entries.first().map_or(span, |first| first.key_span);
                    return Ok(Node {
                        span,
                        data: Data::Map(entries),
                        secret,
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
                    return Err(self.stop(key_span, "a key must be plain text", "put the key in quotes"));
                }
            };
            let (event, at) = self.next()?;
            let value = self.node(event, at, depth + 1, secret || hide::is_secret(&key))?;
            self.add(&mut entries, Entry { key, key_span, value });
        }
    }

    fn add(&mut self, entries: &mut Vec<Entry>, entry: Entry) {
        if entries.iter().any(|other| other.key == entry.key) {
            let message = format!("`{}` is given twice in the same place", entry.key);
            let help = "keep one of the two, or merge them";
            self.problems
                .push((entry.key_span, message, Some(help.to_owned())));
        } else {
            entries.push(entry);
        }
    }
}
