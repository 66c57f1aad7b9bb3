#!/bin/bash
# Begins each run.sh that readme.py writes: the shell into which the README is typed. $LOG is a folder for what is
# printed.
output=
where=
block=
begun=0
pid=
promised=() # output and text of what blocks in the background show at last

say_why() {
    echo "FAILED: $where: $*" >&2
    echo "-- the block:" >&2
    echo "$block" | sed 's/^/   /' >&2
    echo "-- what it printed (the last 60 lines of $output):" >&2
    tail -n 60 "$output" | sed 's/^/   /' >&2
    exit 1
}

begin() { # WHERE TEXT
    where=$1 block=$2 pid=
    output=$LOG/${1##*:}.out
    : >"$output"
    begun=$SECONDS
}

typed() {
    echo "\$ $1" >>"$output"
}

ended() { # STATUS WANTED
    [ "$1" -eq "$2" ] || say_why "ended with $1, not $2: $(grep '^\$ ' "$output" | tail -n 1)"
}

in_background() { # TEXT COMMANDS
    (eval "$2") >>"$output" 2>&1 </dev/null &
    pid=$!
    for _ in $(seq 1200); do
        grep -qF -- "$1" "$output" && return
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    say_why "did not print \"$1\""
}

shows() {
    if [ -n "$pid" ]; then
        promised+=("$where" "$output" "$1")
    elif ! grep -v '^\$ ' "$output" | grep -qF -- "$1"; then
        say_why "did not print \"$1\""
    fi
}

done_with_it() {
    local first
    first=$(echo "$block" | grep -v '^ *\(#.*\)\?$' | head -n 1 | cut -c 1-70)
    echo "   ok       $where ($((SECONDS - begun)) s)  $first"
}

written() { # WHERE NAME TEXT
    printf '%s' "$3" >"$2" || exit 1
    echo "   written  $1 as $2"
}

skipped() { # WHERE REASON
    echo "   skipped  $1: $2"
}

all_done() {
    local i
    for ((i = 0; i < ${#promised[@]}; i += 3)); do
        where=${promised[i]} output=${promised[i + 1]} block="(in the background)"
        for _ in $(seq 300); do
            grep -v '^\$ ' "$output" | grep -qF -- "${promised[i + 2]}" && continue 2
            sleep 0.1
        done
        say_why "did not print \"${promised[i + 2]}\""
    done
}
