#!/bin/bash
# strings.sh BUILD: connection strings as people have them: what is plain is taken, all else is refused in words that
# tell which part is wrong and what to do. No hub is needed: `d2d token` makes a token of what it has understood.
set -euo pipefail
build=$(realpath "$1")
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export HOME=$home XDG_CONFIG_HOME=$home/config PATH=$build:$PATH
unset D2D_CONNECTION_STRING D2D_CONTEXT D2D_CA_FILE
passed=0

fail() {
    echo "FAILED: $*" >&2
    cat "$home/err" >&2
    exit 1
}
key=$(printf 'a key of 32 bytes, made of words' | base64) # wherever it is cut, its base64 does not end as it must
S="HostName=hub.example;DeviceId=phone;SharedAccessKey=$key"
P="HostName=hub.example;SharedAccessKeyName=service;SharedAccessKey=$key"
E="Endpoint=sb://hub.example/;SharedAccessKeyName=service;SharedAccessKey=$key;EntityPath=hub"

run() {
    local status=0
    d2d token --connection-string-file "$home/cs" >"$home/out" 2>"$home/err" </dev/null || status=$?
    ! grep -qF -- "${key:0:20}" "$home/out" "$home/err" || fail "$1: the key is printed"
    echo $status
}
# takes NAME: the file cs is what the plain string is (or a policy's, or an endpoint's).
takes() {
    local wanted=${2-hub.example%2Fdevices%2Fphone}
    [ "$(run "$1")" = 0 ] || fail "$1: refused"
    grep -q "^SharedAccessSignature sr=$wanted&" "$home/out" ||
        fail "$1: another resource: $(cut -d'&' -f1 "$home/out")"
    passed=$((passed + 1))
}
# refuses NAME PATTERN...: with 2, and with these words.
refuses() {
    local name=$1
    shift
    [ "$(run "$name")" = 2 ] || fail "$name: taken, or another status"
    [ ! -s "$home/out" ] || fail "$name: something is printed"
    [ "$(wc -l <"$home/err")" -le 3 ] || fail "$name: more than three lines"
    for words; do grep -qi -- "$words" "$home/err" || fail "$name: no \"$words\""; done
    passed=$((passed + 1))
}
put() { printf "$@" >"$home/cs"; }
utf16() { iconv -f UTF-8 -t "$1" >>"$home/cs"; }

put %s "$S"; takes 'as it is'
put '%s\r\n' "$S"; takes 'a Windows line end'
put '\n \n%s\n\n\t\n' "$S"; takes 'blank lines'
put '\xef\xbb\xbf%s' "$S"; takes 'a byte order mark'
put '\xff\xfe'; printf '%s\r\n' "$S" | utf16 UTF-16LE; takes 'UTF-16 of Windows'
put '\xfe\xff'; printf %s "$S" | utf16 UTF-16BE; takes 'UTF-16, the other way round'
put ''; printf %s "$S" | utf16 UTF-16LE; takes 'UTF-16 without a mark'
put ''; printf %s "$S" | utf16 UTF-16BE; takes 'UTF-16 without a mark, the other way round'
put '"%s"\n' "$S"; takes 'double quotes'
put "'%s'\n" "$S"; takes 'single quotes'
put '\xe2\x80\x9c%s\xe2\x80\x9d\n' "$S"; takes 'typographic quotes'
put '  %s  \n' "$S"; takes 'blanks around it'
put '\xc2\xa0%s\xe2\x80\x8b\n' "$S"; takes 'blanks of a web page'
put '%s;\n' "$S"; takes 'a semicolon at the end'
put %s "${S//;/ ; }"; takes 'blanks around semicolons'
put 'HostName = hub.example ; DeviceId = phone ; SharedAccessKey = %s' "$key"; takes 'blanks around equals signs'
put 'HostName="hub.example";DeviceId="phone";SharedAccessKey="%s"' "$key"; takes 'quotes around values'
put 'HostName=hub.example;\nDeviceId=phone;\nSharedAccessKey=%s\n' "$key"; takes 'a line each'
put 'HostName=hub.example\nDeviceId=phone\nSharedAccessKey=%s\n' "$key"; takes 'a line each, without semicolons'
put 'HostName=hub.example;DeviceId=phone;\n%s\n' "SharedAccessKey=$key"; takes 'broken after a semicolon'
put 'D2D_CONNECTION_STRING=%s\n' "$S"; takes 'a variable of the environment'
put 'export IOTHUB_DEVICE_CONNECTION_STRING="%s"\n' "$S"; takes 'a line for a shell'
put '{\n  "connectionString": "%s"\n}\n' "$S"; takes 'what the cloud'"'"'s command line prints'
put '"%s"' "HostName=hub.example;DeviceId=phone;SharedAccessKey=$key"; takes 'a JSON text'
put 'hostname=hub.example;DEVICEID=phone;sharedaccesskey=%s' "$key"; takes 'names in other case'
put 'SharedAccessKey=%s;DeviceId=phone;HostName=hub.example' "$key"; takes 'another order'
put '%s;ModelId=dtmi:x:y' "$S"; takes 'a part for other programs'
put %s "${S%%=}"; put %s "${S%=}"; takes 'a key without its padding'
put 'HostName=https://hub.example/;DeviceId=phone;SharedAccessKey=%s' "$key"; takes 'an address of the web'
put 'HostName=hub.example:8883;DeviceId=phone;SharedAccessKey=%s' "$key"; takes 'a port'
put %s "$P"; takes 'of a policy' 'hub.example'
put %s "$E"; takes 'of Event Hubs' '[^&]*hub.example[^&]*hub'

