#!/bin/bash
# run.sh BUILD [FILE…]: official SDKs and field clients, unchanged, against a freshly started d2dhub. The SDKs fix the
# ports 8883, 5671 and 443, so each file runs in a network namespace of its own, with nothing in it but a loopback.
# "dotnet" stands for the C# programs of that folder. When all were run, doc/clients.md must say what came of it.
set -euo pipefail
build=$(realpath "$1")
shift
cd "$(dirname "$0")"
. ../../tools/beside.sh
files=("$@")
# The longest begins first.
[ ${#files[@]} -gt 0 ] || files=(faults.test.js $(ls *.test.js | grep -v '^faults') field/*.test.py dotnet)
results=$(realpath ../..)/build/e2e-results
mkdir -p "$results"

stamp=node_modules/.lock-sum
sum=$(sha256sum <package-lock.json)
if [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ]; then
    npm ci --no-audit --no-fund --loglevel=error
    echo "$sum" >"$stamp"
fi

map_root=
[ "$(id -u)" -eq 0 ] || map_root=--map-root-user
skipped=()
# run_file FILE: its tests against a hub of its own.
run_file() {
    local result=$results/$(basename "$1").tap
    echo "-- $1"
    rm -f "$result"
    D2D_BUILD=$build unshare $map_root --net ./in-namespace.sh "$1" "$result"
}
for file in "${files[@]}"; do
    if [ "$file" = dotnet ]; then
        command -v dotnet >/dev/null || { skipped+=("dotnet: it is not installed") && continue; }
        dotnet/build.sh
    fi
    beside run_file "$file"
done
all_done
for what in "${skipped[@]}"; do echo "skipped: $what"; done
[ $# -gt 0 ] || ./clients.py --check "$results"
echo "$((${#files[@]} - ${#skipped[@]})) files of end-to-end tests passed, ${#skipped[@]} skipped"
