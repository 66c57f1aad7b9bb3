#include "handle.h"

#include "options.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MOST = 512 };

/* Every kind's options have room here. */
union any_options {
    struct d2d_options common;
    max_align_t aligned;
    unsigned char room[OPTIONS_MOST];
};

static enum d2d_err take_options(const struct handle_kind *k, struct d2d_loop *l, const void *given,
                                 union any_options *out)
{
    assert(k->options_size <= sizeof *out);
    return k->options_size ? options_take_all(l, given, out, k->options_size) : options_take(l, given, &out->common);
}

static void end(void *of)
{
    struct account *a = of;

    a->kind->end(a);
    account_close(a);
    free(a);
}

enum d2d_err handle_begin(const struct handle_kind *k, struct d2d_loop *l, const void *given, struct account *a)
{
    union any_options options;
    const char *missing;
    enum d2d_err e;

    if (!l)
        return D2D_ARGUMENT;
    loop_begins(l);
    if ((e = take_options(k, l, given, &options)))
        return e;
    if (k->missing && (missing = k->missing(&options)))
        return loop_fail(l, D2D_ARGUMENT, "%s", missing);
    if ((e = k->open ? k->open(a, l, &options)
                     : account_open(a, l, k->options_size ? options_common(&options) : &options.common, k->strings)))
        return loop_ends(l, e);
    a->kind = k;
    if (k->begin && (e = k->begin(a, &options))) {
        k->end(a);
        account_close(a);
        return loop_ends(l, e);
    }
    a->given = true;
    return D2D_OK;
}

enum d2d_err handle_new(const struct handle_kind *k, struct d2d_loop *l, const void *given, void *out)
{
    struct account *a;
    enum d2d_err e;

    if (!l || !out)
        return D2D_ARGUMENT;
    if (!(a = calloc(1, k->size)))
        return loop_fail(l, D2D_NO_MEMORY, "%s", d2d_err_text(D2D_NO_MEMORY));
    if ((e = handle_begin(k, l, given, a))) {
        free(a);
        return e;
    }
    a->grave = (struct grave){.end = end, .of = a};
    memcpy(out, &a, sizeof a);
    return D2D_OK;
}

void handle_bury(struct account *a)
{
    loop_bury(a->loop, &a->grave);
}
