#include "filter.h"

#include "sections.h"
#include "words.h"

#include <assert.h>

/* service 2.6: each family of clients has its own descriptor for the same thing. */
static bool is_selector(const struct amqp_value *descriptor)
{
    int64_t number;

    if (amqp_value_integer(descriptor, &number))
        return number == 0x0000468C00000004 || number == 0x000000137000000A;
    return amqp_value_is_text(descriptor) && amqp_is(descriptor->raw, WORD_SELECTOR);
}

/* A set of one filter. */
static void put_echo(struct buf *echo, struct bytes key, const struct amqp_value *descriptor,
                     const struct amqp_value *value)
{
    size_t at = put_map_begin(echo);

    put_sym(echo, key);
    if (descriptor->code) {
        buf_put_u8(echo, 0); /* a described value */
        amqp_value_put(echo, descriptor);
    }
    amqp_value_put(echo, value);
    put_compound_end(echo, at, 2);
}

enum err amqp_filter_read(const struct amqp_value *set, struct selector *out, struct buf *echo, struct complaint *why)
{
    struct amqp_pairs pairs = amqp_pairs_of(set);
    struct amqp_value key, descriptor, value;
    bool found = false;
    enum err e;

    assert(!echo->bad);
    *why = (struct complaint){.e = OK};
    *out = (struct selector){.position = {.from = FROM_EARLIEST}};
    while (amqp_pairs_next_described(&pairs, &key, &descriptor, &value)) {
        bool selects = is_selector(&descriptor);

        /* AMQP 1.0, 3.5.1: a filter that is not supported is left out of the answer. */
        if (!amqp_value_is_text(&key) || (!selects && !amqp_is(key.raw, WORD_SELECTOR)) || value.code == AMQP_NULL)
            continue;
        if (found || !amqp_value_is_text(&value) || (descriptor.code && !selects)) {
            complain(why, ERR_MALFORMED, NO_BYTES, SIZE_MAX, "%s",
                     found ? "there is more than one selector"
                           : "a selector is a described string, and this one is not");
            return ERR_MALFORMED;
        }
        if ((e = selector_parse(value.raw, out, why)))
            return e;
        found = true;
        put_echo(echo, key.raw, &descriptor, &value);
    }
    return OK;
}

/* A ulong above what we count to is the highest of all. */
static bool read_epoch(const struct amqp_value *v, int64_t *out)
{
    if (v->code == AMQP_ULONG && !amqp_value_integer(v, out)) {
        *out = INT64_MAX;
        return true;
    }
    return amqp_value_integer(v, out);
}

void amqp_owner_read(const struct amqp_value *properties, struct amqp_owner *out)
{
    struct amqp_value v;

    *out = (struct amqp_owner){.name = "nil"};
    if (amqp_map_word(properties, WORD_EPOCH, &v))
        out->has_epoch = read_epoch(&v, &out->epoch);
    if (amqp_map_word(properties, WORD_RECEIVER, &v) && amqp_value_is_text(&v) &&
        !bytes_to_str(bytes_first(v.raw, sizeof out->name - 1), out->name, sizeof out->name))
        memcpy(out->name, "nil", sizeof "nil");
}
