/* How the process is, for whoever begins something or tells of it. From any thread. */
#pragma once

#include "env.h"

struct capacity_load {
    uint64_t connections, unproved, refused; /* of these, the peers that have not shown who they are; since the start */
    uint64_t memory_used, memory_limit;
    bool memory_short;
};

struct capacity {
    void *ctx;
    bool (*may_take)(void *ctx, size_t bytes); /* whether there is memory for something new of this size */
    bool (*may_grow)(void *ctx, size_t bytes); /* or for what is there already */
    void (*load)(void *ctx, struct capacity_load *out);
};

/* New work (a connection, an attach, a large body) asks. */
static inline bool capacity_may_take(const struct front_env *env, size_t bytes)
{
    return !env->capacity || env->capacity->may_take(env->capacity->ctx, bytes);
}

/* Work that goes on asks before a library takes what it must not be refused. */
static inline bool capacity_may_grow(const struct front_env *env, size_t bytes)
{
    return !env->capacity || env->capacity->may_grow(env->capacity->ctx, bytes);
}
