/* Configurations are made, changed and deleted by whoever may (service 4.11): an operator's request, or a line of an
 * import. */
#pragma once

#include "configuration_take.h"

struct configuration_changer {
    struct hub *hub;
    const char *id;
    int64_t now_ms;
};

/* The document of one that is there. ERR_NOT_FOUND: none, or it was deleted; `f` may be NULL. */
enum err configuration_get(struct hub *, const char *id, struct buf *body, struct doc *,
                           struct entry_fault *f) MUST_CHECK;
/* MATCH_NONE: it is made, and must not be there; otherwise it must be. `to` as configuration_take() filled it. Appends
 * the document to `body`. */
enum err configuration_put(const struct configuration_changer *, const json_t *to, struct match, struct buf *body,
                           struct doc *, uint64_t *at, struct entry_fault *) MUST_CHECK;
/* It stays as an empty document until what it had set is gone everywhere. MATCH_NONE: whatever it is. */
enum err configuration_delete(const struct configuration_changer *, struct match, struct doc *, uint64_t *at,
                              struct entry_fault *) MUST_CHECK;
