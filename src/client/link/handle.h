/* The beginning and the end of every handle: options, account and grave. A handle is a struct that begins with its
 * account. A registration begins as one, too, but is never given to the program. */
#pragma once

#include "account.h"

struct handle_kind {
    size_t size;         /* of the struct */
    size_t options_size; /* of its options; 0: struct d2d_options alone */
    unsigned strings;    /* connection strings that will do: 1u << CONNSTR_… */
    /* A sentence when the options lack something; NULL: they do not, or nothing can be missing. */
    const char *(*missing)(const void *options);
    /* Opens the account; NULL: by its connection string. What fails has its reason in loop_fail(). */
    enum d2d_err (*open)(void *handle, struct d2d_loop *, const void *options);
    /* Sets it up, with its account open and everything else zero; NULL: nothing is left to do. What fails has its
     * reason in the account. */
    enum d2d_err (*begin)(void *handle, const void *options);
    void (*end)(void *handle); /* frees what it has, but its account; also after a begin() that failed */
};

/* From the options, which are copied only until it returns, to a handle whose memory is the caller's. D2D_ARGUMENT: no
 * loop, or bad options. After a failure its account is closed. */
enum d2d_err handle_begin(const struct handle_kind *, struct d2d_loop *, const void *options,
                          struct account *) MUST_CHECK;
/* For a d2d_*_new(): the same in memory of its own. `out` is where the program wants its pointer to the handle. */
enum d2d_err handle_new(const struct handle_kind *, struct d2d_loop *, const void *options, void *out) MUST_CHECK;
/* For a d2d_*_free(), last: the handle stays until nothing on the stack uses it. */
void handle_bury(struct account *);
