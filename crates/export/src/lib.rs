//! Our model as OTLP, and the destinations that carry it.
