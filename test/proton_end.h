/* An AMQP client of Proton's as one end of a join. */
#pragma once

#include "join.h"

#include <proton/connection_driver.h>
#include <proton/engine.h>
#include <proton/message.h>

#include <string.h>

struct proton_end {
    struct talk talk; /* first */
    pn_connection_driver_t driver;
    void (*on_event)(struct proton_end *, pn_event_t *); /* NULL: nobody asks */
};

static inline struct proton_end *proton_of(struct talk *t)
{
    return (struct proton_end *)(void *)t;
}

static inline void proton_turn(struct proton_end *p)
{
    pn_event_t *e;
    pn_bytes_t said;

    while ((e = pn_connection_driver_next_event(&p->driver)))
        if (p->on_event)
            p->on_event(p, e);
    while ((said = pn_connection_driver_write_buffer(&p->driver)).size) {
        buf_put(p->talk.out, bytes_of(said.start, said.size));
        pn_connection_driver_write_done(&p->driver, said.size);
    }
}

static inline void proton_start(struct talk *t, int64_t now_ms)
{
    (void)now_ms;
    proton_turn(proton_of(t));
}

/* When it has closed its side it has no room, and what comes is of no interest. */
static inline size_t proton_input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct proton_end *p = proton_of(t);
    size_t all = in.len;

    (void)now_ms;
    while (in.len) {
        pn_rwbytes_t room = pn_connection_driver_read_buffer(&p->driver);
        size_t n = in.len < room.size ? in.len : room.size;

        if (!n)
            break;
        memcpy(room.start, in.at, n);
        pn_connection_driver_read_done(&p->driver, n);
        in = bytes_skip(in, n);
        proton_turn(p);
    }
    return all;
}

static inline void proton_wake(struct talk *t, int64_t now_ms)
{
    (void)now_ms;
    proton_turn(proton_of(t));
}

static inline int64_t proton_tick(struct talk *t, int64_t now_ms)
{
    pn_transport_tick(proton_of(t)->driver.transport, now_ms);
    proton_turn(proton_of(t));
    return INT64_MAX;
}

static inline void proton_close(struct talk *t, enum err why, int64_t now_ms)
{
    (void)t;
    (void)why;
    (void)now_ms;
}

/* Not bound yet, so that its SASL layer and its transport can be set up. False: no memory. */
static inline bool proton_open(struct proton_end *p)
{
    static const struct talk_ops ops = {.start = proton_start,
                                        .input = proton_input,
                                        .wake = proton_wake,
                                        .tick = proton_tick,
                                        .close = proton_close,
                                        .name = "proton"};

    p->talk = (struct talk){.ops = &ops, .proved = true};
    return !pn_connection_driver_init(&p->driver, NULL, NULL);
}
