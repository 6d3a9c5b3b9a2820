//! One file per command.

pub(crate) mod backfill;
pub(crate) mod check;
pub(crate) mod collect;
pub(crate) mod config;
#[cfg(feature = "simulate")]
pub(crate) mod demo;
pub(crate) mod discover;
mod inventory;
mod only;
mod paint;
pub(crate) mod permissions;
pub(crate) mod plan;
mod screen;
#[cfg(feature = "simulate")]
pub(crate) mod simulate;
pub(crate) mod status;
mod table;
