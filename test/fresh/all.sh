#!/bin/bash
# all.sh [--rights] [--only TEXT]: what `make test` has no time for: Debian 13, every target of the Makefile on a bare
# machine, and the ARMs.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/parts.sh

# Programs of other architectures: a kernel that was started without it can be told now.
if [ "$(id -u)" -eq 0 ] && command -v update-binfmts >/dev/null && [ ! -e /proc/sys/fs/binfmt_misc/register ]; then
    mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc 2>/dev/null && update-binfmts --enable || true
fi

part "Debian 13 (amd64): the README" "root debian" test/fresh/readme.sh 13 amd64
part "Debian 13: the packages" "root debian boot" test/packages/run.sh 13
part "Debian 13 (i386): the README, the tests, data folders that move" "root debian i386" test/fresh/narrow.sh 13 i386
for release in 12 13; do
    part "Debian $release (amd64): every target" "root debian" \
        test/fresh/every.sh $release amd64 all demo check lint deb fuzz test
done
for arch in arm64 armhf; do
    for release in 12 13; do
        part "Debian $release ($arch), emulated" "root debian $arch" test/fresh/emulated.sh $release $arch
    done
done

run_parts "$@"
