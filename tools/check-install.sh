#!/bin/bash
# check-install.sh BUILD: installs into a folder of its own, which leaves the build folder as it was, and builds a program
# against what lies there, static and shared; libd2d shows nothing but what include/d2d.h names; uninstalling leaves nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
export DESTDIR=$root

fail() {
    echo "$*" >&2
    exit 1
}
written() { find "$build" -newer "$root/begun" ! -path "$build/Testing*"; }

touch "$root/begun"
tools/install.sh "$build" /opt/d2d >"$root/log"
[ -z "$(written)" ] || fail "installing wrote into the build folder:" $(written)
prefix=$root/opt/d2d
for file in bin/d2dhub bin/d2d include/d2d.h share/man/man1/d2d.1 share/bash-completion/completions/d2d; do
    [ -e "$prefix/$file" ] || fail "not installed: $file"
done
for unit in d2dhub.service:d2dhub d2d-listen@.service:d2d; do
    grep -q "^ExecStart=/opt/d2d/bin/${unit#*:} " "$prefix/lib/systemd/system/${unit%:*}" ||
        fail "${unit%:*} does not start what was installed"
done
lib=$(dirname "$(find "$prefix" -name libd2d.so)")

# strangers NM-OPTION FILE: what else than the header's names it shows.
strangers() {
    local found
    found=$(nm "$1" --defined-only "$2" | awk '$2 ~ /^[A-Z]$/ {print $3}' | grep -v '^d2d_' || true)
    [ -z "$found" ] || fail "$2 shows more than its header:" $found
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
grep -q '^prefix=/opt/d2d$' "$lib/pkgconfig/d2d.pc" || fail "d2d.pc has another prefix"
export PKG_CONFIG_PATH=$lib/pkgconfig
config() { pkg-config --define-variable=prefix="$prefix" "$@" d2d; }
cc -o "$root/shared" "$root/use.c" $(config --cflags --libs)
LD_LIBRARY_PATH=$lib "$root/shared" >/dev/null
cc -o "$root/static" "$root/use.c" $(config --cflags) "$lib/libd2d.a" $(config --static --libs | tr ' ' '\n' | grep -v '^-ld2d$')
"$root/static" >/dev/null

tools/uninstall.sh /opt/d2d >"$root/log"
left=$(find "$prefix" ! -type d -o -type d -name d2d ! -path "$prefix")
[ -z "$left" ] || fail "uninstalling left:" $left
if tools/uninstall.sh /opt/d2d >"$root/log" 2>&1; then fail "uninstalling twice is no error"; fi
echo "installed, linked both ways, uninstalled"
