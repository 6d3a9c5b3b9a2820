//! The `nephoscope` command.
fn main() {}
