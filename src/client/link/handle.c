#include "handle.h"

#include "options.h"

#include <assert.h>
#include <stdlib.h>

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

enum d2d_err handle_new(const struct handle_kind *k, struct d2d_loop *l, const void *given, void **out)
{
    union any_options options;
    const char *missing;
    struct account *a;
    enum d2d_err e;

    if (!l)
        return D2D_ARGUMENT;
    loop_begins(l);
    if ((e = take_options(k, l, given, &options)))
        return e;
    if (k->missing && (missing = k->missing(&options)))
        return loop_fail(l, D2D_ARGUMENT, "%s", missing);
    if (!(a = calloc(1, k->size)))
        return loop_ends(l, D2D_NO_MEMORY);
    if ((e = account_open(a, l, k->options_size ? options_common(&options) : &options.common, k->strings))) {
        free(a);
        return loop_ends(l, e);
    }
    a->kind = k;
    a->grave = (struct grave){.end = end, .of = a};
    if ((e = k->begin(a, &options))) {
        end(a);
        return loop_ends(l, e);
    }
    a->given = true;
    *out = a;
    return D2D_OK;
}

void handle_bury(struct account *a)
{
    loop_bury(a->loop, &a->grave);
}
