//! The REST API below `/api/v1`: rows of what the daemon knows, in the form that the caller wants.

pub(super) mod accounts;
pub(super) mod actions;
mod asked;
mod body;
mod csv;
pub(super) mod destinations;
pub(super) mod document;
pub(super) mod error;
pub(super) mod events;
mod filter;
pub(super) mod form;
mod listing;
#[cfg(test)]
mod openapi;
pub(super) mod points;
mod request_id;
pub(super) mod series;
pub(super) mod status;
mod time;
mod xml;

pub(super) use asked::hex;
