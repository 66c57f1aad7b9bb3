#include "call.h"

#include "identities.h"
#include "part.h"

#include <stdlib.h>

enum call_state {
    CALL_WAITS, /* for the device to listen: → READY, or ENDED when that takes too long */
    CALL_READY, /* the device listens and pulls: → SENT, WAITS when it stops listening, ENDED */
    CALL_SENT,  /* → ANSWERED, ENDED */
    CALL_ANSWERED,
    CALL_ENDED, /* without an answer: `why` */
};

struct call {
    struct call *next; /* of the same device, in the order in which they came */
    struct hub *hub;
    struct shard *shard;
    struct identity *identity; /* NULL: it is not in its list any more */
    struct waker *waker;       /* the caller's */
    const struct seat *seat;   /* whoever got it */
    enum call_state state;
    enum err why;
    uint64_t id;
    uint32_t number;  /* of the seat, once it was asked */
    int64_t wait_ms;  /* until then the device may come */
    int64_t until_ms; /* until then this state may last */
    int64_t response_ms;
    int64_t status;
    size_t cost;
    struct buf answer;
    bool has_payload;
    size_t payload_len;
    char method[CALL_NAME_MAX + 1];
    uint8_t payload[];
};

/* ---- under the shard's lock ------------------------------------------------------------------------------------ */

static void enlist(struct identity *i, struct call *c)
{
    struct call **end = &i->calls;

    assert_locked(&i->shard->lock);
    assert(!c->identity && i->n_calls < CALLS_OF_DEVICE_MAX);
    while (*end)
        end = &(*end)->next;
    *end = c;
    c->next = NULL;
    c->identity = i;
    i->n_calls++;
}

static void unlist(struct call *c)
{
    assert_locked(&c->shard->lock);
    if (!c->identity)
        return;
    for (struct call **at = &c->identity->calls; *at; at = &(*at)->next) {
        if (*at != c)
            continue;
        *at = c->next;
        break;
    }
    assert(c->identity->n_calls > 0);
    c->identity->n_calls--;
    c->identity = NULL;
}

/* Its caller looks at it, and closes it. */
static void end(struct call *c, enum err why)
{
    assert(c->state < CALL_ANSWERED);
    unlist(c);
    c->state = CALL_ENDED;
    c->why = why;
    c->waker->wake(c->waker);
}

static void make_ready(struct call *c, int64_t now_ms)
{
    assert_locked(&c->shard->lock);
    assert(c->state == CALL_WAITS);
    c->state = CALL_READY;
    c->until_ms = now_ms + c->response_ms;
    c->waker->wake(c->waker); /* it waits for another time now */
}

static void tell(struct seat *seat)
{
    assert_locked(&seat->shard->lock);
    atomic_store(&seat->calls.there, true);
    seat->waker->wake(seat->waker);
}

static void make_wait(struct call *c)
{
    assert_locked(&c->shard->lock);
    assert(c->state == CALL_READY);
    c->state = CALL_WAITS;
    c->until_ms = c->wait_ms;
    c->waker->wake(c->waker);
}

static void end_sent(struct identity *i, const struct seat *seat)
{
    struct call *next;

    assert_locked(&i->shard->lock);
    for (struct call *c = i->calls; c; c = next) {
        next = c->next;
        if (c->state == CALL_SENT && c->seat == seat)
            end(c, ERR_CLOSED);
    }
}

static void calls_unseated(struct hub *h, struct identity *i, struct seat *seat)
{
    (void)h;
    end_sent(i, seat);
    for (struct call *c = i->calls; c; c = c->next)
        if (c->state == CALL_READY)
            make_wait(c);
}

static void calls_gone(struct hub *h, struct shard *s, struct identity *i)
{
    (void)h;
    (void)s;
    while (i->calls)
        end(i->calls, ERR_NOT_FOUND);
    assert(i->n_calls == 0);
}

/* ---- the caller ------------------------------------------------------------------------------------------------ */

bool call_name_valid(struct bytes name)
{
    /* device 2.11: it is a level of a topic, and clients take it as it is */
    static const char not_in_it[] = " \"#%+/?";

    if (!name.len || name.len > CALL_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] <= ' ' || name.at[i] >= 0x7F || strchr(not_in_it, name.at[i]))
            return false;
    return true;
}

static enum err check(const struct call_question *q)
{
    if (!call_name_valid(q->method))
        return ERR_ARGUMENT;
    if (q->payload.len > CALL_PAYLOAD_MAX)
        return ERR_TOO_LARGE;
    return q->connect_ms < 0 || q->response_ms <= 0 || q->connect_ms > CALL_WAIT_MAX_MS ||
                   q->response_ms > CALL_WAIT_MAX_MS
               ? ERR_RANGE
               : OK;
}

