#!/bin/bash
# places.sh: each file that a table of doc names in its second column exists, and has what the third column names: of
# architecture.md ("Where is …") functions that it defines, of security.md and reliability.md tests. Each room of
# CMakeLists.txt is in the table of rooms, and links between pages lead to pages.
set -euo pipefail
cd "$(dirname "$0")/.."
bad=0

# rows PAGE: "what|file|names" of its tables whose second column is a file.
rows() {
    sed -nE 's/^\| ?(.*[^ ])? *\| `([^`|]+\.[a-z]+)` \| (.*) \|$/\1|\2|\3/p' "doc/$1.md"
}

# check PAGE FOLDER LEAST: at least so many names.
check() {
    local n=0 what file names name pattern
    while IFS='|' read -r what file names; do
        for name in $(grep -oE '`[^`]+`' <<<"$names" | tr -d '`'); do
            n=$((n + 1))
            case $name in
            *'()') pattern="^[a-z].*\\b${name%()}\\(" ;; # at the start of a line: its definition
            *) pattern="\\b$name\\b" ;;
            esac
            if ! grep -qE "$pattern" "$2$file"; then
                echo "doc/$1.md, $what: $name is not in $2$file" >&2
                bad=1
            fi
        done
    done < <(rows "$1")
    if [ "$n" -lt "$3" ]; then
        echo "doc/$1.md: its table names $n things: is it gone?" >&2
        bad=1
    fi
}

# The rooms, and the folders of rooms and programs.
rooms() {
    sed -nE 's/^d2d_room\(([^ )]+).*/\1/p' CMakeLists.txt
    sed -nE 's/^d2d_(room|program)\([^ )]+ *FOLDERS ([a-z ]+) USES.*/\2/p' CMakeLists.txt | tr ' ' '\n'
}

for room in $(rooms); do
    if ! grep -qE "^\| .*\`([a-z0-9]+/)?$room\`" doc/architecture.md; then
        echo "doc/architecture.md: the room $room is not in the table of rooms" >&2
        bad=1
    fi
done

# Links are from the page's folder; a path in code is from the top.
for page in README.md CONTRIBUTING.md CHANGELOG.md doc/*.md doc/contract/*.md; do
    while read -r to; do
        if [ ! -e "$(dirname "$page")/$to" ]; then
            echo "$page: the link to $to leads nowhere" >&2
            bad=1
        fi
    done < <(grep -oE '\]\([^):#]+\)' "$page" | sed 's/^](//; s/)$//')
    while read -r to; do
        if [ ! -e "$to" ]; then
            echo "$page: $to does not exist" >&2
            bad=1
        fi
    done < <(
        grep -oE '`(doc|test|tools|examples|packaging|src|bench)/[A-Za-z0-9_./-]+[A-Za-z0-9_-]`' "$page" | tr -d '`'
    )
done

check architecture src/ 20
check security "" 30
check reliability "" 20
exit $bad
