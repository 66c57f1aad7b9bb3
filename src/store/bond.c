#include "bond.h"

#include <stdio.h>

enum { VERSION = 1, VALUE_MAX = 1 + STORE_ID + 8, HEX_CAP = 2 * 4 + 1 };

#define KEY BYTES("bond")

struct bond {
    struct bytes id;
    uint64_t first;
};

/* The beginning of an id is enough to tell two logs apart. */
static const char *short_id(struct bytes id, char out[HEX_CAP])
{
    snprintf(out, HEX_CAP, "%02x%02x%02x%02x", id.at[0], id.at[1], id.at[2], id.at[3]);
    return out;
}

static enum err decode(struct bytes value, struct bond *out)
{
    struct rd r = rd_over(value);

    if (rd_u8(&r) < VERSION)
        r.bad = true;
    out->id = rd_bytes(&r, STORE_ID);
    out->first = rd_u64(&r);
    return r.bad ? ERR_DAMAGED : OK;
}

static enum err read_bond(struct state *state, struct buf *value, struct bond *out)
{
    enum err e = state_get(state, KEY, value);

    return e ? e : decode(buf_bytes(value), out);
}

static bool is_same_log(const struct bond *b, struct store *store, char why[BOND_WHY_CAP])
{
    struct bytes id = bytes_of(store_id(store), STORE_ID);
    struct bytes none = bytes_of((const uint8_t[STORE_ID]){0}, STORE_ID);
    char theirs[HEX_CAP], ours[HEX_CAP];

    if (bytes_eq(b->id, id) || bytes_eq(b->id, none) || bytes_eq(id, none))
        return true;
    snprintf(why, BOND_WHY_CAP, "the checkpoint belongs to the log %s, and this is the log %s", short_id(b->id, theirs),
             short_id(id, ours));
    return false;
}

static bool places_fit(uint64_t place, uint64_t kept_first, struct store *store, char why[BOND_WHY_CAP])
{
    unsigned long long first = store_first(store), end = store_end(store);

    if (place > end)
        snprintf(why, BOND_WHY_CAP,
                 "the checkpoint is valid up to place %llu, but the log ends at %llu: its end is missing",
                 (unsigned long long)place, end);
    else if (place && place < first)
        snprintf(
            why, BOND_WHY_CAP,
            "the checkpoint is valid up to place %llu, but the log begins at %llu: what lies between them is missing",
            (unsigned long long)place, first);
    else if (first > kept_first)
        snprintf(why, BOND_WHY_CAP,
                 "the log begins at place %llu, but it was trimmed only up to %llu: its oldest files are missing",
                 first, (unsigned long long)kept_first);
    else
        return true;
    return false;
}

enum err bond_check(struct state *state, struct store *store, char why[BOND_WHY_CAP])
{
    struct buf value = buf_max(VALUE_MAX);
    struct bond b = {.first = UINT64_MAX};
    enum err e = read_bond(state, &value, &b);

    why[0] = 0;
    if (e == ERR_NOT_FOUND)
        e = OK;
    else if (!e && !is_same_log(&b, store, why))
        e = ERR_DAMAGED;
    if (!e && !places_fit(state_place(state), b.first, store, why))
        e = ERR_DAMAGED;
    buf_free(&value);
    return e;
}

enum err bond_decode(struct bytes value, uint8_t id[STORE_ID], uint64_t *first)
{
    struct bond b;
    enum err e = decode(value, &b);

    if (!e) {
        memcpy(id, b.id.at, STORE_ID);
        *first = b.first;
    }
    return e;
}

enum err bond_get(struct state *state, uint8_t id[STORE_ID], uint64_t *first)
{
    struct buf value = buf_max(VALUE_MAX);
    enum err e = state_get(state, KEY, &value);

    if (!e)
        e = bond_decode(buf_bytes(&value), id, first);
    buf_free(&value);
    return e;
}

enum err bond_keep(struct state *state, struct store *store, uint64_t first)
{
    struct buf value = buf_max(VALUE_MAX);
    enum err e;

    buf_put_u8(&value, VERSION);
    buf_put(&value, bytes_of(store_id(store), STORE_ID));
    buf_put_u64(&value, first);
    if (!(e = buf_check(&value)) && !(e = state_begin(state))) {
        if ((e = state_put(state, KEY, buf_bytes(&value))))
            state_abort(state);
        else
            e = state_commit(state, state_place(state));
    }
    buf_free(&value);
    return e;
}
