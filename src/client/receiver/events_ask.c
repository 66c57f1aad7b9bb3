#include "events_ask.h"

#include "proton_value.h"
#include "sections.h"

#include <stdio.h>

#define SELECTOR "apache.org:selector-filter:string"
#define REPLY_TO "d2d-answers"

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

/* No message is being read meanwhile. */
static struct amqp_value value_of(struct events_talk *m, pn_data_t *data)
{
    buf_clear(&m->room.raw);
    proton_value_read(data, &m->room.raw);
    return amqp_value_in(buf_bytes(&m->room.raw));
}

static struct bytes text_in(const struct amqp_value *map, const char *key)
{
    struct amqp_value v;

    return amqp_map_find(map, bytes_str(key), &v) && amqp_value_is_text(&v) ? v.raw : NO_BYTES;
}

/* service 2.9: amqps://{host}:{port}/{entity}/$management */
bool read_redirect(struct events_talk *m, pn_link_t *l, struct bytes *host, int *port, struct bytes *entity)
{
    const struct amqp_value info = value_of(m, pn_condition_info(pn_link_remote_condition(l)));
    struct bytes address = text_in(&info, "address"), authority;
    int64_t number = 0;
    struct amqp_value v;

    *host = text_in(&info, "hostname");
    if (!amqp_map_find(&info, BYTES("port"), &v) || !amqp_value_integer(&v, &number))
        number = 0;
    *port = number > 0 && number < 65536 ? (int)number : 5671;
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

static enum err put_filter(pn_link_t *l, struct bytes selector)
{
    struct buf set = buf_max(SELECTOR_LEN_MAX + 256);
    size_t at = put_map_begin(&set);
    enum err e;

    put_sym(&set, BYTES(SELECTOR));
    buf_put_u8(&set, 0); /* a described value */
    put_sym(&set, BYTES(SELECTOR));
    put_str(&set, selector);
    put_compound_end(&set, at, 2);
    if (!(e = buf_check(&set)))
        proton_value_write(pn_terminus_filter(pn_link_source(l)), buf_bytes(&set));
    buf_free(&set);
    return e;
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
        e = put_filter(at->link, buf_bytes(&selector));
    }
    if (!e) {
        pn_link_open(at->link);
        if (!m->paused)
            pn_link_flow(at->link, m->credit);
    }
    buf_free(&selector);
    return e;
}

bool filter_is_honoured(struct events_talk *m, pn_link_t *l)
{
    const struct amqp_value set = value_of(m, pn_terminus_filter(pn_link_remote_source(l)));
    struct bytes text = text_in(&set, SELECTOR);

    return bytes_find_bytes(text, BYTES("iothub-connection-device-id")) < text.len;
}
