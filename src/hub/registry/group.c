#include "group.h"

#include "cold.h"
#include "part.h"
#include "reader.h"

#include <stdlib.h>

enum { GROUPS_VALUE_MAX = 1 << 20 };

struct groups {
    char at[GROUPS_MAX][GROUP_LEN_MAX + 1];
    size_t n;
    struct cold kept;
};

static const char DEFAULT_GROUP[] = "$Default";

/* Letters, digits and what the cloud service takes; "$Default" is always there. */
static bool group_name_valid(struct bytes name)
{
    if (name.len < 1 || name.len > GROUP_LEN_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (!plain && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}

/* Under `cold`: its number, or their count. */
static size_t group_find(const struct hub *h, struct bytes name)
{
    size_t i = 0;

    assert_locked(&h->cold);
    while (i < h->groups->n && !bytes_eq_nocase(bytes_str(h->groups->at[i]), name))
        i++;
    return i;
}

/* The record carries all of them: there are few, and they change seldom. */
static void groups_encode(struct buf *b, const struct hub *h)
{
    assert_locked(&h->cold);
    assert(h->groups->n <= GROUPS_MAX);
    buf_put_u8(b, RECORD_VERSION);
    buf_put_u8(b, (uint8_t)h->groups->n);
    for (size_t i = 0; i < h->groups->n; i++)
        put_text(b, h->groups->at[i]);
}

static enum err groups_become(struct hub *h, struct bytes body)
{
    struct rd r = rd_over(body);
    char groups[GROUPS_MAX][GROUP_LEN_MAX + 1];
    size_t n;

    assert_locked(&h->cold);
    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    n = rd_u8(&r);
    if (n > GROUPS_MAX)
        return ERR_DAMAGED;
    for (size_t i = 0; i < n; i++)
        rd_text(&r, groups[i], sizeof groups[i]);
    if (r.bad)
        return ERR_DAMAGED;
    memcpy(h->groups->at, groups, sizeof groups);
    h->groups->n = n;
    return OK;
}

static enum err groups_apply(struct hub *h, const struct record *r)
{
    enum err e;

    mutex_lock(&h->cold);
    e = groups_become(h, r->body);
    cold_changed(&h->groups->kept, r->at);
    mutex_unlock(&h->cold);
    return e;
}

/* Under `cold`: appends the groups as they are with one added or taken away, then applies that record. */
static enum err groups_change(struct hub *h, const char *add, size_t leave_out, uint64_t *at)
{
    struct buf b = buf_max(GROUPS_MAX * (GROUP_LEN_MAX + 2) + 8);
    enum err e;

    buf_put_u8(&b, RECORD_VERSION);
    buf_put_u8(&b, (uint8_t)(add ? h->groups->n + 1 : h->groups->n - 1));
    for (size_t i = 0; i < h->groups->n; i++)
        if (i != leave_out)
            put_text(&b, h->groups->at[i]);
    if (add)
        put_text(&b, add);
    if (!(e = record_append(h, REC_GROUPS, &b, at)) && !(e = groups_become(h, buf_bytes(&b))))
        cold_changed(&h->groups->kept, *at);
    buf_free(&b);
    return e;
}

enum err hub_group_add(struct hub *h, struct bytes name, uint64_t *at)
{
    char text[GROUP_LEN_MAX + 1];
    enum err e;

    if (!group_name_valid(name) || !bytes_to_str(name, text, sizeof text))
        return bytes_eq_nocase(name, bytes_str(DEFAULT_GROUP)) ? ERR_EXISTS : ERR_ARGUMENT;
    mutex_lock(&h->cold);
    if (group_find(h, name) < h->groups->n)
        e = ERR_EXISTS;
    else if (h->groups->n + 1 >= GROUPS_MAX) /* $Default is one of them */
        e = ERR_LIMIT;
    else
        e = groups_change(h, text, SIZE_MAX, at);
    mutex_unlock(&h->cold);
    return e;
}

enum err hub_group_del(struct hub *h, struct bytes name, uint64_t *at)
{
    char text[GROUP_LEN_MAX + 1];
    size_t i;
    enum err e;

    if (bytes_eq_nocase(name, bytes_str(DEFAULT_GROUP)))
        return ERR_ARGUMENT;
    mutex_lock(&h->cold);
    i = group_find(h, name);
    e = i < h->groups->n ? OK : ERR_NOT_FOUND;
    if (!e) {
        memcpy(text, h->groups->at[i], sizeof text);
        e = groups_change(h, NULL, i, at);
    }
    mutex_unlock(&h->cold);
    if (!e)
        readers_of_group_end(h, text);
    return e;
}

bool group_is_there(const struct hub *h, struct bytes name)
{
    return bytes_eq_nocase(name, bytes_str(DEFAULT_GROUP)) || group_find(h, name) < h->groups->n;
}

bool hub_group_exists(struct hub *h, struct bytes name)
{
    bool there;

    mutex_lock(&h->cold);
    there = group_is_there(h, name);
    mutex_unlock(&h->cold);
    return there;
}

enum err hub_group_list(struct hub *h, struct buf *out)
{
    buf_put(out, bytes_of(DEFAULT_GROUP, sizeof DEFAULT_GROUP));
    mutex_lock(&h->cold);
    for (size_t i = 0; i < h->groups->n; i++)
        buf_put(out, bytes_of(h->groups->at[i], strlen(h->groups->at[i]) + 1));
    mutex_unlock(&h->cold);
    return buf_check(out);
}

/* ---- their row ------------------------------------------------------------------------------------------------- */

static enum err groups_make(struct hub *h)
{
    h->groups = calloc(1, sizeof *h->groups);
    return h->groups ? OK : ERR_MEMORY;
}

static void groups_free(struct hub *h)
{
    free(h->groups);
}

static enum err groups_keep(struct keeping *k)
{
    return cold_keep(k, &k->hub->groups->kept, BYTES("groups"), GROUPS_VALUE_MAX, groups_encode);
}

static void groups_kept(struct keeping *k, bool done)
{
    cold_kept(k->hub, &k->hub->groups->kept, done);
}

static enum err groups_load(struct hub *h)
{
    return cold_load(h, &h->groups->kept, BYTES("groups"), GROUPS_VALUE_MAX, groups_become);
}

static const struct record_kind kinds[] = {
    {.number = REC_GROUPS, .room = ROOM_REGISTRY, .what = "the consumer groups", .apply = groups_apply},
};

const struct part group_part = {.name = "groups",
                                .kinds = kinds,
                                .n_kinds = sizeof kinds / sizeof *kinds,
                                .make = groups_make,
                                .free = groups_free,
                                .keep = groups_keep,
                                .kept = groups_kept,
                                .load = groups_load};
