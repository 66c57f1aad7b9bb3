#!/bin/bash
# narrow.sh [RELEASE [ARCH]]: a 32-bit root: the README as an ordinary user, the tests that run in memory, and data
# folders that go from this machine, which has 64 bits, to that one and back.
set -euo pipefail
release=${1:-12} arch=${2:-i386}
. "$(dirname "$0")/roots.sh"
shared=$work/shared
mkdir -p "$shared" "$work/script"

quietly "building for this machine" "$repository/tools/build.sh" test --quiet
/usr/bin/python3 "$fresh/readme.py" "$readme" "$work/script" user >"$work/more"
clone_tree
quietly "a bare Debian $release ($arch)" base "$release" "$arch"
quietly "its packages" prefetch "$release" "$arch" $(packages build demo tests) lmdb-utils $(cat "$work/more")
new_root narrow "$release" "$arch"
cp "$work/script/run.sh" "$work/narrow/log/run.sh"
echo "README.md in Debian $release ($arch), as an ordinary user with sudo:"
inside narrow maker 'git clone -q /srv/d2d.git d2d && cd d2d && LOG=/log exec bash /log/run.sh'

quietly "programs find libd2d" inside narrow maker '/sbin/ldconfig -p | grep -F libd2d.so.0'
quietly "the documentation and the examples are there" inside narrow maker 'cd /usr/local/share/doc/d2d &&
    ls README.md doc/limits.md doc/contract/device.md examples/garage-door.c &&
    test -x examples/open-door.sh -a -x examples/motion.sh'
quietly "the next make, and nothing of root's in its folder" inside narrow maker \
    'cd d2d && make && ! find build ! -user maker | grep .'

echo "tests in memory:"
quietly "building them" inside narrow maker 'cd d2d && tools/deps.sh build tests && tools/build.sh test --quiet'
quietly "running them" inside narrow maker \
    'cd d2d && ctest --test-dir build/test -L "unit|story|sim|fuzz" -j 2 --output-on-failure'

echo "data folders that move:"
quietly "installing lmdb-utils" inside narrow root 'apt-get install -q -y lmdb-utils'
there() { inside narrow root 'cd /shared && exec /fresh/exchange.sh "$@"' "$@"; }
here() { (cd "$shared" && PATH=$repository/build/test:$PATH exec "$fresh/exchange.sh" "$@"); }
carry() { "$1" dump && "$2" load; }
for first in here there; do
    [ $first = here ] && second=there bits=64 || second=here bits=32
    rm -rf "${shared:?}"/*
    quietly "made with $bits bits" $first born
    quietly "used by the other" $second look second
    quietly "and again by the first" $first look first
    quietly "refused where the log was trimmed" $second refused $bits
    quietly "carried over as the refusal says" carry $first $second
done

quietly "sudo make uninstall leaves nothing" inside narrow maker \
    'cd d2d && sudo make uninstall && ! find /usr/local -type f -path "*d2d*" | grep . &&
        ! /sbin/ldconfig -p | grep libd2d'
