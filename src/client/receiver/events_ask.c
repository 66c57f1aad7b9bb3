#include "events_ask.h"

#include "sections.h"

#include <stdio.h>

#define SELECTOR "apache.org:selector-filter:string"
#define REPLY_TO "d2d-answers"

static pn_bytes_t text_of(const char *text)
{
    return pn_bytes(strlen(text), text);
}

static struct bytes bytes_of_pn(pn_bytes_t b)
{
    return bytes_of(b.start, b.size);
}

void ask_where(struct events_talk *m)
{
    m->ask = amqp_link(&m->amqp, false, "messages/events/$management", REPLY_TO);
    pn_link_open(m->ask);
}

void ask_open(struct events_talk *m)
{
    m->ask = amqp_link(&m->amqp, true, "$management", REPLY_TO);
    m->answer = amqp_link(&m->amqp, false, "$management", REPLY_TO);
    pn_link_open(m->ask);
    pn_link_open(m->answer);
    pn_link_flow(m->answer, 1 + PARTITIONS_MAX);
}

/* ---- the redirect ---------------------------------------------------------------------------------------------- */

/* The value behind a key of the map that the data stands before; type PN_NULL when it is not there. */
static bool find(pn_data_t *map, const char *key)
{
    pn_data_rewind(map);
    if (!pn_data_next(map) || pn_data_type(map) != PN_MAP)
        return false;
    pn_data_enter(map);
    while (pn_data_next(map)) {
        pn_type_t type = pn_data_type(map);
        bool same =
            (type == PN_SYMBOL || type == PN_STRING) && bytes_eq(bytes_of_pn(pn_data_get_bytes(map)), bytes_str(key));

        if (!pn_data_next(map))
            return false;
        if (same)
            return true;
    }
    return false;
}

static int64_t number_at(pn_data_t *d)
{
    switch (pn_data_type(d)) {
    case PN_INT:
        return pn_data_get_int(d);
    case PN_UINT:
        return pn_data_get_uint(d);
    case PN_USHORT:
        return pn_data_get_ushort(d);
    case PN_LONG:
        return pn_data_get_long(d);
    case PN_ULONG:
        return (int64_t)pn_data_get_ulong(d);
    case PN_TIMESTAMP:
        return pn_data_get_timestamp(d);
    default:
        return -1;
    }
}

/* service 2.9: amqps://{host}:{port}/{entity}/$management */
bool read_redirect(pn_link_t *l, struct bytes *host, int *port, struct bytes *entity)
{
    pn_data_t *info = pn_condition_info(pn_link_remote_condition(l));
    struct bytes address, authority;
    int64_t number;

    if (!find(info, "hostname"))
        return false;
    *host = bytes_of_pn(pn_data_get_bytes(info));
    number = find(info, "port") ? number_at(info) : 5671;
    *port = number > 0 && number < 65536 ? (int)number : 5671;
    if (!find(info, "address"))
        return false;
    address = bytes_of_pn(pn_data_get_bytes(info));
    address = bytes_skip(address, bytes_find_bytes(address, BYTES("://")) + 3);
    authority = bytes_cut(&address, '/');
    *entity = bytes_cut(&address, '/');
    return authority.len && host->len && entity->len;
}

/* ---- $management ----------------------------------------------------------------------------------------------- */

static enum err ask(struct events_talk *m, const char *type, const char *partition)
{
    const struct prop props[] = {{BYTES("operation"), BYTES("READ")},
                                 {BYTES("name"), bytes_str(m->entity)},
                                 {BYTES("type"), bytes_str(type)},
                                 {BYTES("partition"), partition ? bytes_str(partition) : NO_BYTES}};
    const struct msg q = {.reply_to = BYTES(REPLY_TO),
                          .message_id = partition ? bytes_str(partition) : BYTES("hub"),
                          .props = props,
                          .n_props = partition ? 4 : 3};
    struct buf *out = &m->room.raw;
    uint64_t tag = m->amqp.seed++;

    buf_clear(out);
    put_properties(out, &q);
    put_application_properties(out, &q, true);
    section_begin(out, SECTION_VALUE);
    buf_put_u8(out, AMQP_NULL);
    if (out->bad || !amqp_send(&m->amqp, m->ask, pn_dtag((const char *)&tag, sizeof tag), buf_bytes(out), false))
        return ERR_MEMORY;
    m->awaited++;
    return OK;
}

enum err ask_partitions(struct events_talk *m)
{
    return ask(m, "com.microsoft:eventhub", NULL);
}

enum err ask_tail(struct events_talk *m, const struct progress *at)
{
    return ask(m, "com.microsoft:partition", at->id);
}

