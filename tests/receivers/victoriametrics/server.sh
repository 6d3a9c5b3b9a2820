# shellcheck shell=bash
# VictoriaMetrics as Debian packages it: fetched once, started on a free address. Sourced after common.sh.

# The suite whose package keeps delta sums; the one in Debian 13 (1.112) skips them and still answers 200.
suite=forky
wanted=1.145.0+ds1-2
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
unpacked=$PWD/target/receivers/victoria-metrics
apt=$PWD/target/receivers/apt

# apt-get with folders of its own: it sees one suite, checks the archive's signatures, and needs no root.
own_apt() {
    apt-get --quiet=2 -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User="" \
        -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
        -o Acquire::Retries=3 "$@"
}

# A suite in testing keeps one version: when it has moved on, its newer one is taken, and the version printed says so.
fetch() {
    rm -rf "$unpacked"
    mkdir -p "$unpacked" "$apt/lists/partial" "$apt/cache/archives/partial"
    echo "deb [signed-by=$keyring] $mirror $suite main" >"$apt/sources.list"
    own_apt update
    (cd "$unpacked" && { own_apt download "victoria-metrics=$wanted" || own_apt download victoria-metrics; })
    dpkg-deb -x "$unpacked"/victoria-metrics_*.deb "$unpacked"
    # Last, so that an unpacking that broke off is done again.
    dpkg-deb -f "$unpacked"/victoria-metrics_*.deb Version >"$apt/version"
    rm "$unpacked"/*.deb
    mv "$apt/version" "$unpacked/version"
}

start_victoriametrics() {
    [ -e "$unpacked/version" ] || fetch
    echo "VictoriaMetrics $(cat "$unpacked/version")"
    VICTORIAMETRICS=$(free_address)
    export VICTORIAMETRICS
    # Raw samples: what is sent twice is to be seen twice, so no de-duplication.
    start victoriametrics "$unpacked/usr/bin/victoria-metrics" -storageDataPath="$work/data" \
        -httpListenAddr="$VICTORIAMETRICS" -retentionPeriod=1y
    await "VictoriaMetrics" python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1])' \
        "http://$VICTORIAMETRICS/health"
}
