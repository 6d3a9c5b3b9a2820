# shellcheck shell=bash
# What `.ci/run` and `.ci/night` share: steps that are printed, lanes side by side, and what a fresh Debian 12 lacks.
# Sourced with the repository as the working folder.

export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 NO_COLOR=1

# Prints the command, runs it, and prints how long it took.
step() {
    local begin=$SECONDS
    printf '\n== %s  (%s)\n' "$*" "$(date -u +%H:%M:%S)"
    "$@"
    printf -- '-- %s: %d s\n' "$*" $((SECONDS - begin))
}

# lane NAME FUNCTION: in the background, its output in a file.
declare -A lanes=()
lane() {
    mkdir -p target/lanes
    ("$2") >"target/lanes/$1.log" 2>&1 </dev/null &
    lanes[$!]=$1
}

# Waits for all lanes and prints each as it ends. Fails, by name, when one of them has: the others go on to their end,
# so that they stop what they started.
await_lanes() {
    local pid name status failed=()
    while [ ${#lanes[@]} -gt 0 ]; do
        status=0
        wait -n -p pid "${!lanes[@]}" || status=$?
        name=${lanes[$pid]}
        unset "lanes[$pid]"
        printf '\n==== lane %s, as it was  (%s)\n' "$name" "$(date -u +%H:%M:%S)"
        cat "target/lanes/$name.log"
        if [ "$status" -eq 0 ]; then continue; fi
        printf '==== lane %s failed with exit code %d\n' "$name" "$status"
        failed+=("$name")
    done
    if [ ${#failed[@]} -gt 0 ]; then
        printf '\n== failed: %s  (%s)\n' "${failed[*]}" "$(date -u +%H:%M:%S)" >&2
        return 1
    fi
}

install_what_is_missing() {
    cargo fmt --version >/dev/null 2>&1 || step rustup component add rustfmt
    cargo clippy --version >/dev/null 2>&1 || step rustup component add clippy
    local missing=()
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    command -v systemd-analyze >/dev/null || missing+=(systemd)
    command -v debootstrap >/dev/null || missing+=(debootstrap)
    command -v systemd-nspawn >/dev/null || missing+=(systemd-container)
    command -v dpkg-shlibdeps >/dev/null || missing+=(dpkg-dev)
    if [ ${#missing[@]} -gt 0 ]; then
        step apt-get update -q
        step apt-get install -qy "${missing[@]}"
    fi
}
