#!/bin/bash
# run.sh BUILD: d2dhub and mosquitto under the same loads, one after the other, several times; medians side by side.
set -euo pipefail
build=$(realpath "$1")
seconds=${D2D_BENCH_SECONDS:-2} repeats=${D2D_BENCH_REPEATS:-3} connections=50
. "$(dirname "$0")/servers.sh"
start_hub "$build" $connections
start_mosquitto

# scenario NAME OPTIONS…
scenario() {
    local name=$1 server
    shift
    for ((r = 0; r < repeats; r++)); do
        for server in d2dhub mosquitto; do
            load $server --connections $connections --seconds "$seconds" "$@" >>"$folder/$name.$server" ||
                echo "$name on $server: not everything arrived ($(tail -n 1 "$folder/load.log"))"
        done
    done
}

median() { jq -s "map($2) | sort | .[length / 2 | floor]" "$folder/$1"; }

row() { # NAME WHAT FIELD
    local a b
    a=$(median "$1.d2dhub" "$3") b=$(median "$1.mosquitto" "$3")
    printf '%-10s %-24s %12s %12s %8s\n' "$1" "$2" "$a" "$b" \
        "$(jq -n "$a as \$a | $b as \$b | if \$b == 0 then \"-\" else (\$a / \$b * 100 | round / 100) end")"
}

echo "floor: fdatasync of 4 KiB here takes, in microseconds (median of 200):"
/usr/bin/python3 - "$folder/floor" <<'END'
import os, sys, time
f = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
took = []
for _ in range(200):
    os.write(f, b"x" * 4096)
    t = time.perf_counter()
    os.fdatasync(f)
    took.append((time.perf_counter() - t) * 1e6)
print(round(sorted(took)[100]))
END
for server in d2dhub mosquitto; do
    load $server --idle --silent --connections $connections --seconds 3 >"$folder/idle.$server"
done
scenario window1 --window 1
scenario window64 --window 64
scenario flood --qos 0
third=$(jq -n "[$(median window64.d2dhub .per_second), $(median window64.mosquitto .per_second)] | min / 3 | floor")
scenario open --window 1000 --rate "$third"

printf '%-10s %-24s %12s %12s %8s\n' scenario what d2dhub mosquitto ratio
row idle "bytes a connection" .bytes_a_connection
for name in window1 window64 flood; do
    row $name "messages a second" .per_second
    row $name "delivered a second" .delivered_per_second
    row $name "cpu us a message" .cpu_us_a_message
    row $name lost .lost
    row $name "duplicates" .duplicates
    row $name "out of order" .disordered
done
for kind in puback delivery; do
    for p in p50 p90 p99 p999 most; do
        row open "$kind $p us" ".$kind.${p}_us"
    done
done
echo "open: $third messages a second, a third of the slower server's maximum."
echo "mosquitto acknowledges before anything is on disk (it saves once a second); d2dhub syncs before every PUBACK."
echo "d2dhub is read over AMQP from all partitions, mosquitto by one MQTT subscriber with QoS 1."
echo "Messages a second of QoS 1 count until the last delivery, so a slow receiving side lowers them."
echo "The floor appends with fdatasync; d2dhub writes allocated segments with pwritev2, which can be faster."
