/* The twin over AMQP (device 3.5, 3.8): a link for questions and one for answers and what is notified, paired by a text
 * of ours. */
#include "device_amqp.h"

#include "list.h"
#include "sections.h"
#include "text.h"

#include <stdio.h>

enum { TWIN_CREDIT = 2 * TWIN_ASKS_MAX, ID_CAP = 24 };

void device_amqp_open_twin(struct device_amqp *m)
{
    struct buf address = buf_max(AMQP_ADDRESS_MAX);
    char pair[ID_CAP + 8];

    device_amqp_address(m, "/twin", &address);
    snprintf(pair, sizeof pair, "twin:%016llx", (unsigned long long)m->amqp.seed++);
    m->twin_asks = amqp_link(&m->amqp, true, buf_str(&address), "d2d");
    m->twin_answers = amqp_link(&m->amqp, false, buf_str(&address), "d2d");
    device_amqp_pair(m->twin_asks, pair);
    device_amqp_pair(m->twin_answers, pair);
    pn_link_set_snd_settle_mode(m->twin_asks, PN_SND_SETTLED);
    pn_link_open(m->twin_asks);
    pn_link_open(m->twin_answers);
    pn_link_flow(m->twin_answers, TWIN_CREDIT);
    buf_free(&address);
}

void device_amqp_twin_opened(struct device_amqp *m, const pn_link_t *l)
{
    const pn_link_t *other = l == m->twin_asks ? m->twin_answers : m->twin_asks;

    if (m->twin_open || !(pn_link_state((pn_link_t *)other) & PN_REMOTE_ACTIVE))
        return;
    m->twin_open = true;
    twin_opened(&m->side->twin, true);
    device_amqp_pump_twin(m);
}

static void put_annotations(const struct twin_ask *a, struct buf *out)
{
    static const struct {
        const char *operation, *resource;
    } verbs[] = {[TWIN_GET] = {"GET", NULL},
                 [TWIN_REPORT] = {"PATCH", "/properties/reported"},
                 [TWIN_FOLLOW] = {"PUT", "/notifications/twin/properties/desired"}};
    const char *resource = verbs[a->verb].resource;
    size_t map;

    section_begin(out, SECTION_MESSAGE_ANNOTATIONS);
    map = put_map_begin(out);
    put_sym(out, BYTES("operation"));
    put_str(out, bytes_str(verbs[a->verb].operation));
    if (resource) {
        put_sym(out, BYTES("resource"));
        put_str(out, bytes_str(resource));
    }
    put_compound_end(out, map, resource ? 4 : 2);
}

/* A body without anything to say is a blank, as clients have it. */
static enum err put_question(const struct twin_ask *a, struct buf *out)
{
    struct bytes body = a->len ? bytes_of(a->body, a->len) : BYTES(" ");
    char id[ID_CAP];

    snprintf(id, sizeof id, "%llu", (unsigned long long)a->id);
    put_annotations(a, out);
    put_properties(out, &(struct msg){.correlation_id = bytes_str(id)});
    put_data_head(out, body.len);
    buf_put(out, body);
    return buf_check(out);
}

static bool may_ask(const struct device_amqp *m)
{
    return m->twin_open && !amqp_stopped(&m->amqp) && amqp_has_room(&m->amqp) && pn_link_credit(m->twin_asks) > 0;
}

void device_amqp_pump_twin(struct device_amqp *m)
{
    struct twin_ask *a;

    if (!m->twin_asks && m->authorised && twin_is_wanted(&m->side->twin))
        device_amqp_open_twin(m);
    while (may_ask(m) && (a = twin_ask_next(&m->side->twin, m->amqp.now_ms))) {
        struct buf out = buf_max(a->len + AMQP_ADDRESS_MAX);
        uint64_t tag = m->amqp.seed++;
        bool sent = !put_question(a, &out) &&
                    amqp_send(&m->amqp, m->twin_asks, pn_dtag((const char *)&tag, sizeof tag), buf_bytes(&out), true);

        buf_free(&out);
        if (!sent)
            return;
    }
}

static int64_t number_in(const struct amqp_value *map, const char *key, int64_t without)
{
    struct amqp_value v;
    int64_t n;

    return amqp_map_find(map, bytes_str(key), &v) && amqp_value_integer(&v, &n) ? n : without;
}

/* Our own ids are numbers. */
static bool id_of(const struct amqp_value *v, uint64_t *out)
{
    int64_t n;

    if (!amqp_value_is_text(v) || !bytes_to_i64(v->raw, &n) || n <= 0)
        return false;
    *out = (uint64_t)n;
    return true;
}

void device_amqp_take_twin(struct device_amqp *m, pn_delivery_t *d)
{
    struct twin_side *t = &m->side->twin;
    const struct amqp_message *in = &m->room.message;
    uint64_t id;

    pn_delivery_update(d, PN_ACCEPTED);
    pn_delivery_settle(d);
    pn_link_flow(m->twin_answers, 1);
    if (room_decode(&m->room))
        return;
    if (id_of(&in->fields[AMQP_CORRELATION_ID], &id))
        twin_answer_came(t, id, number_in(&in->annotations, "status", 0), number_in(&in->annotations, "version", -1),
                         room_body(&m->room), m->amqp.now_ms);
    else if (!in->fields[AMQP_CORRELATION_ID].raw.len)
        twin_notified(t, room_body(&m->room));
    if (!amqp_stopped(&m->amqp))
        device_amqp_pump_twin(m);
}
