#!/bin/sh
# install.sh BUILD PREFIX: installs what is built, below DESTDIR where that is set. It needs no right to write in BUILD.
set -eu
cd "$(dirname "$0")/.."
build=$1
prefix=$2
destdir=${DESTDIR:-}

if [ ! -x "$build/d2dhub" ] || [ ! -x "$build/d2d" ] || [ ! -f "$build/lib/libd2d.a" ]; then
    echo "Nothing is built yet: run \`make\` first, as the user whose folder this is." >&2
    exit 1
fi
umask 022 # what is installed is for everybody
cmake -DBUILD="$(realpath "$build")" -DCMAKE_INSTALL_PREFIX="$prefix" -P tools/install.cmake
[ -z "$destdir" ] && [ "$(id -u)" -eq 0 ] || exit 0
ldconfig
# The users of the services and their folders.
if command -v systemd-sysusers >/dev/null 2>&1; then
    systemd-sysusers "$prefix/lib/sysusers.d/d2d.conf" "$prefix/lib/sysusers.d/d2dhub.conf"
    systemd-tmpfiles --create "$prefix/lib/tmpfiles.d/d2d.conf" "$prefix/lib/tmpfiles.d/d2dhub.conf"
fi
[ ! -d /run/systemd/system ] || systemctl daemon-reload
