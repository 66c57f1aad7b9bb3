#!/bin/bash
# exchange.sh STEP [NAME]: one step in the life of two hubs whose data folders (here, in the current folder) go from a
# machine of one word size to one of the other. Runs in a root in which d2d and d2dhub are installed.
#   born         both are made: "whole", and "trimmed", whose log no longer reaches back to its beginning
#   look NAME    "whole" has all that it was told, on whatever machine, and learns more under that name
#   refused BITS "trimmed" is refused, for it was written with so many bits
#   dump, load   the remedy, as the refusal told it: there and here
set -euo pipefail
export HOME=$PWD XDG_CONFIG_HOME=$PWD/config
hub=

end_hub() {
    [ -z "$hub" ] || { kill "$hub" 2>/dev/null && wait "$hub" 2>/dev/null; } || true
    hub=
}
trap end_hub EXIT

fail() {
    echo "FAILED: $*" >&2
    tail -n 20 hub.out hub.err >&2 2>/dev/null || true
    exit 1
}

new() { # FOLDER OPTION…
    d2dhub init --data "$1" --name localhost --no-context -o json "${@:2}" >"$1.json"
    sed -n 's/.*"iothubowner": *"\([^"]*\)".*/\1/p' "$1.json" >"$1.owner"
}

start() { # FOLDER
    d2dhub run --data "$1" --listen 127.0.0.1 --mqtts-port 0 --amqps-port 0 --https-port 0 -o json >hub.out 2>hub.err &
    hub=$!
    for _ in $(seq 600); do
        grep -q '"ready"' hub.out && break
        kill -0 "$hub" 2>/dev/null || fail "the hub on $1 did not start"
        sleep 0.1
    done
    port() { sed -n "s/.*\"protocol\":\"$1\".*\"port\":\([0-9]*\).*/\1/p" hub.out | head -1; }
    rm -rf config
    d2d context add here --connection-string-file "$1.owner" --ca-file "$1/tls/ca.pem" --mqtts-port "$(port mqtts)" \
        --amqps-port "$(port amqps)" --https-port "$(port https)" --quiet
}

stop() {
    kill "$hub"
    wait "$hub" || fail "the hub did not end well"
    hub=
}

devices() { d2d device list -o json | sed -n 's/.*"deviceId": *"\([^"]*\)".*/\1/p'; }

told() { # what is there, a line each
    devices | sort
    d2d events --since earliest -n "$(wc -l <events)" --timeout 30s --quiet -o raw | sort
}

learn() { # NAME: a device, an event and a message that waits
    d2d device add "device-$1" -o json >/dev/null
    echo "device-$1" >>devices
    d2d send --as "device-$1" --quiet "event of $1"
    echo "event of $1" >>events
    d2d send --to door --quiet "message of $1"
    echo "message of $1" >>messages
}

case $1 in
born)
    new trimmed --segment-size 1m --retention-size 2m
    start trimmed
    d2d device add phone -o json >/dev/null
    head -c 200000 /dev/zero | tr '\0' x >large
    for _ in $(seq 40); do d2d send --as phone --quiet --file large; done
    stop
    [ ! -e trimmed/log/0000000000000000.log ] || fail "the log was not trimmed"
    new whole
    start whole
    d2d device add door -o json >/dev/null
    echo door >devices
    : >events
    : >messages
    learn born
    stop
    ;;
look)
    start whole
    { sort devices && sort events; } >wanted
    told >got
    diff wanted got >&2 || fail "$2: not all is there, or more"
    # The oldest message that waits is taken, the others stay.
    head -n 1 messages >wanted
    d2d listen --as door -n 1 --timeout 30s --quiet -o raw >got
    diff wanted got >&2 || fail "$2: another message, or none"
    sed -i 1d messages
    learn "$2"
    stop
    ;;
refused)
    status=0
    timeout 60 d2dhub run --data trimmed --mqtts-port 0 --amqps-port 0 --https-port 0 >hub.out 2>hub.err || status=$?
    [ "$status" = 1 ] || fail "on a checkpoint of another word size it ended with $status"
    grep -q "written on a $2-bit machine" hub.err || fail "the reason is missing"
    cp hub.err remedy
    ;;
dump)
    cd trimmed
    eval "$(sed -n 's/^  there: *//p' ../remedy)"
    ;;
load)
    cd trimmed
    eval "$(sed -n 's/^  here: *//p' ../remedy)"
    cd ..
    start trimmed
    [ "$(devices)" = phone ] || fail "the device is not there"
    d2d events --since earliest -n 1 --timeout 30s --quiet -o raw >got
    [ "$(wc -c <got)" -ge 200000 ] || fail "no event is there"
    stop
    ;;
esac
