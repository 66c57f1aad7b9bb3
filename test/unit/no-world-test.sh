#!/bin/sh
# no-world-test.sh TOP CC: tools/no-world.sh lets pass what is allowed and finds what is not.
set -eu
check=$1/tools/no-world.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# made NAME: NAME.a of the program on standard input.
made() {
    $2 -x c -c -o "$1.o" -
    ar rc "$1.a" "$1.o"
}

made seen "$2" <<'C'
int of_a_room_that_it_sees(void) { return 1; }
C
made fits "$2" <<'C'
#include <stdlib.h>
#include <string.h>
int of_a_room_that_it_sees(void);
void *copied(const void *from, size_t len);
void *copied(const void *from, size_t len) { return memcpy(malloc(len + (size_t)of_a_room_that_it_sees()), from, len); }
C
made clock "$2" <<'C'
#include <time.h>
long when(void);
long when(void) { return (long)time(NULL); }
C
made lock "$2" <<'C'
#include <pthread.h>
int taken(pthread_mutex_t *m);
int taken(pthread_mutex_t *m) { return pthread_mutex_lock(m); }
C

# refuses NAMES COMMAND…: it fails, and names these.
refuses() {
    names=$1
    shift
    if said=$("$@" 2>&1); then
        echo "passed: $*" >&2
        exit 1
    fi
    [ "${said##*: }" = "$names" ] || { echo "\"$said\" does not name $names" >&2 && exit 1; }
}

"$check" hub fits.a seen.a
refuses of_a_room_that_it_sees "$check" hub fits.a
refuses time "$check" hub clock.a
"$check" hub lock.a
refuses pthread_mutex_lock "$check" message lock.a
