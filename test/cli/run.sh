#!/bin/bash
# run.sh BUILD: the command line against a hub of its own: what it prints, what it says, how it ends.
set -euo pipefail
build=$(realpath "$1")
home=$(mktemp -d)
hub=
chip=
mute=
passed=0
cleanup() {
    [ -z "$mute" ] || { kill "$mute" 2>/dev/null && wait "$mute" 2>/dev/null || true; }
    [ -z "$chip" ] || { kill "$chip" 2>/dev/null && wait "$chip" 2>/dev/null || true; }
    [ -z "$hub" ] || { kill "$hub" 2>/dev/null && wait "$hub" 2>/dev/null || true; }
    rm -rf "$home"
}
trap cleanup EXIT
export HOME=$home XDG_CONFIG_HOME=$home/config PATH=$build:$PATH
unset D2D_CONNECTION_STRING D2D_CONTEXT D2D_CA_FILE D2D_TCTI TPM2OPENSSL_TCTI

fail() {
    echo "FAILED: $*" >&2
    echo "-- standard output:" >&2
    cat "$home/out" >&2
    echo "-- standard error:" >&2
    cat "$home/err" >&2
    tail -5 "$home/hub.err" >&2 || true
    exit 1
}
# is STATUS COMMAND...: it ends with that status; its output is in out and err.
is() {
    local wanted=$1 got=0
    shift
    "$@" >"$home/out" 2>"$home/err" </dev/null || got=$?
    [ "$got" -eq "$wanted" ] || fail "\`$*\` ended with $got, not $wanted"
    passed=$((passed + 1))
}
out() { grep -q -- "$1" "$home/out" || fail "standard output has no \"$1\""; }
err() { grep -q -- "$1" "$home/err" || fail "standard error has no \"$1\""; }
silent() { [ ! -s "$home/err" ] || fail "standard error is not empty"; }

d2dhub init --data "$home/hub" --name localhost --no-context -o json >"$home/hub.json"
d2dhub run --data "$home/hub" --listen 127.0.0.1 --mqtts-port 0 --amqps-port 0 --https-port 0 -o json \
    >"$home/hub.out" 2>"$home/hub.err" &
hub=$!
for _ in $(seq 200); do grep -q ready "$home/hub.out" && break; sleep 0.05; done
port() { sed -n "s/.*\"protocol\":\"$1\".*\"port\":\([0-9]*\).*/\1/p" "$home/hub.out"; }
jq -r .connection_strings.iothubowner "$home/hub.json" >"$home/owner.cs"
jq -r .connection_strings.registryRead "$home/hub.json" >"$home/reader.cs"
jq -r .connection_strings.device "$home/hub.json" >"$home/device.cs"
ports=(--mqtts-port "$(port mqtts)" --amqps-port "$(port amqps)" --https-port "$(port https)")
ca=(--ca-file "$home/hub/tls/ca.pem")
transports=(mqtt mqtt-ws amqp amqp-ws)

# Usage.
is 2 d2d
out 'd2d device add'
is 0 d2d --help
is 0 d2d --version
is 2 d2d evnts
err 'did you mean "events"'
is 2 d2d device
err 'device list'
is 2 d2d device ad phone
err 'did you mean "device add"'
is 2 d2d send --as phone
err 'MESSAGE is missing'
is 2 d2d send --colour red x
err 'there is no option --colour'
is 2 d2d events --timeout soon
is 0 d2d events --help
out '--exec'
is 2 d2d device list
err 'no identity'

# A context.
is 0 d2d context add home --connection-string-file "$home/owner.cs" "${ca[@]}" "${ports[@]}"
err 'current'
[ "$(stat -c %a "$home/config/d2d/contexts/home.json")" = 600 ] || fail "the context can be read by others"
is 0 d2d context ls
out '"name":"home"'
is 4 d2d context use nowhere
is 2 d2d context add '../x' --connection-string-file "$home/owner.cs"
is 7 d2d context add home --connection-string-file "$home/reader.cs" "${ca[@]}"
err 'context "home" already exists; --replace'
grep -q SharedAccessKeyName=iothubowner "$home/config/d2d/contexts/home.json" || fail "a context was overwritten"
is 0 d2d context add home --connection-string-file "$home/owner.cs" "${ca[@]}" "${ports[@]}" --replace

# Devices.
is 0 d2d device add phone garage
out '"deviceId":"phone"'
silent
is 7 d2d device add phone
err 'already'
is 2 d2d device add 'a b'
is 0 d2d device list -o tsv
out 'phone	enabled'
mapfile -t many < <(printf 'many-%04d\n' {1..1003})
is 0 d2d device add "${many[@]}" -q -o raw
is 0 d2d device list -o raw
[ "$(cat "$home/out")" = "$(printf '%s\n' garage "${many[@]}" phone)" ] || fail "a list of more than 1,000 devices"
is 0 d2d device list --top 1002 -o raw
[ "$(wc -l <"$home/out")" = 1002 ] || fail "the first 1,002 devices"
is 0 d2d device list --top 2 -o raw
[ "$(tr '\n' ' ' <"$home/out")" = 'garage many-0001 ' ] || fail "the first two devices"
is 0 d2d device rm "${many[@]}" -q
is 0 d2d device show phone -o table
out 'DEVICE'
is 4 d2d device show nobody
"$(dirname "$0")/complete.sh" "$build"
"$(dirname "$0")/strings.sh" "$build"
is 0 d2d group add second
"$(dirname "$0")/wrong.sh" "$build" "$home/hub" "$home/owner.cs"
is 0 d2d group rm second
is 0 d2d device key phone
cp "$home/out" "$home/phone.cs"
out '^HostName=localhost;DeviceId=phone;SharedAccessKey='
! grep -rq "$(sed 's/.*SharedAccessKey=//' "$home/phone.cs")" "$home/hub.err" || fail "a key is in the log"

