/* The hub's side of an AMQP conversation as a test wants it: Proton as a server that accepts every link, answers
 * tokens, notes what it is sent and says what it is told to, joined to a talk by arrays. */
#pragma once

#include "amqp_talk.h"
#include "check.h"

#include <proton/message.h>
#include <proton/sasl.h>

#include <stdio.h>

#define T0 1795411500000LL

struct amqp_hub {
    struct talk *talk;
    struct buf from_talk; /* the talk's output */
    int64_t now_ms;
    pn_connection_driver_t driver;
    bool has_driver;
    pn_link_t *gives; /* the last link that it sends on, but for $cbs */
    pn_link_t *answers;
    int token_status;      /* 0: says nothing */
    unsigned tokens;       /* that were put */
    uint64_t outcome;      /* of what it is sent; 0: none yet */
    const char *condition; /* of a rejection */
    const char *reason;    /* for it; NULL: one for people */
    pn_delivery_t *last;   /* that it was sent */
    char heard[1024];      /* "body " of each, behind its `to` and ack when it has them */
    char settled[256];     /* what became of what it gave: 'a'ccepted, 'r'ejected, 'l' released */
    const char *refused;   /* an address that it does not accept */
    bool sasl;             /* the other side said who it is with SASL */
};

static struct amqp_hub hub;

static inline pn_bytes_t text_of(const char *text)
{
    return pn_bytes(strlen(text), text);
}

static inline void hub_send_on(pn_link_t *l, pn_message_t *m, const char *tag)
{
    char raw[65536];
    size_t size = sizeof raw;

    CHECK(pn_message_encode(m, raw, &size) == 0);
    CHECK(pn_delivery(l, pn_dtag(tag, 16)));
    CHECK(pn_link_send(l, raw, size) == (ssize_t)size);
    pn_link_advance(l);
}

/* A message for a device, or feedback. */
static inline void hub_give(const char *id, const char *body)
{
    static unsigned n;
    pn_message_t *m = pn_message();
    pn_data_t *a = pn_message_annotations(m);
    char tag[17];

    snprintf(tag, sizeof tag, "%016u", n++);
    if (id)
        pn_message_set_id(m, (pn_atom_t){.type = PN_STRING, .u.as_bytes = text_of(id)});
    pn_data_put_map(a);
    pn_data_enter(a);
    pn_data_put_symbol(a, text_of("iothub-deliverycount"));
    pn_data_put_ubyte(a, 2);
    pn_data_put_symbol(a, text_of("iothub-enqueuedtime"));
    pn_data_put_timestamp(a, T0);
    pn_data_exit(a);
    pn_message_set_inferred(m, true);
    pn_data_put_binary(pn_message_body(m), text_of(body));
    hub_send_on(hub.gives, m, tag);
    pn_message_free(m);
}

static inline void hub_answer_token(void)
{
    pn_message_t *m = pn_message();
    pn_data_t *p = pn_message_properties(m);

    hub.tokens++;
    if (hub.token_status) {
        pn_data_put_map(p);
        pn_data_enter(p);
        pn_data_put_string(p, text_of("status-code"));
        pn_data_put_int(p, hub.token_status);
        pn_data_exit(p);
        hub_send_on(hub.answers, m, "0123456789abcdef");
    }
    pn_message_free(m);
}

static inline const char *ack_of(pn_message_t *m)
{
    pn_data_t *p = pn_message_properties(m);

    pn_data_rewind(p);
    if (!pn_data_next(p) || pn_data_type(p) != PN_MAP)
        return "";
    pn_data_enter(p);
    while (pn_data_next(p)) {
        bool found = pn_data_get_string(p).size == 10 && memcmp(pn_data_get_string(p).start, "iothub-ack", 10) == 0;

        pn_data_next(p);
        if (found)
            return pn_data_get_string(p).start; /* only looked at for its first letter */
    }
    return "";
}

static inline void hub_note(pn_message_t *m)
{
    size_t used = strlen(hub.heard);
    pn_data_t *body = pn_message_body(m);
    pn_bytes_t b;

    pn_data_rewind(body);
    CHECK(pn_data_next(body) && pn_data_type(body) == PN_BINARY);
    b = pn_data_get_binary(body);
    if (pn_message_get_address(m))
        used += (size_t)snprintf(hub.heard + used, sizeof hub.heard - used, "%s:%.1s:", pn_message_get_address(m),
                                 ack_of(m));
    snprintf(hub.heard + used, sizeof hub.heard - used, "%.*s ", (int)b.size, b.start);
}

static inline void hub_decide(pn_delivery_t *d)
{
    if (hub.outcome == PN_REJECTED) {
        pn_condition_set_name(pn_disposition_condition(pn_delivery_local(d)), hub.condition);
        pn_condition_set_description(pn_disposition_condition(pn_delivery_local(d)),
                                     hub.reason ? hub.reason : "the hub's reason");
    }
    pn_delivery_update(d, hub.outcome);
    pn_delivery_settle(d);
}

static inline void hub_hear(pn_delivery_t *d)
{
    pn_link_t *l = pn_delivery_link(d);
    const char *address = pn_terminus_get_address(pn_link_remote_target(l));
    pn_message_t *m = pn_message();
    char raw[65536];
    ssize_t n = pn_link_recv(l, raw, sizeof raw);

    CHECK(n >= 0 && pn_message_decode(m, raw, (size_t)n) == 0);
    pn_link_advance(l);
    if (strcmp(address, "$cbs") == 0) {
        pn_delivery_update(d, PN_ACCEPTED);
        pn_delivery_settle(d);
        hub_answer_token();
    } else {
        hub_note(m);
        hub.last = d;
        if (pn_delivery_settled(d))
            pn_delivery_settle(d);
        else if (hub.outcome)
            hub_decide(d);
    }
    pn_message_free(m);
}

