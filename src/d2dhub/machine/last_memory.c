#include "last_memory.h"

#include "ceilings.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

static _Atomic(void *) pieces[LAST_MEMORY_PIECES];
static atomic_bool given;

bool last_memory_hold(void)
{
    for (int i = 0; i < LAST_MEMORY_PIECES; i++) {
        if (atomic_load(&pieces[i]))
            continue;
        /* Nobody touches it: it is counted as address space, and costs nothing else. */
        void *at =
            mmap(NULL, LAST_MEMORY_PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (at == MAP_FAILED)
            return false;
        atomic_store(&pieces[i], at);
    }
    atomic_store(&given, false);
    return true;
}

bool last_memory_given(void)
{
    return atomic_load(&given);
}

/* Sanitizers have allocators of their own, and so have other C libraries. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OTHER_ALLOCATOR
#endif
#endif
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(OTHER_ALLOCATOR)

/* The allocator of glibc below its public names, which this program and all its libraries find here instead;
 * what it gives is free()d as ever. */
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);

/* Gives up a piece. False: there is none, or it is not for an allocation of this size. */
static bool give(size_t size)
{
    for (int i = 0; i < LAST_MEMORY_PIECES && size < LAST_MEMORY_FOR; i++) {
        void *at = atomic_exchange(&pieces[i], NULL);

        if (!at)
            continue;
        atomic_store(&given, true);
        munmap(at, LAST_MEMORY_PIECE);
        return true;
    }
    return false;
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    void *p;

    while (!(p = __libc_malloc(size)) && give(size))
        ;
    return p;
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
    void *p;
    size_t all;

    if (__builtin_mul_overflow(n, size, &all))
        all = LAST_MEMORY_FOR;
    while (!(p = __libc_calloc(n, size)) && give(all))
        ;
    return p;
}

__attribute__((visibility("default"))) void *realloc(void *old, size_t size)
{
    void *p;

    while (!(p = __libc_realloc(old, size)) && size && give(size))
        ;
    return p;
}

#endif
