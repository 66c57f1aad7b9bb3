/* Where a secret goes: into a file that only its owner can read, or to standard output. It is opened before the secret is made,
 * and a file has its name only once all of it is on the disk: so no key is made or changed that has nowhere to go, and nothing
 * that was there before is lost. */
#pragma once

#include "cli.h"

struct secret {
    const char *path; /* lent; NULL: standard output */
    bool replace;
    int fd;
    char beside[4096]; /* its name until then; "": there is no such file */
};

/* REFUSED: there is such a file, and it is not to be replaced, or is not an ordinary one. Given: secret_close(). */
enum status secret_open(struct secret *, const char *path, bool replace) MUST_CHECK;
/* Once. After it the text is on the disk, or has arrived at whoever reads the output. */
enum status secret_write(struct secret *, const char *text) MUST_CHECK;
/* The file gets its name. */
enum status secret_keep(struct secret *) MUST_CHECK;
/* Removes what was not kept; also after a failure of secret_open(), and twice. */
void secret_close(struct secret *);
/* The last three at once. */
enum status secret_put(struct secret *, const char *text) MUST_CHECK;
