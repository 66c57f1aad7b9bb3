#!/bin/bash
# kill9.sh BUILD: the real hub, killed at random moments, D2D_KILLS times: while devices send (50), and while messages
# to devices are posted, delivered and settled (25), at the steps of registrations, of which the device is killed too,
# and while everything happens at once, also with a log that is trimmed all the time, and while twins, jobs,
# configurations and modules change (10 each, at most 300).
set -euo pipefail
build=$(realpath "$1")
cd "$(dirname "$0")"
. ../../tools/beside.sh
export PYTHONDONTWRITEBYTECODE=1
beside /usr/bin/python3 kill9.py "$build/d2dhub" "$build/test/kill9_store"
beside /usr/bin/python3 kill9_mail.py "$build/d2dhub" "$build/test/kill9_store"
beside /usr/bin/python3 kill9_register.py "$build"
beside /usr/bin/python3 kill9_all.py "$build/d2dhub" "$build/test/kill9_store" all
beside /usr/bin/python3 kill9_all.py "$build/d2dhub" "$build/test/kill9_store" trim
beside /usr/bin/python3 kill9_state.py "$build/d2dhub"
all_done
