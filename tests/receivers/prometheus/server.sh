# shellcheck shell=bash
# The Prometheus of go.mod, built once and started on a free address. Sourced after common.sh.
#
# It is its own command, without service discovery by name of a cloud or cluster, which makes up most of its build (three
# minutes of CPU for the first, seconds for the next). Its web interface is not part of a Go module.

prometheus=$PWD/target/receivers/prometheus

build_prometheus() {
    mkdir -p target/receivers
    (cd tests/receivers/prometheus && go build -tags remove_all_sd -o "$prometheus" \
        github.com/prometheus/prometheus/cmd/prometheus)
    (cd tests/receivers/prometheus && go list -m -f 'Prometheus {{.Version}}' github.com/prometheus/prometheus)
}

# start_prometheus CONFIG [FLAG…]: with its OTLP receiver, as its guide says. Sets PROMETHEUS to its address.
start_prometheus() {
    local config=$1
    shift
    PROMETHEUS=$(free_address)
    export PROMETHEUS
    start prometheus "$prometheus" --config.file="$config" --storage.tsdb.path="$work/prometheus" \
        --web.listen-address="$PROMETHEUS" --web.enable-otlp-receiver "$@"
    await "Prometheus" python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1])' \
        "http://$PROMETHEUS/-/ready"
}
