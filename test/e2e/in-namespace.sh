#!/bin/bash
# in-namespace.sh FILE: makes a hub in a folder of its own, then runs the tests of one file, which start that hub. The
# authority has to be known before Node starts: it reads NODE_EXTRA_CA_CERTS once.
set -euo pipefail
ip link set lo up
D2D_DATA=$(mktemp -d)
trap 'rm -rf "$D2D_DATA"' EXIT
export D2D_DATA XDG_CONFIG_HOME=$D2D_DATA/config
"$D2D_BUILD/d2dhub" init --data "$D2D_DATA/hub" --name localhost --group second -o json >"$D2D_DATA/hub.json"
export NODE_EXTRA_CA_CERTS
NODE_EXTRA_CA_CERTS=$(jq -r .ca_file "$D2D_DATA/hub.json")
flags=()
# Debian 12's Node.js is 18: what @azure/event-hubs 6 expects as a global stands behind a flag there.
case $(node --version) in v18.* | v19.*) flags=(--experimental-global-webcrypto) ;; esac
NODE_OPTIONS="${flags[*]}" timeout 300 node --test "$1"
