//! Ledger and spool behind one commit.
