#!/bin/bash
# run.sh BUILD SECONDS|all [SEED]: calls that fail, as many as there is time for, or each.
set -euo pipefail
build=$(realpath "$1")
shift
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 faults.py "$build" "$@"
