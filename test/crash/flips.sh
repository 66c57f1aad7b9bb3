#!/bin/bash
# flips.sh BUILD: what a hub makes of a log and a checkpoint in which bits turned over, or of which parts are gone:
# D2D_FLIPS times.
set -euo pipefail
build=$(realpath "$1")
cd "$(dirname "$0")"
PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 flips.py "$build/d2dhub"
