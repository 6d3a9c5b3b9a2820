//! The table of figures as observable instruments: when the SDK asks, what there is at that moment is read once and
//! serves them all.

use crate::clock::SystemClock;
use crate::live::Live;
use crate::telemetry::instruments::{Figure, Kind, Number};
use crate::telemetry::measure::{Measured, Sample, Value};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, MeterProvider as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use provider_api::UnixNanos;
use scheduler::Clock as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a reading serves: the SDK asks for all figures within moments.
const READING_LASTS: Duration = Duration::from_secs(1);

/// The last reading.
#[derive(Debug)]
struct Board {
    live: Arc<Live>,
    last: Mutex<(UnixNanos, Arc<Measured>)>,
}

impl Board {
    fn read(&self) -> Arc<Measured> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemClock.now();
        if now.since(last.0) >= READING_LASTS {
            *last = (now, Arc::new(Measured::now(&self.live, now)));
        }
        Arc::clone(&last.1)
    }

    fn observe<T>(&self, figure: Figure, instrument: &dyn AsyncInstrument<T>, value: fn(Value) -> T) {
        let reading = self.read();
        for sample in reading.0.get(&figure).into_iter().flatten() {
            instrument.observe(value(sample.value), &attributes(figure, sample));
        }
    }
}

fn attributes(figure: Figure, sample: &Sample) -> Vec<KeyValue> {
    let named = figure.about().labels.iter().zip(&sample.labels);
    named
        .map(|(name, text)| KeyValue::new(*name, text.clone()))
        .collect()
}

fn whole(value: Value) -> u64 {
    match value {
        Value::Whole(value) => value,
        // A figure that is whole has no such value.
        Value::Real(_) => 0,
    }
}

fn real(value: Value) -> f64 {
    match value {
        Value::Real(value) => value,
        // A figure that is real has no such value.
        Value::Whole(_) => 0.0,
    }
}

/// Registers every figure.
pub(super) fn register(meters: &SdkMeterProvider, live: &Arc<Live>) {
    let meter = meters.meter(env!("CARGO_PKG_NAME"));
    let board = Arc::new(Board {
        live: Arc::clone(live),
        last: Mutex::new((UnixNanos(0), Arc::default())),
    });
    for figure in Figure::ALL.iter().copied() {
        let (about, board) = (figure.about(), Arc::clone(&board));
        // Each is kept by the SDK for as long as it runs.
        macro_rules! register {
            ($make:ident, $value:ident) => {
                drop(
                    meter
                        .$make(about.name)
                        .with_unit(about.unit)
                        .with_description(about.help)
                        .with_callback(move |instrument| board.observe(figure, instrument, $value))
                        .build(),
                )
            };
        }
        match (about.kind, about.number) {
            (Kind::Counter, Number::Whole) => register!(u64_observable_counter, whole),
            (Kind::Counter, Number::Real) => register!(f64_observable_counter, real),
            (Kind::Gauge | Kind::Info, Number::Whole) => register!(u64_observable_gauge, whole),
            (Kind::Gauge | Kind::Info, Number::Real) => register!(f64_observable_gauge, real),
        }
    }
}
