#!/bin/bash
# lint.sh BUILD: layout, mistakes that no compiler finds, clang-tidy and cppcheck over all our sources.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
mapfile -t sources < <(git ls-files --cached --others --exclude-standard '*.c' '*.h')
mapfile -t units < <(printf '%s\n' "${sources[@]}" | grep '^src/.*\.c$')

# Its versions disagree about layout: 14 decides, which is Debian 12's.
if clang-format --version | grep -q 'version 14\.'; then
    clang-format --dry-run --Werror "${sources[@]}"
else
    echo "layout was not looked at: clang-format 14 decides it, this is $(clang-format --version)"
fi
tools/mistakes.sh "${sources[@]}"
# From 2.11 on it does not see that what was added to a list is still held; from 2.14 on it takes an array that is
# handed over beside the call that fills it for one that nobody fills, and forgets what a failed allocation returns.
case $(cppcheck --version) in
*' 2.'[0-9] | *' 2.'[0-9].* | *' 2.1'[0-3]*) unsure=() ;;
*) unsure=(--suppress=uninitvar --suppress=nullPointerOutOfMemory) ;;
esac
cppcheck ${unsure[@]+"${unsure[@]}"} --quiet --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,portability \
    --suppress=missingIncludeSystem --suppress=funcArgOrderDifferent --suppress=normalCheckLevelMaxBranches \
    --suppress=memleak:src/client/link/loop.c --suppress=memleak:src/d2d/command/listen.c \
    --library=tools/cppcheck.xml -j 2 $(find src include -type d -printf "-I %p ") "${units[@]}"
printf '%s\n' "${units[@]}" | xargs -P 2 -n 8 clang-tidy --quiet -p "$build" 2>/dev/null
echo "${#sources[@]} files are clean"
