/* Reads a file in LMDB's page format without LMDB, which trusts every byte that it maps: whatever the bytes are, this
 * ends, stays within them and within a bounded depth, and says what is wrong. A file that it finds whole can be mapped:
 * every page is reachable once and of the right kind, none is free and in use, keys are in order, and all entries were
 * shown to whoever looks. Words and byte order are those of this machine, as in LMDB. */
#pragma once

#include "bytes.h"
#include "err.h"

struct pages_source {
    /* Exactly `len` bytes at `at`; false: they cannot be read. */
    bool (*read)(void *ctx, uint64_t at, uint8_t *to, size_t len);
    void *ctx;
    uint64_t size;
};

struct pages_look {
    /* A table begins, "meta" before all others; then its entries come in order. Each returns NULL, or what is wrong
     * with it. */
    const char *(*table)(void *ctx, struct bytes name);
    const char *(*entry)(void *ctx, struct bytes key, struct bytes value);
    /* Something is wrong at this byte. True: what can be reached without it is still wanted. */
    bool (*damage)(void *ctx, uint64_t offset, const char *what);
    void *ctx;
    /* Everything whole is wanted, wherever it stands: entries that are not in order, too, and then, as a table
     * without a name, those in pages that nothing leads to any more and that are not free either. Each value has to
     * prove itself by its checksum. */
    bool salvage;
};

/* ERR_NOT_FOUND: nothing was written yet. ERR_DAMAGED: `damage` was called, at least once. ERR_MEMORY. */
enum err pages_walk(const struct pages_source *, const struct pages_look *) MUST_CHECK;
/* The same for a file that is expected to be whole, by n threads (CREW_MAX at most), each with a look of its own. Only
 * the first is told of tables, between which no thread looks; which of them is shown an entry, and when, is not said.
 * `damage` is NULL. ERR_DAMAGED: pages_walk() says what is wrong. */
enum err pages_prove(const struct pages_source *, const struct pages_look *, unsigned n) MUST_CHECK;
