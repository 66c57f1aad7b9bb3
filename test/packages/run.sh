#!/bin/bash
# run.sh [12|13]: builds the Debian packages, looks at them with lintian, and lives with them in a bare Debian that is
# booted: installs, upgrades, removes and purges them, with the services running. Without an argument: this machine's
# release, or 12.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}")
release=${1:-12}
[ $# -gt 0 ] || [ "$here" != "debian 13" ] || release=13
arch=$(dpkg --print-architecture)

. test/fresh/roots.sh
mkdir "$work/shared"
clone_tree
add='apt-get update -q && apt-get install -q -y --no-install-recommends "$@"'
quietly "a bare Debian $release" base "$release" "$arch"
quietly "its packages" prefetch "$release" "$arch" $(packages build deb) systemd systemd-sysv lintian
if [ "$here" = "debian $release" ]; then
    quietly "the packages are built" tools/deb.sh
    quietly "lintian has nothing to say" lintian --fail-on error,warning build/deb/*.changes
    cp build/deb/*.deb "$work/shared"
else
    new_root builder "$release" "$arch"
    quietly "what building needs is installed" inside builder root "$add" $(packages build deb) lintian
    quietly "the packages are built" inside builder root \
        'git clone -q /srv/d2d.git d2d && cd d2d && DEPS=no make deb && cp build/deb/*.deb /shared'
    quietly "lintian has nothing to say" inside builder root 'lintian --fail-on error,warning d2d/build/deb/*.changes'
    rm -rf --one-file-system "$work/builder"
fi

new_root machine "$release" "$arch"
quietly "systemd is installed" inside machine root "$add" systemd systemd-sysv gcc pkg-config libc6-dev
/usr/bin/python3 test/packages/life.py "$work/machine" "$cache/debs/$release-$arch" "$work/shared"
