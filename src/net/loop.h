/* A loop from the inside. Callbacks of libuv only change connections and mark them; once a turn, before the loop waits,
 * all that was marked is settled: timers are asked for, output leaves, back-pressure is looked at. */
#pragma once

#include "heap.h"
#include "list.h"
#include "net.h"

#include <stdatomic.h>
#include <uv.h>

enum {
    READ_CAP = 64 * 1024,            /* one read of a socket */
    PLAIN_CAP = READ_CAP + 32 * 1024 /* what it can decrypt to: it may end a record that began earlier */
};

/* Something to be done at a time. */
struct due {
    struct timer timer;
    void (*run)(struct due *, int64_t now_ms);
};

struct counters {
    _Atomic uint64_t connections, accepted, handshakes_failed, refused, reads, writes, bytes_in, bytes_out, turns;
};

struct net_loop {
    uv_loop_t uv;
    uv_async_t async; /* another thread wants a turn */
    uv_prepare_t prepare;
    uv_check_t check;
    uv_timer_t timer;
    struct net_loop_options options;
    int64_t clock_offset_ms; /* the steady clock minus that of libuv */

    struct heap timers; /* of struct due */
    int64_t armed_ms;   /* what the uv_timer was set for */
    struct due sweep;   /* gives back the buffers of idle connections */
    struct due grace;   /* the end of a graceful stop */

    struct list conns, listeners, attempts;
    struct list dirty;   /* to be settled in this turn */
    struct list waiting; /* their sealed halves wait for the store */
    struct list warm;    /* hold buffers; the longest idle first */

    uint64_t durable;                 /* as of this turn */
    atomic_int any_waiting;           /* net_loop_grew() has something to do */
    _Atomic(struct net_conn *) woken; /* a stack, filled from any thread */
    _Atomic int64_t stop_ms;          /* the grace that net_loop_stop() gave, -1 before */
    bool stopping, done;
    int64_t log_second; /* lines about failed handshakes are limited */
    int log_lines;

    struct counters counters;
    struct buf wire; /* cipher text of the connection at hand */
    uint8_t plain[PLAIN_CAP];
    uint8_t read[READ_CAP];
};

/* Sets when it is to run; INT64_MAX: never. Only the first time can fail, for memory. */
enum err loop_at(struct net_loop *, struct due *, int64_t when_ms) MUST_CHECK;
/* The same for one that is in the heap already. */
void loop_move(struct net_loop *, struct due *, int64_t when_ms);
/* True for the first few lines of a second: a flood of bad peers must not become a flood of lines. */
bool loop_may_log(struct net_loop *);
/* Makes another turn happen without waiting. */
void loop_again(struct net_loop *);
/* True on the thread that runs this loop, during a turn. */
bool loop_is_turning(const struct net_loop *);

static inline void count(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

void listeners_close(struct net_loop *); /* no more is accepted */
void listeners_free(struct net_loop *);  /* once their handles are closed */
void attempts_cancel(struct net_loop *, enum err why);
