#!/bin/bash
# syscalls.sh BUILD: under load, the hub makes less than 0.1 calls of read, write and fdatasync for each message.
set -euo pipefail
build=$(realpath "$1")
. "$(dirname "$0")/../../bench/servers.sh"
start_hub "$build" 50
strace -c -f -q -o "$folder/strace" -p "$hub" &
tracer=$!
sleep 0.5
load d2dhub --connections 50 --window 64 --seconds 3 >"$folder/result"; cat "$folder/result" >&2
kill -INT "$tracer"
wait "$tracer" || true
messages=$(jq .acked "$folder/result")
awk -v messages="$messages" '
    $NF ~ /^(read|readv|recvfrom|recvmsg|write|writev|sendto|sendmsg)$/ ||
    $NF ~ /^(pwrite64|pwritev|pwritev2|pread64|fdatasync|fsync)$/ {
        calls += $4; each = each " " $NF "=" $4
    }
    END {
        a = messages ? calls / messages : 99
        printf "%d messages, %.3f system calls each:%s\n", messages, a, each
        exit a < 0.1 && calls > 0 ? 0 : 1
    }' "$folder/strace"
