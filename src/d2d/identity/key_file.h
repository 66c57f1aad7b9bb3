/* Keys in files, as base64 text. */
#pragma once

#include "cli.h"

enum { KEY_CAP = 128 };

/* The key in the first line, and the one in the second line, "" when there is none (second NULL: it is not looked at).
 */
enum status key_file_read(const char *path, char first[KEY_CAP], char *second);
/* A new key of 32 random bytes. False, and a cleared `out`: there is no randomness. */
bool key_make(char out[KEY_CAP]);
