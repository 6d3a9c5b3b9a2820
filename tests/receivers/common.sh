# shellcheck shell=bash
# What the receivers' scripts share: the simulated clouds, the daemon, and an end that leaves nothing running.
# Sourced after `set -euo pipefail`, with the repository as the working folder.

nephoscope=${NEPHOSCOPE:-target/debug/nephoscope}
work=$(mktemp -d)
started=()
declare -A running=()
ready_within_s=30
# For the comparisons, which share points.py.
export PYTHONPATH=$PWD/tests/receivers

stop_all() {
    local status=$?
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
    if [ "$status" -ne 0 ] && [ ${#started[@]} -gt 0 ]; then tail -n 20 "$work"/*.log >&2; fi
    rm -rf "$work"
}
trap stop_all EXIT

if [ ! -x "$nephoscope" ]; then
    echo "no binary at $nephoscope: run \`cargo build -p nephoscope\`, or set NEPHOSCOPE" >&2
    exit 69
fi

# start NAME COMMAND…: in the background, its output in NAME.log.
start() {
    local name=$1
    shift
    "$@" >"$work/$name.log" 2>&1 &
    started+=("$!")
    running[$name]=$!
}

# await WHAT COMMAND…: until the command succeeds; fails when it has not within ready_within_s, or when what was
# started last has ended.
await() {
    local what=$1
    shift
    for ((tenth = 0; tenth < ready_within_s * 10; tenth++)); do
        if "$@" >/dev/null 2>&1; then return; fi
        if ! kill -0 "${started[-1]}" 2>/dev/null; then break; fi
        sleep 0.1
    done
    echo "$what has ended, or was not ready within $ready_within_s s" >&2
    return 1
}

# free_address: a loopback address that nobody listens on.
free_address() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print("127.0.0.1:%d" % s.getsockname()[1])'
}

# stop NAME: ends what was started last under this name, and waits for it.
stop() {
    local pid=${running[$1]}
    kill "$pid"
    wait "$pid" || true
}

# start_clouds [FLAG…]: the simulated clouds, and their variables.
start_clouds() {
    start simulate "$nephoscope" simulate --listen 127.0.0.1:0 --write "$work/clouds" "$@"
    await "the simulator" test -e "$work/clouds/simulate.env"
    set -a
    # shellcheck source=/dev/null
    . "$work/clouds/simulate.env"
    STATE=$work/state
    set +a
}

# start_daemon CONFIG [FLAG…]: as a user would. Sets daemon_started, in seconds since 1970.
start_daemon() {
    local config=$1
    shift
    daemon_started=$(date +%s)
    start daemon "$nephoscope" run --config "$config" "$@"
    await "the daemon" grep -q "running page=" "$work/daemon.log"
}
