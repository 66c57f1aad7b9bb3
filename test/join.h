/* Two conversations, joined by two buffers: what their connections do for them, without one. Either end may be the test
 * itself: it has no talk, says something with join_say(), and what it is told stays in its `in`. */
#pragma once

#include "ceilings.h"
#include "list.h"
#include "store.h"
#include "talk.h"

/* Either of the two, with what its connection would keep for it. */
struct join_end {
    struct talk *talk; /* NULL: closed, or the test itself */
    struct waker waker;
    struct buf out;      /* what it said and may not leave yet */
    struct buf in;       /* what it was told and has not used yet */
    uint64_t after;      /* the place that `out` waits for */
    int64_t held_ms;     /* until when a connection would hold back what it said last */
    unsigned wakes;      /* that it was given */
    bool by_hand;        /* the test itself */
    bool deaf;           /* takes nothing for now: what it is told stays where it was said */
    bool woken, hung_up; /* hung_up: the other one has closed */
    enum err why;        /* it was closed */
};

struct join {
    struct join_end client, hub;
    struct store *store; /* of the hub; NULL: nothing waits */
    size_t slice;        /* so many bytes go over at a time; 0: all */
    int64_t now_ms;
    bool watched; /* the test looks at `after` and `over` itself: nothing waits for the store, and nobody is closed */
    void (*tap)(void *ctx, bool from_hub, struct bytes said); /* sees what goes over; NULL: nobody looks */
    void *tap_ctx;
};

static inline void join_woken(struct waker *waker)
{
    LIST_OF(waker, struct join_end, waker)->woken = true;
}

static inline void join_end_open(struct join_end *e, struct talk *talk)
{
    *e = (struct join_end){.talk = talk,
                           .by_hand = !talk,
                           .waker = {join_woken},
                           .out = buf_max(CONN_OUT_MAX),
                           .in = buf_max(2 * CONN_OUT_MAX)};
    if (!talk)
        return;
    talk->out = &e->out;
    talk->waker = &e->waker;
}

/* The talks are joined and begin. `client` may be NULL: the test. */
static inline void join_open(struct join *j, struct talk *client, struct talk *hub)
{
    join_end_open(&j->client, client);
    join_end_open(&j->hub, hub);
    if (client && client->ops->start)
        client->ops->start(client, j->now_ms);
    if (hub->ops->start)
        hub->ops->start(hub, j->now_ms);
}

static inline void join_end_close(struct join *j, struct join_end *e, enum err why)
{
    struct talk *t = e->talk;

    if (!t)
        return;
    e->talk = NULL;
    e->why = why;
    t->ops->close(t, why, j->now_ms);
}

/* Output that waits for the store is still in `out` then. */
static inline bool join_waits(struct join *j, struct join_end *e)
{
    if (e->talk)
        e->held_ms = e->talk->held_ms;
    if (j->watched)
        return false;
    if (e->talk && e->talk->after > e->after)
        e->after = e->talk->after;
    if (e->talk)
        e->talk->after = 0;
    if (e->after && j->store && store_durable(j->store) <= e->after)
        return true;
    e->after = 0;
    return false;
}

/* Lets out what may leave. True when something did, or when it is over. */
static inline bool join_push(struct join *j, struct join_end *e, struct join_end *other)
{
    size_t n = j->slice && j->slice < e->out.len ? j->slice : e->out.len;
    struct bytes said = bytes_first(buf_bytes(&e->out), n);

    if (join_waits(j, e) || (n && other->deaf))
        return false;
    if (n) {
        if (j->tap)
            j->tap(j->tap_ctx, e == &j->hub, said);
        buf_put(&other->in, said);
        buf_drop(&e->out, n);
        e->woken = true; /* there is room again */
        return true;
    }
    if (e->talk && e->talk->over && !j->watched) {
        join_end_close(j, e, e->talk->why);
        return true;
    }
    if (!e->talk && !e->by_hand && !other->hung_up)
        return other->hung_up = true;
    return false;
}

/* Gives it what it was told, and closes it when the other one has gone. */
static inline bool join_feed(struct join *j, struct join_end *e)
{
    bool woken = e->woken;
    size_t used = 0;

    e->woken = false;
    if (!e->talk)
        return false;
    if (woken) {
        e->wakes++;
        e->talk->ops->wake(e->talk, j->now_ms);
    }
    if (e->in.len)
        used = e->talk->ops->input(e->talk, buf_bytes(&e->in), j->now_ms);
    buf_drop(&e->in, used);
    if (e->hung_up && !used)
        join_end_close(j, e, ERR_CLOSED);
    return woken || used;
}

/* Each is given what is there for it, and what it says leaves, once. False when nobody had anything to say. */
static inline bool join_turn(struct join *j)
{
    bool busy = join_feed(j, &j->client);

    busy |= join_push(j, &j->client, &j->hub);
    busy |= join_feed(j, &j->hub);
    return join_push(j, &j->hub, &j->client) || busy;
}

/* To and fro until nobody has anything to say. */
static inline void join_run(struct join *j)
{
    while (join_turn(j))
        ;
}

static inline void join_run_at(struct join *j, int64_t now_ms)
{
    j->now_ms = now_ms;
    join_run(j);
}

/* The test says this as the client; it reaches the hub with the next turn. */
static inline void join_say(struct join *j, struct bytes said)
{
    if (j->hub.talk)
        buf_put(&j->client.out, said);
}

static inline void join_say_at(struct join *j, struct bytes said, int64_t now_ms)
{
    join_say(j, said);
    join_run_at(j, now_ms);
}

/* The connection of the client is gone. */
static inline void join_cut(struct join *j, enum err why, int64_t now_ms)
{
    j->now_ms = now_ms;
    join_end_close(j, &j->hub, why);
}

/* Time passes. */
static inline void join_tick(struct join *j, int64_t ms)
{
    struct join_end *const ends[] = {&j->client, &j->hub};

    j->now_ms += ms;
    for (int i = 0; i < 2; i++) {
        if (ends[i]->talk)
            (void)ends[i]->talk->ops->tick(ends[i]->talk, j->now_ms);
        join_run(j);
    }
}

static inline void join_close(struct join *j)
{
    struct join_end *const ends[] = {&j->client, &j->hub};

    for (int i = 0; i < 2; i++) {
        join_end_close(j, ends[i], ERR_CLOSED);
        buf_free(&ends[i]->out);
        buf_free(&ends[i]->in);
    }
}
