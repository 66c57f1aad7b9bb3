#!/bin/bash
# run.sh BUILD: the program as an operator starts it, then what it must survive (in a mount namespace: small disks are tmpfs).
set -euo pipefail
build=$(realpath "$1")
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 daemon.py "$build/d2dhub"
/usr/bin/python3 belongs.py "$build/d2dhub"
/usr/bin/python3 checkpoint.py "$build/d2dhub"
/usr/bin/python3 backup.py "$build"
/usr/bin/python3 repair.py "$build"
/usr/bin/python3 ../samples/samples.py "$build"
/usr/bin/python3 damaged.py "$build/d2dhub"
/usr/bin/python3 contexts.py "$build"
/usr/bin/python3 log.py "$build"
/usr/bin/python3 unread.py "$build"
/usr/bin/python3 owner.py "$build/d2dhub"
/usr/bin/python3 certificates.py "$build"
/usr/bin/python3 misbehaving.py "$build"
/usr/bin/python3 allocation.py "$build"
/usr/bin/python3 strangers.py "$build"
/usr/bin/python3 clock.py "$build"
map_root=
[ "$(id -u)" -eq 0 ] || map_root=--map-root-user
unshare $map_root --mount /usr/bin/python3 service.py "$build"
/usr/bin/python3 hostile.py "$build"
/usr/bin/python3 hostile_json.py "$build"
exec unshare $map_root --mount /usr/bin/python3 disk.py "$build"
