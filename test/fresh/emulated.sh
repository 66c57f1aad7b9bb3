#!/bin/bash
# emulated.sh RELEASE ARCH: a root of another architecture, whose programs qemu runs: what is built there compiles
# without warnings, the tests in memory pass, and a hub is made, serves a device and gives its message to a receiver.
set -euo pipefail
release=$1 arch=$2
. "$(dirname "$0")/roots.sh"
mkdir -p "$work/shared"
clone_tree
quietly "a bare Debian $release ($arch)" base "$release" "$arch"
quietly "its packages" prefetch "$release" "$arch" $(packages build demo tests)
new_root emulated "$release" "$arch"
quietly "make && make install" inside emulated root 'git clone -q /srv/d2d.git d2d && cd d2d && make && make install'
quietly "a hub, a device, a receiver" inside emulated root \
    'cd /shared && /fresh/exchange.sh born && /fresh/exchange.sh look again'
quietly "building the tests" inside emulated root 'cd d2d && tools/deps.sh build tests && tools/build.sh test --quiet'
# Emulated, what needs a tenth of a second may need ten; a test that forks and is killed is none for qemu.
quietly "running them" inside emulated root \
    'cd d2d && ctest --test-dir build/test -L "unit|story|fuzz" --timeout 3000 -j 2 --output-on-failure'
