#include "options.h"

#include <string.h>

/* How all of them begin. */
struct head {
    size_t size;
    struct d2d_options common;
};

enum { SIZE_MAX_GIVEN = 4096 };

static bool copy(const uint8_t *from, size_t from_len, uint8_t *to, size_t to_len)
{
    size_t both = from_len < to_len ? from_len : to_len;

    memcpy(to, from, both);
    memset(to + both, 0, to_len - both);
    for (size_t i = both; i < from_len; i++)
        if (from[i])
            return false;
    return true;
}

static enum d2d_err check(struct d2d_loop *l, const void *given, size_t size, size_t least)
{
    if (!given)
        return loop_fail(l, D2D_ARGUMENT, "there are no options");
    if (size < least || size > SIZE_MAX_GIVEN)
        return loop_fail(
            l, D2D_ARGUMENT,
            "the options do not begin with their size: initialize them as in d2d.h, {D2D_DEVICE_OPTIONS, …}");
    return D2D_OK;
}

static enum d2d_err is_newer(struct d2d_loop *l)
{
    return loop_fail(l, D2D_UNSUPPORTED, "the options use fields that this version of libd2d (%s) does not have",
                     d2d_version());
}

bool options_copy(const void *given, void *out, size_t size)
{
    size_t theirs = *(const size_t *)given;

    return theirs >= sizeof(size_t) && theirs <= SIZE_MAX_GIVEN && copy(given, theirs, out, size);
}

enum d2d_err options_take(struct d2d_loop *l, const struct d2d_options *given, struct d2d_options *out)
{
    enum d2d_err e = check(l, given, given ? given->size : 0, sizeof(size_t));

    if (e)
        return e;
    return copy((const void *)given, given->size, (void *)out, sizeof *out) ? D2D_OK : is_newer(l);
}

enum d2d_err options_take_all(struct d2d_loop *l, const void *given, void *out, size_t size)
{
    static const size_t at = offsetof(struct head, common);
    const struct head *g = given;
    struct head *o = out;
    size_t theirs, rest;
    enum d2d_err e = check(l, g, g ? g->size : 0, at + sizeof(size_t));

    if (!e)
        e = check(l, g, g->common.size, sizeof(size_t));
    if (e)
        return e;
    theirs = at + g->common.size;
    rest = at + sizeof(struct d2d_options);
    if (theirs > g->size)
        return check(l, g, 0, 1);
    if ((e = options_take(l, &g->common, &o->common)))
        return e;
    o->size = size;
    return copy((const uint8_t *)given + theirs, g->size - theirs, (uint8_t *)out + rest, size - rest) ? D2D_OK
                                                                                                       : is_newer(l);
}

const struct d2d_options *options_common(const void *options)
{
    return &((const struct head *)options)->common;
}
