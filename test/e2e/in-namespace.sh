#!/bin/bash
# in-namespace.sh FILE RESULT: makes a hub in a folder of its own, then runs the tests of one file against it: those
# of Node.js start that hub themselves, the others get one that runs. The authority has to be known before clients
# start: they read it once. What came of each test goes to RESULT, as TAP.
set -euo pipefail
ip link set lo up
D2D_DATA=$(mktemp -d)
trap 'rm -rf "$D2D_DATA"' EXIT
export D2D_DATA XDG_CONFIG_HOME=$D2D_DATA/config
"$D2D_BUILD/d2dhub" init --data "$D2D_DATA/hub" --name localhost --also gw.field.example --group second -o json \
    >"$D2D_DATA/hub.json" 2>/dev/null
ca=$(jq -r .ca_file "$D2D_DATA/hub.json")
export NODE_EXTRA_CA_CERTS=$ca

start_hub() {
    "$D2D_BUILD/d2dhub" run --data "$D2D_DATA/hub" -o json >"$D2D_DATA/out" 2>"$D2D_DATA/log" &
    hub=$!
    trap 'kill $hub 2>/dev/null; wait $hub 2>/dev/null; rm -rf "$D2D_DATA"' EXIT
    for _ in $(seq 300); do
        [ -e "$D2D_DATA/out" ] && grep -q '"ready"' "$D2D_DATA/out" && return
        kill -0 $hub
        sleep 0.1
    done
    return 1
}

case $1 in
*.test.js)
    flags=()
    # Debian 12's Node.js is 18: what @azure/event-hubs 6 expects as a global stands behind a flag there.
    case $(node --version) in v18.* | v19.*) flags=(--experimental-global-webcrypto) ;; esac
    NODE_OPTIONS="${flags[*]}" timeout 300 node --test --test-reporter=spec --test-reporter-destination=stdout \
        --test-reporter=tap --test-reporter-destination="$2" "$1"
    ;;
*.test.py)
    start_hub
    PYTHONDONTWRITEBYTECODE=1 timeout 300 /usr/bin/python3 "$1" | tee "$2"
    ;;
dotnet)
    start_hub
    SSL_CERT_FILE=$ca timeout 300 dotnet ../../build/e2e-dotnet/bin/field.dll | tee "$2"
    ;;
esac