put ''; refuses 'an empty file' 'is empty'
put '\n\n \n'; refuses 'only blank lines' 'empty' 'connection string'
put 'hello world\n'; refuses 'other text' 'not a connection string'
put '\x00\x01\x02\x03\x80'; refuses 'no text' 'not text\|not a connection string'
put 'SharedAccessSignature sr=x&sig=y&se=1'; refuses 'a token' 'token' 'connection string'
put %s "${S#*;}"; refuses 'no host' 'no HostName' 'whole string'
put 'HostName=hub.example;SharedAccessKey=%s' "$key"; refuses 'no device' 'DeviceId' 'SharedAccessKeyName'
put 'HostName=hub.example;DeviceId=phone'; refuses 'no key' 'no SharedAccessKey'
put 'HostName=hub.example;SharedAccessKeyName=service'; refuses 'no key of a policy' 'no SharedAccessKey'
put 'Endpoint=sb://hub.example/;SharedAccessKey=%s' "$key"; refuses 'no name of a policy' 'no SharedAccessKeyName'
put 'HostName=;DeviceId=phone;SharedAccessKey=%s' "$key"; refuses 'an empty host' 'HostName.*empty'
put 'HostName=hub.example;DeviceId= ;SharedAccessKey=%s' "$key"; refuses 'an empty device' 'DeviceId.*empty'
put 'HostName=hub.example;DeviceId=phone;SharedAccessKey='; refuses 'an empty key' 'SharedAccessKey.*empty'
put '%s;DeviceId=other' "$S"; refuses 'two devices' 'DeviceId twice'
put '%s;SharedAccessKey=%s' "$S" "$key"; refuses 'two keys' 'SharedAccessKey twice'
put '%s\n%s\n' "$S" "$S"; refuses 'two strings' 'line 2' 'another connection string'
put '%s\nsome remark\n' "$S"; refuses 'a remark' 'line 2' 'alone'
put %s "${S:0:-2}"; refuses 'two letters of the key are missing' 'SharedAccessKey' 'cut off'
put %s "${S:0:-5}"; refuses 'five letters of the key are missing' 'SharedAccessKey' 'cut off'
put %s "${S:0:-30}"; refuses 'a short key' 'SharedAccessKey' '16 to 64'
put %s "${S:0:-30}..."; refuses 'a key that is not shown whole' 'SharedAccessKey' 'whole'
put %s "${S:0:-30}…"; refuses 'a key that is not shown whole, in one character' 'SharedAccessKey' 'whole'
put 'HostName=hub.example;DeviceId=phone;SharedAccessKey=****'; refuses 'a key behind stars' 'SharedAccessKey' 'whole'
put 'HostName=hub.example;DeviceId=phone;SharedAccessKey=<your key>'; refuses 'a placeholder' 'SharedAccessKey' 'base64'
put 'HostName=hub.example;DeviceId=phone;SharedAcessKey=%s' "$key"; refuses 'a misspelt name' 'misspelt'
put 'HostNme=hub.example;DeviceId=phone;SharedAccessKey=%s' "$key"; refuses 'a misspelt host' 'misspelt'
put 'HostName=hub.example,DeviceId=phone,SharedAccessKey=%s' "$key"; refuses 'commas' 'HostName.*host name'
put 'HostName=hub example;DeviceId=phone;SharedAccessKey=%s' "$key"; refuses 'a blank in the host' 'HostName.*host name'
put 'HostName=hub.example;DeviceId;SharedAccessKey=%s' "$key"; refuses 'no equals sign' 'part 2' '='
put '%s;x509=true' "$S"; refuses 'a key and a certificate' 'SharedAccessKey and x509'
put '%s;Tpm=0' "$S"; refuses 'a key and a TPM' 'SharedAccessKey and Tpm'
put 'HostName=hub.example;DeviceId=phone;x509=yes'; refuses 'x509 that is not true' 'x509.*true'
put 'HostName=hub.example;DeviceId=phone;Tpm=10'; refuses 'a slot that there is not' 'Tpm.*0 to 9'
put 'HostName=hub.example;SharedAccessKeyName=service;x509=true'; refuses 'a certificate of a policy' 'x509.*DeviceId'
put 'HostName=hub.example;ModuleId=m;SharedAccessKeyName=a;SharedAccessKey=%s' "$key"
refuses 'a module alone' 'ModuleId.*DeviceId'
put '%s;Endpoint=sb://other.example/' "$S"; refuses 'a hub and an endpoint' 'HostName.*Endpoint'
put '{"error": "no such device"}'; refuses 'JSON without one' 'not a connection string'
head -c 5000 /dev/zero | tr '\0' x | sed 's/^/HostName=h;DeviceId=/; s/$/;x509=true/' >"$home/cs"
refuses 'too long' 'longer than'
rm "$home/cs"; refuses 'no file' 'does not exist'
mkdir "$home/cs"; refuses 'a folder' 'is a folder'
rmdir "$home/cs"

