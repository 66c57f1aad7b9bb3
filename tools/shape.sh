#!/bin/bash
# shape.sh [--circles] [FOLDER]: figures of the shape of our sources (or of those in another folder); fails when one is
# worse than its mark in tools/shape.marks. A figure that got better moves its mark: so it stays. --circles names the
# files of the largest circles instead.
set -euo pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd)
names=0
if [ "${1:-}" = --circles ]; then
    names=1
    shift
fi
cd "${1:-$here/..}"

# circle FOLDER: how many files of the largest group need each other, directly or through others. A file needs another
# one if it names a function that is defined there.
circle() {
    find "$1" -name '*.c' -print0 | sort -z | xargs -0 awk -v names=$names '
        FNR == 1 { file[++n] = FILENAME }
        {
            gsub(/"([^"\\]|\\.)*"/, "")
            gsub(/\/\*[^*]*\*\//, "")
            line[n, FNR] = $0
            lines[n] = FNR
            if (/^[a-z]/ && !/^(static|typedef|extern|struct [a-z_0-9]* [{=]|enum {)/ && !/;[ \t]*$/ &&
                match($0, /[a-z_0-9]+\(/)) {
                at[substr($0, RSTART, RLENGTH - 1)] = n
            }
        }
        END {
            for (i = 1; i <= n; i++)
                for (l = 1; l <= lines[i]; l++) {
                    text = line[i, l]
                    while (match(text, /[a-z_][a-z_0-9]*/)) {
                        word = substr(text, RSTART, RLENGTH)
                        if ((word in at) && at[word] != i && substr(text, RSTART - 1, 1) !~ /[.>]/)
                            needs[i, at[word]] = 1
                        text = substr(text, RSTART + RLENGTH)
                    }
                }
            for (k = 1; k <= n; k++)
                for (i = 1; i <= n; i++)
                    if (needs[i, k])
                        for (j = 1; j <= n; j++)
                            if (needs[k, j])
                                needs[i, j] = 1
            most = 1
            for (i = 1; i <= n; i++) {
                size = 1
                for (j = 1; j <= n; j++)
                    size += i != j && needs[i, j] && needs[j, i]
                if (size > most) {
                    most = size
                    one = i
                }
            }
            print most
            for (j = 1; names && most > 1 && j <= n; j++)
                if (j == one || needs[one, j] && needs[j, one])
                    print "  " file[j]
        }'
}

# The most functions that one private header declares.
prototypes() {
    find src -name '*.h' -print0 | xargs -0 awk '
        FNR == 1 { whole = "" }
        /^(#|typedef|static|\/| \*|[{}])/ { next }
        /^[a-z]/ { whole = "" }
        { whole = whole $0 }
        /;/ { if (whole ~ /^[a-z][^={]*\([^*]/ && ++count[FILENAME] > most) most = count[FILENAME]; whole = "" }
        END { print most + 0 }'
}

largest_folder() {
    find src -name '*.[ch]' -printf '%h\n' | sort | uniq -c | sort -rn | awk 'NR == 1 { print $1 }'
}

# asserts FOLDER: of 1,000 lines.
asserts() {
    find "$1" -name '*.[ch]' -print0 | xargs -0 cat | awk '
        { n += gsub(/(^|[^a-z_])assert[a-z_]*\(/, "") }
        END { printf "%.1f\n", NR ? 1000 * n / NR : 0 }'
}

ours() {
    find src include test bench examples -name node_modules -prune -o -name '*.[ch]' -print0
}

wide() {
    ours | xargs -0 cat | grep -cE '^.{121,}' || true
}

# Comments whose first word is not their subject and has to be read twice: of 1,000.
riddles() {
    ours | xargs -0 cat | awk '
        /(\/\*+|\/\/) / { n++ }
        /(\/\*+|\/\/) (What|Whatever|Who|Whoever|Where|Wherever|One|Ones|Those)([^a-z]|$)/ { bad++ }
        END { printf "%.1f\n", n ? 1000 * bad / n : 0 }'
}

if [ $names = 1 ]; then
    circle src/hub
    circle src/front
    exit 0
fi

now() {
    echo "files-in-a-circle-of-hub $(circle src/hub)"
    echo "files-in-a-circle-of-front $(circle src/front)"
    echo "prototypes-in-one-header $(prototypes)"
    echo "files-in-one-folder $(largest_folder)"
    for room in hub store net front; do
        echo "asserts-in-1000-lines-of-$room $(asserts src/$room)"
    done
    echo "worlds-in-test $(grep -rhE '^struct world \{' test --include='*.[ch]' | wc -l)"
    echo "lines-over-120-columns $(wide)"
    echo "riddles-in-1000-comments $(riddles)"
}

now | awk -v marks="$here/shape.marks" '
    BEGIN {
        while ((getline row <marks) > 0)
            if (row !~ /^#/ && split(row, part, " ") == 3) {
                before[part[1]] = part[2]
                mark[part[1]] = part[3]
            }
        printf "%-36s %8s %8s %8s\n", "shape", "before", "mark", "now"
    }
    {
        worse = $1 ~ /^asserts/ ? $2 < mark[$1] : $2 > mark[$1]
        better = $1 ~ /^asserts/ ? $2 > mark[$1] : $2 < mark[$1]
        if (!($1 in mark)) { worse = 1; mark[$1] = "none" }
        printf "%-36s %8s %8s %8s%s\n", $1, before[$1], mark[$1], $2,
            worse ? "  worse than its mark" : better ? "  better: move its mark" : ""
        bad = bad || worse
    }
    END { exit bad }'
