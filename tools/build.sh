#!/bin/sh
# build.sh PRESET [NINJA-OPTION…]: configures build/PRESET where that is to be done, and builds it.
set -eu
cd "$(dirname "$0")/.."
folder=build/$1
shift
if [ ! -f "$folder/build.ninja" ] || [ CMakePresets.json -nt "$folder/build.ninja" ]; then
    cmake --preset "${folder#build/}" >/dev/null
fi
exec cmake --build "$folder" -- "$@"
