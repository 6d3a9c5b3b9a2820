//! Templates of names with stars in them: matched against a name, and filled in again.

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Literal(&'a str),
    /// Which star it is, and whether it may hold `/` and `:`.
    Star(usize, bool),
}

/// Literal text and numbered stars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template<'a>(Vec<Piece<'a>>);

/// What the stars of a row stand for, as far as it is known.
pub(super) type Stars<'t> = Vec<Option<&'t str>>;

impl<'a> Template<'a> {
    /// `cluster/*/*` or `log-group:**`; its stars are numbered as they come.
    pub(super) fn of_resource(text: &'a str) -> Self {
        let (mut pieces, mut rest, mut stars) = (Vec::new(), text, 0);
        while let Some((literal, after)) = rest.split_once('*') {
            pieces.push(Piece::Literal(literal));
            let any = after.strip_prefix('*');
            pieces.push(Piece::Star(stars, any.is_some()));
            stars += 1;
            rest = any.unwrap_or(after);
        }
        pieces.push(Piece::Literal(rest));
        Self(without_empty(pieces))
    }

    /// `app/$1/$2`, where the stars are those of `resource`.
    pub(super) fn of_dimension(text: &'a str, resource: &Self) -> Self {
        let (mut pieces, mut parts) = (Vec::new(), text.split('$'));
        pieces.extend(parts.next().map(Piece::Literal));
        for part in parts {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, literal) = part.split_at(digits);
            let star = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
            pieces.extend(star.map(|n| Piece::Star(n, resource.takes_any(n))));
            pieces.push(Piece::Literal(literal));
        }
        Self(without_empty(pieces))
    }

    fn takes_any(&self, star: usize) -> bool {
        self.0.contains(&Piece::Star(star, true))
    }

    /// Whether it is this very text, with what its stars stand for put into `stars`. A star that is known already must be the
    /// same here.
    pub(super) fn read<'t>(&self, text: &'t str, stars: &mut Stars<'t>) -> bool {
        read(&self.0, text, stars)
    }

    /// The text, when all its stars are known.
    pub(super) fn write(&self, stars: &Stars<'_>) -> Option<String> {
        let piece = |p: &Piece<'a>| match *p {
            Piece::Literal(text) => Some(text.to_owned()),
            Piece::Star(n, _) => stars.get(n).copied().flatten().map(str::to_owned),
        };
        self.0.iter().map(piece).collect()
    }
}

fn without_empty(mut pieces: Vec<Piece<'_>>) -> Vec<Piece<'_>> {
    pieces.retain(|p| *p != Piece::Literal(""));
    pieces
}

fn read<'t>(pieces: &[Piece<'_>], text: &'t str, stars: &mut Stars<'t>) -> bool {
    let Some((piece, rest)) = pieces.split_first() else {
        return text.is_empty();
    };
    let (n, any) = match *piece {
        Piece::Literal(literal) => {
            return text
                .strip_prefix(literal)
                .is_some_and(|text| read(rest, text, stars));
        }
        Piece::Star(n, any) => (n, any),
    };
    let longest = if any {
        text.len()
    } else {
        text.find(['/', ':']).unwrap_or(text.len())
    };
    // The longest first: only one way fits a star that may not hold a slash, and the last slash parts one that may.
    for end in (1..=longest).rev().filter(|end| text.is_char_boundary(*end)) {
        let (taken, after) = text.split_at(end);
        let mut tried = stars.clone();
        if tried.len() <= n {
            tried.resize(n + 1, None);
        }
        let agrees = tried.get(n).copied().flatten().is_none_or(|known| known == taken);
        if let Some(star) = tried.get_mut(n).filter(|_| agrees) {
            *star = Some(taken);
            if read(rest, after, &mut tried) {
                *stars = tried;
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_reads_what_it_writes_and_nothing_else() {
        for (template, text, wanted) in [
            ("instance/*", "instance/i-1", Some(vec!["i-1"])),
            ("instance/*", "instance/", None),
            ("instance/*", "instance/a/b", None),
            ("*", "queue", Some(vec!["queue"])),
            ("*", "cluster:queue", None),
            ("loadbalancer/*", "loadbalancer/app/web/1", None),
            (
                "loadbalancer/app/*/*",
                "loadbalancer/app/web/1",
                Some(vec!["web", "1"]),
            ),
            (
                "log-group:**",
                "log-group:/aws/lambda/a:b",
                Some(vec!["/aws/lambda/a:b"]),
            ),
            (
                "rule/aws.partner/**/*",
                "rule/aws.partner/a/b/r",
                Some(vec!["a/b", "r"]),
            ),
            ("/keyspace/*/", "/keyspace/k/", Some(vec!["k"])),
            ("/keyspace/*/", "/keyspace/k/table/t", None),
        ] {
            let made = Template::of_resource(template);
            let mut stars = Stars::new();
            let read = made
                .read(text, &mut stars)
                .then(|| stars.iter().flatten().copied().collect());
            assert_eq!(read, wanted, "{template} {text}");
            if wanted.is_some() {
                assert_eq!(made.write(&stars).as_deref(), Some(text));
            }
        }
    }

    #[test]
    fn dimensions_share_the_stars_of_the_resource() {
        let resource = Template::of_resource("service/*/*");
        let cluster = Template::of_dimension("$1", &resource);
        let service = Template::of_dimension("$2", &resource);
        let mut stars = Stars::new();
        assert!(service.read("api", &mut stars) && resource.write(&stars).is_none());
        assert!(cluster.read("c1", &mut stars));
        assert_eq!(resource.write(&stars).as_deref(), Some("service/c1/api"));
        assert!(!cluster.read("c2", &mut stars), "the same star is the same text");
        let group = Template::of_dimension("targetgroup/$1/$2", &resource);
        assert!(group.read("targetgroup/c1/api", &mut stars) && !group.read("app/c1/api", &mut stars));
    }
}
