#!/bin/sh
# deps.sh WORD…: installs the packages that packages.txt has for these words and that are missing. deps.sh --list WORD…:
# tells all that it has for them.
set -eu
cd "$(dirname "$0")/.."
if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "This is no Debian: install what packages.txt lists under its names here." >&2
    exit 0
fi

list=no
[ "$1" != --list ] || { list=yes && shift; }

node_is_there() {
    major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/') || major=
    [ -n "$major" ] && [ "$major" -ge 18 ] && command -v npm >/dev/null 2>&1
}

. /etc/os-release
missing=
for package in $(awk -v words="$*" -v release="${VERSION_ID:-}" '
    BEGIN { split(words, list, " "); for (i in list) wanted[list[i]] = 1 }
    /^#/ || NF < 2 || (NF > 2 && $3 != release) { next }
    { n = split($1, uses, ","); for (i = 1; i <= n; i++) if (uses[i] in wanted) { print $2; next } }' packages.txt); do
    if [ "$list" = yes ]; then
        echo "$package"
        continue
    fi
    case $package in nodejs | npm) ! node_is_there || continue ;; esac
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends$missing"
sudo=
if [ "$(id -u)" -ne 0 ]; then
    # Without a terminal sudo can ask for no password.
    if command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        sudo=sudo
    else
        echo "Packages are missing, and installing them needs root. Run as root:" >&2
        echo "  apt-get update && $install" >&2
        exit 1
    fi
fi
echo "installing:$missing"
$sudo apt-get update -q
$sudo env DEBIAN_FRONTEND=noninteractive $install -q
