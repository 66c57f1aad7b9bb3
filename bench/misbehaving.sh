#!/bin/bash
# misbehaving.sh BUILD: how long others wait while one device reconnects all the time, a thousand share a connection,
# one with a full mailbox settles nothing, or strangers leave half of everything over each door. Same load, same run:
# the ratio of the 99th percentiles is what counts.
set -euo pipefail
build=$(realpath "$1")
seconds=${D2D_BENCH_SECONDS:-5} repeats=${D2D_BENCH_REPEATS:-3} rate=${D2D_BENCH_RATE:-1000}
here=$(realpath "$(dirname "$0")")
. "$here/servers.sh"
start_hub "$build" 20
export PYTHONDONTWRITEBYTECODE=1

one() { load d2dhub --connections 20 --seconds "$seconds" --rate "$rate" --window 100; }

printf '%-10s %10s %10s %8s\n' "beside" "p50 us" "p99 us" "ratio"
quiet=
for what in nothing storm crowd sleeper strangers nothing; do
    pid=
    if [ $what != nothing ]; then
        /usr/bin/python3 "$here/../test/daemon/peers.py" $what "$folder" "$mqtts" "$amqps" "$https" \
            2>>"$folder/peers.log" &
        pid=$!
        sleep 4
        kill -0 $pid || { cat "$folder/peers.log" >&2; exit 1; }
    fi
    : >"$folder/$what"
    for ((r = 0; r < repeats; r++)); do one >>"$folder/$what" || echo "$what: $(tail -n 3 "$folder/load.log")" >&2; done
    [ -z "$pid" ] || { kill $pid; wait $pid 2>/dev/null || true; }
    p50=$(jq -s 'map(.puback.p50_us) | sort | .[length / 2 | floor]' "$folder/$what")
    p99=$(jq -s 'map(.puback.p99_us) | sort | .[length / 2 | floor]' "$folder/$what")
    quiet=${quiet:-$p99}
    printf '%-10s %10s %10s %8s\n' $what "$p50" "$p99" "$(jq -n "$p99 / $quiet * 100 | round / 100")"
done
