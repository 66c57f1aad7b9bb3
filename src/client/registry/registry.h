/* The common part of the registry: the hub's service API over HTTPS (service 4, provisioning 3). */
#pragma once

#include "http_ask.h"

#include <jansson.h>

struct d2d_registry {
    struct account account;
    struct buf target, body; /* of the request at hand */
    int64_t limit_ms;        /* of it; 0: what the account says */
    size_t most;             /* rows of its page; 0: the hub's own number */
};

/* {collection}/{name}/{verb}; without the last, or the last two, when they are NULL. Empties the body. */
void registry_target(struct d2d_registry *, const char *collection, const char *name, const char *verb);
/* Of an API that has versions of its own. */
void registry_target_of(struct d2d_registry *, const char *version, const char *collection, const char *name,
                        const char *verb);
/* Says the request. D2D_OK: a good answer is in h->in. http_talk_close(h) in any case. */
enum d2d_err registry_ask(struct d2d_registry *, const char *method, const char *if_match, const char *continuation,
                          struct http_talk *h);
/* The same; the body of a good answer goes into *answer or *text (NULL: nobody wants it). */
enum d2d_err registry_request(struct d2d_registry *, const char *method, const char *if_match, json_t **answer,
                              char **text);
/* {collection}/{device}[/modules/{module}][/{verb}], as `id` says: "DEVICE" or "DEVICE/MODULE". */
void registry_target_identity(struct d2d_registry *, const char *collection, const char *id, const char *verb);
/* Says the request of a list. The page goes to *text, the next page's token in `after`. */
enum d2d_err registry_page(struct d2d_registry *, const char *method, char after[D2D_AFTER_CAP], char **text);
/* "*", or the ETag with its quotes, into a header's value. False: it is too long. */
enum { IF_MATCH_CAP = 80 };
bool registry_if_match(const char *etag, char out[IF_MATCH_CAP]) MUST_CHECK;
