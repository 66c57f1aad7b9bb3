/* Clients over AMQP, which are Proton.
 *
 *     d1:amqp   CONNECT | RECEIVES c2d [credit] | SENDS events body k=v | SETTLES accepted|released|rejected | HEARS
 *     svc:amqp  CONNECT | RECEIVES feedback|partition [credit] | SENDS c2d body to=/devices/d1/messages/devicebound …
 *     and those of story_amqp_asks.c
 *
 * CONNECT puts the token, too. What comes is heard as MESSAGE, the oldest one is settled first. */
#include "story_amqp.h"

#include "sections.h"

/* ---- what is heard --------------------------------------------------------------------------------------------- */

static const char *condition_of(pn_condition_t *c)
{
    return pn_condition_is_set(c) ? pn_condition_get_name(c) : "";
}

static void on_message(struct teller *m, pn_delivery_t *d)
{
    static char raw[AMQP_MESSAGE_MAX];
    struct msg_room room = {.text = buf_max(2 * AMQP_MESSAGE_MAX)};
    pn_link_t *l = pn_delivery_link(d);
    ssize_t n = pn_link_recv(l, raw, sizeof raw);
    struct msg got;

    if (n < 0 || m->n_held == HELD_MAX)
        abort();
    pn_link_advance(l);
    if (l == m->token_answers) {
        pn_message_t *answer = pn_message();
        pn_data_t *p;

        if (pn_message_decode(answer, raw, (size_t)n))
            abort();
        p = pn_message_properties(answer);
        pn_data_rewind(p);
        pn_data_next(p);
        pn_data_enter(p);
        pn_data_next(p); /* status-code is first */
        pn_data_next(p);
        story_heard(m->story, "token %d", pn_data_get_int(p));
        pn_message_free(answer);
        pn_delivery_settle(d);
    } else if (amqp_told(m, l, raw, (size_t)n)) {
        pn_delivery_update(d, PN_ACCEPTED);
        pn_delivery_settle(d);
    } else {
        MUST(msg_read(bytes_of(raw, (size_t)n), &room, &got));
        story_heard(m->story, "MESSAGE");
        if (bytes_eq(got.content_type, BYTES("application/vnd.microsoft.iothub.feedback.json"))) {
            struct bytes json = got.body;

            buf_puts(&m->story->got, " feedback");
            for (size_t at; (at = bytes_find_bytes(json, BYTES("\"description\":\""))) < json.len;) {
                json = bytes_skip(json, at + strlen("\"description\":\""));
                buf_printf(&m->story->got, " %.*s", BYTES_ARG(bytes_first(json, bytes_find(json, '"'))));
            }
        } else {
            story_tell_message(m->story, &got);
        }
        if (!pn_delivery_settled(d))
            m->held[m->n_held++] = d;
        else
            pn_delivery_settle(d);
    }
    buf_free(&room.text);
}

static void on_outcome(struct teller *m, pn_delivery_t *d)
{
    uint64_t state = pn_delivery_remote_state(d);

    if (!pn_delivery_updated(d))
        return;
    if (pn_link_is_sender(pn_delivery_link(d)) && pn_delivery_settled(d)) {
        const char *why = condition_of(pn_disposition_condition(pn_delivery_remote(d)));

        if (pn_link_remote_target(pn_delivery_link(d)) && state != PN_ACCEPTED)
            story_heard(m->story, "rejected %s", why);
        else if (strcmp(pn_terminus_get_address(pn_link_target(pn_delivery_link(d))), "$cbs") != 0)
            story_heard(m->story, "accepted");
        pn_delivery_settle(d);
    }
    pn_delivery_clear(d);
}

