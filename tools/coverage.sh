#!/bin/bash
# coverage.sh BUILD: how many lines of each fuzzed file the stored corpora reach. Fails where that is below the floor in
# test/fuzz/floor.txt. With --print it prints a new one.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
print=${2:-}
find "$build" -name '*.gcda' -delete
ctest --test-dir "$build" -L fuzz --output-on-failure -j "$(nproc)" >"$build/fuzz.log" ||
    { cat "$build/fuzz.log"; exit 1; }

# The share of lines of a source, over all objects that were made of it.
reached() {
    local object
    object=$(find "$build" -path "*/$1.gcda" | head -1)
    [ -n "$object" ] || { echo 0 && return; }
    gcov -n "$object" 2>/dev/null | grep -A1 "^File '.*$1'" | sed -n 's/^Lines executed:\([0-9]*\).*/\1/p' | head -1
}

low=0
while read -r source floor; do
    case $source in "" | "#"*) continue ;; esac
    percent=$(reached "$source")
    if [ "$print" = --print ]; then
        echo "$source $percent"
    elif [ "${percent:-0}" -lt "$floor" ]; then
        echo "$source: the corpora reach $percent % of its lines, less than $floor %" >&2
        low=1
    fi
done <test/fuzz/floor.txt
[ "$print" = --print ] || [ $low -ne 0 ] || echo "the corpora reach what they must"
exit $low
