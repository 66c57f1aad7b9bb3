#!/bin/bash
# fleet.sh BUILD: a hub that keeps many devices, each with a twin of a kilobyte: how long it takes to start after a clean
# stop, what it holds in memory before anybody connects, and how long a job over a tenth of them takes and how long
# others wait meanwhile.
set -euo pipefail
build=$(realpath "$1")
fleet=${D2D_BENCH_FLEET:-1000000} seconds=${D2D_BENCH_SECONDS:-5} rate=${D2D_BENCH_RATE:-1000}
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

for ((r = 0; r < 5; r++)); do one >>"$folder/quiet"; done
tenth=$((fleet / 10))
began=$(now_ms)
d2d_owner job start sweep --where 'tags.floor < 10' --tags '{"swept":true}' -q >/dev/null
until d2d_owner job show sweep -o raw | grep -qE '^(completed|failed|cancelled)'; do one >>"$folder/beside"; done
took=$((($(now_ms) - began) / 1000))
echo "a job over $tenth twins takes $took s: $(d2d_owner job show sweep -o tsv)"
jq -rn "\"others' p99: $(p99 quiet) us when nothing else happens, $(p99 beside) us beside the job: \($(p99 beside) / $(p99 quiet) * 100 | round / 100) times\""
