#!/bin/sh
# deps.sh [build|demo|test]: installs the packages of packages.txt that are missing; "build" only those that building needs,
# "demo" also those of the demonstration.
set -eu
cd "$(dirname "$0")/.."
what=${1:-test}

wanted=$(awk -v what="$what" '!/^#/ && NF == 2 && ($1 == "build" || $1 == what || what == "test") && $1 != "node" {print $2}' packages.txt)
if [ "$what" = test ]; then
    major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/') || major=
    if [ -z "$major" ] || [ "$major" -lt 18 ] || ! command -v npm >/dev/null 2>&1; then
        wanted="$wanted $(awk '$1 == "node" {print $2}' packages.txt)"
    fi
fi
missing=
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends$missing"
sudo=
if [ "$(id -u)" -ne 0 ]; then
    if sudo -n true 2>/dev/null; then
        sudo=sudo
    else
        echo "These packages are missing. As root, run:" >&2
        echo "  apt-get update && $install" >&2
        exit 1
    fi
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -q
$sudo $install -q
