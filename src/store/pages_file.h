/* A checkpoint's file as a source of pages: read and never mapped, so that what cannot be read is an error. */
#pragma once

#include "state_pages.h"

struct pages_file {
    int fd;
    bool is_file; /* false: a folder or a device stands there */
    struct pages_source source;
};

/* ERR_NOT_FOUND: there is none. ERR_IO and errno. The source looks into `out`, which must not be moved. */
enum err pages_file_open(const char *path, struct pages_file *out) MUST_CHECK;
void pages_file_close(struct pages_file *);
