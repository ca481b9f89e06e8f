//! librdkafka's statistics as metrics: few series, one set for each client.

use rdkafka::Statistics;

/// Requests, errors and round trips, over all brokers.
pub(super) fn brokers(client: &'static str, statistics: &Statistics) {
    let brokers = || statistics.brokers.values().filter(|broker| broker.nodeid >= 0);
    let sum = |of: fn(&rdkafka::statistics::Broker) -> u64| brokers().map(of).sum::<u64>();
    let counter = |name: &'static str, value| metrics::counter!(name, "client" => client).absolute(value);
    counter("parlor_kafka_tx_errors_total", sum(|broker| broker.txerrs));
    counter("parlor_kafka_rx_errors_total", sum(|broker| broker.rxerrs));
    counter("parlor_kafka_request_timeouts_total", sum(|broker| broker.req_timeouts));
    let slowest = brokers().filter_map(|broker| broker.rtt.as_ref()).map(|rtt| rtt.p99).max();
    if let Some(micros) = slowest {
        metrics::gauge!("parlor_kafka_rtt_p99_seconds", "client" => client).set(micros as f64 / 1e6);
    }
}
