/* A change of a twin in the log, and what it makes of the twin. */
#pragma once

#include "twin_merge.h"
#include "twins.h"

enum { REC_TWIN = 21 };

/* The source of a change. */
enum twin_source { TWIN_BY_SERVICE, TWIN_BY_DEVICE };

/* A change as it is told: under the shard's lock, behind its record, before the twin in memory is the new one. */
struct twin_told {
    enum twin_source source;
    struct identity *identity;
    struct bytes before, after; /* runs */
    const struct twin_write *write;
    bool idle; /* it deletes what was not there, and nothing else */
    int64_t now_ms;
};

/* Under the shard's lock: the whole change, from the new run to who waits for it. Checks the limits. */
enum err twin_write(struct hub *h, struct shard *s, struct identity *i, struct twin_write *w, enum twin_source source,
                    int64_t now_ms, enum twin_part *too_large, uint64_t *at) MUST_CHECK;
/* The model, which is no version. */
enum err twin_write_model(struct hub *h, struct shard *s, struct identity *i, struct bytes model, int64_t now_ms,
                          uint64_t *at) MUST_CHECK;
enum err twin_apply_record(struct hub *h, const struct record *record) MUST_CHECK;
