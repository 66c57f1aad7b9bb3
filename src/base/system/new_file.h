/* A file that only its owner can read and that comes into being whole: it has its name once all of it is on the disk,
 * and nothing that was there before is lost unless that is wanted. It is opened before what goes into it is made. */
#pragma once

#include "err.h"

struct new_file {
    const char *path; /* lent */
    bool replace;
    int fd;
    char beside[4096]; /* its name until then; "": there is no such file */
};

/* ERR_EXISTS: not to be replaced; ERR_REJECTED: not an ordinary file; ERR_IO. *why: a phrase. Given: new_file_close().
 */
enum err new_file_open(struct new_file *, const char *path, bool replace, const char **why) MUST_CHECK;
enum err new_file_write(struct new_file *, struct bytes text, const char **why) MUST_CHECK;
/* It gets its name. */
enum err new_file_keep(struct new_file *, const char **why) MUST_CHECK;
/* Removes what was not kept; also after a failure of new_file_open(), and twice. */
void new_file_close(struct new_file *);
