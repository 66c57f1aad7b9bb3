/* Whether a checkpoint's file is whole, read without trusting it. */
#pragma once

#include "state_pages.h"
#include "state_seal.h"

enum { STATE_WHY_CAP = 256 };

/* OK: it is whole; `sum` is its record, `form` the form of its values. ERR_NOT_FOUND: there is none. ERR_DAMAGED: `why`
 * names the first page or key that is not as it was written. ERR_MEMORY, ERR_IO. */
enum err state_check(const char *path, struct state_sum *sum, int *form, char why[STATE_WHY_CAP]) MUST_CHECK;

/* The file as a source of pages. It is mapped where there is room for it in the address space, which costs a third of
 * reading it page by page; what the disk cannot read are zeros then, and no page begins with them. */
struct pages_file {
    int fd;
    bool is_file;       /* false: a folder or a device stands there */
    const uint8_t *map; /* NULL: it is read */
    struct pages_source source;
};

/* ERR_NOT_FOUND: there is none. ERR_IO and errno. The source looks into `out`, which must not be moved. */
enum err pages_file_open(const char *path, struct pages_file *out) MUST_CHECK;
void pages_file_close(struct pages_file *);
