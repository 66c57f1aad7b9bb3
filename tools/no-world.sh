#!/bin/sh
# no-world.sh ROOM ARCHIVE [SEEN…]: fails when a room that is "bytes in, bytes out" asks the linker for something that
# is neither its own, nor of the rooms that it sees (their archives), nor allowed to it in no-world.allowed: so no
# socket, file, clock, thread or random source can creep in.
set -eu
export LC_ALL=C
room=$1
archive=$2
shift 2
allowed=$(awk -v room="$room" -F': ' '
    /^#/ { next }
    {
        n = split($1, rooms, " ")
        for (i = 1; i <= n; i++)
            if (rooms[i] == "*" || rooms[i] == room)
                print $2
    }' "$(dirname "$0")/no-world.allowed" | tr ' ' '\n' | grep . | paste -sd '|')

# A checked or newer form of a function of the C library is that function; so is the one whose time has 64 bits.
plain() {
    sed -E 's/@.*//; s/^__(.*)_chk$/\1/; s/^__isoc[0-9]+_//; s/^__([a-z_]+)_time64$/\1/; s/^__([a-z_]+)64$/\1/'
}

there=$(mktemp)
trap 'rm -f "$there"' EXIT
nm --defined-only --format=posix "$archive" "$@" | awk '$2 ~ /^[A-Z]$/ { print $1 }' | sort -u >"$there"
wrong=$(nm -u --format=posix "$archive" | awk '$2 == "U" { print $1 }' | sort -u | comm -23 - "$there" | plain |
    grep -vxE "$allowed" || true)
if [ -n "$wrong" ]; then
    echo "$archive reaches outside:" $wrong >&2
    exit 1
fi
