#!/bin/bash
# state.sh BUILD: direct methods and reported properties. A call is held against raw TLS round trips to a server that
# nobody here wrote (openssl s_server), and a patch against a plain message of the same size; ratios are of one run.
set -euo pipefail
build=$(realpath "$1")
seconds=${D2D_BENCH_SECONDS:-3} repeats=${D2D_BENCH_REPEATS:-3} connections=50
. "$(dirname "$0")/servers.sh"
start_hub "$build" $connections
echo_port=$(/usr/bin/python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
openssl s_server -quiet -rev -accept "127.0.0.1:$echo_port" -cert "$folder/hub/tls/server.pem" \
    -key "$folder/hub/tls/server-key.pem" >"$folder/echo.log" 2>&1 &
pids+=("$!")
for _ in $(seq 100); do
    (: <"/dev/tcp/127.0.0.1/$echo_port") 2>/dev/null && break
    sleep 0.1
done

# ask NAME PORT OPTIONS…
ask() {
    local name=$1 port=$2
    shift 2
    "$build/bench/bench-state" --ca-file "$ca" --port "$port" --https-port "$https" --devices "$folder/devices" \
        --owner "$folder/owner" --server-pid "$hub" --seconds "$seconds" "$@" >>"$folder/$name" ||
        echo "$name: not everything was answered" >&2
}
median() { jq -s "map($2) | sort | .[length / 2 | floor]" "$folder/$1"; }

for ((r = 0; r < repeats; r++)); do
    ask echo "$echo_port" --kind echo --ends 1
    ask call "$mqtts" --kind call --ends 1
    ask calls "$mqtts" --kind call --ends $connections
    ask messages "$mqtts" --kind message --ends $connections --window 64
    ask reports "$mqtts" --kind report --ends $connections --window 64
done

printf '%-10s %12s %10s %10s %10s\n' "" "a second" "p50 us" "p99 us" "cpu us"
for name in echo call calls messages reports; do
    printf '%-10s %12s %10s %10s %10s\n' $name \
        $(for f in .per_second .took.p50_us .took.p99_us .cpu_us; do median $name $f; done)
done
raw=$(median echo .took.p50_us) one=$(median call .took.p50_us)
jq -rn "\"a call takes $one us, two raw round trips and 0.2 ms are \(2 * $raw + 200) us\""
ratio="$(median reports .per_second) / $(median messages .per_second)"
jq -rn "\"reported patches: \($ratio * 100 | round / 100) of plain messages\""
