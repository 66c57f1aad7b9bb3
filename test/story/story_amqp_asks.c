/* Twins, calls and registrations over AMQP (device 3.8, provisioning 1.5).
 *
 *     d1:amqp  ASKS GET|PUT | ASKS PATCH {…}       its twin; PUT: what is desired of it from now on
 *     d1:amqp  LISTENS | ANSWERS 200 {…}           to calls
 *     r1:amqp  CONNECT dps | REGISTERS | ASKS STATUS */
#include "story_amqp.h"

#include "sas.h"

#include <proton/sasl.h>

static const char CORRELATION[] = "com.microsoft:channel-correlation-id", VERSION[] = "com.microsoft:api-version";

static void put_symbol(pn_data_t *p, const char *name, const char *value)
{
    pn_data_put_symbol(p, pn_bytes(strlen(name), name));
    pn_data_put_string(p, pn_bytes(strlen(value), value));
}

/* Both links of a channel; the one that sends. */
static pn_link_t *channel(struct teller *m, const char *what)
{
    char address[300], id[80];
    pn_link_t *links[2];

    snprintf(address, sizeof address, "/devices/%s/%s", m->actor->id, what);
    snprintf(id, sizeof id, "%s:%s", strstr(what, "twin") ? "twin" : "methods", m->actor->id);
    for (int sends = 0; sends < 2; sends++) {
        bool there = pn_link_head(m->proton.driver.connection, PN_LOCAL_ACTIVE) != NULL;
        char name[400];

        snprintf(name, sizeof name, "%s %s", sends ? "to" : "from", address);
        links[sends] = pn_link_head(m->proton.driver.connection, PN_LOCAL_ACTIVE);
        while (there && links[sends] && strcmp(pn_link_name(links[sends]), name) != 0)
            links[sends] = pn_link_next(links[sends], PN_LOCAL_ACTIVE);
        if (links[sends])
            continue;
        links[sends] = sends ? pn_sender(m->session, name) : pn_receiver(m->session, name);
        pn_data_t *p = pn_link_properties(links[sends]);

        pn_terminus_set_address(sends ? pn_link_target(links[sends]) : pn_link_source(links[sends]), address);
        pn_data_put_map(p);
        pn_data_enter(p);
        put_symbol(p, VERSION, "2020-09-30");
        put_symbol(p, CORRELATION, id);
        pn_data_exit(p);
        pn_link_open(links[sends]);
        if (!sends)
            pn_link_flow(links[sends], 50);
    }
    amqp_run(m);
    return links[1];
}

static pn_message_t *new_message(const char *body)
{
    pn_message_t *m = pn_message();

    pn_data_put_binary(pn_message_body(m), pn_bytes(strlen(body), body));
    pn_message_set_inferred(m, true);
    return m;
}

static void ask_twin(struct teller *m, const char *operation, const char *body)
{
    pn_link_t *l = channel(m, "twin");
    pn_message_t *ask = new_message(body);
    pn_data_t *a = pn_message_annotations(ask);
    const char *resource = !strcmp(operation, "PATCH") ? "/properties/reported"
                           : !strcmp(operation, "PUT") ? "/notifications/twin/properties/desired"
                                                       : NULL;

    pn_data_put_map(a);
    pn_data_enter(a);
    put_symbol(a, "operation", operation);
    if (resource)
        put_symbol(a, "resource", resource);
    pn_message_set_correlation_id(ask, (pn_msgid_t){.type = PN_STRING, .u.as_bytes = {5, "a-rid"}});
    amqp_send(m, l, ask);
}

static void answer_call(struct teller *m, int status, const char *body)
{
    pn_message_t *answer = new_message(body);
    pn_data_t *p = pn_message_properties(answer);

    pn_message_set_correlation_id(answer, m->call);
    pn_data_put_map(p);
    pn_data_enter(p);
    pn_data_put_string(p, pn_bytes(strlen("IoThub-status"), "IoThub-status"));
    pn_data_put_int(p, status);
    amqp_send(m, channel(m, "methods/devicebound"), answer);
}

static void put_registration(const struct teller *m, char out[300])
{
    snprintf(out, 300, "%s/registrations/%s", hub_birth(m->story->world.hub)->scope, m->actor->id);
}

