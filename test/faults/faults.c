/* Linked into d2dhub and d2d in place of what they stand on (-Wl,--wrap): D2D_FAULT="KIND:N" lets the N-th call of a
 * kind fail, "KIND:N:EVERY" that one and each EVERY-th after it. D2D_FAULT_COUNTS names a file that gets how many there
 * were of each kind. What OpenSSL allocates for itself comes by here. qpid-proton corrupts its memory when it gets
 * none, and jansson ends the program by an assertion of its own or writes JSON that is none: they always get some, and
 * so they do in the hub that runs (last_memory.c). */
#include "faults.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[FAULTS] = {"alloc", "crypto", "write", "read",    "sync",
                                          "open",  "mmap",   "lmdb",  "openssl", "thread"};

static _Atomic unsigned long counts[FAULTS];
static int wanted = -1;
static unsigned long first, every;

bool fault(enum fault kind)
{
    unsigned long n = atomic_fetch_add(&counts[kind], 1) + 1;
    char line[64];

    if ((int)kind != wanted || !(n == first || (every && n > first && (n - first) % every == 0)))
        return false;
    if (!every && getenv("D2D_FAULT_TRACE")) {
        void *stack[24];

        backtrace_symbols_fd(stack, backtrace(stack, 24), STDERR_FILENO);
    }
    if (write(STDERR_FILENO, line, (size_t)snprintf(line, sizeof line, "fault %s %lu\n", names[kind], n)) < 0)
        return true;
    return true;
}

static void report(void)
{
    const char *name = getenv("D2D_FAULT_COUNTS");
    FILE *f = name ? fopen(name, "w") : NULL;

    for (int i = 0; f && i < FAULTS; i++)
        fprintf(f, "%s %lu\n", names[i], atomic_load(&counts[i]));
    if (f)
        fclose(f);
}

static void *crypto_malloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return n == 0 || fault(FAULT_CRYPTO) ? NULL : __real_malloc(n);
}

static void *crypto_realloc(void *old, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    if (n == 0) {
        free(old);
        return NULL;
    }
    return fault(FAULT_CRYPTO) ? NULL : __real_realloc(old, n);
}

static void crypto_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

/* The place of the fault, for whoever mends it. */
static void crashed(int number)
{
    void *stack[48];

    backtrace_symbols_fd(stack, backtrace(stack, 48), STDERR_FILENO);
    signal(number, SIG_DFL);
    raise(number);
}

__attribute__((constructor)) static void begin(void)
{
    const char *asked = getenv("D2D_FAULT");
    char kind[16];

    for (int i = 0; asked && i < FAULTS; i++)
        if (sscanf(asked, "%15[a-z]:%lu:%lu", kind, &first, &every) >= 2 && !strcmp(kind, names[i]))
            wanted = i;
    CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free);
    if (wanted >= 0) {
        signal(SIGSEGV, crashed);
        signal(SIGABRT, crashed);
    }
    atexit(report);
}