/* Bytes that all calls of the hub hold, so that callers cannot fill its memory. */
static bool may_cost(struct hub *h, size_t bytes)
{
    if (atomic_fetch_add(&h->calls->bytes, bytes) + bytes <= CALLS_BYTES_MAX)
        return true;
    atomic_fetch_sub(&h->calls->bytes, bytes);
    return false;
}

static void call_free(struct call *c)
{
    assert(!c->identity);
    atomic_fetch_sub(&c->hub->calls->bytes, c->cost);
    buf_free(&c->answer);
    free(c);
}

static struct call *call_new(struct hub *h, const struct call_question *q)
{
    struct call *c = calloc(1, sizeof *c + q->payload.len);

    if (!c)
        return NULL;
    c->hub = h;
    c->shard = shard_of(h, q->device);
    c->waker = q->waker;
    c->id = atomic_fetch_add(&h->calls->opened, 1) + 1;
    c->response_ms = q->response_ms;
    c->answer = buf_max(CALL_PAYLOAD_MAX);
    c->has_payload = q->payload.at != NULL;
    c->payload_len = q->payload.len;
    memcpy(c->method, q->method.at, q->method.len);
    if (q->payload.len)
        memcpy(c->payload, q->payload.at, q->payload.len);
    return c;
}

/* Under the shard's lock. */
static enum err put(struct call *c, struct bytes device, int64_t connect_ms, int64_t now_ms)
{
    struct identity *i;
    enum err e = identity_get(c->hub, c->shard, device, &i);

    assert_locked(&c->shard->lock);
    if (e)
        return e;
    if (i->n_calls >= CALLS_OF_DEVICE_MAX)
        return ERR_FULL;
    c->wait_ms = now_ms + connect_ms;
    if (i->seat && i->seat->calls.taken) {
        c->state = CALL_READY;
        c->until_ms = now_ms + c->response_ms;
        enlist(i, c);
        tell(i->seat);
        return OK;
    }
    if (!connect_ms)
        return ERR_UNREACHABLE;
    c->state = CALL_WAITS;
    c->until_ms = c->wait_ms;
    enlist(i, c);
    return OK;
}

enum err hub_call_open(struct hub *h, const struct call_question *q, int64_t now_ms, struct call **out)
{
    size_t cost = sizeof(struct call) + q->payload.len;
    struct call *c;
    enum err e = check(q);

    if (e)
        return e;
    if (!may_cost(h, cost))
        return ERR_LIMIT;
    if (!(c = call_new(h, q))) {
        atomic_fetch_sub(&h->calls->bytes, cost);
        return ERR_MEMORY;
    }
    c->cost = cost;
    mutex_lock(&c->shard->lock);
    e = put(c, q->device, q->connect_ms, now_ms);
    mutex_unlock(&c->shard->lock);
    if (e)
        call_free(c);
    else
        *out = c;
    return e;
}

/* Under the shard's lock. */
static void look(struct call *c, int64_t now_ms)
{
    assert_locked(&c->shard->lock);
    if (now_ms < c->until_ms)
        return;
    if (c->state == CALL_WAITS)
        end(c, ERR_UNREACHABLE);
    else if (c->state == CALL_READY || c->state == CALL_SENT)
        end(c, ERR_TIMEOUT);
}

enum err hub_call_look(struct call *c, int64_t now_ms, struct call_answer *out, int64_t *until_ms)
{
    enum err e = ERR_BUSY;

    mutex_lock(&c->shard->lock);
    look(c, now_ms);
    *until_ms = c->until_ms;
    if (c->state == CALL_ANSWERED) {
        *out = (struct call_answer){.status = c->status, .payload = buf_bytes(&c->answer)};
        e = OK;
    } else if (c->state == CALL_ENDED) {
        e = c->why;
    }
    mutex_unlock(&c->shard->lock);
    return e;
}

void hub_call_close(struct call *c)
{
    if (!c)
        return;
    mutex_lock(&c->shard->lock);
    unlist(c);
    mutex_unlock(&c->shard->lock);
    call_free(c);
}

/* ---- the device ------------------------------------------------------------------------------------------------ */

