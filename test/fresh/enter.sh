#!/bin/bash
# enter.sh [--offline] [--bind FOLDER PLACE]… DIR COMMAND…: runs a command in the root DIR, with /proc, terminals and
# shared memory of its own, as the only processes there are; all of it ends with the command. --offline: with a
# network that is a loopback alone.
set -euo pipefail
binds=() net=()
while :; do
    case $1 in
    --offline) net=(--net) && shift ;;
    --bind) binds+=("$2" "$3") && shift 3 ;;
    *) break ;;
    esac
done
dir=$(realpath "$1")
shift
export dir offline=no
[ ${#net[@]} -eq 0 ] || offline=yes
exec unshare --mount --uts --pid --fork --kill-child ${net[@]+"${net[@]}"} bash -euc '
    # A mount point of its own, so that whoever is inside may make mount namespaces, too.
    mount --bind "$dir" "$dir"
    cd "$dir"
    [ ! -f "$dir/etc/hostname" ] || hostname -F "$dir/etc/hostname"
    mount -t proc proc "$dir/proc"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$dir/dev/pts"
    mount -t tmpfs tmpfs "$dir/dev/shm"
    n=$1
    shift
    for ((; n > 0; n -= 2)); do
        mkdir -p "$dir$2"
        mount --bind "$1" "$dir$2"
        shift 2
    done
    if [ "$offline" = yes ]; then
        ip link set lo up
    else
        cp -L /etc/resolv.conf "$dir/etc/resolv.conf"
    fi
    exec chroot "$dir" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root LANG=C.UTF-8 "$@"
' enter ${#binds[@]} "${binds[@]}" "$@"
