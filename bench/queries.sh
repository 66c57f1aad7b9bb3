#!/bin/bash
# queries.sh BUILD: what a scan of all twins costs the messages of other devices, and what an index saves. Runs with
# and without a scan take turns; the 99th percentile with one may be a tenth above that without.
set -euo pipefail
build=$(realpath "$1")
seconds=${D2D_BENCH_SECONDS:-4} repeats=${D2D_BENCH_REPEATS:-5} twins=${D2D_BENCH_TWINS:-100000} rate=${D2D_BENCH_RATE:-2000}
here=$(realpath "$(dirname "$0")")
. "$here/servers.sh"
start_hub "$build" 50
ask() { /usr/bin/python3 "$here/queries.py" "$folder/owner" "$ca" "$https" "$@"; }
median() { jq -s "map($2) | sort | .[length / 2 | floor]" "$folder/$1"; }

began=$(date +%s)
ask fill "$twins"
echo "$twins twins were made in $(($(date +%s) - began)) s"
sleep 6 # a checkpoint

by_index="SELECT deviceId FROM devices WHERE tags.floor = 7"
printf '%-34s %8s %12s %12s\n' query rows "first ms" "all ms"
row() { printf '%-34s %8s %12s %12s\n' "$1" $(jq -r '.rows, .first_ms, .all_ms' <<<"$2"); }
row "a tag, without its index" "$(ask ask "SELECT deviceId FROM devices WHERE NOT (tags.floor != 7)")"
ask ask "$by_index" >"$folder/wish"
sleep 5
row "a tag, by its index" "$(ask ask "$by_index")"
row "count of all that are on a floor" "$(ask ask "SELECT COUNT() AS n FROM devices WHERE tags.floor + 1 > 500")"

for ((r = 0; r < repeats; r++)); do
    load d2dhub --connections 50 --silent --rate "$rate" --window 1000 --seconds "$seconds" >>"$folder/quiet"
    ask scan "$((seconds + 1))" >>"$folder/scans" &
    scan=$!
    sleep 0.5
    load d2dhub --connections 50 --silent --rate "$rate" --window 1000 --seconds "$seconds" >>"$folder/scanned"
    wait $scan
done
printf '%-10s %10s %10s %10s\n' PUBACK "p50 us" "p99 us" "p999 us"
for what in quiet scanned; do
    printf '%-10s %10s %10s %10s\n' $what "$(median $what .puback.p50_us)" "$(median $what .puback.p99_us)" \
        "$(median $what .puback.p999_us)"
done
jq -n "$(median scanned .puback.p99_us) / $(median quiet .puback.p99_us) * 100 | round / 100 |
    \"p99 with a scan is \(.) times that without; \($(jq -s add "$folder/scans")) scans of $twins twins\"" -r
