//! Every figure that the daemon gives of itself: its name, kind, unit, labels and what it means, in one table. The table
//! feeds `/metrics`, the reports over OTLP and docs/metrics.md.

/// How a figure behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows, from zero at the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Always 1; its labels tell.
    Info,
}

impl Kind {
    /// As Prometheus and people call it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Info => "info",
        }
    }
}

impl About {
    /// Whether it goes out as a sum that only grows. Back ends with Prometheus' rules give such a one `_total`; one that has another
    /// name goes out as a sum that might fall.
    pub(crate) fn is_monotonic(&self) -> bool {
        self.kind == Kind::Counter && self.name.ends_with("_total")
    }
}

/// Whether a figure has a part behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// It has none.
    Whole,
    /// It may have one.
    Real,
}

/// What is known of a figure before it is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    /// The whole name.
    pub(crate) name: &'static str,
    /// How it behaves.
    pub(crate) kind: Kind,
    /// What its values are.
    pub(crate) number: Number,
    /// UCUM; empty = none. By it and the kind a back end with Prometheus' rules writes a name anew, and must find the same.
    pub(crate) unit: &'static str,
    /// All labels it has.
    pub(crate) labels: &'static [&'static str],
    /// For people, without a full stop.
    pub(crate) help: &'static str,
}

macro_rules! figures {
    ($($id:ident $kind:ident $number:ident $name:literal $unit:literal [$($label:literal)*] $help:literal)*) => {
        /// One figure.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Figure {
            $(#[doc = $help] $id,)*
        }

        impl Figure {
            /// All, in the order in which they are shown.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$id,)*];

            /// What it is.
            pub(crate) const fn about(self) -> About {
                match self {
                    $(Self::$id => About {
                        name: $name,
                        kind: Kind::$kind,
                        number: Number::$number,
                        unit: $unit,
                        labels: &[$($label),*],
                        help: $help,
                    },)*
                }
            }
        }
    };
}

