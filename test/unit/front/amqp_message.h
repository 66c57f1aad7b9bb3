/* Messages that an AMQP client sends, what became of them, and what the hub made of them. */
#pragma once

#include "amqp_peer.h"

static inline pn_message_t *new_message(const char *body)
{
    pn_message_t *m = pn_message();
    pn_data_put_binary(pn_message_body(m), pn_bytes(strlen(body), body));
    pn_message_set_inferred(m, true);
    return m;
}

static inline struct bytes message_bytes(pn_message_t *m)
{
    static char room[2 * AMQP_MESSAGE_MAX];
    size_t size = sizeof room;
    CHECK(!pn_message_encode(m, room, &size));
    return bytes_of(room, size);
}

/* Sends bytes in one transfer; the delivery is not settled yet. */
static inline pn_delivery_t *send_bytes(struct client *c, pn_link_t *l, struct bytes all)
{
    static uint64_t tag;
    tag++;
    pn_delivery_t *d = pn_delivery(l, pn_dtag((const char *)&tag, sizeof tag));
    CHECK(pn_link_send(l, (const char *)all.at, all.len) == (ssize_t)all.len);
    pn_link_advance(l);
    client_run(c);
    return d;
}

static inline pn_delivery_t *send_message(struct client *c, pn_link_t *l, pn_message_t *m)
{
    pn_delivery_t *d = send_bytes(c, l, message_bytes(m));
    pn_message_free(m);
    return d;
}

/* Proton sends message format 0: the frame of the transfer is changed on its way. */
static inline pn_delivery_t *send_batch(struct client *c, pn_link_t *l, struct bytes all)
{
    struct buf copy = buf_max(1 << 22);
    static uint64_t tag = 1ULL << 40;
    tag++;
    pn_delivery_t *d = pn_delivery(l, pn_dtag((const char *)&tag, sizeof tag));
    CHECK(pn_link_send(l, (const char *)all.at, all.len) == (ssize_t)all.len);
    pn_link_advance(l);
    pn_bytes_t said = pn_connection_driver_write_buffer(&c->proton.driver);
    buf_put(&copy, bytes_of(said.start, said.size));
    pn_connection_driver_write_done(&c->proton.driver, said.size);
    /* handle, delivery-id, delivery-tag of 8 bytes, then the format: uint0 becomes a uint of four bytes */
    size_t at = bytes_find_bytes(buf_bytes(&copy), bytes_of(&tag, sizeof tag)) + sizeof tag;
    CHECK(at < copy.len && copy.at[at] == 0x43);
    struct buf changed = buf_max(1 << 22);
    buf_put(&changed, bytes_first(buf_bytes(&copy), at));
    buf_put(&changed, BYTES("\x70\x80\x01\x37\x00"));
    buf_put(&changed, bytes_skip(buf_bytes(&copy), at + 1));
    /* The frame's size and that of its list have grown by four. */
    uint32_t size = (uint32_t)copy.at[0] << 24 | (uint32_t)copy.at[1] << 16 | (uint32_t)copy.at[2] << 8 | copy.at[3];
    CHECK(size <= copy.len && changed.at[11] == 0xc0);
    size += 4;
    for (int i = 0; i < 4; i++)
        changed.at[i] = (uint8_t)(size >> (24 - 8 * i));
    changed.at[12] = (uint8_t)(changed.at[12] + 4);
    client_input(c, buf_bytes(&changed));
    buf_free(&copy);
    buf_free(&changed);
    client_run(c);
    return d;
}

static inline void check_accepted(pn_delivery_t *d)
{
    CHECK(pn_delivery_remote_state(d) == PN_ACCEPTED && pn_delivery_settled(d));
    pn_delivery_settle(d);
}

static inline void check_rejected(pn_delivery_t *d, const char *condition, const char *code)
{
    pn_condition_t *error = pn_disposition_condition(pn_delivery_remote(d));
    CHECK(pn_delivery_remote_state(d) == PN_REJECTED && pn_delivery_settled(d));
    assert_string_equal(pn_condition_get_name(error), condition);
    if (!strstr(pn_condition_get_description(error), code))
        fail_msg("\"%s\" is not in \"%s\"", code, pn_condition_get_description(error));
    pn_delivery_settle(d);
}

