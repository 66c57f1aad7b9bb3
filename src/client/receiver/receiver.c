#include "connection.h"
#include "events_talk.h"
#include "handle.h"

#include <stdio.h>
#include <stdlib.h>

enum { CREDIT = 300, CREDIT_MAX = 5000, POSITIONS_LEN_MAX = 64 * 1024 };

struct d2d_receiver {
    struct account account;
    struct events_talk talk;
    struct positions positions;
    struct connection connection;
    struct buf password, saved;
    char user[2 * POLICY_LEN_MAX + HOST_LEN_MAX];
    char policy[POLICY_LEN_MAX + 1];
    char host[HOST_LEN_MAX + 1], connect[HOST_LEN_MAX + 1]; /* where the events are */
    int port;
    char entity[256];
    char group[GROUP_LEN_MAX + 1];
    char **devices;
    char offset[OFFSET_CAP];
    void (*event)(void *ctx, struct d2d_receiver *, const struct d2d_event *);
    void (*listening)(void *ctx, struct d2d_receiver *);
    void (*disconnected)(void *ctx, struct d2d_receiver *, enum d2d_err, bool final);
    void *ctx;
};

/* ---- the connection -------------------------------------------------------------------------------------------- */

static void on_listening(void *ctx)
{
    struct d2d_receiver *r = ctx;

    connection_opened(&r->connection);
    account_say(&r->account, D2D_LOG_INFO, "listening to %zu partitions of %s on %s", r->positions.n, r->entity,
                r->host);
    if (r->listening && !r->account.gone)
        r->listening(r->ctx, r);
}

static void on_event(void *ctx, const struct d2d_event *e)
{
    struct d2d_receiver *r = ctx;

    connection_worked(&r->connection);
    r->event(r->ctx, r, e);
}

static void on_lost(void *ctx, enum d2d_err why, bool final)
{
    struct d2d_receiver *r = ctx;

    if (r->disconnected)
        r->disconnected(r->ctx, r, why, final);
}

/* service 2.9. The same host stays where it was found; another one is where it says. */
static void on_redirected(void *ctx, struct bytes host, int port, struct bytes entity)
{
    struct d2d_receiver *r = ctx;

    if (entity.len >= sizeof r->entity || host.len >= sizeof r->host)
        return;
    if (!bytes_eq_nocase(host, bytes_str(r->account.host))) {
        snprintf(r->host, sizeof r->host, "%.*s", BYTES_ARG(host));
        snprintf(r->connect, sizeof r->connect, "%.*s", BYTES_ARG(host));
        r->port = port;
    }
    snprintf(r->entity, sizeof r->entity, "%.*s", BYTES_ARG(entity));
    r->talk.entity = r->entity;
    account_say(&r->account, D2D_LOG_INFO, "the events are on %s, %s", r->host, r->entity);
}

static void on_ended(void *ctx, enum d2d_err why, const char *detail)
{
    struct d2d_receiver *r = ctx;

    if (why == D2D_OK && r->talk.entity)
        connection_again(&r->connection);
    else
        connection_ended(&r->connection, why ? why : D2D_FAILED, r->host, detail);
}

/* service 1.6: a hub takes a token for the password, the place of the events the key as it stands. */
static enum err credentials(struct d2d_receiver *r)
{
    const struct account *a = &r->account;
    struct bytes host = bytes_str(a->host);
    enum err e = OK;

    buf_clear(&r->password);
    if (r->talk.entity && a->string.key.at) {
        snprintf(r->user, sizeof r->user, "%s", r->policy);
        buf_put(&r->password, a->string.key);
    } else {
        snprintf(r->user, sizeof r->user, "%s@sas.root.%.*s", r->policy,
                 BYTES_ARG(bytes_first(host, bytes_find(host, '.'))));
        e = account_token(&r->account, host, &r->password);
    }
    r->talk.amqp.user = r->user;
    r->talk.amqp.password = buf_str(&r->password);
    return e ? e : buf_check(&r->password);
}

