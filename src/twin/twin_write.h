/* Nodes as they are written (twin_run.h). */
#pragma once

#include "twin_run.h"

enum {
    TWIN_FORM = 1,
    NODE_KIND = 7,
    NODE_ESCAPED = 1 << 3, /* the text does not stand in JSON as it is, or has characters that do not count */
    NODE_KEY_ESCAPED = 1 << 4,
    NODE_TIME = 1 << 5,
    NODE_VERSION = 1 << 6,
    NODE_BY = 1 << 7,
    NODE_LENGTH_AT = 1,
    NODE_KEY_LEN_AT = 5,
    NODE_HEAD = 7, /* bytes before the key */
};

/* The stamp of a node that changes. */
struct twin_stamp {
    bool has_time, has_version;
    int64_t time_ms;
    uint64_t version;
    struct bytes by, digest;
};

/* A node begins, its value follows; gives where. It ends when all of that is there. */
size_t node_begin(struct buf *out, enum twin_kind kind, unsigned escapes, struct bytes key,
                  const struct twin_stamp *stamp);
void node_end(struct buf *out, size_t at);

/* The head, before the roots. */
void run_put_facts(struct buf *out, const struct twin_facts *facts);

/* Of a buffer that has them already. */
void put_u32_at(struct buf *out, size_t at, uint32_t v);
void put_u16_at(struct buf *out, size_t at, uint16_t v);
