#!/bin/bash
# test.sh [--rights] [--only TEXT]: all tests, in the order in which a failure says most, or those parts with TEXT in
# their names; with --rights it only tells what would be skipped here.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/parts.sh

threads() {
    tools/build.sh tsan --quiet
    ctest --test-dir build/tsan -L 'thread|unit' -R 'store|hub|net|client/live_threads' --output-on-failure
}

# A hub in a thread and libd2d's handles, freed in each of their callbacks.
valgrind_looks_on() {
    . tools/beside.sh
    local program
    for program in build/test/test/unit_client_live_*_test; do
        beside valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,indirect "$program"
    done
    all_done
}

in_memory() {
    tools/build.sh asan --quiet
    ctest --test-dir build/asan --output-on-failure -j 2
}

reached() {
    tools/build.sh coverage --quiet test/fuzz/all
    tools/coverage.sh build/coverage
}

essential="build with gcc"
part "$essential" "" tools/build.sh test --quiet
part "build with clang" "" tools/build.sh clang --quiet
part "style, clang-tidy, cppcheck" "" tools/lint.sh build/clang
part "in memory, with address and undefined-behaviour sanitizers" "" in_memory
part "with the thread sanitizer" "" threads
part "libd2d under valgrind" "" valgrind_looks_on
part "what is installed" "" tools/check-install.sh build/test
part "the daemon" "mounts" test/daemon/run.sh build/test
part "system calls a message" "tracing" test/daemon/syscalls.sh build/test
part "what the system refuses" "" test/faults/run.sh build/test 60
part "what the fuzz corpora reach" "" reached
part "kill -9 under load" "" test/crash/kill9.sh build/test
part "damaged stores" "" test/crash/flips.sh build/test
part "the command line" "" test/cli/run.sh build/test
part "official SDKs and field clients" "networks npm" test/e2e/run.sh build/test
part "the demonstration" "" examples/demo.sh build/test
part "the packages" "root debian boot" test/packages/run.sh
part "a fresh machine: Debian 12, the README" "root debian" test/fresh/readme.sh 12 amd64
part "a fresh machine of 32 bits: the README, the tests, data folders that move" "root debian i386" \
    test/fresh/narrow.sh 12 i386

run_parts "$@"