static bool at_hub(const struct d2d_receiver *r)
{
    return bytes_eq_nocase(bytes_str(r->host), bytes_str(r->account.host));
}

/* service 1.8: an event hub has a path of its own; where the hub is on the same host, it is the hub's too. */
static const char *websocket_path(const struct d2d_receiver *r)
{
    return r->account.string.kind == CONNSTR_SERVICE && at_hub(r) ? "/$iothub/websocket" : "/$servicebus/websocket";
}

static enum err prepare(void *ctx, struct carriage *out)
{
    struct d2d_receiver *r = ctx;

    r->talk.amqp.host = r->host;
    out->name = at_hub(r) ? r->account.name : r->host;
    out->connect = r->connect;
    out->port = r->port;
    out->path = websocket_path(r);
    out->protocol = "AMQPWSB10"; /* service 1.8 */
    out->talk = &r->talk.amqp.talk;
    return credentials(r);
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static void receiver_end(void *of)
{
    struct d2d_receiver *r = of;

    connection_close(&r->connection);
    events_talk_close(&r->talk);
    for (size_t i = 0; r->devices && r->devices[i]; i++)
        free(r->devices[i]);
    free(r->devices);
    if (r->password.at)
        explicit_bzero(r->password.at, r->password.cap);
    buf_free(&r->password);
    buf_free(&r->saved);
}

static enum d2d_err copy_devices(struct d2d_receiver *r, const char *const *devices)
{
    size_t n = 0;

    while (devices && devices[n])
        n++;
    if (n > FILTER_DEVICES_MAX)
        return account_fail(&r->account, D2D_ARGUMENT, "at most %d devices can be named", FILTER_DEVICES_MAX);
    r->devices = calloc(n + 1, sizeof *r->devices);
    if (!r->devices)
        return D2D_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        if (!(r->devices[i] = strdup(devices[i])))
            return D2D_NO_MEMORY;
    r->talk.devices = (const char *const *)r->devices;
    return D2D_OK;
}

/* A saved position counts for a partition that is read. */
static void resume(struct d2d_receiver *r, const struct progress *saved)
{
    size_t n = r->positions.n;
    struct progress *at = positions_of(&r->positions, bytes_str(saved->id));

    if (at && (r->talk.all || r->positions.n == n))
        *at = *saved;
    else
        r->positions.n = n;
}

static enum d2d_err set_partitions(struct d2d_receiver *r, const struct d2d_receiver_options *o)
{
    struct positions saved = {.n = 0};

    if (o->resume && positions_load(&saved, o->resume))
        return account_fail(&r->account, D2D_ARGUMENT,
                            "these are not saved positions, as d2d_receiver_positions() gives them");
    r->positions.born_ms = saved.born_ms;
    r->talk.all = !o->partitions || !o->partitions[0];
    for (size_t i = 0; !r->talk.all && o->partitions[i]; i++)
        if (!positions_of(&r->positions, bytes_str(o->partitions[i])))
            return account_fail(&r->account, D2D_ARGUMENT, "these are no partitions");
    for (size_t i = 0; i < saved.n; i++)
        resume(r, &saved.at[i]);
    return D2D_OK;
}

static enum d2d_err set_position(struct d2d_receiver *r, const struct d2d_position *p)
{
    r->talk.position = *p;
    if (p->from != D2D_FROM_OFFSET)
        return D2D_OK;
    if (!p->offset || !*p->offset || !bytes_to_str(bytes_str(p->offset), r->offset, sizeof r->offset))
        return account_fail(&r->account, D2D_ARGUMENT, "this is not an offset");
    r->talk.position.offset = r->offset;
    return D2D_OK;
}

static enum d2d_err set_names(struct d2d_receiver *r, const char *group)
{
    const struct connstr *s = &r->account.string;

