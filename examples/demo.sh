#!/bin/bash
# demo.sh BUILD: a phone opens a garage door through your own hub. Everything happens in a temporary folder, on free
# ports of the loopback interface, and is removed afterwards.
set -euo pipefail
build=$(realpath "${1:-build/release}")
export PATH=$build:$build/examples:$PATH

home=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    if [ -n "${slot:-}" ]; then d2d tpm erase --slot "$slot" --quiet || true; fi
    if [ -n "${chip:-}" ]; then kill "$chip" 2>/dev/null && wait "$chip" 2>/dev/null || true; fi
    rm -rf "$home"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
export HOME=$home XDG_CONFIG_HOME=$home/config XDG_DATA_HOME=$home/data
unset D2D_CONNECTION_STRING D2D_CONTEXT

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' off=$'\e[0m'; else bold='' dim='' off=''; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$off"; }
show() { printf '%s$ %s%s\n' "$dim" "$*" "$off"; "$@"; }

# Waits until FILE holds PATTERN; the limit only ends a demonstration that hangs.
await() {
    local file=$1 pattern=$2
    for _ in $(seq 600); do
        grep -q -- "$pattern" "$file" 2>/dev/null && return
        sleep 0.05
    done
    echo "\"$pattern\" did not appear in $(basename "$file"):" >&2
    tail -20 "$file" "$home"/*.log >&2
    exit 1
}
port() { sed -n "s/.*\"protocol\":\"$1\".*\"port\":\([0-9]*\).*/\1/p" "$home/hub.out" | head -1; }

say "1. A hub of your own"
printf '%s$ d2dhub init --name localhost%s\n' "$dim" "$off"
d2dhub init --data "$home/hub" --name localhost --no-context -o json >"$home/hub.json"
printf '%s$ d2dhub run%s\n' "$dim" "$off"
d2dhub run --data "$home/hub" --listen 127.0.0.1 --mqtts-port 0 --amqps-port 0 --https-port 0 -o json \
    >"$home/hub.out" 2>"$home/hub.log" &
pids+=($!)
await "$home/hub.out" '"ready"'
echo "MQTT on port $(port mqtts), AMQP on $(port amqps), HTTPS on $(port https), all over TLS; no other port is open"
sed -n 's/.*"iothubowner": *"\([^"]*\)".*/\1/p' "$home/hub.json" >"$home/owner.cs"
d2d context add demo --connection-string-file "$home/owner.cs" --ca-file "$home/hub/tls/ca.pem" \
    --mqtts-port "$(port mqtts)" --amqps-port "$(port amqps)" --https-port "$(port https)" --quiet

say "2. Three devices, each with its own keys"
printf '%s$ d2d device add phone garage-door stranger%s\n' "$dim" "$off"
d2d device add phone garage-door stranger -o table

say "3. The garage door listens only to the phone"
printf '%s$ garage-door --from phone%s\n' "$dim" "$off"
garage-door --from phone --connection-string-file "$home/owner.cs" --ca-file "$home/hub/tls/ca.pem" \
    --amqps-port "$(port amqps)" >"$home/door.out" 2>"$home/door.log" &
pids+=($!)
await "$home/door.out" 'listening'
cat "$home/door.out"
seen=$(wc -l <"$home/door.out")
door() { # prints the new output of the door, after PATTERN has appeared
    await "$home/door.out" "$1"
    tail -n +$((seen + 1)) "$home/door.out"
    seen=$(wc -l <"$home/door.out")
}

say "4. The phone sends \"open\", and the door answers"
show d2d send --as phone open
door 'is open'
show d2d listen --as phone -n 1 --timeout 30s --quiet -o raw

say "5. The phone sends \"close\" and disconnects: the answer waits for it"
show d2d send --as phone close
door 'is shut'
show d2d listen --as phone -n 1 --timeout 30s --quiet -o raw

say "6. A stranger sends \"open\": the hub does not deliver it to the door"
show d2d send --as stranger open
show d2d send --as phone status
door 'is still shut'

say "7. A motion sensor, in C, that sends alerts"
printf '%s$ motion-sensor --count 3%s\n' "$dim" "$off"
d2d device add motion -o json >/dev/null
d2d device key motion >"$home/motion.cs"
motion-sensor --connection-string-file "$home/motion.cs" --ca-file "$home/hub/tls/ca.pem" \
    --mqtts-port "$(port mqtts)" --count 3

say "8. A door whose key is in a TPM and cannot be copied"
if ! d2d tpm status --quiet >/dev/null 2>&1; then
    mkdir "$home/chip"
    swtpm socket --tpm2 --tpmstate "dir=$home/chip,mode=0600" --flags not-need-init,startup-clear \
        --server "type=unixio,path=$home/chip/socket,disconnect=no" --ctrl "type=unixio,path=$home/chip/socket.ctrl" \
        >"$home/chip.log" 2>&1 &
    chip=$!
    for _ in $(seq 600); do [ -S "$home/chip/socket" ] && break || sleep 0.05; done
    export D2D_TCTI=swtpm:path=$home/chip/socket
    echo "this computer has no usable TPM: a software TPM (swtpm) replaces it"
fi
used=$(d2d tpm status --quiet -o tsv | cut -f1)
for free in 9 8 7 6 5 4 3 2 1 0; do grep -qx "$free" <<<"$used" || break; done
show d2d device add tpm-door --tpm --slot "$free" -o table
slot=$free
printf '%s$ garage-door --tpm %s%s\n' "$dim" "$slot" "$off"
garage-door --tpm "$slot" --ca-file "$home/hub/tls/ca.pem" --mqtts-port "$(port mqtts)" \
    >"$home/tpm-door.out" 2>"$home/tpm-door.log" &
pids+=($!)
await "$home/tpm-door.out" 'listening'
show d2d send --to tpm-door --until-acked --quiet open
await "$home/tpm-door.out" 'is open'
cat "$home/tpm-door.out"
say "   It can be called, too: the caller waits for its answer; its twin has the state for everybody else"
show d2d call tpm-door close
await "$home/tpm-door.out" 'is shut'
show d2d twin get tpm-door -o table
show d2d events --from tpm-door --since earliest -n 1 --timeout 30s --quiet -o table

say "9. The events in the hub"
printf '%s$ d2d events --since earliest -n 8%s\n' "$dim" "$off"
d2d events --since earliest -n 8 --timeout 30s --quiet -o table
printf '%s$ d2d hub status%s\n' "$dim" "$off"
d2d hub status -o table

say "Everything is stopped and removed. README.md shows how to set up a permanent hub."
