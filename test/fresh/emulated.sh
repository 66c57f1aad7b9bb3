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
# Under emulation a test takes minutes that takes seconds elsewhere.
quietly "building the tests" inside emulated root \
    'cd d2d && tools/deps.sh build tests && cmake --preset test -DD2D_TEST_SECONDS=3600 && tools/build.sh test --quiet'
# What qemu does otherwise than a processor: maps that other processes share or that shrink, and gigabytes that are mapped
# and never touched.
quietly "running them" inside emulated root \
    'cd d2d && ctest --test-dir build/test -L "unit|story|fuzz" -E "store/(copy|damage|fault)_test" -j 2 --output-on-failure'
