//! Three simulated clouds that speak the real wire protocols.
