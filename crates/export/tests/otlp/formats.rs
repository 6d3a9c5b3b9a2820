//! Destinations that are not OTLP.

use crate::back_end::taken;
use crate::points::one_of_each;
use export::prometheus::{TextFormat, federate};
use export::{Deltas, DestinationConfig, Kind, Limits, connect, encode};

#[tokio::test]
async fn json_lines_and_prometheus_text() {
    let folder = std::env::temp_dir().join(format!("nephoscope-export-{}", std::process::id()));
    let plain = |kind| DestinationConfig {
        name: "x".into(),
        kind,
        promote: vec![],
        deltas: Deltas::Keep,
    };
    let batch = &encode(&one_of_each(), Limits::default())[0];
    let file = connect(&plain(Kind::File { path: folder.clone() }))
        .unwrap()
        .transport;
    for _ in 0..2 {
        assert_eq!(file.deliver(batch).await, taken(0, ""));
    }
    let text = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(text.lines().count(), 2);
    let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert!(line["resourceMetrics"].is_array());
    for part in [
        r#""asInt":"7""#,
        r#""traceId":"07070707"#,
        r#""timeUnixNano":"1795000000000000000""#,
        r#""bucketCounts":["1","2","0"]"#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }

    let scrape = connect(&plain(Kind::Prometheus)).unwrap();
    assert_eq!(scrape.transport.deliver(batch).await, taken(0, ""));
    let text = federate(&[scrape.latest.unwrap()], TextFormat::Prometheus, &[]);
    for line in [
        "# HELP a_gauge_percent How busy. (CPUUtilization)\n# TYPE a_gauge_percent gauge\n",
        "# TYPE c_percent_total counter\n",
        "a_gauge_percent{InstanceId=\"i-1\",cloud_provider=\"aws\",cloud_region=\"eu\"} -3 1795000060000\n",
        "d_hist_percent_bucket{InstanceId=\"i-1\",cloud_provider=\"aws\",cloud_region=\"eu\",le=\"+Inf\"} 3 1795000000000\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}
