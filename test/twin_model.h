/* A naive model of a twin over a library of JSON, and whatever may be written to one. */
#pragma once

#include "twin_merge.h"

#include <jansson.h>

/* A section is its values, and beside each its time. */
struct model {
    json_t *value[TWIN_PARTS];
    json_t *meta[TWIN_PARTS]; /* {"$lastUpdated": ms, "$lastUpdatedVersion": n, "$lastUpdatedBy": id, name: meta…} */
    int64_t version, etag, part_version[TWIN_PARTS];
};

struct stamp {
    enum twin_part part;
    int64_t ms, version;
    const char *by;
};

/* Random numbers of patches. */
void model_seed(uint64_t seed);
unsigned model_below(unsigned n);
json_t *model_random(bool may_null);

void model_start(struct model *m);
void model_end(struct model *m);
struct model model_copy(const struct model *m);
/* RFC 7386: `value` and its times become what the patch makes of them. */
void model_merge(json_t *value, json_t *meta, json_t *patch, const struct stamp *s);
/* A change of the sections that are not NULL. */
void model_change(struct model *m, json_t *const patch[TWIN_PARTS], bool replace, const char *by, int64_t now_ms);
/* As the hub counts a section. */
size_t model_size(const json_t *v);
/* The run of a twin is what the model says: values, versions, times, sizes. */
void model_check(const struct model *m, struct bytes run);
/* The JSON that is in the buffer. */
json_t *model_loaded(const struct buf *b);
