#!/bin/bash
# check-install.sh BUILD: installs into a folder of its own, which leaves the build folder as it was, and builds a
# program against what lies there, static and shared; libd2d shows nothing but what include/d2d.h names; uninstalling
# leaves nothing.
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

if readelf -d "$lib/libd2d.so" | grep -q 'NEEDED.*tss2'; then fail "libd2d.so needs the TPM software stack"; fi
# A device with a key has none of the TPM software stack in memory; whoever asks for a TPM has.
cat >"$root/use.c" <<'C'
#include <d2d.h>
#include <stdio.h>
#include <string.h>

static int has_stack(void)
{
    char line[512];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");

    while (maps && fgets(line, sizeof line, maps))
        found += strstr(line, "libtss2-esys") != NULL;
    if (maps)
        fclose(maps);
    return found > 0;
}

int main(void)
{
    struct d2d_device_options options = {
        D2D_DEVICE_OPTIONS, .common.host = "127.0.0.1", .common.mqtts_port = 1,
        .common.connection_string = "HostName=h;DeviceId=d;SharedAccessKey=a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5",
        .once = 1};
    struct d2d_loop *loop;
    struct d2d_device *device;
    char string[1024], why[200] = "";
    int before;

    if (d2d_loop_new(&loop) || d2d_device_new(loop, &options, &device))
        return 1;
    d2d_device_flush_wait(device, 1000);
    before = has_stack();
    d2d_tpm_string("none-of-this-name", 0, string, sizeof string, why);
    printf("%d %d %s\n", before, has_stack(), why);
    d2d_device_free(device);
    d2d_loop_free(loop);
    return 0;
}
C
grep -q '^prefix=/opt/d2d$' "$lib/pkgconfig/d2d.pc" || fail "d2d.pc has another prefix"
export PKG_CONFIG_PATH=$lib/pkgconfig
config() { pkg-config --define-variable=prefix="$prefix" "$@" d2d; }
needs() { readelf -d "$1" | grep -q "NEEDED.*libd2d"; }
cc -o "$root/shared" "$root/use.c" $(config --cflags --libs)
needs "$root/shared" || fail "pkg-config --libs does not link the shared library"
cc -o "$root/static" "$root/use.c" $(config --static --cflags --libs)
if needs "$root/static"; then fail "pkg-config --static --libs does not link the archive"; fi
export LD_LIBRARY_PATH=$lib
for program in shared static; do
    said=$("$root/$program")
    case $said in "0 1 "*) ;; *) fail "$program: the TPM software stack before and after: $said" ;; esac
done
# A stack that cannot be loaded: what is there is no library.
mkdir "$root/broken"
: >"$root/broken/libtss2-esys.so.0"
case $(LD_LIBRARY_PATH=$root/broken:$lib "$root/shared") in
"0 0 "*"libtss2-esys.so.0 is missing"*"apt install tpm2-tools"*) ;;
*) fail "nothing is said about a TPM software stack that is not there" ;;
esac
unset LD_LIBRARY_PATH

tools/uninstall.sh /opt/d2d >"$root/log"
[ ! -e "$prefix" ] || fail "uninstalling left:" $(find "$prefix")
if tools/uninstall.sh /opt/d2d >"$root/log" 2>&1; then fail "uninstalling twice is no error"; fi
echo "installed, linked both ways, uninstalled"