# In the environment, from standard input, and from a pipe.
D2D_CONNECTION_STRING="  '$S'"$'\r\n' d2d token >"$home/out" 2>"$home/err" || fail 'the environment'
! D2D_CONNECTION_STRING="$S;DeviceId=x" d2d token >"$home/out" 2>"$home/err" || fail 'the environment, twice'
grep -q 'D2D_CONNECTION_STRING: .*DeviceId twice' "$home/err" || fail 'the variable is not named'
printf '"%s"' "$S" | d2d token --connection-string-file - >"$home/out" 2>"$home/err" || fail 'standard input'
d2d token --connection-string-file <(printf %s "$S") >"$home/out" 2>"$home/err" || fail 'a pipe'

# The wrong kind: which one this is, and which is needed.
# kind NAME STRING PATTERN COMMAND...
kind() {
    local name=$1 string=$2 words=$3 status=0
    shift 3
    printf %s "$string" >"$home/cs"
    "$@" --connection-string-file "$home/cs" >"$home/out" 2>"$home/err" </dev/null || status=$?
    [ $status = 2 ] || fail "$name: $status"
    grep -q -- "$words" "$home/err" || fail "$name: no \"$words\""
    passed=$((passed + 1))
}
kind 'a policy sends' "$P" 'device.*of the policy "service".*--as DEVICE' d2d send x
kind 'an endpoint listens' "$E" 'device.*Event Hubs' d2d listen
kind 'a device administers' "$S" "policy.*SharedAccessKeyName.*of the device \"phone\"" d2d device list
kind 'a device reads events' "$S" "policy.*of the device \"phone\"" d2d events
kind 'a device sends to one' "$S" "policy.*of the device \"phone\"" d2d send --to x y
kind 'an endpoint administers' "$E" 'policy.*HostName' d2d device show x
echo "$passed connection strings"
