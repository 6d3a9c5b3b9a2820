//! The tests of the configuration, in one binary: mistakes and their words, which account files are read, remedies that are obeyed, secrets that no message shows, and the reference written from the schema.

mod accounts;
mod mistakes;
mod reference;
mod remedies;
mod secrets;
