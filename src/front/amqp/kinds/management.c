/* Questions about the event hub and its partitions (service 2.5). */
#include "kinds.h"

#include "amqp_output.h"
#include "claims.h"
#include "outcome.h"
#include "request.h"
#include "sections.h"
#include "transfer.h"

#include <assert.h>
#include <stdio.h>

/* The subject of a request, which is to be described. */
struct subject {
    enum { NOTHING, THE_EVENT_HUB, A_PARTITION } what;
    unsigned number; /* of the partition */
    struct partition partition;
};

/* ---- the answer: maps with string keys, each value of the type that clients cast to (service 2.5) -------------- */

static void put_text(struct buf *b, const char *key, const char *value)
{
    put_str(b, bytes_str(key));
    put_str(b, bytes_str(value));
}

static void put_number(struct buf *b, const char *key, int64_t value)
{
    put_str(b, bytes_str(key));
    put_narrow_long(b, value);
}

static void put_time(struct buf *b, const char *key, int64_t value)
{
    put_str(b, bytes_str(key));
    put_timestamp(b, value);
}

static void put_partition_ids(struct buf *b, unsigned n)
{
    size_t at;

    put_str(b, BYTES("partition_ids"));
    at = put_texts_begin(b);
    for (unsigned i = 0; i < n; i++) {
        char id[12];

        snprintf(id, sizeof id, "%u", i);
        put_texts_item(b, bytes_str(id));
    }
    put_compound_end(b, at, n);
}

static void describe_hub(struct amqp *c, struct buf *b)
{
    unsigned n = hub_partitions(c->env->hub);
    size_t at = put_map_begin(b);

    put_text(b, "name", c->env->entity);
    put_text(b, "type", "com.microsoft:eventhub");
    put_time(b, "created_at", hub_birth(c->env->hub)->created_ms);
    put_str(b, BYTES("partition_count"));
    put_narrow_int(b, (int32_t)n);
    put_partition_ids(b, n);
    put_compound_end(b, at, 10);
}

static void describe_partition(struct amqp *c, struct buf *b, const struct subject *s)
{
    const struct partition *p = &s->partition;
    char id[12], offset[OFFSET_TEXT_CAP];
    size_t at = put_map_begin(b);

    assert(s->number < hub_partitions(c->env->hub));
    snprintf(id, sizeof id, "%u", s->number);
    offset_text(p->last_offset, offset);
    put_text(b, "name", c->env->entity);
    put_text(b, "type", "com.microsoft:partition");
    put_text(b, "partition", id);
    put_number(b, "begin_sequence_number", p->first_sequence);
    put_number(b, "last_enqueued_sequence_number", p->last_sequence);
    put_text(b, "last_enqueued_offset", p->last_sequence >= 0 ? offset : "-1");
    put_time(b, "last_enqueued_time_utc", p->last_enqueued_ms);
    put_str(b, BYTES("is_partition_empty"));
    put_bool(b, p->empty);
    put_compound_end(b, at, 16);
}

static void describe(struct amqp *c, struct buf *b, const struct subject *s)
{
    section_begin(b, SECTION_VALUE);
    switch (s->what) {
    case NOTHING:
        buf_put_u8(b, AMQP_NULL);
        break;
    case THE_EVENT_HUB:
        describe_hub(c, b);
        break;
    case A_PARTITION:
        describe_partition(c, b, s);
        break;
    }
}

/* ---- the request ----------------------------------------------------------------------------------------------- */

static enum err refuse(struct amqp *c, struct amqp_request *r, int status, const char *condition, const char *text)
{
    r->status = status;
    r->condition = condition;
    snprintf(r->text, sizeof r->text, "%s", text);
    amqp_log_refusal(c, "$management", text);
    return OK;
}

static enum err not_found(struct amqp *c, struct amqp_request *r, struct bytes what)
{
    char text[sizeof r->text];
    snprintf(text, sizeof text, "The messaging entity '%.*s' could not be found.", BYTES_ARG(bytes_first(what, 150)));
    return refuse(c, r, 404, "amqp:not-found", text);
}

