/* Receivers of events: a partition each, from a position on (service 2.4-2.8). */
#include "kinds.h"

#include "amqp_output.h"
#include "claims.h"
#include "filter.h"
#include "proton_value.h"
#include "sections.h"
#include "service.h"
#include "transfer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 32                /* events of one receiver before the next one gets its turn */
#define STUCK_MAX (1024 * 1024) /* the same of all sessions together: behind this nothing is read for that peer */

struct amqp_events {
    struct reader *reader;
    char *path;  /* what the claims must cover; the struct's own memory */
    char *group; /* likewise */
    unsigned partition;
    struct amqp_owner owner;
    bool metric;  /* service 2.8: tell the end of the partition with each event */
    bool settled; /* what is sent is settled at once */
};

static void events_free(struct amqp_events *e)
{
    if (!e)
        return;
    hub_reader_close(e->reader);
    free(e);
}

static struct amqp_events *events_new(const struct address *a)
{
    size_t path_size = strlen(a->path) + 1;
    struct amqp_events *e = calloc(1, sizeof *e + path_size + a->group.len + 1);
    if (!e)
        return NULL;
    e->path = memcpy(e + 1, a->path, path_size);
    e->group = memcpy(e->path + path_size, a->group.at, a->group.len);
    return e;
}

/* ---- attach ---------------------------------------------------------------------------------------------------- */

/* service 11: condition and text of the live service, so that a receiver that comes back to another hub hears it. */
static void refuse_position(struct amqp *c, struct amqp_link *k, unsigned partition, const struct position *position)
{
    bool offset = position->from == FROM_OFFSET;
    char last[OFFSET_TEXT_CAP] = "-1";
    struct partition p;

    for (unsigned i = 0; i < hub_partitions(c->env->hub); i++) {
        char one[OFFSET_TEXT_CAP];

        if ((!offset && i != partition) || hub_partition(c->env->hub, i, &p) || p.last_sequence < 0)
            continue;
        offset_text(p.last_offset, one); /* of one width: they can be compared */
        if (!offset)
            snprintf(last, sizeof last, "%lld", (long long)p.last_sequence);
        else if (last[0] == '-' || strcmp(one, last) > 0)
            memcpy(last, one, sizeof last);
    }
    amqp_link_refuse(
        c, k, "com.microsoft:argument-error", "The supplied %s '%lld' is invalid. The last %s in the system is '%s'",
        offset ? "offset" : "sequence number", (long long)position->value, offset ? "offset" : "sequence number", last);
}

/* service 2.7: the texts of the live service, which some clients search. */
static void refuse_reader(struct amqp *c, struct amqp_link *k, const struct amqp_events *e,
                          const struct position *position, enum err why, int64_t epoch_now)
{
    switch (why) {
    case ERR_NOT_FOUND:
        amqp_link_refuse(c, k, "amqp:not-found", "The messaging entity 'sb://%s/%s' could not be found.", c->env->host,
                         e->path);
        break;
    case ERR_STOLEN:
        if (e->owner.has_epoch)
            amqp_link_refuse(c, k, "amqp:link:stolen",
                             "Receiver 'nil' with a higher epoch '%lld' already exists. Receiver '%s' with epoch %lld "
                             "cannot be created. Make sure you are creating receiver with increasing epoch value to "
                             "ensure connectivity, or ensure all old epoch receivers are closed or disconnected.",
                             (long long)epoch_now, e->owner.name, (long long)e->owner.epoch);
        else
            amqp_link_refuse(c, k, "amqp:link:stolen",
                             "At least one receiver for the endpoint is created with epoch of '%lld', and so non-epoch "
                             "receiver is not allowed. Either reconnect with a higher epoch, or make sure all epoch "
                             "receivers are closed or disconnected.",
                             (long long)epoch_now);
        break;
    case ERR_RANGE:
        refuse_position(c, k, e->partition, position);
        break;
    case ERR_LIMIT:
        amqp_link_refuse(c, k, "amqp:resource-limit-exceeded",
                         "Exceeded the maximum number of allowed receivers per partition in a consumer group which is "
                         "%d.",
                         READERS_MAX);
        break;
    default:
        amqp_link_refuse(c, k, "amqp:internal-error", "The receiver could not be created: %s.", err_text(why));
    }
}