/* The link was accepted and ended later. */
static inline void check_detached(pn_link_t *l, const char *condition)
{
    CHECK(pn_link_state(l) & PN_REMOTE_CLOSED);
    CHECK(pn_condition_is_set(pn_link_remote_condition(l)));
    assert_string_equal(pn_condition_get_name(pn_link_remote_condition(l)), condition);
}

static inline pn_link_t *open_sender_in(struct client *c, pn_session_t *s, const char *id)
{
    char address[64 + ID_LEN_MAX];
    snprintf(address, sizeof address, "/devices/%s/messages/events", id);
    return attach_to(c, s, address, true, address);
}

static inline pn_link_t *open_sender(struct client *c, const char *id)
{
    return open_sender_in(c, c->session, id);
}

/* Before it is opened, so that its modes can be chosen. */
static inline pn_link_t *make_mailbox(pn_session_t *s, const char *id)
{
    static unsigned n;
    char name[32], address[64 + ID_LEN_MAX];
    snprintf(name, sizeof name, "mailbox-%u", n++);
    snprintf(address, sizeof address, "/devices/%s/messages/devicebound", id);
    pn_link_t *l = pn_receiver(s, name);
    pn_terminus_set_address(pn_link_source(l), address);
    return l;
}

static inline pn_link_t *open_mailbox_in(struct client *c, pn_session_t *s, const char *id, int credit)
{
    pn_link_t *l = make_mailbox(s, id);
    pn_link_open(l);
    pn_link_flow(l, credit);
    client_run(c);
    return l;
}

static inline pn_link_t *open_mailbox(struct client *c, const char *id, int credit)
{
    return open_mailbox_in(c, c->session, id, credit);
}

/* The delivery that is there becomes c->message; it stays unsettled. */
static inline pn_delivery_t *hear(struct client *c, pn_link_t *l)
{
    static char room[2 * AMQP_MESSAGE_MAX];
    pn_delivery_t *d = pn_link_current(l);
    if (!d || !pn_delivery_readable(d) || pn_delivery_partial(d))
        return NULL;
    ssize_t n = pn_link_recv(l, room, sizeof room);
    CHECK(n > 0);
    pn_message_clear(c->message);
    CHECK(!pn_message_decode(c->message, room, (size_t)n));
    pn_link_advance(l);
    return d;
}

/* The body of what was heard, as text. */
static inline const char *heard_body(struct client *c)
{
    static char text[MESSAGE_LEN_MAX + 1];
    pn_data_t *body = pn_message_body(c->message);
    pn_data_rewind(body);
    CHECK(pn_data_next(body) && pn_data_type(body) == PN_BINARY);
    pn_bytes_t b = pn_data_get_binary(body);
    CHECK(bytes_to_str(bytes_of(b.start, b.size), text, sizeof text));
    return text;
}

static inline void check_hears(struct client *c, pn_link_t *l, const char *body)
{
    pn_delivery_t *d = hear(c, l);
    CHECK(d);
    assert_string_equal(heard_body(c), body);
}

static inline void settle_as(struct client *c, pn_delivery_t *d, uint64_t outcome)
{
    pn_delivery_update(d, outcome);
    pn_delivery_settle(d);
    client_run(c);
}

static inline void post_to(const char *device, const char *id, const char *body, const char *ack, int64_t now_ms)
{
    const struct msg m = {.message_id = bytes_str(id), .body = bytes_str(body), .ack = bytes_str(ack)};
    uint64_t at;
    CHECK_OK(hub_post(w.hub, bytes_str(device), &m, now_ms, &at));
}

static inline unsigned waiting_for(const char *device)
{
    struct device d;
    CHECK_OK(hub_device_get(w.hub, bytes_str(device), &d));
    return d.c2d_count;
}
