#!/bin/bash
# wrong.sh BUILD DATA OWNER: each line of wrong.tsv ends as it says, soon, with these words on standard error, and
# prints no key. DATA is the folder of a hub that runs, and OWNER the file with the connection string of its owner; the
# context home is of that hub.
set -euo pipefail
build=$(realpath "$1")
table=$(realpath "$(dirname "$0")/wrong.tsv")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PATH=$build:$PATH
cp "$3" "$scratch/owner.cs"
cp "$2/tls/ca.pem" "$scratch/ca.pem"
cd "$scratch"
d2d device key phone >phone.cs
sed 's/.*SharedAccessKey=//' phone.cs >phone.key
sed 's|SharedAccessKey=.*|SharedAccessKey='"$(head -c 32 /dev/urandom | base64)"'|' phone.cs >wrong.cs
echo 'HostName=localhost;DeviceId=meter;x509=true' >x509.cs
ln -s "$2" hub
sed 's/localhost/::1/' phone.cs >six.cs
sed 's/localhost/hub.example/' phone.cs >elsewhere.cs
jq -r .connection_strings.device hub/hub.json >device.cs
: >empty
echo some text >text
mkdir folder bad worse section
echo 'mqtt_port = 8883' >bad/d2dhub.ini
printf 'listen = 127.0.0.1\nloops = many\n' >worse/d2dhub.ini
printf '[hub]\nloops = 2\n' >section/d2dhub.ini
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout other.key -out other.pem \
    -subj /CN=other -days 9 2>why
openssl x509 -in other.pem -outform der -out ca.der
key=$(cat phone.key) owner=$(sed 's/.*SharedAccessKey=//' owner.cs)

cat >port <<END
#!/bin/sh
exec sed -n 's/.*"'"\$1"'_port": \([0-9]*\).*/\1/p' hub/hub.json
END
chmod +x port
PATH=$scratch:$PATH
rows=0
bad=0
complain() {
    echo "FAILED: $command: $*" >&2
    sed 's/^/    /' err >&2
    bad=$((bad + 1))
}
while IFS=$'\t' read -r wanted command words; do
    case $wanted in ''|'#'*) continue ;; esac
    got=0
    timeout 20 sh -c "$command" >out 2>err </dev/null || got=$?
    rows=$((rows + 1))
    [ "$got" = "$wanted" ] || complain "ends with $got, not $wanted"
    while [ -n "$words" ]; do
        word=${words%% && *}
        grep -qE -- "$word" err || complain "does not say: $word"
        [ "$word" = "$words" ] && break
        words=${words#* && }
    done
    ! grep -qF -e "${key:0:20}" -e "${owner:0:20}" -e c2VjcmV0 out err || complain "prints a key"
done <"$table"
[ "$rows" -ge 80 ] || { echo "FAILED: only $rows rows" >&2 && exit 1; }
[ "$bad" = 0 ]
echo "$rows wrong inputs are refused as they should be"
