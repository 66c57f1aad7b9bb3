/* JSON that a command is given as an argument, or as the value of an option. */
#pragma once

#include "cli.h"

/* The JSON object, or NULL with a usage message that names the argument. Given: json_decref(). */
json_t *json_argument(const struct command *, const char *name, const char *text);
/* The same of any JSON value. */
json_t *json_argument_value(const struct command *, const char *name, const char *text);
/* Puts it into `to` under that key; false, with a usage message, when `text` is no JSON object. Without a text nothing
 * is put. */
bool json_argument_put(const struct command *, json_t *to, const char *key, const char *name, const char *text);
