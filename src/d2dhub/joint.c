#include "joint.h"

#include <stdio.h>
#include <stdlib.h>

struct joint {
    struct waker waker; /* first: the front's waker is this joint */
    struct net_conn *conn;
    struct front *front;
};

static void joint_waken(struct waker *w)
{
    net_conn_wake(((struct joint *)(void *)w)->conn);
}

static size_t joint_input(void *ctx, struct bytes in, int64_t now_ms)
{
    struct front *f = ((struct joint *)ctx)->front;

    return f->ops->input(f, in, now_ms);
}

static void joint_wake(void *ctx, int64_t now_ms)
{
    struct front *f = ((struct joint *)ctx)->front;

    f->ops->wake(f, now_ms);
}

static int64_t joint_tick(void *ctx, int64_t now_ms)
{
    struct front *f = ((struct joint *)ctx)->front;

    return f->ops->tick(f, now_ms);
}

static void joint_close(void *ctx, enum err why, int64_t now_ms)
{
    struct joint *j = ctx;

    j->front->ops->close(j->front, why, now_ms);
    free(j);
}

static uint64_t joint_after(void *ctx)
{
    struct front *f = ((struct joint *)ctx)->front;
    uint64_t after = f->after;

    f->after = 0;
    return after;
}

static int64_t joint_held(void *ctx)
{
    struct front *f = ((struct joint *)ctx)->front;
    int64_t held_ms = f->held_ms;

    f->held_ms = 0;
    return held_ms;
}

static bool joint_stalled(void *ctx)
{
    return ((struct joint *)ctx)->front->stalled;
}

static bool joint_proved(void *ctx)
{
    return ((struct joint *)ctx)->front->proved;
}

static bool joint_over(void *ctx, enum err *why)
{
    const struct front *f = ((struct joint *)ctx)->front;

    *why = f->why;
    return f->over;
}

enum err joint_accept(void *ctx, struct net_conn *conn, const struct net_peer *peer, int64_t now_ms,
                      struct net_talk *talk)
{
    const struct door *door = ctx;
    struct joint *j = calloc(1, sizeof *j);
    struct peer who = {.has_certificate = peer->has_certificate, .chain = peer->chain};
    enum err e;

    if (!j)
        return ERR_MEMORY;
    snprintf(who.address, sizeof who.address, "%s", peer->address);
    memcpy(who.sha1, peer->sha1, sizeof who.sha1);
    memcpy(who.sha256, peer->sha256, sizeof who.sha256);
    if ((e = door->make(door->env, &who, now_ms, &j->front))) {
        free(j);
        return e;
    }
    j->waker.wake = joint_waken;
    j->conn = conn;
    j->front->out = net_conn_out(conn);
    j->front->waker = &j->waker;
    *talk = (struct net_talk){.ctx = j,
                              .input = joint_input,
                              .wake = joint_wake,
                              .tick = joint_tick,
                              .close = joint_close,
                              .after = joint_after,
                              .over = joint_over,
                              .held = joint_held,
                              .stalled = joint_stalled,
                              .proved = joint_proved};
    return OK;
}
