#!/bin/bash
# check-install.sh BUILD: installs into a folder of its own and builds a program against what lies there, static and
# shared; libd2d shows nothing but what include/d2d.h names.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

DESTDIR=$root cmake --install "$build" --prefix /opt/d2d >/dev/null
prefix=$root/opt/d2d
for file in bin/d2dhub bin/d2d include/d2d.h share/man/man1/d2d.1 share/bash-completion/completions/d2d; do
    [ -e "$prefix/$file" ] || { echo "not installed: $file" >&2; exit 1; }
done
lib=$(dirname "$(find "$prefix" -name libd2d.so)")

# strangers NM-OPTION FILE: what else than the header's names it shows.
strangers() {
    local found
    found=$(nm "$1" --defined-only "$2" | awk '$2 ~ /^[A-Z]$/ {print $3}' | grep -v '^d2d_' || true)
    [ -z "$found" ] || { echo "$2 shows more than its header:" $found >&2; exit 1; }
}
strangers -D "$lib/libd2d.so"
strangers -g "$lib/libd2d.a"

cat >"$root/use.c" <<'C'
#include <d2d.h>
#include <stdio.h>
int main(void)
{
    puts(d2d_version());
    return 0;
}
C
export PKG_CONFIG_PATH=$lib/pkgconfig
config() { pkg-config --define-variable=prefix="$prefix" "$@" d2d; }
cc -o "$root/shared" "$root/use.c" $(config --cflags --libs)
LD_LIBRARY_PATH=$lib "$root/shared" >/dev/null
cc -o "$root/static" "$root/use.c" $(config --cflags) "$lib/libd2d.a" $(config --static --libs | tr ' ' '\n' | grep -v '^-ld2d$')
"$root/static" >/dev/null
echo "installed, linked both ways"
