#!/bin/bash
# run.sh BUILD [FILE…]: official SDKs and field clients, unchanged, against a freshly started d2dhub. The SDKs fix the
# ports 8883, 5671 and 443, so each file runs in a network namespace of its own, with nothing in it but a loopback.
# "dotnet" stands for the C# programs of that folder. When all were run, doc/clients.md must say what came of it.
set -euo pipefail
build=$(realpath "$1")
shift
cd "$(dirname "$0")"
files=("$@")
[ ${#files[@]} -gt 0 ] || files=(*.test.js field/*.test.py dotnet)
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
failed=()
skipped=()
for file in "${files[@]}"; do
    echo "-- $file"
    result=$results/$(basename "$file").tap
    rm -f "$result"
    if [ "$file" = dotnet ]; then
        command -v dotnet >/dev/null || { skipped+=("dotnet: it is not installed") && continue; }
        dotnet/build.sh
    fi
    D2D_BUILD=$build unshare $map_root --net ./in-namespace.sh "$file" "$result" || failed+=("$file")
done
for what in "${skipped[@]}"; do echo "skipped: $what"; done
if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}" >&2
    exit 1
fi
[ $# -gt 0 ] || ./clients.py --check "$results"
echo "$((${#files[@]} - ${#skipped[@]})) files of end-to-end tests passed, ${#skipped[@]} skipped"
