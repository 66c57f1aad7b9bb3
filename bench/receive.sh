#!/bin/bash
# receive.sh BUILD [OTHER-BUILD…]: what the hub pays for those who only hear: processor time an event that a receiver is
# given over AMQP, held against a server that nobody here wrote and that sends the same bytes over TLS (openssl
# s_server); and memory of a silent connection over each transport, held against mosquitto's over MQTT. The rounds of
# other builds of the hub alternate with those of the first, which is held against each.
set -euo pipefail
build=$(realpath "$1") here=$(realpath "$(dirname "$0")")
hubs=("$@")
events=${D2D_BENCH_EVENTS:-50000} repeats=${D2D_BENCH_REPEATS:-3} connections=400 receivers=8
kinds=(mqtt mqtt-ws amqp amqp-ws)
root=$(mktemp -d "${D2D_BENCH_DIR:-/tmp}/d2d-receive.XXXXXX")
trap 'rm -rf "$root"' EXIT

# Each measurement has a hub of its own, in a shell that ends with its servers: memory that one kind of connection has
# left behind would be the next one's.
with_hub() ( # HUB-BUILD COMMAND…
    . "$here/servers.sh"
    start_hub "$1" $connections
    shift
    "$@"
)

written() { awk '$1 == "wchar:" { print $2 }' "/proc/$hub/io"; }

received() { # FILE
    local before
    load d2dhub --silent --connections 50 --window 64 --seconds 60 --count "$events" >/dev/null
    before=$(written)
    "$build/bench/bench-receive" -c "$ca" -p "$hub" -a "$amqps" -s "$service" -n $receivers -e "$events" >>"$1"
    echo $(($(written) - before)) >"$root/bytes"
}

silent() { # FILE TRANSPORT
    "$build/bench/bench-receive" -c "$ca" -p "$hub" -m "$mqtts" -a "$amqps" -h "$https" -d "$folder/devices" -t "$2" \
        -n $connections >>"$1"
}

peers() {
    start_mosquitto
    load mosquitto --idle --silent --connections $connections --seconds 2 >>"$root/mqtt.mosquitto"
    stream
}

round() { # HUB-BUILD NAME
    with_hub "$1" received "$root/events.$2"
    for kind in "${kinds[@]}"; do
        with_hub "$1" silent "$root/$kind.$2" "$kind"
    done
}

# As many bytes as all events had on their way, by openssl.
stream() {
    local port pid before
    port=$(/usr/bin/python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
    mkdir -p "$folder/www"
    head -c "$(<"$root/bytes")" /dev/zero >"$folder/www/events"
    (cd "$folder/www" && exec openssl s_server -quiet -WWW -accept "127.0.0.1:$port" \
        -cert "$folder/hub/tls/server.pem" -key "$folder/hub/tls/server-key.pem" >/dev/null 2>&1) &
    pid=$!
    pids+=("$pid")
    sleep 1
    before=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
    printf 'GET /events HTTP/1.0\r\n\r\n' | openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:$port" \
        >/dev/null 2>&1 || true
    awk -v before="$before" -v n=$((events * receivers)) -v hz="$(getconf CLK_TCK)" \
        '{ printf "{\"cpu_us_a_message\":%.3f}\n", ($14 + $15 - before) * 1e6 / hz / n }' "/proc/$pid/stat" \
        >>"$root/stream"
}

for ((r = 0; r < repeats; r++)); do
    for ((h = 0; h < ${#hubs[@]}; h++)); do
        round "$(realpath "${hubs[h]}")" "$h"
    done
    with_hub "$build" peers
done

median() { jq -s "map($2) | sort | .[length / 2 | floor]" "$root/$1"; }
row() { # WHAT FILE FIELD PEER
    printf '%-38s' "$1"
    for ((h = 0; h < ${#hubs[@]}; h++)); do
        printf ' %10s' "$(median "$2.$h" "$3")"
    done
    printf ' %10s %8s' "$4" "$(jq -n "$(median "$2.0" "$3") / $4 * 100 | round / 100")"
    for ((h = 1; h < ${#hubs[@]}; h++)); do
        printf ' %8s' "$(jq -n "$(median "$2.0" "$3") / $(median "$2.$h" "$3") * 1000 | round / 1000")"
    done
    echo
}

printf '%-38s %s   then: peer, ratio to it, ratios to the other hubs\n' "" "hubs: ${hubs[*]}"
row "amqp: cpu us an event delivered" events .cpu_us_a_message \
    "$(jq -s 'map(.cpu_us_a_message) | sort | .[length / 2 | floor]' "$root/stream")"
for kind in "${kinds[@]}"; do
    row "$kind: bytes a silent connection" $kind .bytes_a_connection "$(median mqtt.mosquitto .bytes_a_connection)"
done
