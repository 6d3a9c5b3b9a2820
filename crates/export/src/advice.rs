//! What to do about a failure, told from the words it came with.
//!
//! TLS and HTTP libraries bury the reason several errors deep and behind types that differ between them; their words
//! are the same. A text that is not in the table stays as it is.

use crate::transport::Verdict;

/// A reason that nobody's patience will mend, or one that may pass.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Person,
    Patience,
}

/// Words of the error in lower case, what they call for, and what to do. The first that fits counts.
const TABLE: &[(&str, Needs, &str)] = &[
    ("unknownissuer", Needs::Person, UNTRUSTED_SERVER),
    // An authority made anew under its old name.
    ("badsignature", Needs::Person, UNTRUSTED_SERVER),
    (
        "not valid for name",
        Needs::Person,
        "write in `endpoint` a name that the server's certificate was made for",
    ),
    (
        "certificate expired",
        Needs::Person,
        "renew the server's certificate, or correct this machine's clock",
    ),
    (
        "certificaterequired",
        Needs::Person,
        "the server wants a client certificate: set `tls.cert_file` and `tls.key_file`",
    ),
    ("alert: unknownca", Needs::Person, UNTRUSTED_CLIENT),
    ("alert: badcertificate", Needs::Person, UNTRUSTED_CLIENT),
    ("alert: decrypterror", Needs::Person, UNTRUSTED_CLIENT),
    ("alert: certificateunknown", Needs::Person, UNTRUSTED_CLIENT),
    (
        "invalidcontenttype",
        Needs::Person,
        "the server speaks no TLS on this port: write `http://` in `endpoint`, or its TLS port",
    ),
    (
        "connection refused",
        Needs::Patience,
        "check that the back end runs and that host and port in `endpoint` are right",
    ),
    (
        "dns error",
        Needs::Patience,
        "check the host in `endpoint` and this machine's name resolution",
    ),
    ("no answer within", Needs::Patience, SLOW),
    ("timed out", Needs::Patience, SLOW),
    (
        "frame with invalid size",
        Needs::Patience,
        "the server speaks no gRPC on this port: write `protocol: http`, or its gRPC port (usually 4317)",
    ),
    (
        "invalid http version",
        Needs::Patience,
        "the server speaks no HTTP/1.1 on this port: write `protocol: grpc`, or its HTTP port (usually 4318)",
    ),
];

const UNTRUSTED_SERVER: &str = "name the authority that signed the server's certificate in `tls.ca_file`";
const UNTRUSTED_CLIENT: &str =
    "the server refuses our client certificate: have `tls.cert_file` signed by an authority that it trusts";
const SLOW: &str = "check the way to the back end and its load, or raise `timeout`";

/// What to do about an answer that calls for a person.
pub(crate) const CREDENTIALS: &str = "check the credentials in `headers`";
/// See [`CREDENTIALS`].
pub(crate) const ADDRESS: &str = "check the path in `endpoint`, and `protocol`";
/// See [`CREDENTIALS`].
pub(crate) const SERVICE: &str = "check the port in `endpoint`, `protocol` and `compression`";
/// See [`CREDENTIALS`].
pub(crate) const COMPRESSION: &str = "write `compression: gzip`, which every OTLP server takes";
/// See [`CREDENTIALS`].
pub(crate) const REDIRECT: &str = "write the address that it points to in `endpoint`";
/// See [`CREDENTIALS`].
pub(crate) const PROXY: &str = "a page is no receipt: a proxy or a sign-in portal answers in the back end's place; check `endpoint` and the proxy";

/// A broken or missing connection: patience, unless the words say that it takes a person.
pub(crate) fn broken(why: String) -> Verdict {
    let words = why.to_ascii_lowercase();
    match TABLE.iter().find(|(pattern, ..)| words.contains(pattern)) {
        Some((_, Needs::Person, what)) => hold(&why, what),
        Some((_, Needs::Patience, what)) => unanswered(advised(&why, what)),
        None => unanswered(why),
    }
}

fn unanswered(why: String) -> Verdict {
    Verdict::Retry {
        after: None,
        why,
        answered: false,
    }
}

/// What to do about a status that refuses a request, if it is not its points.
pub(crate) fn of_status(status: u16) -> &'static str {
    match status {
        402 => "if nothing is taken, check the plan, quota and bill of the back end's account",
        404 | 405 | 410 | 421 => ADDRESS,
        413 => "raise the back end's limit of a request's size; one of 4 MiB is enough",
        406 | 501 | 505 => "check `protocol` and the port in `endpoint`",
        426 | 428 => "check `protocol` and the scheme of `endpoint`",
        431 => "shorten `headers`",
        451 => "ask the back end's operator why it refuses this data",
        _ => "if nothing is taken, check `protocol`, `compression`, `headers` and the path in `endpoint`",
    }
}

/// A reason to hold, and what to do about it.
pub(crate) fn hold(why: &str, what: &str) -> Verdict {
    Verdict::Hold {
        why: advised(why, what),
    }
}

pub(crate) fn advised(why: &str, what: &str) -> String {
    format!("{why}; {what}")
}

/// Whether an answer refuses the compression and not the points. Some servers say so with a 400.
pub(crate) fn refuses_compression(why: &str) -> bool {
    why.to_ascii_lowercase().contains("content-encoding")
}
