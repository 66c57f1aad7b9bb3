/* The destination of a secret: a file that only its owner can read, or standard output. It is opened before the secret
 * is made: so no key is made or changed that has nowhere to go. */
#pragma once

#include "cli.h"
#include "new_file.h"

struct secret {
    bool to_file; /* without: standard output */
    struct out out;
    struct new_file file;
};

/* path NULL: standard output. REFUSED: there is such a file, and it is not to be replaced, or is not an ordinary one.
 * Given: secret_close(). */
enum status secret_open(struct secret *, const char *path, bool replace) MUST_CHECK;
/* How its rows look on standard output: without -o they are the member `raw` alone, as a variable of the shell takes
 * it. */
void secret_form(struct secret *, enum out_format, const struct column *, const char *raw);
/* Once to a file, which gets the member `raw` alone. After it the text is on the disk, or on its way to whoever reads
 * the output. Takes the row over. */
enum status secret_write(struct secret *, json_t *row) MUST_CHECK;
/* For what cannot be told again: it has arrived there. Not for ever: who starts a program may read what it says after
 * its end. */
enum status secret_arrived(const struct secret *) MUST_CHECK;
/* The file gets its name. */
enum status secret_keep(struct secret *) MUST_CHECK;
/* Removes what was not kept; also after a failure of secret_open(), twice, and of one that is all zero. */
void secret_close(struct secret *);
/* Writes, keeps and closes. */
enum status secret_put(struct secret *, json_t *row) MUST_CHECK;
/* The same with a text, to a file. */
enum status secret_put_text(struct secret *, const char *text) MUST_CHECK;