    if (!s->key_name.len || !bytes_to_str(s->key_name, r->policy, sizeof r->policy))
        return account_fail(&r->account, D2D_ARGUMENT, "the connection string has no SharedAccessKeyName");
    if (s->kind == CONNSTR_EVENTS && (!s->entity.len || !bytes_to_str(s->entity, r->entity, sizeof r->entity)))
        return account_fail(&r->account, D2D_ARGUMENT, "the connection string has no EntityPath");
    if (!bytes_to_str(bytes_str(group ? group : "$Default"), r->group, sizeof r->group) || !r->group[0])
        return account_fail(&r->account, D2D_ARGUMENT, "this is not the name of a consumer group");
    snprintf(r->host, sizeof r->host, "%s", r->account.host);
    snprintf(r->connect, sizeof r->connect, "%s", r->account.connect);
    r->port = r->account.amqps_port;
    r->talk.entity = s->kind == CONNSTR_EVENTS ? r->entity : NULL;
    r->talk.group = r->group;
    return D2D_OK;
}

static void set_up(struct d2d_receiver *r, const struct d2d_receiver_options *o)
{
    struct events_talk *t = &r->talk;

    r->password = buf_max(SAS_LEN_MAX);
    r->saved = buf_max(POSITIONS_LEN_MAX);
    r->event = o->event;
    r->listening = o->listening;
    r->disconnected = o->disconnected;
    r->ctx = o->ctx;
    connection_init(&r->connection, &r->account,
                    (struct connection_pace){o->backoff_first_ms, o->backoff_most_ms, o->once});
    r->connection.prepare = prepare;
    r->connection.lost = on_lost;
    r->connection.ctx = r;
    events_talk_init(t);
    t->positions = &r->positions;
    t->credit = o->credit ? (int)(o->credit < CREDIT_MAX ? o->credit : CREDIT_MAX) : CREDIT;
    t->amqp.timeout_ms = r->account.timeout_ms;
    t->amqp.seed = loop_random(r->account.loop);
    t->redirected = on_redirected;
    t->listening = on_listening;
    t->event = on_event;
    t->ended = on_ended;
    t->ctx = r;
}

static const char *missing(const void *options)
{
    return ((const struct d2d_receiver_options *)options)->event ? NULL : "a receiver needs a function for its events";
}

static enum d2d_err receiver_begin(void *handle, const void *options)
{
    struct d2d_receiver *r = handle;
    const struct d2d_receiver_options *o = options;
    enum d2d_err e;

    set_up(r, o);
    if ((e = set_names(r, o->group)) || (e = set_position(r, &o->position)) || (e = set_partitions(r, o)) ||
        (e = copy_devices(r, o->devices)))
        return e;
    return connection_start(&r->connection) ? D2D_NO_MEMORY : D2D_OK;
}

enum d2d_err d2d_receiver_new(struct d2d_loop *loop, const struct d2d_receiver_options *options,
                              struct d2d_receiver **out)
{
    static const struct handle_kind kind = {.size = sizeof(struct d2d_receiver),
                                            .options_size = sizeof(struct d2d_receiver_options),
                                            .strings = 1u << CONNSTR_SERVICE | 1u << CONNSTR_EVENTS,
                                            .missing = missing,
                                            .begin = receiver_begin,
                                            .end = receiver_end};

    return handle_new(&kind, loop, options, out);
}

void d2d_receiver_free(struct d2d_receiver *r)
{
    if (!r || r->account.gone)
        return;
    connection_drop(&r->connection);
    r->account.gone = r->talk.amqp.gone = true;
    handle_bury(&r->account);
}

const char *d2d_receiver_detail(const struct d2d_receiver *r)
{
    return r->account.detail;
}

bool d2d_receiver_filtered_by_hub(const struct d2d_receiver *r)
{
    return r->talk.filtered;
}

const char *d2d_receiver_positions(struct d2d_receiver *r)
{
    buf_clear(&r->saved);
    positions_save(&r->positions, &r->saved);
    return buf_str(&r->saved);
}

void d2d_receiver_pause(struct d2d_receiver *r, bool paused)
{
    r->talk.paused = paused;
    connection_wake(&r->connection);
}
