#!/bin/bash
# soak.sh BUILD: what takes hours: thousands of kills under load (D2D_KILLS), long simulations (D2D_SEEDS).
set -euo pipefail
cd "$(dirname "$0")/.."
D2D_SEEDS=${D2D_SEEDS:-100000} ctest --test-dir "$1" -L 'sim|crash' --timeout 7200 --output-on-failure
test/crash/kill9.sh "$1"
test/faults/run.sh "$1" all
