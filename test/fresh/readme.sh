#!/bin/bash
# readme.sh [RELEASE [ARCH]]: follows the README (D2D_README: another one) in a bare root, as root and as an ordinary
# user with sudo.
set -euo pipefail
release=${1:-12} arch=${2:-amd64}
. "$(dirname "$0")/roots.sh"

mkdir "$work/shared" "$work/root" "$work/user"
more=$(/usr/bin/python3 "$fresh/readme.py" "$readme" "$work/root" root)
/usr/bin/python3 "$fresh/readme.py" "$readme" "$work/user" user >/dev/null
clone_tree
quietly "a bare Debian $release ($arch)" base "$release" "$arch"
quietly "its packages" prefetch "$release" "$arch" $(packages build demo) $more
for who in root:root user:maker; do
    kind=${who%:*} user=${who#*:}
    echo "README.md in Debian $release ($arch), as ${kind/user/an ordinary user with sudo}:"
    new_root "as-$kind" "$release" "$arch"
    cp "$work/$kind/run.sh" "$work/as-$kind/log/run.sh"
    inside "as-$kind" "$user" 'git clone -q /srv/d2d.git d2d && cd d2d && LOG=/log exec bash /log/run.sh'
    rm -rf --one-file-system "$work/as-$kind"
done
