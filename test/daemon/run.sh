#!/bin/bash
# run.sh BUILD: the program as an operator starts it, then what it must survive (in a mount namespace: small disks are
# tmpfs).
set -euo pipefail
build=$(realpath "$1")
cd "$(dirname "$0")"
. ../../tools/beside.sh
export PYTHONDONTWRITEBYTECODE=1
map_root=
[ "$(id -u)" -eq 0 ] || map_root=--map-root-user
for file in service disk; do
    beside unshare $map_root --mount /usr/bin/python3 $file.py "$build"
done
for file in daemon belongs checkpoint damaged owner; do
    beside /usr/bin/python3 $file.py "$build/d2dhub"
done
for file in backup repair ../samples/samples contexts log unread certificates misbehaving allocation strangers clock \
    hostile hostile_json; do
    beside /usr/bin/python3 $file.py "$build"
done
all_done
