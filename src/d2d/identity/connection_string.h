/* Connection strings as people have them in files and variables: with a byte order mark, in UTF-16, in quotes, broken
 * over lines, as the answer of a cloud's tool; made into the one line that the library takes. Keys are never printed.
 */
#pragma once

#include "cli.h"

enum { CONNECTION_STRING_CAP = 4096, CONNECTION_TEXT_MAX = 64 * 1024 };

/* DONE, or USAGE and a line to stderr: where it is `from`, which part is wrong, and what to do. */
enum status connection_string_take(const char *from, struct bytes raw, char out[CONNECTION_STRING_CAP]);
/* The same for a file, or "-" for standard input. */
enum status connection_string_read(const char *path, char out[CONNECTION_STRING_CAP]);
