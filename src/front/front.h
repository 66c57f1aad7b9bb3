/* The conversations of the hub: packets into hub calls and back. Answers go into `out` as soon as they are known. */
#pragma once

#include "env.h"

#include <assert.h>

/* True while the peer takes what it gets: a front pulls nothing when this is false, wake() comes when it is true again.
 */
static inline bool front_has_room(const struct talk *t)
{
    assert(t->out);
    return t->out->len < (t->proved ? CONN_OUT_SOFT : CONN_OUT_UNPROVED);
}

/* `at` is the place of a record that what is said tells of, or of one that was changed. */
static inline void front_wait_for(struct talk *t, uint64_t at)
{
    if (at > t->after)
        t->after = at;
}

/* ERR_MEMORY, ERR_LIMIT. */
enum err front_mqtt_new(const struct front_env *, const struct peer *, int64_t now_ms, struct talk **out) MUST_CHECK;
enum err front_amqp_new(const struct front_env *, const struct peer *, int64_t now_ms, struct talk **out) MUST_CHECK;
enum err front_http_new(const struct front_env *, const struct peer *, int64_t now_ms, struct talk **out) MUST_CHECK;
