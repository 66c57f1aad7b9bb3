/* An HTTP request to somebody else, by libcurl: bounded in time and in what is taken. */
#pragma once

#include "buf.h"

#include <stdatomic.h>

struct outside_http {
    const char *ca_file;          /* "": those of the system */
    const _Atomic bool *stopping; /* breaks it off */
    const char *method, *url;
    const char *token, *if_match; /* NULL: none */
    struct bytes body;            /* JSON */
    struct buf *answer;
    int status;
    char why[160];
};

/* OK: there is an answer, whatever its status. ERR_DENIED: http:// goes to this computer only. ERR_UNREACHABLE,
 * ERR_MEMORY. */
enum err outside_http(struct outside_http *) MUST_CHECK;
