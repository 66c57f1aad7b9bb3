#!/bin/bash
# fleet.sh BUILD: a hub that keeps many devices, each with a twin of a kilobyte: how long it takes to start after a
# clean stop, what it holds in memory before anybody connects, and how long a job over a tenth of them takes and how
# long others wait meanwhile.
set -euo pipefail
build=$(realpath "$1")
fleet=${D2D_BENCH_FLEET:-1000000} seconds=${D2D_BENCH_SECONDS:-5} rate=${D2D_BENCH_RATE:-1000}
repeats=${D2D_BENCH_REPEATS:-5}
here=$(realpath "$(dirname "$0")")
. "$here/servers.sh"
start_hub "$build" 20

now_ms() { echo $(($(date +%s%N) / 1000000)); }
# Without what is only mapped from its files, which the system takes back when it needs it.
resident_mib() { awk '/^RssAnon/ { printf "%d", $2 / 1024 }' "/proc/$hub/status"; }
one() { load d2dhub --connections 20 --seconds "$seconds" --rate "$rate" --window 100; }
p99() { jq -s 'map(.puback.p99_us) | sort | .[length / 2 | floor]' "$folder/$1"; }
d2d_owner() { "$build/d2d" "$@" --connection-string-file "$folder/owner" --ca-file "$ca" --https-port "$https"; }

began=$(now_ms)
/usr/bin/python3 "$here/fleet.py" "$https" "$ca" "$folder/owner" "$fleet" 1000
echo "$fleet devices with twins registered in $((($(now_ms) - began) / 1000)) s; the hub holds $(resident_mib) MiB"

began=$(now_ms)
kill "$hub"
wait "$hub"
echo "a clean stop takes $(($(now_ms) - began)) ms; $(du -sm "$folder/hub" | cut -f1) MiB on disk"
for ((r = 0; r < 3; r++)); do
    began=$(now_ms)
    run_hub "$build"
    echo "a start takes $(($(now_ms) - began)) ms until \"ready\"; the hub holds $(resident_mib) MiB"
    [ $r -eq 2 ] || { kill "$hub" && wait "$hub"; }
done

# Runs without a job and beside one take turns; what the checkpoint has left to do after a job is over before the next.
tenth=$((fleet / 10))
for ((r = 0; r < repeats; r++)); do
    one >"$folder/quiet.$r"
    began=$(now_ms)
    d2d_owner job start "sweep$r" --where "tags.floor >= $((r * 10)) AND tags.floor < $((r * 10 + 10))" \
        --tags '{"swept":true}' -q >/dev/null
    until d2d_owner job show "sweep$r" -o raw | grep -qE '^(completed|failed|cancelled)'; do
        one >>"$folder/beside.$r"
    done
    took=$(($(now_ms) - began)) quiet=$(p99 "quiet.$r") beside=$(p99 "beside.$r")
    echo "$tenth twins in $took ms: others' p99 $quiet us without the job, $beside us beside it"
    jq -n "$beside / $quiet" >>"$folder/ratios"
    sleep 6
done
d2d_owner job show sweep0 -o tsv
median=$(jq -s 'sort | .[length / 2 | floor] * 100 | round / 100' "$folder/ratios")
echo "others' p99 beside a job is $median times that without"
