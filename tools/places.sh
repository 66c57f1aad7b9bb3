#!/bin/bash
# places.sh: each file that doc/architecture.md names under "Where is …" exists, and defines what is named beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
bad=0 n=0

while IFS='|' read -r _ what file names _; do
    file=src/$(tr -d ' `' <<<"$file")
    for name in $(grep -oE '`[^`]+`' <<<"$names" | tr -d '`'); do
        n=$((n + 1))
        case $name in
        *'()') pattern="^[a-z].*\\b${name%()}\\(" ;; # at the start of a line: its definition
        *) pattern="\\b$name\\b" ;;
        esac
        if ! grep -qE "$pattern" "$file"; then
            echo "doc/architecture.md:$what: $name is not in $file" >&2
            bad=1
        fi
    done
done < <(sed -n '/^## Where is/,/^## /p' doc/architecture.md | grep '^| .*`')
if [ "$n" -lt 6 ]; then
    echo "doc/architecture.md: the table under \"Where is …\" is not there" >&2
    bad=1
fi
exit $bad
