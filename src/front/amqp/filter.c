#include "filter.h"

#include "proton_map.h"
#include "words.h"

#include <assert.h>
#include <stdio.h>

/* service 2.6: each family of clients has its own descriptor for the same thing. */
static bool is_selector(pn_atom_t descriptor)
{
    if (descriptor.type == PN_ULONG)
        return descriptor.u.as_ulong == 0x0000468C00000004 || descriptor.u.as_ulong == 0x000000137000000A;
    return descriptor.type == PN_SYMBOL && amqp_is(proton_text(descriptor), WORD_SELECTOR);
}

/* Reads a value of the set, and its descriptor when it has one. False: it is no selector at all. */
static bool read_entry(pn_data_t *set, struct bytes key, pn_atom_t *descriptor, pn_atom_t *value)
{
    *descriptor = (pn_atom_t){.type = PN_NULL};
    *value = (pn_atom_t){.type = PN_NULL};
    if (pn_data_is_described(set)) {
        pn_data_enter(set);
        if (pn_data_next(set))
            *descriptor = pn_data_get_atom(set);
        if (pn_data_next(set))
            *value = pn_data_get_atom(set);
        pn_data_exit(set);
    } else {
        *value = pn_data_get_atom(set);
    }
    return is_selector(*descriptor) || amqp_is(key, WORD_SELECTOR);
}

static void put_echo(pn_data_t *echo, struct bytes key, pn_atom_t descriptor, pn_atom_t value)
{
    pn_data_put_map(echo);
    pn_data_enter(echo);
    pn_data_put_symbol(echo, pn_bytes(key.len, (const char *)key.at));
    if (descriptor.type != PN_NULL) {
        pn_data_put_described(echo);
        pn_data_enter(echo);
        pn_data_put_atom(echo, descriptor);
    }
    pn_data_put_atom(echo, value);
    pn_data_exit(echo);
    pn_data_exit(echo);
}

enum err amqp_filter_read(pn_data_t *set, struct selector *out, pn_data_t *echo, struct complaint *why)
{
    bool found = false;
    pn_atom_t descriptor, value;
    struct bytes key;

    *why = (struct complaint){.e = OK};
    pn_data_clear(echo);
    *out = (struct selector){.position = {.from = FROM_EARLIEST}};
    assert(set && echo);
    if (!proton_map_begin(set))
        return OK;
    while (proton_map_next(set, &key)) {
        /* AMQP 1.0, 3.5.1: a filter that is not supported is left out of the answer. */
        if (!read_entry(set, key, &descriptor, &value) || value.type == PN_NULL)
            continue;
        if (found || !proton_text(value).at || (descriptor.type != PN_NULL && !is_selector(descriptor))) {
            complain(why, ERR_MALFORMED, NO_BYTES, SIZE_MAX, "%s",
                     found ? "there is more than one selector"
                           : "a selector is a described string, and this one is not");
            return ERR_MALFORMED;
        }
        enum err e = selector_parse(proton_text(value), out, why);
        if (e)
            return e;
        found = true;
        put_echo(echo, key, descriptor, value);
    }
    return OK;
}

static bool integer_of(pn_atom_t a, int64_t *out)
{
    switch (a.type) {
    case PN_BYTE:
        *out = a.u.as_byte;
        return true;
    case PN_UBYTE:
        *out = a.u.as_ubyte;
        return true;
    case PN_SHORT:
        *out = a.u.as_short;
        return true;
    case PN_USHORT:
        *out = a.u.as_ushort;
        return true;
    case PN_INT:
        *out = a.u.as_int;
        return true;
    case PN_UINT:
        *out = a.u.as_uint;
        return true;
    case PN_LONG:
        *out = a.u.as_long;
        return true;
    case PN_ULONG:
        *out = a.u.as_ulong > INT64_MAX ? INT64_MAX : (int64_t)a.u.as_ulong;
        return true;
    default:
        return false;
    }
}

void amqp_owner_read(pn_data_t *properties, struct amqp_owner *out)
{
    struct bytes key;

    *out = (struct amqp_owner){.name = "nil"};
    if (!proton_map_begin(properties))
        return;
    while (proton_map_next(properties, &key)) {
        pn_atom_t value = pn_data_get_atom(properties);
        struct bytes text = proton_text(value);

        if (amqp_is(key, WORD_EPOCH))
            out->has_epoch = integer_of(value, &out->epoch);
        if (amqp_is(key, WORD_RECEIVER) && text.at &&
            !bytes_to_str(bytes_first(text, sizeof out->name - 1), out->name, sizeof out->name))
            memcpy(out->name, "nil", sizeof "nil");
    }
}