static enum err open_reader(struct amqp *c, struct amqp_events *e, const struct address *a, const struct selector *s,
                            int64_t *epoch_now)
{
    uint64_t partition;

    if (!bytes_to_u64(a->partition, &partition) || partition >= hub_partitions(c->env->hub))
        return ERR_NOT_FOUND;
    e->partition = (unsigned)partition;
    const struct read_options options = {
        .group = bytes_str(e->group),
        .partition = e->partition,
        .position = s->position,
        .has_epoch = e->owner.has_epoch,
        .epoch = e->owner.epoch,
        .devices = s->devices,
        .n_devices = s->n_devices,
        .waker = c->front.waker,
    };
    return hub_reader_open(c->env->hub, &options, epoch_now, &e->reader);
}

/* Reads what is wanted, and refuses what cannot be had. */
static bool open_wanted(struct amqp *c, struct amqp_link *k, struct amqp_events *e, const struct amqp_opening *o)
{
    struct complaint why;
    struct selector selector;
    int64_t epoch_now = 0;
    enum err failed;

    buf_clear(&c->made);
    if (amqp_filter_read(&o->filters, &selector, &c->made, &why)) {
        amqp_link_refuse(c, k, "amqp:invalid-field", "The filter is not understood: %s.",
                         why.e ? why.text : err_text(ERR_MEMORY));
        return false;
    }
    amqp_owner_read(&o->properties, &e->owner);
    if ((failed = open_reader(c, e, &o->address, &selector, &epoch_now)))
        refuse_reader(c, k, e, &selector.position, failed, epoch_now);
    return !failed;
}

static void opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    struct amqp_events *e;

    if (!amqp_service_may(c, k, o, "Listen"))
        return;
    if (!(e = events_new(&o->address))) {
        amqp_link_refuse(c, k, "amqp:internal-error", "Out of memory.");
        return;
    }
    if (!open_wanted(c, k, e, o)) {
        events_free(e);
        return;
    }
    assert(e->reader && !k->own);
    k->own = e;
    e->metric = c->attach.runtime_metric;
    amqp_link_accept(c, k);
    /* AMQP 1.0, 3.5.3: the filters that are honoured. */
    proton_value_write(pn_terminus_filter(pn_link_source(k->pn)), buf_bytes(&c->made));
    e->settled = pn_link_snd_settle_mode(k->pn) != PN_SND_UNSETTLED;
}

/* ---- sending --------------------------------------------------------------------------------------------------- */

/* service 2.8: the end of the partition, as delivery annotations. */
static void put_metric(struct amqp *c, struct buf *b, unsigned partition)
{
    struct partition p = {.last_sequence = -1};
    char offset[OFFSET_TEXT_CAP];
    size_t at;

    if (hub_partition(c->env->hub, partition, &p))
        return;
    offset_text(p.last_offset, offset);
    section_begin(b, SECTION_DELIVERY_ANNOTATIONS);
    at = put_map_begin(b);
    put_sym(b, BYTES("last_enqueued_sequence_number"));
    put_long(b, p.last_sequence);
    put_sym(b, BYTES("last_enqueued_offset"));
    put_str(b, bytes_str(offset));
    put_sym(b, BYTES("last_enqueued_time_utc"));
    put_timestamp(b, p.last_enqueued_ms);
    put_sym(b, BYTES("runtime_info_retrieval_time_utc"));
    put_timestamp(b, hub_wall_ms(c->env->hub, c->now_ms));
    put_narrow_end(b, at, 8);
}

/* The sections are stored as they are sent (service 2.8). `before` holds delivery annotations or nothing. */
static void send_event(struct amqp *c, struct amqp_link *k, const struct event *event, struct bytes before)
{
    const struct amqp_events *e = k->own;

    c->tag++;
    pn_delivery_t *d = pn_delivery(k->pn, pn_dtag((const char *)&c->tag, sizeof c->tag));
    if (before.len)
        pn_link_send(k->pn, (const char *)before.at, before.len);
    pn_link_send(k->pn, (const char *)event->sections.at, event->sections.len);
    pn_link_advance(k->pn);
    if (e->settled)
        pn_delivery_settle(d);
}

