#!/bin/bash
# formats.sh BUILD: each command that prints keeps -o. Run by run.sh with a context, and the devices phone and garage.
set -euo pipefail
build=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PATH=$build:$PATH
cd "$scratch"
fail() {
    echo "FAILED: $*" >&2
    cat out err >&2
    exit 1
}
run() {
    "$@" -q >out 2>err </dev/null || fail "\`$*\` ended with $?"
}
# Members that the hub's API or a user names are not ours to spell: those below these, and the words of DPS and X.509.
spelt='[paths(..) |
    select(all(.[]; IN("tags", "desired", "reported", "properties", "payload", "labels", "content") | not)) |
    last | strings] | all(test("^[$]?[a-z][A-Za-z0-9]*$"))'
# keeps COMMAND...: each format is what its name says.
keeps() {
    run "$@" -o json
    [ -s out ] || fail "\`$* -o json\` prints nothing"
    jq -se "map(type == \"object\" and ($spelt)) | all" out >/dev/null || fail "\`$* -o json\`: objects, in camelCase"
    [ "$(jq -c . out | wc -l)" = "$(wc -l <out)" ] || fail "\`$* -o json\`: one object per line"
    run "$@" -o tsv
    awk -F'\t' 'NR == 1 {n = NF} /[{]/ && !/\t/ {exit 1} NF != n {exit 1} END {if (NR < 2) exit 1}' out ||
        fail "\`$* -o tsv\`: a line of names, then as many values"
    head -1 out | grep -qE '^[A-Za-z0-9]+(	[A-Za-z0-9]+)*$' || fail "\`$* -o tsv\`: the names"
    run "$@" -o raw
    [ "$(wc -l <out)" -ge 1 ] || fail "\`$* -o raw\` prints nothing"
    run "$@" -o table
    [ "$(wc -l <out)" -ge 2 ] || fail "\`$* -o table\`: a line of titles, then the values"
}

d2d module add garage/formats -q -o raw >out
d2d enroll add formats -q -o raw >out
d2d enroll add formats --group -q -o raw >out
d2d enroll key formats --out formats.key -q
d2d configuration add formats '{"deviceContent":{"properties.desired.formats":{"a":1}}}' --where "tags.formats = 1" \
    -q -o raw >out
d2d job start formats --where "deviceId = 'garage'" --desired '{"formats":1}' -q -o raw >out
for command in 'device list' 'device show phone' 'device key phone garage' 'device enable phone' \
    'device key phone --secondary' 'module list garage' 'module show garage/formats' 'module key garage/formats' \
    'configuration list' 'configuration show formats' 'job list' 'job show formats' 'group list' \
    'enroll list' 'enroll list --groups' 'enroll show formats' 'enroll key formats' \
    'enroll key formats --group --for pump-1' 'context list' 'hub status' 'check' 'check --as phone' \
    'token --as phone' 'token' 'twin get garage' 'twin get --as garage' 'twin set garage {"formats":2}' \
    'twin report --as garage {"formats":2}' \
    'send --as phone open' 'send --to phone open' 'listen --as phone -n 1' 'events --since earliest -n 1' \
    'bench --as phone -n 3' 'register --id formats --key-file formats.key'; do
    read -ra words <<<"$command"
    keeps d2d "${words[@]}"
done
keeps d2d query 'SELECT deviceId, status FROM devices'
# A secret alone, without -o: it goes into a file or a variable of the shell.
for command in 'device key phone' 'module key garage/formats' 'enroll key formats' 'token --as phone' \
    'register --id formats --key-file formats.key'; do
    read -ra words <<<"$command"
    run d2d "${words[@]}"
    ! grep -q '[{]' out || fail "\`d2d $command\` is not a secret alone"
    cp out alone
    run d2d "${words[@]}" --out file -o json
    [ "${words[0]}" = token ] || cmp -s alone file || fail "\`d2d $command --out\` is not that"
    rm file
done
d2d configuration rm formats -q
d2d device rm formats -q
d2d enroll rm formats -q
d2d enroll rm formats --group -q
d2d module rm garage/formats -q
d2d device purge phone -q
echo "each command that prints keeps -o"