void hub_calls_take(struct seat *seat, bool takes, int64_t now_ms)
{
    bool any = false;

    mutex_lock(&seat->shard->lock);
    if (seat->identity && seat->calls.taken != takes) {
        seat->calls.taken = takes;
        for (struct call *c = seat->identity->calls; c; c = c->next) {
            if (takes && c->state == CALL_WAITS) {
                make_ready(c, now_ms);
                any = true;
            } else if (!takes && c->state == CALL_READY) {
                make_wait(c);
            }
        }
        if (any)
            tell(seat);
    }
    mutex_unlock(&seat->shard->lock);
}

static struct call *first_ready(const struct seat *seat)
{
    struct call *c = seat->identity ? seat->identity->calls : NULL;

    assert_locked(&seat->shard->lock);
    while (c && c->state != CALL_READY)
        c = c->next;
    return c;
}

enum err hub_call_next(struct seat *seat, int64_t now_ms, struct buf *room, struct call_request *out)
{
    enum err e = ERR_NOT_FOUND;
    struct call *c;

    if (!atomic_load_explicit(&seat->calls.there, memory_order_acquire))
        return ERR_NOT_FOUND;
    buf_clear(room);
    mutex_lock(&seat->shard->lock);
    if ((c = first_ready(seat))) {
        buf_put(room, bytes_str(c->method));
        buf_put(room, bytes_of(c->payload, c->payload_len));
        e = buf_check(room);
    } else {
        atomic_store(&seat->calls.there, false);
    }
    if (!e) {
        struct bytes all = buf_bytes(room), method = bytes_first(all, strlen(c->method));

        seat->calls.asked += seat->calls.asked == UINT32_MAX ? 2 : 1; /* 0 is none */
        c->number = seat->calls.asked;
        *out = (struct call_request){.id = c->id, .number = c->number, .method = method};
        if (c->has_payload)
            out->payload = bytes_skip(all, method.len);
        c->state = CALL_SENT;
        c->seat = seat;
        c->until_ms = now_ms + c->response_ms;
        c->waker->wake(c->waker);
    }
    mutex_unlock(&seat->shard->lock);
    return e;
}

/* Among those that were asked here; 0: of any id, of any number. */
static struct call *asked_here(const struct seat *seat, uint64_t id, uint32_t number)
{
    struct call *c;

    assert_locked(&seat->shard->lock);
    for (c = seat->identity ? seat->identity->calls : NULL; c; c = c->next)
        if (c->state == CALL_SENT && c->seat == seat && (!id || c->id == id) && (!number || c->number == number))
            break;
    return c;
}

uint64_t hub_call_numbered(struct seat *seat, uint32_t number)
{
    const struct call *c = NULL;
    uint64_t id;

    mutex_lock(&seat->shard->lock);
    if (number)
        c = asked_here(seat, 0, number);
    id = c ? c->id : 0;
    mutex_unlock(&seat->shard->lock);
    return id;
}

enum err hub_call_answer(struct seat *seat, uint64_t id, int64_t status, struct bytes payload)
{
    enum err e = ERR_NOT_FOUND;
    struct call *c = NULL;

    mutex_lock(&seat->shard->lock);
    if (id)
        c = asked_here(seat, id, 0);
    if (c) {
        buf_put(&c->answer, payload);
        e = buf_check(&c->answer);
        if (e) {
            end(c, ERR_MALFORMED);
        } else {
            unlist(c);
            c->status = status;
            c->state = CALL_ANSWERED;
            c->waker->wake(c->waker);
        }
    }
    mutex_unlock(&seat->shard->lock);
    return e;
}

void hub_call_fail(struct seat *seat, uint64_t id, enum err why)
{
    struct call *c = NULL;

    assert(why);
    mutex_lock(&seat->shard->lock);
    if (id)
        c = asked_here(seat, id, 0);
    if (c)
        end(c, why);
    mutex_unlock(&seat->shard->lock);
}

void hub_calls_lost(struct seat *seat)
{
    mutex_lock(&seat->shard->lock);
    if (seat->identity)
        end_sent(seat->identity, seat);
    mutex_unlock(&seat->shard->lock);
}

/* ---- their row ------------------------------------------------------------------------------------------------- */

static enum err calls_make(struct hub *h)
{
    h->calls = calloc(1, sizeof *h->calls);
    return h->calls ? OK : ERR_MEMORY;
}

static void calls_free(struct hub *h)
{
    free(h->calls);
}

static bool may_go(const struct hub *h, const struct identity *i)
{
    (void)h;
    return !i->calls;
}

const struct part call_part = {.name = "calls",
                               .make = calls_make,
                               .free = calls_free,
                               .identity = {.may_go = may_go, .unseated = calls_unseated, .gone = calls_gone}};
