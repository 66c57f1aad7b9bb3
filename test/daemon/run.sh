#!/bin/bash
# run.sh BUILD: the program as an operator starts it, then what it must survive (in a mount namespace: small disks are tmpfs).
set -euo pipefail
build=$(realpath "$1")
cd "$(dirname "$0")"
. ../../tools/beside.sh
export PYTHONDONTWRITEBYTECODE=1
map_root=
[ "$(id -u)" -eq 0 ] || map_root=--map-root-user
beside unshare $map_root --mount /usr/bin/python3 service.py "$build"
beside unshare $map_root --mount /usr/bin/python3 disk.py "$build"
beside /usr/bin/python3 daemon.py "$build/d2dhub"
beside /usr/bin/python3 belongs.py "$build/d2dhub"
beside /usr/bin/python3 checkpoint.py "$build/d2dhub"
beside /usr/bin/python3 backup.py "$build"
beside /usr/bin/python3 repair.py "$build"
beside /usr/bin/python3 ../samples/samples.py "$build"
beside /usr/bin/python3 damaged.py "$build/d2dhub"
beside /usr/bin/python3 contexts.py "$build"
beside /usr/bin/python3 log.py "$build"
beside /usr/bin/python3 unread.py "$build"
beside /usr/bin/python3 owner.py "$build/d2dhub"
beside /usr/bin/python3 certificates.py "$build"
beside /usr/bin/python3 misbehaving.py "$build"
beside /usr/bin/python3 allocation.py "$build"
beside /usr/bin/python3 strangers.py "$build"
beside /usr/bin/python3 clock.py "$build"
beside /usr/bin/python3 hostile.py "$build"
beside /usr/bin/python3 hostile_json.py "$build"
all_done
