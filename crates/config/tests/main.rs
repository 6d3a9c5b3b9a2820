//! The tests of the configuration, in one binary: mistakes and their words, secrets that no message shows, and the reference written from the schema.

mod mistakes;
mod reference;
mod secrets;