# Secrets in files: for their owner only, whatever the umask says, and never over something that is there.
mode() { [ "$(stat -c %a "$1")" = 600 ] || fail "$1 can be read by others"; }
none_left() { [ -z "$(find "$home" -name '*.cs.??????')" ] || fail "a file of another name is left"; }
umask 0
is 0 d2d device add saved --out "$home/saved.cs"
mode "$home/saved.cs"
grep -q '^HostName=localhost;DeviceId=saved;SharedAccessKey=' "$home/saved.cs" || fail "the string of a new device"
is 7 d2d device key saved --out "$home/saved.cs"
err 'exists; --replace overwrites it'
is 7 d2d device add other --out "$home/saved.cs"
is 4 d2d device show other
is 2 d2d device add a b --out "$home/two.cs"
is 1 d2d device add other --out "$home/no/such/folder.cs"
is 4 d2d device show other
is 0 d2d device key saved --out "$home/again.cs"
cmp -s "$home/saved.cs" "$home/again.cs" || fail "another key"
ln -s "$home/saved.cs" "$home/link.cs"
is 7 d2d device key saved --out "$home/link.cs" --replace
is 7 d2d device key saved --out /dev/null --replace
is 0 d2d device key saved --rotate --out "$home/again.cs" --replace
mode "$home/again.cs"
cmp -s "$home/saved.cs" "$home/again.cs" && fail "--rotate changed nothing"
is 0 d2d device key saved
cmp -s "$home/out" "$home/again.cs" || fail "the file is not what the hub has"
is 7 d2d device key saved --rotate --out "$home/again.cs"
is 1 sh -c 'd2d device key saved --rotate >/dev/full'
is 0 d2d device key saved
cmp -s "$home/out" "$home/again.cs" || fail "a key that nobody has seen counts"
# Who reads the output after the end of the program gets it; keys that would be lost so are not changed.
/usr/bin/python3 - <<'PY' || fail "a reader that comes late"
import subprocess
for args, status in ((["key", "saved"], 0), (["key", "saved", "--rotate"], 1)):
    p = subprocess.Popen(["d2d", "device", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.wait(60) == status, args
    assert b"SharedAccessKey=" in p.communicate()[0]
PY
is 0 d2d device key saved
cmp -s "$home/out" "$home/again.cs" || fail "a key that nobody has read counts"
is 0 d2d token --as saved --out "$home/token.cs"
mode "$home/token.cs"
none_left
umask 022
is 3 d2d device add x --connection-string-file "$home/reader.cs" "${ca[@]}" "${ports[@]}"
is 3 d2d device list --connection-string-file "$home/device.cs" "${ca[@]}" "${ports[@]}"

# Messages.
is 0 d2d send --as phone -p colour=red --content-type text/plain open
jq -e '.deviceId == "phone" and
    (.messageId | test("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"))' \
    "$home/out" >/dev/null || fail "the id of a message"
cp "$home/out" "$home/first"
err 'on the hub.s disk'
is 0 d2d send --connection-string-file "$home/phone.cs" "${ca[@]}" "${ports[@]}" -q --message-id m-2 close
silent
is 0 d2d send --as garage 'not for the door'
printf 'one\ntwo\n' | d2d send --as phone -q - || fail "lines of standard input"
is 0 d2d events --since earliest --from phone -n 4 --timeout 20s
grep -q "$(jq -r .messageId "$home/first")" "$home/out" || fail "the id that was printed is not that of the event"
[ "$(jq -r .body "$home/out" | sort | tr '\n' ' ')" = 'close one open two ' ] || fail "the wrong events"
jq -se 'any(.body == "open" and .properties.colour == "red" and .contentType == "text/plain" and
    .deviceId == "phone")' \
    "$home/out" >/dev/null || fail "properties"
is 6 d2d events --since earliest -n 100 --timeout 1s
is 0 d2d events --since 1h --from garage -n 1 --timeout 20s -o raw
out '^not for the door$'
is 0 d2d events --since earliest -n 2 --from phone --timeout 20s --resume "$home/positions"
is 0 d2d events --since earliest -n 2 --from phone --timeout 20s --resume "$home/positions"
[ "$(jq -r .body "$home/out" | tr '\n' ' ')" = 'one two ' ] || fail "it did not go on where it had ended"
is 0 d2d events --since earliest -n 1 --from phone --timeout 20s \
    --exec 'printf "%s|%s|%s" "$D2D_DEVICE" "$D2D_PROP_COLOUR" "$(cat)" >'"$home/ran"
[ "$(cat "$home/ran")" = 'phone|red|open' ] || fail "--exec"
is 7 d2d events --since earliest -n 1 --from phone --timeout 20s --exec 'exit 3' --stop-on-error
is 4 d2d events --group nowhere -n 1 --timeout 20s

# Messages to devices.
is 2 d2d listne
err 'did you mean "listen"'
is 2 d2d listen --as garage extra
is 2 d2d listen --as garage -n 0
is 2 d2d listen --as garage --exec true --reject
err 'transport amqp'
is 2 d2d send --as phone --ack full x
is 2 d2d send --to garage --ack loud x
is 2 d2d send --to garage --ttl soon x
is 2 d2d send --to garage --until-acked --message-id m x y
is 2 d2d send --as phone --message-id m x y
is 2 d2d send --to garage x --connection-string-file "$home/phone.cs" "${ca[@]}" "${ports[@]}"
err 'service policy'
is 3 d2d send --to garage x --connection-string-file "$home/device.cs" "${ca[@]}" "${ports[@]}"
is 4 d2d send --to nobody x
is 0 d2d send --to garage -p colour=red -p 'a b=c&d' --message-id m-1 --correlation-id c-1 \
    --content-type text/plain open
err 'in the mailbox'
for transport in "${transports[@]}"; do
    is 0 d2d send --to garage --transport "$transport" -p "via=$transport" 'grüß dich'
done
is 0 d2d listen --as garage -n 1 --timeout 20s
jq -e '.body == "open" and .messageId == "m-1" and .correlationId == "c-1" and .contentType == "text/plain" and
    .properties.colour == "red" and .properties["a b"] == "c&d"' "$home/out" >/dev/null || fail "what a device gets"
for transport in "${transports[@]}"; do
    is 0 d2d listen --as garage --transport "$transport" -n 1 --timeout 20s
    jq -e --arg via "$transport" '.body == "grüß dich" and .properties.via == $via' "$home/out" >/dev/null ||
        fail "what a device gets over $transport"
done
is 6 d2d listen --as garage --timeout 1s # each of them was completed
is 0 d2d send --to garage one two -o raw
[ "$(sort -u "$home/out" | wc -l)" = 2 ] || fail "an id for each message"
is 0 d2d device purge garage
err 'garage is empty now (2 discarded)'
is 6 d2d listen --as garage --timeout 1s
is 4 d2d device purge nobody
[ ! -s "$home/out" ] || fail "a completed message came again"
is 0 d2d send --to garage -p colour=blue bang
# A program that fails has the message come again, and is told how often it came before.
is 0 d2d listen --as garage --transport amqp -n 2 --timeout 20s \
    --exec 'printf "%s|%s|%s|%s " "$D2D_DEVICE" "$D2D_PROP_COLOUR" "$D2D_DELIVERIES" "$(cat)" >>'"$home/heard"'; exit 1'
[ "$(cat "$home/heard")" = 'garage|blue|0|bang garage|blue|1|bang ' ] || fail "abandoned: $(cat "$home/heard")"
is 0 d2d listen --as garage -n 1 --timeout 20s -o raw
out '^bang$'
# Direct methods.
is 5 d2d call garage open
err 'device "garage" is not connected'
is 4 d2d call nobody open
is 2 d2d call garage open now
err 'a text needs quotes'
for transport in "${transports[@]}"; do
    d2d answer open --as garage --transport "$transport" -n 2 --exec 'cat; [ "$D2D_METHOD" = open ]' \
        2>"$home/answer.err" &
    is 0 d2d call garage open '{"how": [1, "x"]}' --wait 20
    jq -e '.status == 200 and .payload == {"how": [1, "x"]}' "$home/out" >/dev/null || fail "an answer over $transport"
    is 7 d2d call garage close
    err 'answered with status 501'
    is 0 d2d call garage open -o raw
    wait $! || fail "d2d answer over $transport: $(cat "$home/answer.err")"
done
# What does not fit into 64 bits passes, both ways.
d2d answer open --as garage -n 1 --exec 'cat | tee "$HOME/asked"' 2>"$home/answer.err" &
is 0 d2d call garage open '{"serial":18446744073709551615}' --wait 20
jq -e '.payload.serial > 1.8e19' "$home/out" >/dev/null || fail "a large number"
[ "$(cat "$home/asked")" = '{"serial":18446744073709551615}' ] || fail "a large number: $(cat "$home/asked")"
wait $! || fail "d2d answer: $(cat "$home/answer.err")"
d2d answer open --as garage -n 1 --exec 'echo "not JSON"; exit 3' 2>"$home/answer.err" &
is 7 d2d call garage open --wait 20
jq -e '.status == 500 and .payload == "not JSON"' "$home/out" >/dev/null || fail "a program that fails"
wait $! || fail "d2d answer: $(cat "$home/answer.err")"
is 2 d2d answer open --as garage
seq 50 | d2d send --to garage -q - || fail "fifty messages"
is 9 d2d send --to garage 51
is 0 d2d listen --as garage -n 50 --timeout 20s -o raw
[ "$(tr '\n' ' ' <"$home/out")" = "$(seq 50 | tr '\n' ' ')" ] || fail "their order"
# How it ended: told by the device, by the clock.
d2d listen --as garage --transport amqp -q -n 1 --timeout 60s >/dev/null &
is 0 d2d send --to garage --until-acked --timeout 60s open
out '"status":"Success"'
wait $!
d2d listen --as garage --transport amqp -q -n 1 --timeout 60s --exec false --reject &
is 7 d2d send --to garage --until-acked --timeout 60s open
out '"status":"Rejected"'
wait $!
is 8 d2d send --to garage --until-acked --timeout 60s --ttl 1s open
out '"status":"Expired"'
# Ctrl-C is clean: what was not given to anybody stays.
d2d listen --as garage -q >/dev/null 2>"$home/err" &
listener=$!
for _ in $(seq 200); do d2d device show garage | grep -q '"connectionState":"Connected"' && break; done
kill -INT $listener
ended=0
wait $listener || ended=$?
[ $ended -eq 130 ] || fail "Ctrl-C ended it with $ended"
for transport in "${transports[@]}"; do
    is 0 d2d send --as phone --transport "$transport" "over $transport"
    is 0 d2d events --from phone --since earliest --transport "$transport" -n 1 --timeout 20s
done
is 2 d2d send --as phone --transport pigeon x
is 2 env D2D_TRANSPORT=pigeon d2d send --as phone x
is 0 env D2D_TRANSPORT=amqp-ws d2d check --as phone
out '"protocol":"amqps-ws"'

# Groups, status, token, check, bench.
is 0 d2d group add alarms
is 7 d2d group add alarms
err 'consumer group "alarms" already exists'
is 0 d2d group list -o tsv
out 'alarms'
is 0 d2d events --since earliest --group alarms -n 1 --timeout 20s
is 0 d2d group rm alarms
is 4 d2d group rm alarms
is 0 d2d hub status
out 'localhost'
is 0 d2d hub status -o table
out 'PARTITION'
out '^[0-3]  *0  *-  *-$' # a partition without events
! grep -q 0001-01-01 "$home/out" || fail "hub status shows the year 1"
is 0 d2d query 'SELECT * FROM devices' -o table
! grep -q 0001-01-01 "$home/out" || fail "a table of devices shows the year 1"
is 0 d2d token --as phone --ttl 10m
out '^SharedAccessSignature sr=localhost%2Fdevices%2Fphone&sig='
is 0 d2d check
out '"protocol":"https"'
is 0 d2d check --as phone
out '"protocol":"mqtts"'
is 0 d2d bench --as phone -n 200
out '"p99Us"'

# Enrollments and registrations.
cs=("${ca[@]}" "${ports[@]}")
is 2 d2d enrol list
err 'did you mean "enroll list"'
is 2 d2d enroll
err 'enroll key'
is 2 d2d enroll add
is 2 d2d enroll add p --group --device other
is 2 d2d enroll add p --key-file a --cert b
is 2 d2d enroll add p --key-file "$home/phone.cs"
err 'no key'
is 0 d2d enroll list
err 'none yet'
is 0 d2d enroll add pump-1 --device pump-seven
jq -e '.type == "symmetricKey" and .provisioningStatus == "enabled" and .deviceId == "pump-seven"' "$home/out" \
    >/dev/null || fail "what was enrolled"
is 7 d2d enroll add pump-1
is 0 d2d enroll key pump-1 --out "$home/enroll.cs"
mode "$home/enroll.cs"
is 0 d2d enroll key pump-1
cmp -s "$home/out" "$home/enroll.cs" || fail "another key"
cp "$home/out" "$home/pump.key"
is 0 d2d enroll key pump-1 --secondary
cmp -s "$home/out" "$home/pump.key" && fail "the second key is the first"
is 0 d2d enroll add pumps --group -q
silent
is 0 d2d enroll key pumps --group
cp "$home/out" "$home/group.key"
is 0 d2d enroll list --groups -o tsv
out 'pumps	symmetricKey	enabled'
is 0 d2d device cert meter --out "$home/meter" -q
mode "$home/meter/key.pem"
is 7 d2d device cert meter --out "$home/meter"
is 0 d2d enroll add meter --cert "$home/meter/cert.pem"
is 4 d2d enroll key meter
err 'no keys'
printf '%s\n%s\n' "$(head -c 32 /dev/zero | base64)" "$(head -c 64 /dev/zero | base64 -w0)" >"$home/two.key"
is 0 d2d enroll add both --key-file "$home/two.key"
is 0 d2d enroll key both --secondary
[ "$(cat "$home/out")" = "$(tail -1 "$home/two.key")" ] || fail "the second key of a file"
is 0 d2d hub status
scope=$(jq -r .scopeId "$home/out")
head -c 32 /dev/urandom | base64 >"$home/wrong.key"
cert=(--cert-file "$home/meter/cert.pem" --key-file "$home/meter/key.pem")
for transport in https "${transports[@]}"; do
    over=(--transport "$transport")
    is 0 d2d register "${over[@]}" --id pump-1 --key-file "$home/pump.key" --payload '{"a":1}' \
        --out "$home/pump.cs" --replace
    [ ! -s "$home/out" ] || fail "with --out something is printed"
    err 'is registered as device pump-seven of localhost'
    [ "$(stat -c %a "$home/pump.cs")" = 600 ] || fail "the connection string can be read by others"
    is 0 d2d send --connection-string-file "$home/pump.cs" "${cs[@]}" x
    is 0 d2d register "${over[@]}" --id "in-group-$transport" --group-key-file "$home/group.key" -q \
        --service localhost --scope "$scope"
    silent
    cp "$home/out" "$home/member.cs"
    is 0 d2d send --connection-string-file "$home/member.cs" "${cs[@]}" x
    is 0 d2d enroll key pumps --group --for "in-group-$transport"
    cp "$home/out" "$home/member.key"
    is 0 d2d register "${over[@]}" --id "in-group-$transport" --key-file "$home/member.key"
    cmp -s "$home/out" "$home/member.cs" || fail "the same key gives another connection string"
    is 0 d2d register "${over[@]}" "${cert[@]}" --out "$home/meter.cs" --replace
    is 0 d2d send --connection-string-file "$home/meter.cs" "${cs[@]}" "${cert[@]}" x
    is 3 d2d register "${over[@]}" --id pump-1 --key-file "$home/wrong.key"
    if [ "$transport" = https ]; then unknown=4; else unknown=3; fi
    is $unknown d2d register "${over[@]}" --id pump-1 --key-file "$home/pump.key" --service localhost --scope 0neNone
done
ec=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
{
    openssl req -x509 "${ec[@]}" -keyout "$home/factory.key" -out "$home/factory.pem" -subj /CN=factory -days 9
    openssl req "${ec[@]}" -keyout "$home/made.key" -out "$home/made.csr" -subj /CN=made-1
    openssl x509 -req -in "$home/made.csr" -CA "$home/factory.pem" -CAkey "$home/factory.key" -CAcreateserial \
        -out "$home/made.pem" -days 9
} 2>"$home/err"
made=(--cert-file "$home/made.pem" --key-file "$home/made.key")
is 3 d2d register "${made[@]}"
is 0 d2d enroll add factory --group --cert "$home/factory.pem"
is 0 d2d register "${made[@]}" --transport amqp --out "$home/made.cs"
is 0 d2d send --connection-string-file "$home/made.cs" "${cs[@]}" "${made[@]}" x
is 0 d2d enroll show pump-1 -o tsv
out 'pump-1	symmetricKey	enabled	assigned	pump-seven	localhost'
is 6 d2d register --id pump-1 --key-file "$home/pump.key" --timeout 1s
err 'is assigning'
is 5 d2d register --id pump-1 --key-file "$home/pump.key" --service localhost --scope "$scope" --mqtts-port 1
is 2 d2d register --id pump-1
is 2 d2d register --key-file "$home/pump.key"
is 2 d2d register --id pump-1 --key-file "$home/pump.key" --service localhost
is 2 d2d register --id 'pump/1' --key-file "$home/pump.key"
is 2 d2d register --id pump-1 --key-file "$home/pump.key" --payload '{'
is 2 d2d send --as phone --transport https x
is 0 d2d enroll rm meter
is 3 d2d register "${cert[@]}"
is 0 d2d enroll add asleep --disabled --key-file "$home/pump.key"
is 3 d2d register --id asleep --key-file "$home/pump.key"
is 0 d2d enroll rm pumps --group
is 4 d2d enroll rm pumps --group
is 4 d2d enroll show pumps --group

# Keys in a TPM: a software one in this test's own folder.
mkdir "$home/chip"
swtpm socket --tpm2 --tpmstate "dir=$home/chip,mode=0600" --flags not-need-init,startup-clear \
    --server "type=unixio,path=$home/chip/socket,disconnect=no" --ctrl "type=unixio,path=$home/chip/socket.ctrl" \
    >"$home/chip.log" 2>&1 &
chip=$!
for _ in $(seq 200); do [ -S "$home/chip/socket" ] && break || sleep 0.05; done
tcti=(--tcti "swtpm:path=$home/chip/socket")
is 5 d2d tpm status --tcti "swtpm:path=$home/chip/none"
err 'no TPM'
is 0 d2d tpm status "${tcti[@]}"
err 'registration id [a-z2-7]\{52\}$'
err 'slots are free'
id=$(sed -n 's/.*registration id //p' "$home/err")
is 0 d2d tpm status --endorsement-key "${tcti[@]}" -q
cp "$home/out" "$home/chip.ek"
out '^AToAAQALAAMAsgAgg3GXZ0SEs/ga'
export D2D_TCTI=swtpm:path=$home/chip/socket
is 0 d2d device add chip-door --tpm --slot 4
err 'DeviceId=chip-door;Tpm=4'
grep -q 'SharedAccessKey\|primaryKey' "$home/out" "$home/err" && fail "a key is printed"
is 0 d2d device key chip-door
key=$(sed 's/.*SharedAccessKey=//' "$home/out")
grep -rqF "$key" "$home/config" "$home/chip" && fail "a key is in a file"
is 0 d2d send --slot 4 "${cs[@]}" x
is 0 d2d send --slot 4 "${cs[@]}" --transport amqp x
is 0 d2d send --slot 4 "${cs[@]}" --transport mqtt-ws x
printf 'HostName=localhost;DeviceId=chip-door;Tpm=4\n' >"$home/chip.cs"
is 0 d2d send --connection-string-file "$home/chip.cs" "${cs[@]}" x
is 0 d2d token --slot 4
out '^SharedAccessSignature sr=localhost%2Fdevices%2Fchip-door&sig='
is 7 d2d device add chip-late --tpm --slot 4
err 'd2d tpm erase --slot 4'
is 4 d2d device show chip-late
is 0 d2d device add chip-late --tpm --slot 4 --replace --out "$home/late.cs"
[ "$(cat "$home/late.cs")" = 'HostName=localhost;DeviceId=chip-late;Tpm=4' ] || fail "the string of a TPM"
is 0 d2d send --connection-string-file "$home/late.cs" "${cs[@]}" x
is 0 d2d tpm provision --slot 4 --as chip-door --replace
is 2 d2d device add a b --tpm
is 2 d2d device add a --tpm --x509-ca
is 4 d2d send --slot 5 x
is 2 d2d send --slot 10 x
is 2 d2d tpm erase
is 0 d2d tpm erase --slot 4 -q
is 4 d2d tpm erase --slot 4
# A key that another program keeps at the handle of a slot.
(
    export TPM2TOOLS_TCTI=$D2D_TCTI
    cd "$home"
    tpm2_create -Q -C 0x81000001 -G ecc256:ecdsa -u other.pub -r other.priv
    tpm2_load -Q -C 0x81000001 -u other.pub -r other.priv -c other.ctx
    tpm2_evictcontrol -Q -C o -c other.ctx 0x81000108
    tpm2_flushcontext -t
) >"$home/out" 2>"$home/err" || fail "tpm2-tools"
is 7 d2d tpm erase --slot 8
err 'another program keeps an elliptic curve key at 0x81000108'
TPM2TOOLS_TCTI=$D2D_TCTI tpm2_readpublic -c 0x81000108 >/dev/null || fail "the key of another program is gone"
is 7 d2d tpm provision --slot 8 --as chip-door
is 7 d2d register --tpm --slot 8 --id chip --transport https
err '0x81000108'
is 0 d2d tpm status -o tsv
out 'of another program'
is 4 d2d send --slot 4 x
is 0 d2d tpm provision --slot 4 --as chip-door
err 'slot 4'
is 7 d2d tpm provision --slot 4 --as chip-door
is 0 d2d tpm provision --slot 4 --as chip-door --replace
is 0 d2d tpm status -o tsv
out '4	localhost	chip-door	ready'
is 0 d2d send --slot 4 "${cs[@]}" x
is 2 d2d tpm provision --slot 6 --connection-string-file "$home/chip.cs"
is 0 d2d enroll add chip --endorsement-key "$home/chip.ek" --device chip-pump
is 7 d2d enroll add chip-2 --endorsement-key "$home/chip.ek"
err 'endorsement key'
for transport in https amqp amqp-ws; do
    is 0 d2d register --tpm --slot 3 --id chip --transport "$transport" --out "$home/chip.cs" --replace
    err 'is registered as device chip-pump of localhost'
    [ "$(cat "$home/chip.cs")" = "HostName=localhost;DeviceId=chip-pump;Tpm=3" ] || fail "the string of a TPM"
    is 0 d2d send --slot 3 "${cs[@]}" x
done
is 1 d2d register --tpm --id chip --transport mqtt
err 'not over MQTT'
is 7 d2d register --tpm --slot 3 --id chip --transport https
err 'slot 3 holds the key of "chip-pump" for localhost'
err '--replace or .*destroys that key'
is 3 d2d register --tpm --slot 3 --replace
err "$id"
is 3 d2d register --tpm --slot 3 --transport amqp --replace
is 0 d2d send --slot 3 "${cs[@]}" x
is 2 d2d register --tpm --id chip --key-file "$home/pump.key"
is 0 d2d device cert chip-meter --tpm --slot 3 --out "$home/chip-meter"
[ ! -e "$home/chip-meter/key.pem" ] || fail "the key of a TPM is in a file"
in_chip=(--cert-file "$home/chip-meter/cert.pem" --key-file handle:0x81000203)
is 7 d2d device cert chip-meter --tpm --slot 3 --out "$home/another"
err '--replace destroys it'
cp "$home/chip-meter/cert.pem" "$home/was.pem"
is 0 d2d device cert chip-meter --tpm --slot 3 --out "$home/chip-meter" --replace
thumbprint=$(jq -r .thumbprint "$home/out")
! cmp -s "$home/chip-meter/cert.pem" "$home/was.pem" || fail "the certificate is the old one"
is 0 d2d device add chip-meter --x509-thumbprint "$thumbprint"
printf 'HostName=localhost;DeviceId=chip-meter;x509=true\n' >"$home/meter.cs"
for transport in "${transports[@]}"; do
    is 0 d2d send --connection-string-file "$home/meter.cs" "${cs[@]}" "${in_chip[@]}" --transport "$transport" x
done
is 0 d2d enroll add chip-meter --cert "$home/chip-meter/cert.pem"
is 0 d2d register "${in_chip[@]}" --transport https
is 0 d2d tpm erase --slot 3 -q
is 2 d2d send --connection-string-file "$home/meter.cs" "${cs[@]}" "${in_chip[@]}" x
err 'no key at handle:0x81000203'
# What another tool wrote in the same layout is used, and the other way round.
export TPM2TOOLS_TCTI=$D2D_TCTI
is 0 d2d device key chip-door
sed 's/.*SharedAccessKey=//' "$home/out" | base64 -d >"$home/raw.key"
(
    cd "$home/chip"
    tpm2_import -Q -C 0x81000001 -G hmac -i "$home/raw.key" -u theirs.pub -r theirs.priv -a 'sign|noda|userwithauth'
    tpm2_load -Q -C 0x81000001 -u theirs.pub -r theirs.priv -c theirs.ctx
    tpm2_evictcontrol -Q -C o -c theirs.ctx 0x81000107
    tpm2_flushcontext -t
    tpm2_nvdefine -Q 0x01400107 -C o -s 19 -a 'authread|authwrite|no_da'
    printf 'localhost/chip-door' | tpm2_nvwrite -Q 0x01400107 -i -
) >"$home/out" 2>"$home/err" || fail "tpm2-tools"
is 0 d2d send --slot 7 "${cs[@]}" x
[ "$(tpm2_nvread 0x01400104 -s 19)" = localhost/chip-door ] || fail "the text of a slot"
[ "$(printf hello | tpm2_hmac -c 0x81000104 --hex)" = "$(printf hello | openssl dgst -sha256 -r -mac HMAC \
    -macopt "hexkey:$(od -An -tx1 -v "$home/raw.key" | tr -d ' \n')" | cut -d' ' -f1)" ] || fail "the key of a slot"
unset D2D_TCTI TPM2TOOLS_TCTI

# Twins.
is 0 d2d twin set garage '{"interval":60,"old":1}' --tags '{"floor":2}'
is 0 d2d twin set garage '{"old":null}'
is 0 d2d twin get garage
[ "$(jq -c '[.tags, .properties.desired.interval, .properties.desired.old]' "$home/out")" = '[{"floor":2},60,null]' ] ||
    fail "the twin is another"
etag=$(jq -r .etag "$home/out")
is 0 d2d twin set garage '{"interval":61}' --etag "$etag"
is 7 d2d twin set garage '{"interval":62}' --etag "$etag"
is 0 d2d twin set garage '{"interval":60}' --tags '{"floor":3}' --replace
for transport in "${transports[@]}"; do
    is 0 d2d twin report --as garage "{\"way\":\"$transport\"}" --transport "$transport"
    out '"version":'
    is 0 d2d twin get --as garage --transport "$transport"
    [ "$(jq -c '[.desired.interval, .reported.way]' "$home/out")" = "[60,\"$transport\"]" ] || fail "the device's twin"
done
is 2 d2d twin report --as garage '{"a":'
# 0.1 arrives as 0.1, whoever says it, and is shown so.
is 0 d2d twin set garage '{"ratio":0.1}' --tags '{"place":{"lat":52.520008}}'
is 0 d2d twin report --as garage '{"ratio":3.14}'
is 0 d2d query "SELECT * FROM devices WHERE properties.desired.ratio = 0.1"
out '"ratio":0\.1,'
out '"ratio":3\.14,'
out '"lat":52\.520008}'
is 0 d2d twin get --as garage
out '"ratio":0\.1,'
is 0 d2d twin set garage '{"ratio":null}'
is 0 d2d twin get garage -o table
out '{"interval":60}'
is 0 d2d twin watch garage -n 1 -o tsv
is 0 d2d twin watch --as garage -n 1 --timeout 20s
out '"whole":true'
is 6 d2d twin watch garage -n 2 --every 100ms --timeout 1s
is 1 sh -c 'd2d twin get garage >/dev/full'
is 1 sh -c 'd2d twin watch garage -n 5 --timeout 20s >/dev/full'
is 0 bash -c 'd2d twin watch garage --every 100ms --timeout 30s -q | head -1'
is 0 d2d device list --where 'tags.floor = 3' -o tsv
out '^garage'
is 0 d2d query 'SELECT deviceId, tags.floor AS floor FROM devices WHERE tags.floor = 3' -o tsv
out '^garage	3$'
is 1 sh -c "d2d query 'SELECT * FROM devices' >/dev/full"

# Modules.
is 0 d2d module add garage/camera --managed-by somebody --out "$home/camera.cs"
is 7 d2d module add garage/camera
err 'module "garage/camera" already exists'
is 0 d2d module list garage -o tsv
out '^garage	camera	somebody'
is 0 d2d module show garage/camera
since=$(date -u +%FT%T.%NZ)
for transport in mqtt amqp; do
    camera=(--connection-string-file "$home/camera.cs" "${ca[@]}" "${ports[@]}" --transport "$transport")
    is 0 d2d send "${camera[@]}" "by $transport"
    is 0 d2d twin report "${camera[@]}" '{"fps":5}'
done
is 0 d2d events --from garage --since "$since" -n 1 --timeout 20s
out '"moduleId":"camera"'
is 0 d2d twin get garage/camera -o table
out '{"fps":5}'
is 0 d2d module rm garage/camera
is 4 d2d module show garage/camera
err 'module "garage/camera" does not exist'
is 4 d2d module add nobody/camera
err 'device "nobody" does not exist; `d2d device list` shows'
is 4 d2d module show nobody/camera
err 'device "nobody" does not exist'
is 4 d2d twin get nobody/camera
err 'device "nobody" does not exist'
is 4 d2d twin set nobody/camera '{"a":1}'
err 'device "nobody" does not exist'
is 4 d2d call nobody/camera open
err 'device "nobody" does not exist'
is 0 d2d module list garage
err 'has no modules'

# Configurations, and their output on a full disk, into a closed pipe, and cut short.
closes='{"deviceContent":{"properties.desired.closes":120}}'
is 0 d2d configuration add doors "$closes" --where 'tags.floor = 3' --priority 10 --label kind=door
is 7 d2d configuration add doors "$closes"
err 'configuration "doors" already exists'
for _ in $(seq 200); do d2d twin get garage | grep -q '"closes":120' && break || sleep 0.05; done
is 0 d2d twin get garage
out '"configurations":{"doors":{"status":"Applied"}}'
is 0 d2d query "SELECT deviceId FROM devices WHERE configurations.[[doors]].status = 'Applied'" -o tsv
out '^garage$'
for _ in $(seq 200); do d2d configuration show doors | grep -q '"appliedCount":1' && break || sleep 0.05; done
is 0 d2d configuration show doors
[ "$(jq -c '[.labels.kind, .priority, .systemMetrics.results.appliedCount]' "$home/out")" = '["door",10,1]' ] ||
    fail "the configuration is another"
is 0 d2d module add garage/lock --out "$home/lock.cs"
for what in "configuration list" "configuration show doors" "module key garage/lock"; do
    is 0 d2d $what
    is 1 sh -c "d2d $what >/dev/full"
    is 1 sh -c "d2d $what >&-"
    is 0 bash -c "d2d $what | true; test \${PIPESTATUS[0]} -lt 128"
done
# A change that was made stays made, whatever becomes of what is said of it.
is 1 sh -c "d2d configuration add late '$closes' -o json >/dev/full"
is 0 d2d configuration show late
for id in doors late; do is 0 d2d configuration rm $id; done
is 4 d2d configuration rm doors
is 0 d2d module rm garage/lock
# Ctrl-C while a hub says nothing.
/usr/bin/python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print(s.getsockname()[1], flush=True)
peers = []
while True:
    peers.append(s.accept())
    print("here", flush=True)' >"$home/mute" &
mute=$!
for _ in $(seq 200); do [ -s "$home/mute" ] && break || sleep 0.05; done
came=1
for what in "configuration list" "configuration add doors $closes" "configuration rm doors" "module key garage/lock"; do
    d2d $what --https-port "$(head -1 "$home/mute")" --timeout 60s >/dev/null 2>"$home/err" &
    asking=$!
    came=$((came + 1))
    for _ in $(seq 400); do [ "$(wc -l <"$home/mute")" -ge $came ] && break || sleep 0.05; done
    kill -INT $asking
    ended=0
    wait $asking || ended=$?
    [ $ended -eq 130 ] || fail "Ctrl-C ended d2d $what with $ended"
done
kill $mute
wait $mute || true
mute=

# Jobs.
is 0 d2d job start sweep --where "tags.floor = 3" --tags '{"swept":true}'
is 7 d2d job start sweep --where '*' --tags '{"swept":true}'
err 'job "sweep" already exists'
for _ in $(seq 200); do d2d job show sweep -o raw | grep -q completed && break || sleep 0.05; done
is 0 d2d job show sweep --devices -o tsv
out '^garage	completed'
is 0 d2d twin get garage
out '"swept":true'
is 0 d2d job list --status completed -o tsv
out '^sweep	scheduleUpdateTwin	completed	1	1	0'
is 7 d2d job cancel sweep
is 4 d2d job show nothing
is 0 d2d job start later --where '*' --method open --in 1h
is 0 d2d job cancel later
out '"status":"cancelled"'

# Import and export: files in the folder blobs of the hub's data folder.
is 0 d2d device export box -o tsv
out '	export	completed	100'
err 'blobs/box/devices.txt in the hub.s data folder'
grep -q '"id":"garage"' "$home/hub/blobs/box/devices.txt" || fail "the export has no garage"
is 0 d2d device export box --file no-keys.txt --without-keys
grep -q 'primaryKey":"' "$home/hub/blobs/box/no-keys.txt" && fail "there are keys"
echo '{"id":"imported","tags":{"floor":4}}' >"$home/hub/blobs/box/devices.txt"
is 0 d2d device import box
out '"status":"completed"'
err 'blobs/box/importErrors.log'
is 0 d2d device list --where "tags.floor = 4" -o tsv
out '^imported'
is 0 d2d device rm imported
is 0 d2d job list --type import -o tsv
out '	import	completed'
is 0 d2d configuration add kept '{"deviceContent":{"properties.desired.kept":1}}' --priority 3
is 0 d2d device export box --configurations
err 'blobs/box/devices.txt, blobs/box/configurations.txt in the hub.s data folder'
grep -q '^{"id":"kept",' "$home/hub/blobs/box/configurations.txt" || fail "the export has no configuration"
is 0 d2d configuration rm kept
is 0 d2d device import box --configurations
err 'blobs/box/importErrors.log, blobs/box/importConfigErrors.log'
is 0 d2d configuration show kept -o json
out '"priority":3'
is 0 d2d configuration rm kept
is 1 d2d device import nothing
err 'there is no such file'
is 2 d2d device export ../box
err '3 to 63'

# The string of the events endpoint is of the context's hub, too, and its CA is known.
jq -r .event_hub_connection_string "$home/hub/hub.json" >"$home/events.cs"
is 0 d2d events --connection-string-file "$home/events.cs" --since earliest -n 1
"$(dirname "$0")/formats.sh" "$build"

# What is refused.
is 0 d2d device disable garage --reason lost
is 3 d2d send --as garage x
is 0 d2d device enable garage
is 0 d2d send --as garage x
is 0 d2d device key --rotate phone
is 3 d2d send --connection-string-file "$home/phone.cs" "${ca[@]}" "${ports[@]}" x
is 5 d2d send --as phone x --mqtts-port 1 --timeout 2s
is 5 env XDG_CONFIG_HOME="$home/nothing" d2d device list --connection-string-file "$home/owner.cs" "${ports[@]}"
err 'certificate'
is 0 d2d device rm phone
is 4 d2d send --as phone x
is 0 d2d context rm home

kill "$hub"
wait "$hub" || fail "the hub ended with $?"
hub=
echo "$passed passed, 0 failed"
python3 "$(dirname "$0")/truth.py" "$build"
python3 "$(dirname "$0")/truth_state.py" "$build"
python3 "$(dirname "$0")/truth_jobs.py" "$build"
python3 "$(dirname "$0")/truth_every.py" "$build"
python3 "$(dirname "$0")/terminal.py" "$build"
