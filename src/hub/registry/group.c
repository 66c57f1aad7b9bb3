#include "group.h"

#include "core.h"
#include "reader.h"

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

/* Under `cold`: its number, or n_groups. */
static size_t group_find(const struct hub *h, struct bytes name)
{
    size_t i = 0;

    while (i < h->n_groups && !bytes_eq_nocase(bytes_str(h->groups[i]), name))
        i++;
    return i;
}

/* The record carries all of them: there are few, and they change seldom. */
void cold_encode_groups(struct buf *b, const struct hub *h)
{
    buf_put_u8(b, RECORD_VERSION);
    buf_put_u8(b, (uint8_t)h->n_groups);
    for (size_t i = 0; i < h->n_groups; i++)
        put_text(b, h->groups[i]);
}

static enum err groups_become(struct hub *h, struct bytes body)
{
    struct rd r = rd_over(body);
    char groups[GROUPS_MAX][GROUP_LEN_MAX + 1];
    size_t n;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    n = rd_u8(&r);
    if (n > GROUPS_MAX)
        return ERR_DAMAGED;
    for (size_t i = 0; i < n; i++)
        rd_text(&r, groups[i], sizeof groups[i]);
    if (r.bad)
        return ERR_DAMAGED;
    memcpy(h->groups, groups, sizeof groups);
    h->n_groups = n;
    return OK;
}

enum err groups_apply(struct hub *h, struct bytes body, uint64_t at)
{
    enum err e;

    pthread_mutex_lock(&h->cold);
    e = groups_become(h, body);
    h->cold_dirty = true;
    h->cold_at = at;
    pthread_mutex_unlock(&h->cold);
    return e;
}

/* Under `cold`: appends the groups as they are with one added or taken away, then applies that record. */
static enum err groups_change(struct hub *h, const char *add, size_t leave_out, uint64_t *at)
{
    struct buf b = buf_max(GROUPS_MAX * (GROUP_LEN_MAX + 2) + 8);
    enum err e;

    buf_put_u8(&b, RECORD_VERSION);
    buf_put_u8(&b, (uint8_t)(add ? h->n_groups + 1 : h->n_groups - 1));
    for (size_t i = 0; i < h->n_groups; i++)
        if (i != leave_out)
            put_text(&b, h->groups[i]);
    if (add)
        put_text(&b, add);
    if (!(e = record_append(h->store, REC_GROUPS, &b, at)) && !(e = groups_become(h, buf_bytes(&b)))) {
        h->cold_dirty = true;
        h->cold_at = *at;
    }
    buf_free(&b);
    return e;
}

enum err hub_group_add(struct hub *h, struct bytes name, uint64_t *at)
{
    char text[GROUP_LEN_MAX + 1];
    enum err e;

    if (!group_name_valid(name) || !bytes_to_str(name, text, sizeof text))
        return bytes_eq_nocase(name, bytes_str(DEFAULT_GROUP)) ? ERR_EXISTS : ERR_ARGUMENT;
    pthread_mutex_lock(&h->cold);
    if (group_find(h, name) < h->n_groups)
        e = ERR_EXISTS;
    else if (h->n_groups + 1 >= GROUPS_MAX) /* $Default is one of them */
        e = ERR_LIMIT;
    else
        e = groups_change(h, text, SIZE_MAX, at);
    pthread_mutex_unlock(&h->cold);
    return e;
}

enum err hub_group_del(struct hub *h, struct bytes name, uint64_t *at)
{
    char text[GROUP_LEN_MAX + 1];
    size_t i;
    enum err e;

    if (bytes_eq_nocase(name, bytes_str(DEFAULT_GROUP)))
        return ERR_ARGUMENT;
    pthread_mutex_lock(&h->cold);
    i = group_find(h, name);
    e = i < h->n_groups ? OK : ERR_NOT_FOUND;
    if (!e) {
        memcpy(text, h->groups[i], sizeof text);
        e = groups_change(h, NULL, i, at);
    }
    pthread_mutex_unlock(&h->cold);
    if (!e)
        readers_of_group_end(h, text);
    return e;
}

bool group_is_there(const struct hub *h, struct bytes name)
{
    return bytes_eq_nocase(name, bytes_str(DEFAULT_GROUP)) || group_find(h, name) < h->n_groups;
}

bool hub_group_exists(struct hub *h, struct bytes name)
{
    bool there;

    pthread_mutex_lock(&h->cold);
    there = group_is_there(h, name);
    pthread_mutex_unlock(&h->cold);
    return there;
}

enum err hub_group_list(struct hub *h, struct buf *out)
{
    buf_put(out, bytes_of(DEFAULT_GROUP, sizeof DEFAULT_GROUP));
    pthread_mutex_lock(&h->cold);
    for (size_t i = 0; i < h->n_groups; i++)
        buf_put(out, bytes_of(h->groups[i], strlen(h->groups[i]) + 1));
    pthread_mutex_unlock(&h->cold);
    return buf_check(out);
}
