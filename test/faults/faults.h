/* The n-th call that fails. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum fault {
    FAULT_ALLOC,  /* ours */
    FAULT_CRYPTO, /* OpenSSL's allocations: each of its calls that can fail, fails by one of them */
    FAULT_WRITE,
    FAULT_READ,
    FAULT_SYNC,
    FAULT_OPEN,
    FAULT_MMAP,
    FAULT_LMDB,
    FAULT_OPENSSL, /* calls of OpenSSL that say why they failed, or not */
    FAULT_THREAD,
    FAULTS
};

/* True if this one is to fail. */
bool fault(enum fault kind);

void *__real_malloc(size_t n);
void *__real_realloc(void *old, size_t n);
