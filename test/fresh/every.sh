#!/bin/bash
# every.sh RELEASE ARCH TARGET…: each of these targets of the Makefile in a bare root of its own ("all": none), which
# takes its packages from where this machine takes them.
set -euo pipefail
release=$1 arch=$2
shift 2
. "$(dirname "$0")/roots.sh"
clone_tree
quietly "a bare Debian $release ($arch)" base "$release" "$arch"
for target; do
    new_root "for-$target" "$release" "$arch"
    cp "$cache/base/$release-$arch/etc/apt/sources.list" "$work/for-$target/etc/apt/sources.list"
    quietly "make $target" online "for-$target" root \
        "git clone -q /srv/d2d.git d2d && cd d2d && D2D_FUZZ_SECONDS=1 make $target"
    tail -n 3 "$work/quiet.log" | sed 's/^/      /'
    rm -rf --one-file-system "$work/for-$target"
done
