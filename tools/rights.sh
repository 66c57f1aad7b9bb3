# Sourced by test.sh: what some parts need of the machine. Each function gives the reason why it is not there, or
# nothing.

map_root() { [ "$(id -u)" -eq 0 ] || echo --map-root-user; }

# The last line of what a command said, when it failed.
why_not() {
    local said
    said=$("$@" 2>&1 >/dev/null) || echo "${said##*$'\n'}"
}

need_mounts() {
    local folder
    folder=$(mktemp -d)
    why_not unshare $(map_root) --mount mount -t tmpfs tmpfs "$folder"
    rmdir "$folder"
}

need_networks() { why_not unshare $(map_root) --net ip link set lo up; }

need_tracing() {
    sleep 20 &
    local pid=$! why
    why=$(why_not timeout --signal=INT 1 strace -q -o /dev/null -p "$pid")
    kill "$pid"
    wait "$pid" 2>/dev/null || true
    # Ended by the time limit: it could attach.
    case $why in *attach*) echo "$why" ;; esac
}

# npm's packages: here, or to be had.
need_npm() {
    [ -d test/e2e/node_modules ] || timeout 60 npm view rhea version >/dev/null 2>&1 ||
        echo "the packages of test/e2e are not here, and npm cannot download them"
}

# A Debian root of one's own: who is root may make it, where mounts are permitted; its packages are here or to be had.
need_root() {
    local why
    [ "$(id -u)" -eq 0 ] || { echo "only root can make a Debian root" && return; }
    if [ "$(cat /etc/hostname 2>/dev/null)" = fresh ]; then
        echo "this is a root made by test/fresh: it would make the same again"
        return
    fi
    why=$(why_not unshare --mount --uts --net --pid --fork --mount-proc true)
    [ -z "$why" ] || { echo "$why" && return; }
    command -v mmdebstrap >/dev/null || echo "mmdebstrap is not installed"
}

need_debian() {
    local why
    [ -z "$(ls build/fresh/base/*.made 2>/dev/null)" ] || return 0
    why=$(why_not timeout 120 apt-get update -q --error-on=any)
    [ -z "$why" ] || echo "Debian's packages cannot be downloaded: $why"
}

# A root that is booted: systemd as the first process, with control groups of its own.
need_boot() {
    local group why
    group=$(findmnt --noheadings --types cgroup2 --output TARGET | head -n 1)
    [ -n "$group" ] || { echo "no cgroup2 file system is mounted" && return; }
    why=$(why_not mkdir "$group/d2d-try.$$")
    [ -z "$why" ] || { echo "$why" && return; }
    rmdir "$group/d2d-try.$$"
    why_not unshare --mount --pid --cgroup --uts --ipc --net --fork true
}

# Programs of another architecture run here: natively or by an emulator.
need_i386() { arch-test -n i386 >/dev/null 2>&1 || echo "this machine runs no i386 programs"; }
need_arm64() { need_emulation arm64; }
need_armhf() { need_emulation armhf; }
need_emulation() {
    arch-test "$1" >/dev/null 2>&1 ||
        echo "this machine runs no $1 programs: qemu-user is missing, or cannot be registered (binfmt_misc)"
}
