# Sourced: commands beside each other, since most tests wait more than they compute. What each of them prints comes
# whole and in the order in which they were given; all of them run, also when one fails.
#   beside COMMAND…   begins it as soon as fewer than $at_once run
#   all_done          waits for all; names those that failed, and then returns 1
at_once=${D2D_AT_ONCE:-$(($(nproc) + 1))}
beside_place=$(mktemp -d)
beside_ids=() beside_commands=()
# A group of processes each: what an interrupt of all this ends are the children of the children, too.
set -m
trap 'beside_end' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

beside() {
    local number=${#beside_ids[@]}
    while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do wait -n || true; done
    "$@" >"$beside_place/$number" 2>&1 </dev/null &
    beside_ids+=($!)
    beside_commands+=("$*")
}

all_done() {
    local i failed=()
    for i in "${!beside_ids[@]}"; do
        wait "${beside_ids[i]}" || failed+=("${beside_commands[i]}")
        cat "$beside_place/$i"
    done
    beside_ids=() beside_commands=()
    [ ${#failed[@]} -eq 0 ] || { printf 'failed: %s\n' "${failed[@]}" >&2 && return 1; }
}

# They are asked to end, so that they clean up; who does not is ended.
beside_end() {
    local signal id
    for signal in INT KILL; do
        for id in $(jobs -rp); do kill -$signal -- "-$id" 2>/dev/null || true; done
        for _ in $(seq 50); do
            [ -n "$(jobs -rp)" ] || break
            sleep 0.1
        done
    done
    rm -rf "$beside_place"
}
