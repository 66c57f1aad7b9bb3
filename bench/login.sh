#!/bin/bash
# login.sh BUILD: how long devices take to log in when nobody disturbs, and while twenty identities with wrong keys
# try it too, each ten times a second, from the same address. All of the good must get in, and so must the operator;
# the 99th percentile may double; an attempt with a wrong key must not cost the hub more than one with a right key.
set -euo pipefail
build=$(realpath "$1")
seconds=${D2D_BENCH_SECONDS:-60} rate=${D2D_BENCH_RATE:-50}
here=$(realpath "$(dirname "$0")")
. "$here/servers.sh"
start_hub "$build" 40
head -20 "$folder/devices" >"$folder/good"
tail -20 "$folder/devices" >"$folder/bad" # with keys that are bent, they are strangers

logins() { "$build/bench/bench-login" --ca-file "$ca" --port "$mqtts" --seconds "$seconds" --server-pid "$hub" "$@"; }

operator() {
    local ok=0 all=0
    while [ ! -e "$folder/over" ]; do
        all=$((all + 1))
        "$build/d2d" device show bench0 -o raw --connection-string-file "$folder/owner" --ca-file "$ca" \
            --https-port "$https" >/dev/null 2>>"$folder/operator.log" && ok=$((ok + 1))
        sleep 1
    done
    echo "$ok of $all"
}

logins --devices "$folder/good" --rate "$rate" >"$folder/quiet"
operator >"$folder/operator" &
asks=$!
logins --devices "$folder/bad" --rate 200 --wrong >"$folder/wrong" &
attack=$!
logins --devices "$folder/good" --rate "$rate" >"$folder/attacked"
wait $attack
touch "$folder/over"
wait $asks

printf '%-10s %8s %8s %10s %10s %10s\n' "" tries "let in" "p50 us" "p99 us" "most us"
for what in quiet attacked; do
    printf '%-10s %8s %8s %10s %10s %10s\n' $what \
        $(jq -r '.tries, .let_in, .login.p50_us, .login.p99_us, .login.most_us' "$folder/$what")
done
jq -r '"wrong keys: \(.tries) tries: \(.let_in) let in, \(.refused) told so, " +
    "\(.busy) told to come later, \(.lost) without an answer"' "$folder/wrong"
echo "the operator got in $(cat "$folder/operator") times"
jq -n --slurpfile q "$folder/quiet" --slurpfile a "$folder/attacked" --slurpfile w "$folder/wrong" '
    ($q[0].server_cpu_us / $q[0].tries) as $good |
    (($a[0].server_cpu_us - $good * $a[0].tries) / $w[0].tries) as $bad |
    ($a[0].login.p99_us / $q[0].login.p99_us) as $ratio |
    "processor of the hub: \($good | round) us a good log-in, \($bad | round) us a wrong one; " +
        "p99 \($ratio * 100 | round / 100) times the quiet one",
    if $a[0].let_in == $a[0].tries and $w[0].let_in == 0 and $ratio <= 2 and $bad <= $good
        then "as it must be" else "NOT as it must be" end' -r