/* service 2.4: outcomes mean nothing here. What has left is settled by us, so a peer that never settles costs nothing.
 */
static void settle_sent(struct amqp_link *k)
{
    pn_delivery_t *next;
    for (pn_delivery_t *d = pn_unsettled_head(k->pn); d; d = next) {
        next = pn_unsettled_next(d);
        if (!pn_delivery_buffered(d))
            pn_delivery_settle(d);
    }
}

/* Bytes that the peer has given credit for and then no window. */
static bool too_much_is_stuck(const struct amqp *c)
{
    const pn_state_t open = PN_LOCAL_ACTIVE | PN_REMOTE_ACTIVE;
    size_t stuck = 0;
    for (pn_session_t *s = pn_session_head(c->driver.connection, open); s; s = pn_session_next(s, open))
        stuck += pn_session_outgoing_bytes(s);
    return stuck > STUCK_MAX;
}

/* A turn of one receiver. */
static enum amqp_pulled take_turn(struct amqp *c, struct amqp_link *k)
{
    const struct amqp_events *mine = k->own;
    struct event event;
    bool more = true;

    buf_clear(&c->made);
    if (mine->metric)
        put_metric(c, &c->made, mine->partition);
    for (unsigned n = 0; more && n < BATCH && amqp_may_send(c, k); n++) {
        enum err e = hub_read(mine->reader, &event);
        if (!e) {
            send_event(c, k, &event, buf_bytes(&c->made));
            continue;
        }
        c->again |= e == ERR_BUSY;
        more = false;
        if (e == ERR_NOT_FOUND && pn_link_get_drain(k->pn))
            pn_link_drained(k->pn);
    }
    amqp_flush(c);
    settle_sent(k);
    return more && amqp_may_send(c, k) ? PULLED_TURN : PULLED_SOME;
}

/* Tells who displaced a reader: a reader without epoch is refused with the epoch that holds. */
static int64_t epoch_that_holds(struct amqp *c, const struct amqp_events *e)
{
    struct reader *probe = NULL;
    int64_t epoch = e->owner.epoch;
    const struct read_options options = {.group = bytes_str(e->group),
                                         .partition = e->partition,
                                         .position = {.from = FROM_LATEST},
                                         .waker = c->front.waker};
    if (!hub_reader_open(c->env->hub, &options, &epoch, &probe))
        hub_reader_close(probe);
    return epoch;
}

static void detach_displaced(struct amqp *c, struct amqp_link *k, enum err why)
{
    const struct amqp_events *e = k->own;

    if (why != ERR_STOLEN)
        amqp_link_detach(c, k, "amqp:not-found", "The messaging entity 'sb://%s/%s' could not be found.", c->env->host,
                         e->path);
    else
        amqp_link_detach(c, k, "amqp:link:stolen",
                         "New receiver 'nil' with higher epoch of '%lld' is created hence current receiver '%s' with "
                         "epoch '%lld' is getting disconnected. If you are recreating the receiver, make sure a higher "
                         "epoch is used.",
                         (long long)epoch_that_holds(c, e), e->owner.name, (long long)e->owner.epoch);
}

/* A reader is woken without being named: all of them stay eager. */
static enum amqp_pulled pull(struct amqp *c, struct amqp_link *k)
{
    const struct amqp_events *e = k->own;
    enum err gone = hub_reader_state(e->reader);

    assert(e->reader);
    if (gone) {
        detach_displaced(c, k, gone);
        return PULLED_ALL;
    }
    return too_much_is_stuck(c) ? PULLED_SOME : take_turn(c, k);
}

static void recheck(struct amqp *c, struct amqp_link *k)
{
    const struct amqp_events *e = k->own;

    assert(e && e->path);
    if (!amqp_may_listen(c, bytes_str(e->path)))
        amqp_link_detach(c, k, "amqp:unauthorized-access", "ExpiredToken: The token of 'sb://%s/%s' is expired.",
                         c->env->host, e->path);
}

static void gone(struct amqp *c, struct amqp_link *k)
{
    (void)c;
    events_free(k->own);
    k->own = NULL;
}

const struct link_ops amqp_events_link = {
    .name = "events",
    .opened = opened,
    .pull = pull,
    .recheck = recheck,
    .gone = gone,
    .settles = true,
};
