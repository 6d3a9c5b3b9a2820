//! The tests of the configuration, in one binary: mistakes and their words, which account files are read, secrets that no message shows, and the reference written from the schema.

mod accounts;
mod mistakes;
mod reference;
mod secrets;
