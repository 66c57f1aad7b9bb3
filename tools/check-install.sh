#!/bin/bash
# check-install.sh BUILD: installs into a folder of its own and builds a program against what lies there, static and
# shared; libd2d shows nothing but what include/d2d.h names.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

DESTDIR=$root cmake --install "$build" --prefix /usr >/dev/null
for file in usr/bin/d2dhub usr/bin/d2d usr/include/d2d.h; do
    [ -e "$root/$file" ] || { echo "not installed: $file" >&2; exit 1; }
done
lib=$(dirname "$(find "$root" -name libd2d.so)")
strangers=$(nm -D --defined-only "$lib/libd2d.so" | awk '{print $3}' | grep -v '^d2d_' || true)
[ -z "$strangers" ] || { echo "libd2d.so shows more than its header:" $strangers >&2; exit 1; }

cat >"$root/use.c" <<'C'
#include <d2d.h>
#include <stdio.h>
int main(void)
{
    puts(d2d_version());
    return 0;
}
C
export PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_PATH=$lib/pkgconfig
cc -o "$root/shared" "$root/use.c" $(pkg-config --cflags --libs d2d)
LD_LIBRARY_PATH=$lib "$root/shared" >/dev/null
unset PKG_CONFIG_SYSROOT_DIR
cc -o "$root/static" "$root/use.c" -I"$root/usr/include" "$lib/libd2d.a" \
    $(pkg-config --static --libs d2d | tr ' ' '\n' | grep -v -e '^-L/usr' -e '^-ld2d$')
"$root/static"
echo "installed, linked both ways"
