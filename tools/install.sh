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
[ -n "$destdir" ] || [ "$(id -u)" -ne 0 ] || ldconfig