/* pyamqp writes a pair of the token and its time there, as a described value: it counts as none. */
static struct bytes token_of(const struct amqp_request *r)
{
    struct amqp_value v;

    return amqp_map_find(&r->message.properties, BYTES("security_token"), &v) && amqp_value_is_bytes(&v) ? v.raw
                                                                                                         : NO_BYTES;
}

/* service 2.5: by the token in the request, else by what the connection has proved. */
static enum err may_read(struct amqp *c, struct amqp_request *r)
{
    char path[HOST_LEN_MAX + 16];
    struct bytes token = token_of(r);
    struct who who;
    enum err e;

    snprintf(path, sizeof path, "%s/$management", c->env->entity);
    if (!token.at)
        return amqp_may_listen(c, bytes_str(path)) || amqp_may_listen(c, BYTES("$management")) ? OK : ERR_UNAUTHORIZED;
    if (token.len > SAS_LEN_MAX)
        return ERR_UNAUTHORIZED;
    if ((e = amqp_token_check(c, token, NO_BYTES, &who)))
        return e;
    if (!(who.rights & RIGHT_SERVICE) ||
        (!auth_covers(c->env, &who, bytes_str(path)) && !auth_covers(c->env, &who, BYTES("$management"))))
        return ERR_DENIED;
    amqp_proved(c, &who);
    return OK;
}

static enum err read_partition(struct amqp *c, struct amqp_request *r, struct subject *out)
{
    char number[AMQP_SCALAR_CAP];
    struct hub *hub = c->env->hub;
    struct bytes id = amqp_property(r, "partition", number);
    uint64_t n;

    if (!id.len)
        return refuse(c, r, 400, "amqp:invalid-field", "The partition is missing.");
    if (!bytes_to_u64(id, &n) || n >= hub_partitions(hub) || hub_partition(hub, (unsigned)n, &out->partition))
        return not_found(c, r, id);
    front_wait_for(&c->front, hub_seen(hub));
    out->number = (unsigned)n;
    out->what = A_PARTITION;
    return OK;
}

/* ERR_UNSUPPORTED; what is not OK for another reason is in the status. */
static enum err read_one(struct amqp *c, struct amqp_request *r, struct subject *out)
{
    char number[AMQP_SCALAR_CAP];
    struct address a;
    struct bytes rest, type;

    if (!amqp_is(amqp_property(r, "operation", number), WORD_READ))
        return ERR_UNSUPPORTED;
    enum err e = may_read(c, r);
    if (e == ERR_BUSY)
        return refuse(c, r, 429, amqp_condition(e), "There were too many failed log-ins. Try again later.");
    if (e)
        return refuse(c, r, 401, "amqp:unauthorized-access",
                      "Unauthorized access. 'Listen' claim(s) are required to perform this operation.");
    /* Some clients name the entity with the slash of the redirect, or with more of its path. */
    struct bytes name = amqp_property(r, "name", number);
    address_parse(c->env, name, &a);
    if (!address_is_entity(c->env, bytes_str(a.path), &rest))
        return not_found(c, r, name);
    type = amqp_property(r, "type", number);
    if (amqp_is(type, WORD_PARTITION))
        return read_partition(c, r, out);
    if (!amqp_is(type, WORD_EVENT_HUB))
        return refuse(c, r, 400, "amqp:invalid-field", "The type must be com.microsoft:eventhub or :partition.");
    out->what = THE_EVENT_HUB;
    return OK;
}

static void asked(struct amqp *c, struct amqp_request *r)
{
    struct subject subject = {.what = NOTHING};

    if (read_one(c, r, &subject)) {
        amqp_request_unsupported(r);
        return;
    }
    assert((r->status == 200) == (subject.what != NOTHING));
    amqp_request_accept(c, r);
    amqp_request_put_status(c, r);
    describe(c, &c->made, &subject);
    amqp_send_made(c, r->to);
}

/* The link stays, whatever becomes of a request. */
static void delivery(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    amqp_request(c, k, d, asked);
}

const struct link_ops amqp_management_link = {
    .name = "$management",
    .opened = amqp_request_opened,
    .delivery = delivery,
    .credit = amqp_request_credit,
};