/* An array or a list of texts. */
static bool read_ids(struct events_talk *m, const struct amqp_value *ids)
{
    struct amqp_items items;
    struct amqp_value id;

    if (!amqp_items_of(ids, &items))
        return false;
    while (amqp_items_next(&items, &id))
        if (!amqp_value_is_text(&id) || (m->all && !positions_of(m->positions, id.raw)))
            return false;
    return !items.rd.bad;
}

static int64_t number_in(const struct amqp_value *map, const char *key)
{
    struct amqp_value v;
    int64_t number;

    return amqp_map_find(map, bytes_str(key), &v) && amqp_value_integer(&v, &number) ? number : -1;
}

/* Which hub it is. One that was made anew gives the same offsets to other events. */
static void read_birth(struct events_talk *m, const struct amqp_value *answer)
{
    int64_t born_ms = number_in(answer, "created_at");

    if (born_ms <= 0 || born_ms == m->positions->born_ms)
        return;
    if (m->positions->born_ms)
        m->born_ms = born_ms;
    else
        m->positions->born_ms = born_ms;
}

/* Reading from now on begins behind the last event that there is, so that a reconnect before the first one misses
 * nothing. */
static bool read_tail(struct events_talk *m, const struct amqp_value *answer)
{
    struct progress *at = NULL;
    struct amqp_value v;

    if (amqp_map_find(answer, BYTES("partition"), &v) && amqp_value_is_text(&v))
        at = positions_of(m->positions, v.raw);
    if (!at || !amqp_map_find(answer, BYTES("last_enqueued_offset"), &v) || !amqp_value_is_text(&v) ||
        !bytes_to_str(v.raw, at->offset, sizeof at->offset) || !at->offset[0])
        return false;
    at->known = true;
    at->sequence = number_in(answer, "last_enqueued_sequence_number");
    return true;
}

int read_answer(struct events_talk *m)
{
    const struct amqp_value *body = &m->room.message.value;
    struct amqp_value ids;
    int64_t status;
    bool read;

    if (room_decode(&m->room))
        return 500;
    status = number_in(&m->room.message.properties, "status-code");
    if (status < 200 || status > 299)
        return status > 0 && status < 1000 ? (int)status : 500;
    if (amqp_map_find(body, BYTES("partition_ids"), &ids)) {
        read = read_ids(m, &ids);
        read_birth(m, body);
    } else {
        read = read_tail(m, body);
    }
    return read ? 0 : 500;
}

/* ---- receivers ------------------------------------------------------------------------------------------------- */

static void put_filter(pn_link_t *l, struct bytes selector)
{
    pn_data_t *f = pn_terminus_filter(pn_link_source(l));

    pn_data_put_map(f);
    pn_data_enter(f);
    pn_data_put_symbol(f, text_of(SELECTOR));
    pn_data_put_described(f);
    pn_data_enter(f);
    pn_data_put_symbol(f, text_of(SELECTOR));
    pn_data_put_string(f, pn_bytes(selector.len, (const char *)selector.at));
    pn_data_exit(f);
    pn_data_exit(f);
}

enum err attach(struct events_talk *m, struct progress *at)
{
    struct buf selector = buf_max(SELECTOR_LEN_MAX);
    char address[512];
    enum err e = selector_put(at, &m->position, m->filter_refused ? NULL : m->devices, &selector);

    if (!e) {
        snprintf(address, sizeof address, "%s/ConsumerGroups/%s/Partitions/%s", m->entity, m->group, at->id);
        at->link = amqp_link(&m->amqp, false, address, REPLY_TO);
        at->attached = false;
        pn_link_set_context(at->link, at);
        put_filter(at->link, buf_bytes(&selector));
        pn_link_open(at->link);
        if (!m->paused)
            pn_link_flow(at->link, m->credit);
    }
    buf_free(&selector);
    return e;
}

bool filter_is_honoured(pn_link_t *l)
{
    pn_data_t *f = pn_terminus_filter(pn_link_remote_source(l));
    struct bytes text;

    if (!find(f, SELECTOR))
        return false;
    if (pn_data_type(f) == PN_DESCRIBED) {
        bool descriptor, value;

        pn_data_enter(f);
        descriptor = pn_data_next(f);
        value = pn_data_next(f);
        if (!descriptor || !value)
            return false;
    }
    if (pn_data_type(f) != PN_STRING)
        return false;
    text = bytes_of_pn(pn_data_get_bytes(f));
    return bytes_find_bytes(text, BYTES("iothub-connection-device-id")) < text.len;
}
