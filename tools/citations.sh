#!/bin/bash
# citations.sh: each section of a contract that a source, a test or a page cites ("device 2.8", "service 4.3, 4.4",
# "provisioning 1.2.4") is a heading of doc/contract, and no heading is there twice.
set -euo pipefail
cd "$(dirname "$0")/.."

# A number without a point is a citation only in sources, and not in the middle of a sentence: elsewhere it is a figure.
cited() {
    local more='((, | and | to |-|–)[0-9]+(\.[0-9]+)+)*'

    git grep -nIoE "\b(device|service|provisioning) [0-9]+(\.[0-9]+)+$more" -- \
        src include test bench examples doc CONTRIBUTING.md
    git grep -nIoE "(^|[(*/:,] ?|of )(device|service|provisioning) [0-9]+([,:.)]|\$)" -- src include
}

{ grep -nE '^#+ [0-9]+(\.[0-9]+)*\.? ' doc/contract/*.md; cited; } | awk '
    function wrong(why) { print where ": " why >"/dev/stderr"; bad = 1 }
    {
        split($0, part, ":")
        where = part[1] ":" part[2]
        text = substr($0, length(where) + 2)
    }
    part[1] ~ /^doc\/contract\// && text ~ /^#/ {
        contract = part[1]
        gsub(/^doc\/contract\/|[-.].*$/, "", contract)
        split(text, word, " ")
        sub(/\.$/, "", word[2])
        if (known[contract " " word[2]]++)
            wrong("section " contract " " word[2] " is there twice")
        next
    }
    {
        match(text, /device|service|provisioning/)
        contract = substr(text, RSTART, RLENGTH)
        while (match(text, /[0-9]+(\.[0-9]+)*/)) {
            number = substr(text, RSTART, RLENGTH)
            text = substr(text, RSTART + RLENGTH)
            n++
            if (!known[contract " " number])
                wrong(contract " " number " is cited, and doc/contract has no such section")
        }
    }
    END {
        if (!n) { where = "doc/contract"; wrong("nothing cites it") }
        if (bad) exit 1
        print n " citations lead to their sections"
    }'
