/* The beginning and the end of every handle: options, account and grave. A handle is a struct that begins with its
 * account. */
#pragma once

#include "account.h"

struct handle_kind {
    size_t size;         /* of the struct */
    size_t options_size; /* of its options; 0: struct d2d_options alone */
    unsigned strings;    /* that will do: 1u << CONNSTR_… */
    /* A sentence when the options lack something; NULL: they do not, or nothing can be missing. */
    const char *(*missing)(const void *options);
    /* Sets it up, with its account open and everything else zero. What fails has its reason in the account. */
    enum d2d_err (*begin)(void *handle, const void *options);
    void (*end)(void *handle); /* frees what it has, but its account; also after a begin() that failed */
};

/* For a d2d_*_new(): the options are copied only until begin() returns. D2D_ARGUMENT: no loop, or bad options. */
enum d2d_err handle_new(const struct handle_kind *, struct d2d_loop *, const void *options, void **out) MUST_CHECK;
/* For a d2d_*_free(), last: the handle stays until nothing on the stack uses it. */
void handle_bury(struct account *);