figures! {
    Build Info Whole "nephoscope_build_info" "" ["version"]
        "The version that runs"
    Reloads Counter Whole "nephoscope_config_reloads_total" "{reload}" ["outcome"]
        "Reloads of the configuration; `refused` ones changed nothing"
    ApiRequests Counter Whole "nephoscope_api_requests_total" "{request}" ["cloud" "account" "operation" "outcome"]
        "Attempts to ask a cloud, retries included; the outcome is `ok` or a kind of error"
    ApiCost Counter Real "nephoscope_api_cost_usd_total" "{USD}" ["cloud" "account"]
        "What the requests cost at list price; an upper bound, as refused ones are counted in full"
    BudgetRemaining Gauge Real "nephoscope_budget_remaining_usd" "{USD}" ["account"]
        "What is left of the account's budget of this UTC day; absent for accounts without one"
    BudgetWaiting Gauge Whole "nephoscope_budget_waiting_polls" "{poll}" ["account"]
        "Polls that wait for the budget of their account or entry; absent where there is none"
    Retries Counter Whole "nephoscope_retries_total" "{request}" ["account" "kind"]
        "Attempts made again, by the kind of error before them"
    GateWait Counter Real "nephoscope_gate_wait_seconds" "s" ["account"]
        "Time that requests have waited for quota and concurrency, all together"
    BreakerOpen Gauge Whole "nephoscope_breaker_open" "" ["account" "scope"]
        "1 while the circuit breaker of a scope, or of one of its hosts, is open: one probe every 20 s"
    ClockSkew Gauge Real "nephoscope_clock_skew_seconds" "s" ["account"]
        "How far the cloud's clock is ahead of ours; negative when it is behind"
    SeriesActive Gauge Whole "nephoscope_series_active" "{series}" ["account"]
        "Series that the known targets yield"
    Targets Gauge Whole "nephoscope_targets" "{target}" ["account"]
        "Targets known from the last listings"
    PollsInFlight Gauge Whole "nephoscope_polls_in_flight" "{poll}" ["account"]
        "Polls that run"
    Polls Counter Whole "nephoscope_polls_total" "{poll}" ["account"]
        "Polls of a group that ended"
    PointsCollected Counter Whole "nephoscope_points_collected_total" "{point}" ["account"]
        "Points taken for the first time and stored"
    PointsLate Counter Whole "nephoscope_points_late_total" "{point}" ["account"]
        "Points that appeared after their window had been asked for"
    PointsRepeated Counter Whole "nephoscope_points_repeated_total" "{point}" ["account"]
        "Points seen again in overlapping windows and not handed over again"
    PointsRevised Counter Whole "nephoscope_points_revised_total" "{point}" ["account"]
        "Points whose value the cloud changed after it had been taken"
    PointsTooOld Counter Whole "nephoscope_points_too_old_total" "{point}" ["account"]
        "Points older than all that is remembered of their series"
    PointsDeferred Counter Whole "nephoscope_points_deferred_total" "{point}" ["account"]
        "Points in a gap, left to the window that closes it"
    LostSeconds Counter Whole "nephoscope_lost_seconds_total" "s" ["account"]
        "Time that was never asked for and that the cloud no longer keeps"
    BacklogCalls Counter Whole "nephoscope_backlog_calls_total" "{call}" ["account"]
        "Calls that closed gaps behind the present"
    PointsSkipped Counter Whole "nephoscope_points_skipped_total" "{point}" ["account" "reason"]
        "Points left out because they were invalid or have no form in OTLP"
    PollErrors Counter Whole "nephoscope_poll_errors_total" "{error}" ["account" "kind"]
        "Listings, calls and targets that failed after all retries"
    Freshness Gauge Whole "nephoscope_freshness_seconds" "s" ["account" "group"]
        "Age of the end of the newest point taken"
    Behind Gauge Whole "nephoscope_behind_seconds" "s" ["account" "group"]
        "How much of the slowest target lies behind the present and is being caught up with"
    Lookback Gauge Whole "nephoscope_lookback_seconds" "s" ["account" "group"]
        "How far windows reach back for late points"
    Settle Gauge Real "nephoscope_settle_seconds" "s" ["cloud" "namespace" "source"]
        "How old a point must be before it is asked for; the source says whether it was learnt"
    TicksSkipped Counter Whole "nephoscope_ticks_skipped_total" "{tick}" []
        "Polls that were due while the one before still ran"
    PointsDelivered Counter Whole "nephoscope_points_delivered_total" "{point}" ["destination"]
        "Points that a destination has acknowledged"
    PointsRejected Counter Whole "nephoscope_points_rejected_total" "{point}" ["destination"]
        "Points that a destination took note of and refused"
    PointsDropped Counter Whole "nephoscope_points_dropped_total" "{point}" ["destination"]
        "Points given up because a destination refused them for good"
    DestinationUp Gauge Whole "nephoscope_destination_up" "" ["destination"]
        "1 while a destination answers"
    DestinationLag Gauge Whole "nephoscope_destination_lag_seconds" "s" ["destination"]
        "Age of the oldest point that waits for a destination; 0 when none does"
    SpoolPendingBytes Gauge Whole "nephoscope_spool_pending_bytes" "By" ["destination"]
        "Bytes that wait for a destination"
    SpoolPendingPoints Gauge Whole "nephoscope_spool_pending_points" "{point}" ["destination"]
        "Points that wait for a destination"
    SpoolDropped Counter Whole "nephoscope_spool_dropped_points_total" "{point}" ["destination"]
        "Points that a destination never gets because it fell too far behind"
    StoreBytes Gauge Whole "nephoscope_store_bytes" "By" []
        "Bytes that wait for at least one destination"
    SpoolPoints Gauge Whole "nephoscope_spool_points" "{point}" []
        "Points that wait for at least one destination"
    StoreFull Gauge Whole "nephoscope_store_full" "" []
        "1 while there is no room and polling waits"
    LedgerSeries Gauge Whole "nephoscope_ledger_series" "{series}" []
        "Series that the ledger knows"
    RuntimeTasks Gauge Whole "nephoscope_runtime_tasks" "{task}" []
        "Tasks of the runtime; a number that only grows is a leak"
    ProcessCpu Counter Real "process_cpu_seconds_total" "s" []
        "User and system time of the process"
    ProcessResident Gauge Whole "process_resident_memory_bytes" "By" []
        "Resident memory"
    ProcessVirtual Gauge Whole "process_virtual_memory_bytes" "By" []
        "Virtual memory"
    ProcessFds Gauge Whole "process_open_fds" "{file}" []
        "Open files"
    ProcessMaxFds Gauge Whole "process_max_fds" "{file}" []
        "Files that may be open"
    ProcessThreads Gauge Whole "process_threads" "{thread}" []
        "Threads"
    ProcessStart Gauge Real "process_start_time_seconds" "s" []
        "When the process started, in seconds since 1970"
}
