#include "bag.h"

#include "text.h"

static struct bytes decoded(struct bytes text, struct bag_room *room)
{
    size_t len;

    if (bytes_find(text, '%') == text.len || percent_decode(text, room->at, room->left, &len))
        return text;
    struct bytes out = bytes_of(room->at, len);
    if (!utf8_valid(out))
        return text;
    room->at += len;
    room->left -= len;
    return out;
}

bool bag_next(struct bytes *rest, struct bag_room *room, struct bag_pair *out)
{
    while (rest->at) {
        struct bytes piece = bytes_cut(rest, '&');
        if (!piece.len)
            continue;
        size_t equals = bytes_find(piece, '=');
        out->name = decoded(bytes_first(piece, equals), room);
        out->value = equals < piece.len ? decoded(bytes_skip(piece, equals + 1), room) : NO_BYTES;
        return true;
    }
    return false;
}

void bag_put(struct buf *b, bool first, struct bytes name, struct bytes value)
{
    if (!first)
        buf_puts(b, "&");
    buf_put_percent(b, name);
    if (!value.at)
        return;
    buf_puts(b, "=");
    buf_put_percent(b, value);
}

/* Takes `prefix` off; false when it does not stand there. */
static bool take(struct bytes *rest, struct bytes prefix)
{
    if (!bytes_starts(*rest, prefix))
        return false;
    *rest = bytes_skip(*rest, prefix.len);
    return true;
}

bool d2c_topic_parse(struct bytes topic, struct d2c_topic *out)
{
    struct d2c_topic t = {.bag = NO_BYTES};
    struct bytes rest = topic;

    if (!take(&rest, BYTES("devices/")))
        return false;
    t.device = bytes_cut(&rest, '/');
    if (take(&rest, BYTES("modules/"))) {
        t.module = bytes_cut(&rest, '/');
        if (!t.module.len)
            return false;
    }
    if (!t.device.len || !take(&rest, BYTES("messages/events")))
        return false;
    if (rest.len && !take(&rest, BYTES("/")))
        return false;
    /* Raw slashes may stand in the bag: only one at its very end is not part of it. */
    if (rest.len && rest.at[rest.len - 1] == '/')
        rest.len--;
    if (rest.len && rest.at[0] == '?')
        rest = bytes_skip(rest, 1);
    t.bag = rest;
    *out = t;
    return true;
}

void d2c_topic_put(struct buf *b, struct bytes path)
{
    buf_put(b, path);
    buf_puts(b, "/messages/events/");
}
