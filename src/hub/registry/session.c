#include "session.h"

#include "identities.h"

/* Version, name, whether there is one, wants, the filter that takes a part. */
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
    assert_locked(&i->shard->lock);
    i->has_session = session != NULL;
    i->session = session ? *session : (struct session){0};
    i->dirty = true;
    i->changed_at = at;
}

enum err session_apply(struct hub *h, const struct record *record)
{
    struct rd r = rd_over(record->body);
    struct session session = {0};
    struct identity *i;
    struct shard *s;
    char id[IDENTITY_LEN_MAX + 1];
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
    mutex_lock(&s->lock);
    /* When the checkpoint is ahead of this record, the device may be gone already. */
    if (!(e = identity_get(h, s, bytes_str(id), &i)))
        session_become(i, there ? &session : NULL, record->at);
    mutex_unlock(&s->lock);
    return e == ERR_NOT_FOUND ? OK : e;
}

bool hub_session_get(struct seat *seat, struct session *out)
{
    bool there = false;

    mutex_lock(&seat->shard->lock);
    if (seat->identity && seat->identity->has_session) {
        *out = seat->identity->session;
        there = true;
    }
    mutex_unlock(&seat->shard->lock);
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
    struct buf b = buf_max(IDENTITY_LEN_MAX + WANTS + WANTED_PART_CAP + 8);
    enum err e = OK;

    *at = 0;
    mutex_lock(&seat->shard->lock);
    if (!seat->identity) {
        e = seat_state(seat);
    } else if (!is_same_session(seat->identity, session)) {
        put_session(&b, seat->id, session);
        if (!(e = record_append(seat->hub, REC_SESSION, &b, at)))
            session_become(seat->identity, session, *at);
    }
    mutex_unlock(&seat->shard->lock);
    buf_free(&b);
    return e;
}
