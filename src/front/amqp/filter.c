#include "filter.h"

#include "words.h"

#include <stdio.h>

/* service 2.6: each family of clients has its own descriptor for the same thing. */
static bool is_selector(pn_atom_t descriptor)
{
    if (descriptor.type == PN_ULONG)
        return descriptor.u.as_ulong == 0x0000468C00000004 || descriptor.u.as_ulong == 0x000000137000000A;
    return descriptor.type == PN_SYMBOL &&
           amqp_is(bytes_of(descriptor.u.as_bytes.start, descriptor.u.as_bytes.size), WORD_SELECTOR);
}

static bool is_text(pn_atom_t a)
{
    return a.type == PN_STRING || a.type == PN_SYMBOL;
}

static struct bytes text_of(pn_atom_t a)
{
    return bytes_of(a.u.as_bytes.start, a.u.as_bytes.size);
}

/* One value of the set, and its descriptor when it has one. False: it is no selector at all. */
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

static void put_echo(pn_data_t *echo, pn_atom_t key, pn_atom_t descriptor, pn_atom_t value)
{
    pn_data_put_map(echo);
    pn_data_enter(echo);
    pn_data_put_symbol(echo, key.u.as_bytes);
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

    *why = (struct complaint){.e = OK};
    pn_data_clear(echo);
    *out = (struct selector){.position = {.from = FROM_EARLIEST}};
    pn_data_rewind(set);
    if (!pn_data_next(set) || pn_data_type(set) != PN_MAP)
        return OK;
    pn_data_enter(set);
    while (pn_data_next(set)) {
        pn_atom_t key = pn_data_get_atom(set);
        if (!pn_data_next(set))
            break;
        /* AMQP 1.0, 3.5.1: a filter that is not supported is left out of the answer. */
        if (!is_text(key) || !read_entry(set, text_of(key), &descriptor, &value) || value.type == PN_NULL)
            continue;
        if (found || !is_text(value) || (descriptor.type != PN_NULL && !is_selector(descriptor))) {
            complain(why, ERR_MALFORMED, NO_BYTES, SIZE_MAX, "%s",
                     found ? "there is more than one selector"
                           : "a selector is a described string, and this one is not");
            return ERR_MALFORMED;
        }
        enum err e = selector_parse(text_of(value), out, why);
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
    *out = (struct amqp_owner){.name = "nil"};
    if (!properties)
        return;
    pn_data_rewind(properties);
    if (!pn_data_next(properties) || pn_data_type(properties) != PN_MAP)
        return;
    pn_data_enter(properties);
    while (pn_data_next(properties)) {
        pn_atom_t key = pn_data_get_atom(properties);
        if (!pn_data_next(properties))
            break;
        pn_atom_t value = pn_data_get_atom(properties);
        if (!is_text(key))
            continue;
        if (amqp_is(text_of(key), WORD_EPOCH))
            out->has_epoch = integer_of(value, &out->epoch);
        if (amqp_is(text_of(key), WORD_RECEIVER) && is_text(value) &&
            !bytes_to_str(bytes_first(text_of(value), sizeof out->name - 1), out->name, sizeof out->name))
            memcpy(out->name, "nil", sizeof "nil");
    }
}
