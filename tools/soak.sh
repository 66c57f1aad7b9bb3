#!/bin/bash
# soak.sh BUILD: what takes hours: kills under load (D2D_KILLS; D2D_KILLS_OF_ALL, 300), long simulations (D2D_SEEDS) and
# power cuts (D2D_CUT_SEEDS, 5,000), a hub on a disk of 64 MB, and one with little address space and few descriptors
# among strangers (D2D_SOAK_SECONDS, an hour each).
set -euo pipefail
cd "$(dirname "$0")/.."
# Not by ctest, which gives each a time of its own.
for program in sim/sim sim/sim_mail; do
    D2D_SEEDS=${D2D_SEEDS:-100000} "$1/test/$program"
done
for program in disk_test hub_power_test; do
    D2D_SEEDS=${D2D_CUT_SEEDS:-5000} "$1/test/crash/crash_$program"
done
test/crash/kill9.sh "$1"
unshare $([ "$(id -u)" -eq 0 ] || echo --map-root-user) --mount env "D2D_SOAK_SECONDS=${D2D_SOAK_SECONDS:-3600}" \
    /usr/bin/python3 test/daemon/soak_disk.py "$1"
test/faults/run.sh "$1" all
/usr/bin/python3 test/daemon/under_limits.py "$1"
tools/build.sh fuzz --quiet test/fuzz/all
D2D_FUZZ_SECONDS=${D2D_FUZZ_SECONDS:-60} tools/fuzz.sh build/fuzz
D2D_FLIPS=${D2D_FLIPS:-20000} test/crash/flips.sh "$1" # damaged stores
