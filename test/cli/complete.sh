#!/bin/bash
# complete.sh BUILD: help, completion and manual pages tell of the same commands and options, and the shells complete
# with them. run.sh calls it with a context whose hub has the devices phone and garage.
set -euo pipefail
build=$(realpath "$1")
source=$(realpath "$(dirname "$0")/../..")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PATH=$build:$PATH

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
# options PROGRAM COMMAND...: those that --help lists.
options() { "$@" --help | sed -n 's/^  \(-[a-z], \)\?\(--\?[a-z0-9-]*\)\( .*\)\?$/\2/p' | sort; }
# section NAME: the part of a manual page about a command, as plain text.
section() {
    awk -v name="$1" '
        $0 ~ "^\\.SS \"" {on = index($0, "\"" name " ") || index($0, "\"" name "\"")}
        /^\.SH/ {on = 0}
        on' "$2" |
        sed 's/\\-/-/g'
}

commands=0
for program in d2d d2dhub; do
    page=$build/doc/$program.1
    ! groff -man -ww -Tutf8 -b "$page" 2>&1 >/dev/null | grep . || fail "groff warns of $page"
    sed 's/\\-/-/g' "$page" >"$scratch/page"
    mapfile -t names < <("$program" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p')
    for name in "${names[@]}"; do
        read -ra words <<<"$program $name"
        grep -q "^\.SS \"$program $name[ \"]" "$scratch/page" || fail "$page does not tell of \"$name\""
        mapfile -t told < <(options "${words[@]}")
        [ ${#told[@]} -gt 2 ] || fail "\`$program $name --help\` lists no options"
        for option in "${told[@]}"; do
            grep -q "^\\\\fB\(-[a-z]\\\\fR, \\\\fB\)\?$option\\\\fR" "$scratch/page" ||
                fail "$page does not tell of $option"
        done
        # What the shells offer is what help lists.
        diff <(printf '%s\n' "${told[@]}") <("$program" --complete "${words[@]:1}" - | cut -f1 | sort -u) ||
            fail "\`$program $name\` completes other options than its help lists"
        commands=$((commands + 1))
    done
done
# A device that is there is offered wherever one is asked for.
for name in 'device show' 'device rm' 'device key' 'device cert' 'device auth' 'device enable' 'device disable' \
    'device purge' 'twin get' 'twin set' 'twin watch' 'module list' 'configuration apply' call; do
    read -ra words <<<"$name"
    d2d --complete "${words[@]}" '' | grep -q '^garage' || fail "\`d2d $name\` completes no devices"
done
[ $commands -gt 35 ] || fail "only $commands commands"

# bash LINE: what a tab after it offers, one a line.
in_bash() {
    bash --norc -c '. /usr/share/bash-completion/bash_completion 2>/dev/null; . "$1"/packaging/completion/d2d.bash
        compopt() { :; }
        COMP_LINE=$2 COMP_POINT=${#2} COMP_TYPE=9
        read -ra COMP_WORDS <<<"$2"
        [ "${2% }" = "$2" ] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _d2d "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf "%s\n" "${COMPREPLY[@]}"' _ "$source" "$1"
}
in_fish() {
    fish --no-config -c "source $source/packaging/completion/d2d.fish; complete -C '$1'" | cut -f1
}
in_zsh() {
    zsh -f "$source/test/cli/zsh.zsh" "$source/packaging/completion" "$1"
}
# offers SHELL LINE WORD...: these, and perhaps more.
offers() {
    local shell=$1 line=$2
    shift 2
    "in_$shell" "$line" >"$scratch/offered" 2>"$scratch/why"
    for word; do
        grep -qxF -- "$word" "$scratch/offered" ||
            fail "$shell offers no \"$word\" after \"$line\", but:" \
                "$(tr '\n' ' ' <"$scratch/offered" | head -c 300) $(cat "$scratch/why")"
    done
}

shells=()
for shell in bash zsh fish; do
    command -v $shell >/dev/null && shells+=($shell) ||
        echo "skipped: $shell is not installed, its completion is not tried"
done
cd "$scratch"
touch ca.pem
mkdir folder
for shell in "${shells[@]}"; do
    offers $shell 'd2d ' send device help
    offers $shell 'd2d dev' device
    offers $shell 'd2d device ' add list rm key
    offers $shell 'd2d send --t' --to --ttl --timeout
    offers $shell 'd2d send --ack ' none positive negative full
    offers $shell 'd2d send --to ' phone garage
    offers $shell 'd2d send --as ph' phone
    offers $shell 'd2d device rm phone g' garage
    offers $shell 'd2d context use ' home
    offers $shell 'd2d send --ca-file ca' ca.pem
    offers $shell 'd2d help device ' add
    offers $shell 'd2dhub ' init run
    offers $shell 'd2dhub run --log-level ' error warn info debug
    offers $shell 'd2dhub run --mqtts' --mqtts-port
done
# Without a hub: nothing, soon, and without a word.
[ -z "$(timeout 5 d2d --complete send --https-port 1 --to '' 2>&1)" ] || fail "a hub that is not there is told of"
[ -z "$(XDG_CONFIG_HOME=$scratch timeout 5 d2d --complete send --to '' 2>&1)" ] || fail "a missing context is told of"
echo "$commands commands and ${#shells[@]} shells agree"
