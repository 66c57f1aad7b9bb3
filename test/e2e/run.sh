#!/bin/bash
# run.sh BUILD [FILE…]: official SDKs and field clients, unchanged, against a freshly started d2dhub. The SDKs fix the ports
# 8883, 5671 and 443, so each file runs in a network namespace of its own, with nothing in it but a loopback.
set -euo pipefail
build=$(realpath "$1")
shift
cd "$(dirname "$0")"
files=("$@")
[ ${#files[@]} -gt 0 ] || files=(*.test.js)

stamp=node_modules/.lock-sum
sum=$(sha256sum <package-lock.json)
if [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ]; then
    npm ci --no-audit --no-fund --loglevel=error
    echo "$sum" >"$stamp"
fi

map_root=
[ "$(id -u)" -eq 0 ] || map_root=--map-root-user
failed=()
for file in "${files[@]}"; do
    echo "-- $file"
    D2D_BUILD=$build unshare $map_root --net ./in-namespace.sh "$file" || failed+=("$file")
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}" >&2
    exit 1
fi
echo "${#files[@]} files of end-to-end tests passed"
