#!/bin/sh
# no-world.sh ARCHIVE: fails when a library that is "bytes in, bytes out" asks the linker for a socket, a file, a clock,
# a thread or a random source.
set -eu
asked=$(nm -u --format=posix "$1" | awk '$2 == "U" {print $1}' | sort -u)
wrong=$(printf '%s\n' "$asked" | grep -xE '(socket|connect|bind|listen|accept4?|send(to|msg)?|recv(from|msg)?|poll|ppoll|select|epoll_.*|uv_.*|open(64|at)?|fopen(64)?|read|write|pread(64)?|pwrite(64|v2?)?|close|unlink|rename|mkdir|opendir|f(data)?sync|mmap(64)?|time|clock|clock_gettime|gettimeofday|nanosleep|usleep|sleep|localtime(_r)?|gmtime(_r)?|strftime|rand|random|srand(om)?|getrandom|getentropy|arc4random.*|RAND_.*|SSL_.*|pthread_create|thrd_create|fork|exec.*|system|getenv|mdb_.*)(@.*)?' || true)
if [ -n "$wrong" ]; then
    echo "$1 reaches outside:" $wrong >&2
    exit 1
fi
