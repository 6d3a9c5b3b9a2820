//! The tests of the configuration, in one binary: mistakes and their words, and the reference written from the schema.

mod mistakes;
mod reference;
