#include "call.h"
#include "core.h"
#include "event.h"
#include "mail.h"
#include "registry.h"

#include <stdlib.h>

/* Under the shard's lock. */
static void sit_down(struct hub *h, struct seat *seat, struct identity *i, int64_t now_ms)
{
    int64_t changed_ms = hub_wall_ms(h, now_ms);

    if (i->seat) {
        /* device 2.4: the later connection wins */
        hub_trace(h, "%s: another connection took over", i->device.id);
        changed_ms = i->device.connection_ms; /* it was connected all the time */
        seat_end(h, i, ERR_STOLEN, now_ms);
    } else {
        hub_trace(h, "%s: connected", i->device.id);
    }
    i->device.connected = true;
    i->device.connection_ms = changed_ms;
    h->connected++;
    i->seat = seat;
    seat->identity = i;
    mail_seated(h, i);
}

enum err hub_attach(struct hub *h, struct bytes device, struct bytes generation, enum proof proof, struct waker *waker,
                    int64_t now_ms, struct seat **out)
{
    struct shard *s = shard_of(h, device);
    struct seat *seat = calloc(1, sizeof *seat + EVENT_HEAD_MAX);
    struct identity *i;
    enum err e;

    if (!seat)
        return ERR_MEMORY;
    pthread_mutex_lock(&s->lock);
    e = identity_get(h, s, device, &i);
    if (!e && i->device.disabled)
        e = ERR_DISABLED;
    else if (!e && generation.len && !bytes_eq(generation, bytes_str(i->device.generation)))
        e = ERR_UNAUTHORIZED;
    if (!e) {
        seat->hub = h;
        seat->shard = s;
        seat->partition = &h->partitions[hub_partition_of(h, device)];
        seat->waker = waker;
        seat->kept = buf_max(RECORD_LEN_MAX);
        memcpy(seat->id, i->device.id, sizeof seat->id);
        seat->head_len = event_head(&i->device, proof, seat->head);
        sit_down(h, seat, i, now_ms);
    }
    pthread_mutex_unlock(&s->lock);
    if (e)
        free(seat);
    else
        *out = seat;
    return e;
}

void hub_detach(struct seat *seat, int64_t now_ms)
{
    struct shard *s;
    struct identity *i;

    if (!seat)
        return;
    s = seat->shard;
    pthread_mutex_lock(&s->lock);
    i = seat->identity;
    if (i) {
        i->seat = NULL;
        i->device.connected = false;
        i->device.connection_ms = hub_wall_ms(seat->hub, now_ms);
        seat->hub->connected--;
        hub_trace(seat->hub, "%s: disconnected", i->device.id);
        mail_unseated(seat->hub, i, seat);
        calls_unseated(i, seat);
    }
    pthread_mutex_unlock(&s->lock);
    mail_seat_free(seat);
    free(seat);
}

enum err seat_state(const struct seat *seat)
{
    return (enum err)atomic_load(&seat->state);
}

struct bytes seat_device(const struct seat *seat)
{
    return bytes_str(seat->id);
}

/* ---- the session, kept with the identity (device 2.6) ---------------------------------------------------------- */

/* Version, device id, whether there is one, wants, the filter that takes a part. */
static void put_session(struct buf *b, const char *id, const struct session *session)
{
    buf_put_u8(b, RECORD_VERSION);
    put_text(b, id);
    buf_put_u8(b, session != NULL);
    for (int w = 0; session && w < WANTS; w++)
        buf_put_u8(b, session->wants[w]);
    if (session && session->part[0])
        put_text(b, session->part);
}

/* Under the shard's lock. */
static void session_become(struct identity *i, const struct session *session, uint64_t at)
{
    i->has_session = session != NULL;
    i->session = session ? *session : (struct session){0};
    i->dirty = true;
    i->changed_at = at;
}

enum err session_apply(struct hub *h, struct bytes body, uint64_t at)
{
    struct rd r = rd_over(body);
    struct session session = {0};
    struct identity *i;
    struct shard *s;
    char id[ID_LEN_MAX + 1];
    bool there;
    enum err e;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    rd_text(&r, id, sizeof id);
    there = rd_u8(&r) != 0;
    for (int w = 0; there && w < WANTS; w++)
        session.wants[w] = rd_u8(&r);
    if (there && rd_left(&r)) /* an older one ends here */
        rd_text(&r, session.part, sizeof session.part);
    if (r.bad)
        return ERR_DAMAGED;
    s = shard_of(h, bytes_str(id));
    pthread_mutex_lock(&s->lock);
    /* When the checkpoint is ahead of this record, the device may be gone already. */
    if (!(e = identity_get(h, s, bytes_str(id), &i)))
        session_become(i, there ? &session : NULL, at);
    pthread_mutex_unlock(&s->lock);
    return e == ERR_NOT_FOUND ? OK : e;
}

bool hub_session_get(struct seat *seat, struct session *out)
{
    bool there = false;

    pthread_mutex_lock(&seat->shard->lock);
    if (seat->identity && seat->identity->has_session) {
        *out = seat->identity->session;
        there = true;
    }
    pthread_mutex_unlock(&seat->shard->lock);
    return there;
}

static bool is_same_session(const struct identity *i, const struct session *session)
{
    if (!session || !i->has_session)
        return !session && !i->has_session;
    return memcmp(session, &i->session, sizeof *session) == 0;
}

enum err hub_session_set(struct seat *seat, const struct session *session, uint64_t *at)
{
    struct buf b = buf_max(ID_LEN_MAX + WANTS + WANTED_PART_CAP + 8);
    enum err e = OK;

    *at = 0;
    pthread_mutex_lock(&seat->shard->lock);
    if (!seat->identity) {
        e = seat_state(seat);
    } else if (!is_same_session(seat->identity, session)) {
        put_session(&b, seat->id, session);
        if (!(e = record_append(seat->hub->store, REC_SESSION, &b, at)))
            session_become(seat->identity, session, *at);
    }
    pthread_mutex_unlock(&seat->shard->lock);
    buf_free(&b);
    return e;
}
