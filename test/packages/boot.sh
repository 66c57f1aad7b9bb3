#!/bin/bash
# boot.sh [--bind FOLDER PLACE]… DIR: boots the root DIR, with its systemd as the first process: own processes, mounts,
# control groups, host name and a network that is a loopback alone. Goes on until it is powered off; kill -9 ends all of
# it. Needs root.
set -euo pipefail
binds=()
while [ "$1" = --bind ]; do
    binds+=("$(realpath "$2")" "$3")
    shift 3
done
dir=$(realpath "$1")
export dir

# What systemd makes below this group goes with it.
group=$(findmnt --noheadings --types cgroup2 --output TARGET | head -n 1)/d2d-boot.$$
mkdir "$group"
clean() {
    local left
    for _ in $(seq 50); do
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
        [ -d "$group" ] || return 0
        sleep 0.1
    done
}
trap clean EXIT
(
    echo "$BASHPID" >"$group/cgroup.procs"
    exec unshare --mount --pid --cgroup --uts --ipc --net --fork --kill-child bash -euc '
        mount --make-rprivate /
        mount --bind "$dir" "$dir"
        cd "$dir"
        n=$1
        shift
        for ((; n > 0; n -= 2)); do
            mkdir -p ".$2"
            mount --bind "$1" ".$2"
            shift 2
        done
        mount -t proc proc proc
        mount -t sysfs -o ro sysfs sys
        mount -t cgroup2 cgroup2 sys/fs/cgroup
        mount -t tmpfs -o mode=755 tmpfs run
        mount -t tmpfs -o mode=755 tmpfs dev
        mkdir dev/pts dev/shm
        mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
        mount -t tmpfs -o mode=1777 tmpfs dev/shm
        mknod -m 666 dev/null c 1 3
        mknod -m 666 dev/zero c 1 5
        mknod -m 666 dev/full c 1 7
        mknod -m 666 dev/random c 1 8
        mknod -m 666 dev/urandom c 1 9
        mknod -m 666 dev/tty c 5 0
        ln -s pts/ptmx dev/ptmx
        ln -s /proc/self/fd dev/fd
        ip link set lo up
        hostname fresh
        pivot_root . mnt
        umount -l mnt
        exec env -i container=d2d /lib/systemd/systemd
    ' boot ${#binds[@]} "${binds[@]}" </dev/null
) &
echo "$!"
wait "$!" || true