static inline void hub_attach(pn_link_t *l)
{
    bool gives = pn_link_is_sender(l);
    const char *address = pn_terminus_get_address(gives ? pn_link_remote_source(l) : pn_link_remote_target(l));

    pn_terminus_copy(pn_link_source(l), pn_link_remote_source(l));
    pn_terminus_copy(pn_link_target(l), pn_link_remote_target(l));
    if (hub.refused && strcmp(address, hub.refused) == 0) {
        pn_terminus_set_type(gives ? pn_link_source(l) : pn_link_target(l), PN_UNSPECIFIED);
        pn_link_open(l);
        pn_condition_set_name(pn_link_condition(l), "amqp:unauthorized-access");
        pn_link_close(l);
        return;
    }
    pn_link_open(l);
    if (!gives)
        pn_link_flow(l, 10);
    else if (strcmp(address, "$cbs") == 0)
        hub.answers = l;
    else
        hub.gives = l;
}

static inline void hub_event(pn_event_t *e)
{
    pn_delivery_t *d = pn_event_delivery(e);

    switch ((int)pn_event_type(e)) {
    case PN_CONNECTION_REMOTE_OPEN:
        pn_connection_open(pn_event_connection(e));
        break;
    case PN_SESSION_REMOTE_OPEN:
        pn_session_open(pn_event_session(e));
        break;
    case PN_LINK_REMOTE_OPEN:
        hub_attach(pn_event_link(e));
        break;
    case PN_DELIVERY:
        if (pn_delivery_readable(d) && !pn_delivery_partial(d)) {
            hub_hear(d);
        } else if (pn_delivery_updated(d) && pn_link_is_sender(pn_delivery_link(d))) {
            uint64_t state = pn_delivery_remote_state(d);
            size_t used = strlen(hub.settled);

            if (pn_delivery_link(d) == hub.gives)
                snprintf(hub.settled + used, sizeof hub.settled - used, "%c",
                         state == PN_ACCEPTED   ? 'a'
                         : state == PN_REJECTED ? 'r'
                         : state == PN_RELEASED ? 'l'
                                                : '?');
            pn_delivery_settle(d);
        }
        break;
    }
}

static inline bool hub_turn(void)
{
    pn_event_t *e;
    bool busy = false;

    while (hub.from_talk.len) {
        pn_rwbytes_t room = pn_connection_driver_read_buffer(&hub.driver);
        struct bytes part = bytes_first(buf_bytes(&hub.from_talk), room.size);

        if (!part.len)
            break;
        memcpy(room.start, part.at, part.len);
        pn_connection_driver_read_done(&hub.driver, part.len);
        buf_drop(&hub.from_talk, part.len);
        busy = true;
    }
    while ((e = pn_connection_driver_next_event(&hub.driver)))
        hub_event(e);
    for (pn_bytes_t said; (said = pn_connection_driver_write_buffer(&hub.driver)).size; busy = true) {
        size_t used = hub.talk->ops->input(hub.talk, bytes_of(said.start, said.size), hub.now_ms);

        pn_connection_driver_write_done(&hub.driver, used);
        if (!used || hub.talk->over)
            break;
    }
    return busy;
}

/* To and fro until nobody has anything to say. */
static inline void hub_run(void)
{
    for (int turn = 0;; turn++) {
        bool busy = hub_turn();

        CHECK(turn < 1000);
        if (!hub.talk->over)
            hub.talk->ops->tick(hub.talk, hub.now_ms);
        if (hub.talk->over || (!busy && !hub.from_talk.len))
            return;
    }
}

static inline void hub_open(struct talk *t)
{
    memset(&hub, 0, sizeof hub);
    hub.talk = t;
    hub.from_talk = buf_max(1 << 22);
    hub.now_ms = T0;
    hub.token_status = 200;
    hub.outcome = PN_ACCEPTED;
}

/* A connection, and all that is said at its beginning. */
static inline void hub_connect(void)
{
    CHECK(pn_connection_driver_init(&hub.driver, NULL, NULL) == 0);
    hub.has_driver = true;
    pn_transport_set_server(hub.driver.transport);
    pn_sasl_allowed_mechs(pn_sasl(hub.driver.transport), "ANONYMOUS");
    pn_transport_require_auth(hub.driver.transport, false);
    pn_connection_driver_bind(&hub.driver);
    hub.talk->out = &hub.from_talk;
    hub.talk->over = false;
    hub.talk->ops->start(hub.talk, hub.now_ms);
    hub.sasl = hub.from_talk.len > 4 && hub.from_talk.at[4] == 3;
    hub_run();
}

static inline void hub_cut(void)
{
    if (!hub.has_driver)
        return;
    hub.talk->ops->close(hub.talk, ERR_CLOSED, hub.now_ms);
    pn_connection_driver_destroy(&hub.driver);
    hub.has_driver = false;
    hub.gives = hub.answers = NULL;
    buf_clear(&hub.from_talk);
}

static inline void hub_free(void)
{
    hub_cut();
    buf_free(&hub.from_talk);
}
