#!/bin/bash
# kill9.sh BUILD: the real hub, killed at random moments under load, D2D_KILLS times (50).
set -euo pipefail
exec /usr/bin/python3 "$(dirname "$0")/kill9.py" "$1/d2dhub" "$1/test/kill9_store"