void amqp_registers(struct teller *m)
{
    struct buf token = buf_max(SAS_LEN_MAX);
    char user[300];

    put_registration(m, user);
    world_registration_token(&m->story->world, m->actor->id, m->story->now_ms + 3600000, &token);
    pn_sasl_set_allow_insecure_mechs(pn_sasl(m->proton.driver.transport), true);
    pn_connection_set_user(m->proton.driver.connection, user);
    pn_connection_set_password(m->proton.driver.connection, buf_str(&token));
    buf_free(&token);
}

static void ask_registration(struct teller *m, const char *type, const char *operation)
{
    pn_message_t *ask = new_message("");
    pn_data_t *p = pn_message_properties(ask);
    char address[300];
    pn_link_t *l;

    put_registration(m, address);
    amqp_attach(m, false, address, 10);
    l = amqp_attach(m, true, address, 0);
    amqp_run(m);
    pn_data_put_map(p);
    pn_data_enter(p);
    amqp_put_pair(p, "iotdps-operation-type", type);
    if (operation)
        amqp_put_pair(p, "iotdps-operation-id", operation);
    amqp_send(m, l, ask);
}

bool amqp_asks(struct teller *m, char **words, size_t n)
{
    if (!strcmp(words[0], "REGISTERS"))
        ask_registration(m, "iotdps-register", NULL);
    else if (!strcmp(words[0], "ASKS") && n == 2 && !strcmp(words[1], "STATUS"))
        ask_registration(m, "iotdps-get-operationstatus", m->story->operation);
    else if (!strcmp(words[0], "ASKS") && n >= 2)
        ask_twin(m, words[1], n > 2 ? words[2] : "");
    else if (!strcmp(words[0], "LISTENS"))
        channel(m, "methods/devicebound");
    else if (!strcmp(words[0], "ANSWERS") && n == 3)
        answer_call(m, (int)atol(words[1]), words[2]);
    else
        return false;
    return true;
}

/* ---- what is heard --------------------------------------------------------------------------------------------- */

static pn_atom_t value_of(pn_data_t *map, const char *key)
{
    pn_data_rewind(map);
    if (pn_data_next(map) && pn_data_type(map) == PN_MAP) {
        pn_data_enter(map);
        while (pn_data_next(map)) {
            pn_atom_t k = pn_data_get_atom(map);

            if (!pn_data_next(map))
                break;
            if (bytes_eq(bytes_of(k.u.as_bytes.start, k.u.as_bytes.size), bytes_str(key)))
                return pn_data_get_atom(map);
        }
    }
    return (pn_atom_t){.type = PN_NULL};
}

static struct bytes body_of(pn_message_t *message)
{
    pn_data_t *body = pn_message_body(message);
    pn_bytes_t b;

    pn_data_rewind(body);
    if (!pn_data_next(body))
        return NO_BYTES;
    b = pn_data_get_binary(body);
    return bytes_of(b.start, b.size);
}

/* An answer has a status; what is desired has none. */
static void tell_twin(struct story *s, pn_message_t *message)
{
    pn_data_t *a = pn_message_annotations(message);
    pn_atom_t status = value_of(a, "status"), version = value_of(a, "version");

    if (status.type == PN_INT)
        story_heard(s, "TWIN %d", status.u.as_int);
    else
        story_heard(s, "DESIRED");
    if (version.type == PN_LONG)
        buf_printf(&s->got, " version=%lld", (long long)version.u.as_long);
    story_tell_document(s, body_of(message));
}

static void tell_call(struct teller *m, pn_message_t *message)
{
    pn_atom_t name = value_of(pn_message_properties(message), "IoThub-methodname");

    m->call = pn_message_get_correlation_id(message);
    story_heard(m->story, "CALL %.*s %.*s", (int)name.u.as_bytes.size, name.u.as_bytes.start,
                BYTES_ARG(body_of(message)));
}

bool amqp_told(struct teller *m, pn_link_t *l, const void *raw, size_t len)
{
    const char *address = pn_terminus_get_address(pn_link_source(l));
    bool twin = strstr(address, "/twin"), call = strstr(address, "/methods/"), dps = strstr(address, "/registrations/");
    pn_message_t *message;

    if (!twin && !call && !dps)
        return false;
    message = pn_message();
    if (pn_message_decode(message, raw, len))
        abort();
    if (twin) {
        tell_twin(m->story, message);
    } else if (call) {
        tell_call(m, message);
    } else {
        story_heard(m->story, "REGISTRATION");
        story_tell_json(m->story, body_of(message));
    }
    pn_message_free(message);
    return true;
}