static void on_event(struct proton_end *p, pn_event_t *e)
{
    struct teller *m = (struct teller *)(void *)p;
    pn_link_t *l = pn_event_link(e);
    pn_delivery_t *d;
    const char *address;

    switch (pn_event_type(e)) {
    case PN_CONNECTION_REMOTE_OPEN:
        story_heard(m->story, "open");
        break;
    case PN_LINK_REMOTE_OPEN:
        address = pn_terminus_get_address(pn_link_is_sender(l) ? pn_link_target(l) : pn_link_source(l));
        if (pn_terminus_get_type(pn_link_is_sender(l) ? pn_link_remote_target(l) : pn_link_remote_source(l)) !=
                PN_UNSPECIFIED &&
            strcmp(address, "$cbs") != 0)
            story_heard(m->story, "attached");
        break;
    case PN_LINK_REMOTE_CLOSE:
        story_heard(m->story, "detached %s", condition_of(pn_link_remote_condition(l)));
        pn_link_close(l);
        break;
    case PN_CONNECTION_REMOTE_CLOSE:
        story_heard(m->story, "closed %s", condition_of(pn_connection_remote_condition(m->proton.driver.connection)));
        break;
    case PN_DELIVERY:
        d = pn_event_delivery(e);
        if (pn_link_is_receiver(l) && pn_delivery_readable(d) && !pn_delivery_partial(d))
            on_message(m, d);
        else
            on_outcome(m, d);
        break;
    default:
        break;
    }
}

/* ---- what is said ---------------------------------------------------------------------------------------------- */

/* That is open, or NULL. */
static pn_link_t *link_of(struct teller *m, bool sends, const char *address)
{
    pn_link_t *l = pn_link_head(m->proton.driver.connection, PN_LOCAL_ACTIVE);

    while (l && (pn_link_is_sender(l) != sends ||
                 strcmp(pn_terminus_get_address(sends ? pn_link_target(l) : pn_link_source(l)), address) != 0))
        l = pn_link_next(l, PN_LOCAL_ACTIVE);
    return l;
}

pn_link_t *amqp_attach(struct teller *m, bool sends, const char *address, int credit)
{
    pn_link_t *l = link_of(m, sends, address);
    char name[320];

    if (l) {
        if (!sends)
            pn_link_flow(l, credit);
        return l;
    }
    snprintf(name, sizeof name, "%s %s", sends ? "to" : "from", address);
    l = sends ? pn_sender(m->session, name) : pn_receiver(m->session, name);
    pn_terminus_set_address(sends ? pn_link_target(l) : pn_link_source(l), address);
    pn_link_open(l);
    if (!sends)
        pn_link_flow(l, credit);
    return l;
}

static void send_on(struct teller *m, pn_link_t *l, const void *at, size_t len)
{
    m->tag++;
    pn_delivery(l, pn_dtag((const char *)&m->tag, sizeof m->tag));
    pn_link_send(l, at, len);
    pn_link_advance(l);
}

void amqp_run(struct teller *m)
{
    m->actor->join.client.woken = true;
    story_run(m->story, m->actor);
}

void amqp_send(struct teller *m, pn_link_t *l, pn_message_t *message)
{
    char raw[8192];
    size_t size = sizeof raw;

    if (pn_message_encode(message, raw, &size))
        abort();
    send_on(m, l, raw, size);
    pn_message_free(message);
    amqp_run(m);
}

void amqp_put_pair(pn_data_t *p, const char *name, const char *value)
{
    pn_data_put_string(p, pn_bytes(strlen(name), name));
    pn_data_put_string(p, pn_bytes(strlen(value), value));
}

static void put_token(struct teller *m)
{
    struct buf token = buf_max(SAS_LEN_MAX);
    pn_message_t *ask = pn_message();
    pn_data_t *p = pn_message_properties(ask);
    bool service = !strcmp(m->actor->id, "svc");
    char audience[200];
    pn_link_t *l;

    snprintf(audience, sizeof audience, service ? WORLD_HOST "%s" : WORLD_HOST "/devices/%s",
             service ? "" : m->actor->id);
    if (service)
        world_policy_token(&m->story->world, "service", m->story->now_ms + 3600000, &token);
    else
        world_token(&m->story->world, m->actor->id, false, m->story->now_ms + 3600000, &token);
    pn_message_set_id(ask, (pn_msgid_t){.type = PN_ULONG, .u.as_ulong = 1});
    pn_data_put_map(p);
    pn_data_enter(p);
    amqp_put_pair(p, "operation", "put-token");
    amqp_put_pair(p, "type", "servicebus.windows.net:sastoken");
    amqp_put_pair(p, "name", audience);
    pn_data_put_string(pn_message_body(ask), pn_bytes(token.len, (const char *)token.at));
    m->token_answers = amqp_attach(m, false, "$cbs", 10);
    l = amqp_attach(m, true, "$cbs", 0);
    amqp_run(m);
    amqp_send(m, l, ask);
    buf_free(&token);
}

