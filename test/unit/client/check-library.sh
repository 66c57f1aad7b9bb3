#!/bin/sh
# check-library.sh SOURCE LIBRARY: the shared library shows only names of d2d.h, all of them, and d2d.h is C17 and C++
# that stands alone; the programs in doc/libd2d.md compile.
set -eu
source=$1 library=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

nm -D --defined-only "$library" | awk '{ print $3 }' |
    grep -v '^__\|^_init$\|^_fini$\|^_edata$\|^_end$' | sort > "$work/shown"
if grep -v '^d2d_' "$work/shown"; then
    echo "the library shows names that are not ours" >&2
    exit 1
fi
grep '^D2D_API' "$source/include/d2d.h" | grep -o '\<d2d_[a-z0-9_]*(' | tr -d '(' | sort -u > "$work/declared"
diff "$work/declared" "$work/shown" >&2 || { echo "d2d.h and the library do not say the same" >&2; exit 1; }

printf '%s\n' '#include <d2d.h>' \
    'int main() { d2d_device_options o = {}; o.size = sizeof o; o.common.size = sizeof o.common; d2d_message m = {};' \
    'return o.common.mqtts_port + (int)m.body_len; }' > "$work/a.cc"
printf '#include <d2d.h>\nint main(void) { return d2d_version()[0] == 0; }\n' > "$work/a.c"
c++ -std=c++11 -Wall -Wextra -pedantic -Werror -I "$source/include" -c "$work/a.cc" -o "$work/a.o"
cc -std=c17 -Wall -Wextra -pedantic -Werror -I "$source/include" -c "$work/a.c" -o "$work/b.o"

awk -v to="$work/doc" '/^```c$/ { n++; on = 1; next } /^```$/ { on = 0 } on { print > (to n ".c") }' \
    "$source/doc/libd2d.md"
for program in "$work"/doc*.c; do
    cc -std=c17 -Wall -Wextra -Werror -I "$source/include" -c "$program" -o "$work/doc.o"
done
