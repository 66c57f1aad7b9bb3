/* Which handles the peer has attached, so that a frame on one that is not ends its session and no more: Proton would
 * end the connection, with all the other devices on it (AMQP 1.0, 2.8.17). */
#include "handles.h"

#include "amqp_link.h"
#include "amqp_output.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY = 6 };

struct handle {
    uint8_t key[KEY]; /* channel and handle */
};

static void make_key(const struct amqp_attach *a, uint8_t key[KEY])
{
    assert(a->channel <= UINT16_MAX);
    for (int i = 0; i < 2; i++)
        key[i] = (uint8_t)(a->channel >> (8 - 8 * i));
    for (int i = 0; i < 4; i++)
        key[2 + i] = (uint8_t)(a->handle >> (24 - 8 * i));
}

static void forget_channel(struct amqp *c, unsigned channel)
{
    struct handle *h;
    size_t at = 0;

    while ((h = map_next(&c->handles, &at)))
        if (((unsigned)h->key[0] << 8 | h->key[1]) == channel) {
            map_del(&c->handles, bytes_of(h->key, KEY));
            free(h);
        }
}

static enum err attached(struct amqp *c, const uint8_t key[KEY])
{
    struct handle *h = malloc(sizeof *h);
    enum err e;

    if (!h)
        return ERR_MEMORY;
    memcpy(h->key, key, KEY);
    assert(!map_get(&c->handles, bytes_of(key, KEY)));
    if ((e = map_put(&c->handles, bytes_of(h->key, KEY), h)))
        free(h);
    return e;
}

/* The session of a channel of the peer; on_session() has put the number there. */
static pn_session_t *session_on(struct amqp *c, unsigned channel)
{
    pn_session_t *s = pn_session_head(c->driver.connection, PN_REMOTE_ACTIVE);

    while (s && (uintptr_t)pn_session_get_context(s) != channel + 1)
        s = pn_session_next(s, PN_REMOTE_ACTIVE);
    return s;
}

/* True while a session that we have ended waits for the peer's end: what still comes on it counts for nothing. */
static bool is_ended(struct amqp *c, unsigned channel)
{
    pn_session_t *s = c->n_ended ? session_on(c, channel) : NULL;

    return s && (pn_session_state(s) & PN_LOCAL_CLOSED);
}

static void end_session(struct amqp *c, const struct amqp_attach *a)
{
    pn_session_t *s = session_on(c, a->channel);
    char text[96];

    if (!s) /* no such channel: Proton says so */
        return;
    snprintf(text, sizeof text, "This session has no link with the handle %u.", (unsigned)a->handle);
    c->n_ended++;
    assert(!is_ended(c, a->channel));
    amqp_session_end(c, s, "amqp:session:unattached-handle", text);
}

bool amqp_handles_take(struct amqp *c)
{
    const struct amqp_attach *a = &c->attach;
    uint8_t key[KEY];
    struct handle *h;

    make_key(a, key);
    if (a->code == AMQP_CODE_END) {
        c->n_ended -= is_ended(c, a->channel);
        forget_channel(c, a->channel);
        return true;
    }
    if (is_ended(c, a->channel))
        return false;
    if (!a->has_handle)
        return true;
    h = map_get(&c->handles, bytes_of(key, KEY));
    if (a->code == AMQP_CODE_ATTACH) {
        if (!h && attached(c, key))
            amqp_end(c, ERR_MEMORY, "amqp:internal-error", "out of memory");
        return true;
    }
    if (!h && session_on(c, a->channel)) {
        end_session(c, a);
        return false;
    }
    if (h && a->code == AMQP_CODE_DETACH) {
        map_del(&c->handles, bytes_of(key, KEY));
        free(h);
    }
    return true;
}

void amqp_handles_free(struct amqp *c)
{
    void *h;
    size_t at = 0;

    while ((h = map_next(&c->handles, &at)))
        free(h);
    map_free(&c->handles);
}
