#!/bin/bash
# run.sh BUILD: the program as an operator starts it.
set -euo pipefail
exec /usr/bin/python3 "$(dirname "$0")/daemon.py" "$1/d2dhub"
