#!/bin/bash
# queries.sh BUILD: what a scan of all twins costs: the hub in CPU time, and the messages of other devices in time. Runs
# with and without a scan come in pairs, in either order by turns; the figure is the median of the ratios of the pairs,
# and the 99th percentile with a scan may be a tenth above that without. And what an index saves.
set -euo pipefail
build=$(realpath "$1")
seconds=${D2D_BENCH_SECONDS:-4} repeats=${D2D_BENCH_REPEATS:-8}
twins=${D2D_BENCH_TWINS:-100000} rate=${D2D_BENCH_RATE:-2000}
here=$(realpath "$(dirname "$0")")
. "$here/servers.sh"
start_hub "$build" 50
ask() { /usr/bin/python3 "$here/queries.py" "$folder/owner" "$ca" "$https" "$@"; }
cpu_ms() {
    sed 's/.*) //' "/proc/$hub/stat" | awk -v a_second="$(getconf CLK_TCK)" '{print ($12 + $13) * 1000 / a_second}'
}

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

# Nothing else asks it anything meanwhile.
cpu=$(cpu_ms)
n=$(ask scan 3)
jq -nr "($(cpu_ms) - $cpu) * 1e5 / $n / $twins | round / 100 | \"a scan costs \(.) us of CPU a twin\""

quiet() { messages >>"$folder/quiet"; }
messages() { load d2dhub --connections 50 --silent --rate "$rate" --window 1000 --seconds "$seconds"; }
scanned() {
    ask scan "$((seconds + 1))" >>"$folder/scans" &
    local scan=$!
    sleep 0.5
    messages >>"$folder/scanned"
    wait $scan
}
for ((r = 0; r < repeats; r++)); do
    for what in $( ((r % 2)) && echo scanned quiet || echo quiet scanned); do
        $what
        sleep 0.5
    done
done
jq -rn --slurpfile quiet "$folder/quiet" --slurpfile scanned "$folder/scanned" --slurpfile scans "$folder/scans" \
    --argjson twins "$twins" '
    def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
    def row(name; runs): [name, (["p50_us", "p99_us", "p999_us"][] as $at | [runs[].puback[$at]] | median)];
    [range($quiet | length) | $scanned[.].puback.p99_us / $quiet[.].puback.p99_us * 100 | round / 100] as $ratios |
    (["PUBACK", "p50 us", "p99 us", "p999 us"], row("quiet"; $quiet), row("scanned"; $scanned) | @tsv),
    "p99 with a scan is \($ratios | median) times that without, in pairs \($ratios | map(tostring) | join(" ")); " +
    "\($scans | add) scans of \($twins) twins"'
