#!/bin/bash
# test.sh: all tests, in the order in which a failure says most. Each part prints its own closing line.
set -euo pipefail
cd "$(dirname "$0")/.."

part() {
    echo
    echo "== $1 =="
    shift
    local begun=$SECONDS
    "$@"
    echo "   ($((SECONDS - begun)) s)"
}

build() {
    [ -f "build/$1/build.ninja" ] || cmake --preset "$1" >/dev/null
    cmake --build "build/$1" -- --quiet
}

threads() {
    build tsan
    ctest --test-dir build/tsan -L 'thread|unit' -R 'store|hub|net' --output-on-failure
}

in_memory() {
    build asan
    ctest --test-dir build/asan --output-on-failure -j 2
}

part "build with gcc" build release
part "build with clang" build clang
part "style, clang-tidy, cppcheck" tools/lint.sh build/clang
part "in memory, with address and undefined-behaviour sanitizers" in_memory
part "with the thread sanitizer" threads
part "what is installed" tools/check-install.sh build/release
part "the daemon" test/daemon/run.sh build/release
part "system calls a message" test/daemon/syscalls.sh build/release
part "kill -9 under load" test/crash/kill9.sh build/release
part "the command line" test/cli/run.sh build/release
part "official SDKs and field clients" test/e2e/run.sh build/release
part "the demonstration" examples/demo.sh build/release
echo
echo "all tests passed"
