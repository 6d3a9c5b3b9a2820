//! Any bytes as CloudWatch's answer to `GetMetricData`, as the SDK reads it. The first byte says which status it has.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provider_aws::fuzzing::Answers;
use tokio::runtime::{Builder, Runtime};

/// Successes first: a random byte is one more often than not.
const STATUSES: [u16; 4] = [200, 200, 400, 500];

thread_local! {
    static READER: (Runtime, Answers) =
        (Builder::new_current_thread().enable_all().build().expect("a runtime"), Answers::default());
}

fuzz_target!(|input: &[u8]| {
    let Some((first, body)) = input.split_first() else {
        return;
    };
    let status = STATUSES[usize::from(*first) % STATUSES.len()];
    READER.with(|(runtime, answers)| runtime.block_on(answers.metric_data(status, body)));
});
