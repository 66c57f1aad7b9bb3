#!/bin/bash
# emulated.sh RELEASE ARCH: a root of another architecture, whose programs qemu runs: what is built there compiles
# without warnings, the tests in memory pass, and a hub is made, serves a device and gives its message to a receiver.
# One program there is this machine's own: the compiler behind cc, Debian's cross compiler of the same version, which
# writes the same code in a tenth of the time.
set -euo pipefail
release=$1 arch=$2
. "$(dirname "$0")/roots.sh"
case $arch in
arm64) tuple=aarch64-linux-gnu ;;
armhf) tuple=arm-linux-gnueabihf ;;
*) echo "emulated.sh: $arch is neither arm64 nor armhf" >&2 && exit 2 ;;
esac

# The compiler stands where the package of the emulated one would put its own, which goes to another name.
native_compiler() {
    local root=$work/emulated made compiler
    new_root native "$release" amd64
    inside native root "apt-get update -q && apt-get install -q -y --no-install-recommends cpp-$tuple"
    made=$work/native
    compiler=$(find "$made"/usr/lib*/gcc-cross -path "*/$tuple/*/cc1")
    compiler=${compiler#"$made"}
    chroot "$root" dpkg-divert --quiet --no-rename --divert "${compiler/gcc-cross/gcc}.emulated" --add \
        "${compiler/gcc-cross/gcc}"
    mkdir -p "$root/$(dirname "${compiler/gcc-cross/gcc}")" "$root/usr/lib64"
    [ -e "$root/lib64" ] || ln -s usr/lib64 "$root/lib64"
    cp "$made/$compiler" "$root/${compiler/gcc-cross/gcc}"
    # What it needs to run, and its own headers under the name by which it knows them.
    cp -a "$made/usr/lib/x86_64-linux-gnu" "$root/usr/lib/"
    cp -L "$made/lib64/ld-linux-x86-64.so.2" "$root/lib64/"
    ln -s gcc "$root/usr/lib/gcc-cross"
    rm -rf --one-file-system "$made"
}

mkdir -p "$work/shared"
clone_tree
quietly "a bare Debian $release ($arch)" base "$release" "$arch"
quietly "its packages" prefetch "$release" "$arch" $(packages build demo tests)
quietly "a bare Debian $release (amd64)" base "$release" amd64
quietly "its compiler" prefetch "$release" amd64 "cpp-$tuple"
new_root emulated "$release" "$arch"
quietly "the compiler is this machine's" native_compiler
quietly "make && make install" inside emulated root 'git clone -q /srv/d2d.git d2d && cd d2d && make && make install'
quietly "a hub, a device, a receiver" inside emulated root \
    'cd /shared && /fresh/exchange.sh born && /fresh/exchange.sh look again'
# Under emulation a test takes minutes that takes seconds elsewhere.
quietly "building the tests" inside emulated root \
    'cd d2d && tools/deps.sh build tests && cmake --preset test -DD2D_TEST_SECONDS=3600 && tools/build.sh test --quiet'
# What qemu does otherwise than a processor: maps that other processes share or that shrink, and gigabytes that are
# mapped and never touched.
quietly "running them" inside emulated root \
    'cd d2d && ctest --test-dir build/test -L "unit|story|fuzz" -E "store/(copy|damage|fault)_test" -j 2 \
        --output-on-failure'
