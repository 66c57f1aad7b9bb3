/* The files of imports and exports, in memory: for tests. */
#pragma once

#include "transfer.h"

#include "check.h"

#include <stdio.h>

enum { MEMORY_FILES_MAX = 16 };

static struct memory_file {
    char name[CONTAINER_MAX + BLOB_MAX + 3]; /* "": there is none */
    struct buf text;
} all_files[MEMORY_FILES_MAX];
static enum err files_fail;               /* what writes say, */
static unsigned files_good, files_writes; /* after so many; how many there were */

static inline struct memory_file *memory_file(const char *container, const char *blob, bool make)
{
    char name[sizeof all_files[0].name];
    struct memory_file *free_one = NULL;

    snprintf(name, sizeof name, "%s/%s", container, blob);
    for (size_t i = 0; i < MEMORY_FILES_MAX; i++) {
        if (!strcmp(all_files[i].name, name))
            return &all_files[i];
        if (!all_files[i].name[0])
            free_one = &all_files[i];
    }
    if (!make)
        return NULL;
    CHECK(free_one);
    memcpy(free_one->name, name, sizeof name);
    free_one->text = buf_max(64 << 20);
    return free_one;
}

static inline void memory_file_drop(void *ctx, const char *container, const char *blob)
{
    struct memory_file *f = memory_file(container, blob, false);

    (void)ctx;
    if (!f)
        return;
    buf_free(&f->text);
    f->name[0] = 0;
}

static inline void memory_files_clear(void)
{
    for (size_t i = 0; i < MEMORY_FILES_MAX; i++) {
        if (all_files[i].name[0])
            buf_free(&all_files[i].text);
        all_files[i].name[0] = 0;
    }
    files_fail = OK;
    files_good = files_writes = 0;
}

static inline enum err memory_file_read(void *ctx, const char *container, const char *blob, uint64_t at, uint8_t *out,
                                        size_t cap, size_t *n)
{
    const struct memory_file *f = memory_file(container, blob, false);
    struct bytes rest;

    (void)ctx;
    if (!f)
        return ERR_NOT_FOUND;
    rest = bytes_first(bytes_skip(buf_bytes(&f->text), (size_t)at), cap);
    if (rest.len)
        memcpy(out, rest.at, rest.len);
    *n = rest.len;
    return OK;
}

static inline enum err memory_file_size(void *ctx, const char *container, const char *blob, uint64_t *out)
{
    const struct memory_file *f = memory_file(container, blob, false);

    (void)ctx;
    if (f)
        *out = f->text.len;
    return f ? OK : ERR_NOT_FOUND;
}

static inline enum err memory_file_write(void *ctx, const char *container, const char *blob, uint64_t at,
                                         struct bytes text, bool synced)
{
    struct memory_file *f;

    (void)ctx, (void)synced;
    if (files_writes++ >= files_good && files_fail)
        return files_fail;
    f = memory_file(container, blob, true);
    CHECK(at <= f->text.len);
    f->text.len = (size_t)at;
    buf_put(&f->text, text);
    return OK;
}

static inline enum err memory_file_keep(void *ctx, const char *container, const char *beside, const char *blob)
{
    struct memory_file *f = memory_file(container, beside, false);

    CHECK(f);
    memory_file_drop(ctx, container, blob);
    snprintf(f->name, sizeof f->name, "%s/%s", container, blob);
    return OK;
}

static const struct job_files memory_files = {.read = memory_file_read,
                                              .size = memory_file_size,
                                              .write = memory_file_write,
                                              .keep = memory_file_keep,
                                              .drop = memory_file_drop};

/* The content of a file; "" where there is none. */
static inline const char *file_text(const char *container, const char *blob)
{
    struct memory_file *f = memory_file(container, blob, false);

    return f ? buf_str(&f->text) : "";
}

static inline void file_put(const char *container, const char *blob, const char *text)
{
    CHECK_OK(memory_file_write(NULL, container, blob, 0, bytes_str(text), true));
}
