#include "birth.h"

#include "cold.h"
#include "part.h"

#include <stdio.h>
#include <stdlib.h>

enum { BIRTH_VALUE_MAX = 1024 };

/* The version of a birth that says how devices are placed. */
enum { BIRTH_PLACED = RECORD_VERSION + 1 };

struct births {
    struct cold kept;
};

void put_birth(struct buf *b, const struct hub_birth *birth)
{
    buf_put_u8(b, birth->placed ? BIRTH_PLACED : RECORD_VERSION);
    put_text(b, birth->name);
    buf_put_u8(b, (uint8_t)birth->partitions);
    put_text(b, birth->scope);
    buf_put_u64(b, (uint64_t)birth->created_ms);
    if (birth->placed)
        buf_put_u8(b, birth->placed);
}

enum err birth_decode(struct bytes body, struct hub_birth *out)
{
    struct rd r = rd_over(body);
    uint8_t version = rd_u8(&r);

    if (version < RECORD_VERSION)
        r.bad = true;
    rd_text(&r, out->name, sizeof out->name);
    out->partitions = rd_u8(&r);
    rd_text(&r, out->scope, sizeof out->scope);
    out->created_ms = (int64_t)rd_u64(&r);
    out->placed = version >= BIRTH_PLACED ? rd_u8(&r) : PLACED_OUR_WAY;
    return r.bad || out->placed > PLACED_BY_ID || out->partitions < 1 || out->partitions > PARTITIONS_MAX ? ERR_DAMAGED
                                                                                                          : OK;
}

static enum err become(struct hub *h, struct bytes body)
{
    struct hub_birth birth;
    enum err e = birth_decode(body, &birth);

    if (e)
        return e;
    h->birth = birth;
    h->born = true;
    EACH_PART (p)
        if ((*p)->born && (e = (*p)->born(h)))
            return e;
    return OK;
}

static enum err birth_apply(struct hub *h, const struct record *r)
{
    enum err e = become(h, r->body);

    if (!e)
        cold_changed(&h->births->kept, r->at);
    return e;
}

/* "0ne" and eight hexadecimal digits (provisioning 1). */
static void make_scope(struct hub *h, char out[16])
{
    uint32_t number;

    hub_random(h, (uint8_t *)&number, sizeof number);
    snprintf(out, 16, "0ne%08X", (unsigned)number);
}

void birth_make(struct hub *h, struct hub_birth *wanted, int64_t now_ms)
{
    if (!wanted->partitions)
        wanted->partitions = PARTITIONS_DEFAULT;
    wanted->created_ms = now_ms;
    wanted->placed = PLACED_BY_ID;
    make_scope(h, wanted->scope);
}

enum err birth_give(struct hub *h, const struct hub_birth *birth)
{
    struct buf b = buf_max(BIRTH_VALUE_MAX);
    struct record r = {.kind = REC_BIRTH};
    enum err e;

    put_birth(&b, birth);
    if (!(e = record_append(h, REC_BIRTH, &b, &r.at))) {
        r.body = buf_bytes(&b);
        if (!(e = birth_apply(h, &r)))
            e = store_sync(h->store, r.at);
    }
    buf_free(&b);
    return e;
}

/* ---- its row --------------------------------------------------------------------------------------------------- */

static enum err births_make(struct hub *h)
{
    h->births = calloc(1, sizeof *h->births);
    return h->births ? OK : ERR_MEMORY;
}

static void births_free(struct hub *h)
{
    free(h->births);
}

static void encode(struct buf *b, const struct hub *h)
{
    put_birth(b, &h->birth);
}

static enum err birth_keep(struct keeping *k)
{
    return cold_keep(k, &k->hub->births->kept, BYTES("birth"), BIRTH_VALUE_MAX, encode);
}

static void birth_kept(struct keeping *k, bool done)
{
    cold_kept(k->hub, &k->hub->births->kept, done);
}

/* Without it everything is in the log still. */
static enum err birth_load(struct hub *h)
{
    struct buf value = buf_max(BIRTH_VALUE_MAX);
    enum err e = state_get(h->state, BYTES("birth"), &value);

    if (!e && !(e = become(h, buf_bytes(&value))))
        h->births->kept.known = true;
    else if (e == ERR_NOT_FOUND)
        e = OK;
    buf_free(&value);
    return e;
}

static int64_t birth_last_ms(const struct hub *h)
{
    return h->birth.created_ms;
}

static const struct record_kind kinds[] = {
    {.number = REC_BIRTH, .room = ROOM_REGISTRY, .what = "the birth of the hub", .apply = birth_apply},
};

const struct part birth_part = {.name = "birth",
                                .kinds = kinds,
                                .n_kinds = sizeof kinds / sizeof *kinds,
                                .make = births_make,
                                .free = births_free,
                                .keep = birth_keep,
                                .kept = birth_kept,
                                .load = birth_load,
                                .last_ms = birth_last_ms};