static void dial(struct story *s, struct actor *a, bool registers)
{
    struct teller *m = calloc(1, sizeof *m);

    if (!m || !proton_open(&m->proton))
        abort();
    m->proton.on_event = on_event;
    m->story = s;
    m->actor = a;
    if (registers)
        amqp_registers(m);
    pn_connection_driver_bind(&m->proton.driver);
    pn_connection_set_container(m->proton.driver.connection, a->name);
    pn_connection_open(m->proton.driver.connection);
    m->session = pn_session(m->proton.driver.connection);
    pn_session_open(m->session);
    a->teller = m;
    if (strstr(a->name, ":amqp-ws"))
        story_ws_open(s, a, &m->proton.talk);
    else
        story_join(s, a, &m->proton.talk, "amqp");
    amqp_run(m);
    if (!registers)
        put_token(m);
}

void story_amqp_free(struct teller *m)
{
    if (m)
        pn_connection_driver_destroy(&m->proton.driver);
    free(m);
}

static void full_address(const struct story *s, const struct actor *a, const char *text, char out[300])
{
    struct buf b = buf_over(out, 299);

    if (!strcmp(text, "feedback"))
        buf_puts(&b, "/messages/servicebound/feedback");
    else if (!strcmp(text, "partition"))
        buf_puts(&b, "hub/ConsumerGroups/$Default/Partitions/0");
    else if (!strcmp(text, "c2d"))
        buf_printf(&b, strcmp(a->id, "svc") ? "/devices/%s/messages/devicebound" : "/messages/devicebound", a->id);
    else if (!strcmp(text, "events"))
        buf_printf(&b, "/devices/%s/messages/events", a->id);
    else
        buf_puts(&b, text);
    (void)s;
    out[b.len] = 0;
}

static void sends(struct teller *m, const char *address, char **words)
{
    struct buf raw = buf_max(AMQP_MESSAGE_MAX);
    struct prop props[WORDS_MAX];
    struct msg msg;
    pn_link_t *l = link_of(m, true, address);

    if (!l) {
        l = amqp_attach(m, true, address, 0);
        amqp_run(m);
    }
    story_take_message(m->story, words, props, &msg);
    put_properties(&raw, &msg);
    put_application_properties(&raw, &msg, true);
    put_data_head(&raw, msg.body.len);
    buf_put(&raw, msg.body);
    if (pn_link_state(l) & PN_LOCAL_ACTIVE)
        send_on(m, l, raw.at, raw.len);
    buf_free(&raw);
}

static void settles(struct teller *m, const char *how)
{
    pn_delivery_t *d = m->n_held ? m->held[0] : NULL;

    if (!d)
        story_cannot(m->actor->name, "settle what did not come");
    memmove(m->held, m->held + 1, --m->n_held * sizeof *m->held);
    pn_delivery_update(d, !strcmp(how, "accepted")   ? PN_ACCEPTED
                          : !strcmp(how, "rejected") ? PN_REJECTED
                                                     : PN_RELEASED);
    pn_delivery_settle(d);
}

void story_amqp(struct story *s, struct actor *a, char **words, size_t n)
{
    char address[300];

    if (!strcmp(words[0], "CONNECT") && !a->teller) {
        dial(s, a, n > 1 && !strcmp(words[1], "dps"));
        return;
    }
    if (!a->teller)
        story_cannot(a->name, words[0]);
    if (amqp_asks(a->teller, words, n)) {
        amqp_run(a->teller);
        return;
    }
    if (n >= 2)
        full_address(s, a, words[1], address);
    if (!strcmp(words[0], "RECEIVES") && n >= 2)
        amqp_attach(a->teller, false, address, words[2] ? (int)atol(words[2]) : 10);
    else if (!strcmp(words[0], "SENDS") && n >= 2)
        sends(a->teller, address, words + 2);
    else if (!strcmp(words[0], "SETTLES") && n == 2)
        settles(a->teller, words[1]);
    else if (strcmp(words[0], "HEARS") != 0)
        story_cannot(a->name, words[0]);
    amqp_run(a->teller);
}
