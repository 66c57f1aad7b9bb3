# Sourced: starts d2dhub and mosquitto on free ports of the loopback, with one certificate, in $folder. Ends both at
# exit.
folder=$(mktemp -d "${D2D_BENCH_DIR:-/tmp}/d2d-bench.XXXXXX")
pids=()

finish() {
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap finish EXIT

# run_hub BUILD: the hub in $folder/hub, until it is ready.
run_hub() {
    "$1/d2dhub" run --data "$folder/hub" --listen 127.0.0.1 --mqtts-port 0 --amqps-port 0 --https-port 0 -o json \
        >"$folder/ports" 2>"$folder/hub.log" &
    hub=$!
    pids+=("$hub")
    until grep -q '"ready"' "$folder/ports"; do
        kill -0 "$hub"
        sleep 0.01
    done
    port_of() { jq -r "select(.protocol==\"$1\").port" "$folder/ports"; }
    mqtts=$(port_of mqtts) amqps=$(port_of amqps) https=$(port_of https)
}

# start_hub BUILD CONNECTIONS: a new one, with so many devices.
start_hub() {
    "$1/d2dhub" init --data "$folder/hub" --name localhost --no-context -o json >"$folder/facts"
    run_hub "$1"
    ca=$folder/hub/tls/ca.pem
    service=$(jq -r .connection_strings.service "$folder/facts")
    jq -r .connection_strings.iothubowner "$folder/facts" >"$folder/owner"
    local names i
    mapfile -t names < <(for ((i = 0; i < $2; i++)); do echo "bench$i"; done)
    "$1/d2d" device add "${names[@]}" -o json --connection-string-file "$folder/owner" --ca-file "$ca" \
        --https-port "$https" >"$folder/added"
    for i in "${names[@]}"; do
        "$1/d2d" device key "$i" -o raw --connection-string-file "$folder/owner" --ca-file "$ca" --https-port "$https"
    done >"$folder/devices"
}

start_mosquitto() {
    mosquitto_port=$(/usr/bin/python3 -c \
        'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
    mkdir "$folder/mosquitto"
    cat >"$folder/mosquitto.conf" <<END
listener $mosquitto_port 127.0.0.1
cafile $ca
certfile $folder/hub/tls/server.pem
keyfile $folder/hub/tls/server-key.pem
allow_anonymous true
user $(id -un)
persistence true
persistence_location $folder/mosquitto/
autosave_interval 1
max_queued_messages 0
max_inflight_messages 0
log_type error
END
    mosquitto -c "$folder/mosquitto.conf" >"$folder/mosquitto.log" 2>&1 &
    mosquitto=$!
    pids+=("$mosquitto")
    sleep 0.5
    kill -0 "$mosquitto"
}

# load SERVER OPTIONS…: one run of the generator, its JSON line on standard output.
load() {
    local server=$1
    shift
    if [ "$server" = d2dhub ]; then
        "$build/bench/bench-load" --ca-file "$ca" --port "$mqtts" --amqps-port "$amqps" --service "$service" \
            --devices "$folder/devices" --server-pid "$hub" "$@" 2>>"$folder/load.log"
    else
        "$build/bench/bench-load" --ca-file "$ca" --port "$mosquitto_port" --server-pid "$mosquitto" "$@" \
            2>>"$folder/load.log"
    fi
}
