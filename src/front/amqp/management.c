#include "amqp.h"

#include <assert.h>
#include <stdio.h>

/* service 2.5: maps with string keys, each value of the type that clients cast to. */

static pn_bytes_t pn_text(const char *text)
{
    return pn_bytes(strlen(text), text);
}

static void put_text(pn_data_t *map, const char *key, const char *value)
{
    pn_data_put_string(map, pn_text(key));
    pn_data_put_string(map, pn_text(value));
}

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

static void describe_hub(struct amqp *c, pn_data_t *map)
{
    unsigned n = hub_partitions(c->env->hub);

    put_text(map, "name", c->env->entity);
    put_text(map, "type", "com.microsoft:eventhub");
    pn_data_put_string(map, pn_text("created_at"));
    pn_data_put_timestamp(map, hub_birth(c->env->hub)->created_ms);
    pn_data_put_string(map, pn_text("partition_count"));
    pn_data_put_int(map, (int32_t)n);
    pn_data_put_string(map, pn_text("partition_ids"));
    pn_data_put_array(map, false, PN_STRING);
    pn_data_enter(map);
    for (unsigned i = 0; i < n; i++) {
        char id[12];
        snprintf(id, sizeof id, "%u", i);
        pn_data_put_string(map, pn_text(id));
    }
    pn_data_exit(map);
}

static void put_long(pn_data_t *map, const char *key, int64_t value)
{
    pn_data_put_string(map, pn_text(key));
    pn_data_put_long(map, value);
}

static void describe_partition(struct amqp *c, pn_data_t *map, unsigned number, const struct partition *p)
{
    char id[12], offset[OFFSET_TEXT_CAP];
    bool used = p->last_sequence >= 0;

    snprintf(id, sizeof id, "%u", number);
    offset_text(p->last_offset, offset);
    put_text(map, "name", c->env->entity);
    put_text(map, "type", "com.microsoft:partition");
    put_text(map, "partition", id);
    put_long(map, "begin_sequence_number", p->first_sequence);
    put_long(map, "last_enqueued_sequence_number", p->last_sequence);
    put_text(map, "last_enqueued_offset", used ? offset : "-1");
    pn_data_put_string(map, pn_text("last_enqueued_time_utc"));
    pn_data_put_timestamp(map, p->last_enqueued_ms);
    pn_data_put_string(map, pn_text("is_partition_empty"));
    pn_data_put_bool(map, p->empty);
}

/* service 2.5: by the token in the request, else by what the connection has proved. */
static enum err may_read(struct amqp *c, struct amqp_request *r)
{
    char number[24], path[HOST_LEN_MAX + 16];
    struct bytes token = amqp_property(r, "security_token", number);
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

static enum err read_partition(struct amqp *c, struct amqp_request *r)
{
    char number[24];
    struct partition p;
    uint64_t n;
    struct bytes id = amqp_property(r, "partition", number);

    if (!id.len)
        return refuse(c, r, 400, "amqp:invalid-field", "The partition is missing.");
    if (!bytes_to_u64(id, &n) || n >= hub_partitions(c->env->hub) || hub_partition(c->env->hub, (unsigned)n, &p))
        return not_found(c, r, id);
    assert(pn_data_size(r->answer) == 0);
    front_wait_for(&c->front, hub_seen(c->env->hub));
    pn_data_put_map(r->answer);
    pn_data_enter(r->answer);
    describe_partition(c, r->answer, (unsigned)n, &p);
    pn_data_exit(r->answer);
    return OK;
}

static enum err read_one(struct amqp *c, struct amqp_request *r)
{
    char number[24];
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
        return read_partition(c, r);
    if (!amqp_is(type, WORD_EVENT_HUB))
        return refuse(c, r, 400, "amqp:invalid-field", "The type must be com.microsoft:eventhub or :partition.");
    pn_data_put_map(r->answer);
    pn_data_enter(r->answer);
    describe_hub(c, r->answer);
    pn_data_exit(r->answer);
    return OK;
}

static void asked(struct amqp *c, struct amqp_request *r)
{
    amqp_request_answer(c, r, read_one(c, r));
}

/* The link stays, whatever becomes of a request. */
static void delivery(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    amqp_request(c, k, d, asked);
}

static void opened(struct amqp *c, struct amqp_link *k, const struct address *a)
{
    (void)a;
    amqp_link_accept(c, k);
}

const struct link_ops amqp_management_link = {
    .name = "$management",
    .opened = opened,
    .delivery = delivery,
    .credit = amqp_request_credit,
};
