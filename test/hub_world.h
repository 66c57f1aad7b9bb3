/* Helpers of tests of the hub: devices, seats, messages, wakers that count. */
#pragma once

#include "check.h"
#include "world.h"

static inline struct device device_named(const char *id)
{
    struct device d = {0};

    snprintf(d.id, sizeof d.id, "%s", id);
    return d;
}

static inline struct device world_add(struct world *w, const char *id)
{
    struct device wanted = device_named(id), made = {0};
    uint64_t at;

    CHECK_OK(hub_device_put(w->hub, &wanted, (struct match){.how = MATCH_NONE}, w->now_ms, &made, &at));
    return made;
}

/* A waker that counts. */
struct bell {
    struct waker waker;
    unsigned rung;
};

static inline void bell_ring(struct waker *waker)
{
    ((struct bell *)(void *)waker)->rung++;
}

static inline struct bell bell_new(void)
{
    return (struct bell){.waker = {.wake = bell_ring}};
}

static inline struct seat *world_sit(struct world *w, const char *id, struct bell *bell)
{
    struct seat *seat = NULL;

    CHECK_OK(hub_attach(w->hub, bytes_str(id), NO_BYTES, PROOF_DEVICE_SAS, &bell->waker, w->now_ms, &seat));
    return seat;
}

/* Sends a body; gives the place of its record. */
static inline uint64_t world_send(struct world *w, struct seat *seat, const char *body)
{
    struct msg m = {.body = bytes_str(body)};
    uint64_t at = 0;

    CHECK_OK(hub_send(seat, &m, w->now_ms, &at));
    return at;
}

/* The payload: our events end with one data section whose length has four bytes. */
static inline struct bytes event_body(const struct event *e)
{
    static const uint8_t head[] = {0x00, 0x53, 0x75, 0xB0};
    size_t at = bytes_find_bytes(e->sections, bytes_of(head, sizeof head));

    CHECK(at < e->sections.len);
    return bytes_skip(e->sections, at + sizeof head + 4);
}
