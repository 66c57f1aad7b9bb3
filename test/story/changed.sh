#!/bin/sh
# changed.sh RUNNER RECORDING…: no byte that a client heard may be another: a recording fails with the first byte of one
# of its lines changed, with the last byte of the next one, without the one after that, and so on through all of them.
set -eu
runner=$1
shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
passed=0
for recording; do
    lines=$(awk '$2 == "HEARD" { print NR }' "$recording")
    [ -n "$lines" ] || { echo "$recording: nobody hears anything"; exit 1; }
    "$runner" "$recording"
    how=none
    for line in $lines; do
        case $how in first) how=last ;; last) how=none ;; none) how=first ;; esac
        awk -v line="$line" -v how="$how" '
            function other(c) { return c == "7" ? "3" : "7" }
            NR == line && how == "none" { skipping = 1 }
            skipping { if ($0 !~ /\\$/) skipping = 0; next }
            NR == line {
                at = index($0, "HEARD ") + 6
                if (how == "last")
                    at = length($0) - ($0 ~ /\\$/ ? 2 : 0)
                if (substr($0, at, 1) == "\"")
                    at += how == "last" ? -1 : 1
                $0 = substr($0, 1, at - 1) other(substr($0, at, 1)) substr($0, at + 1)
            }
            { print }' "$recording" >"$folder/changed"
        if "$runner" "$folder/changed" 2>/dev/null; then
            echo "$recording:$line: nobody misses the $how byte"
            passed=1
        fi
    done
done
exit $passed
