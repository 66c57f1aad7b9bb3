/* Enrollments and registrations as JSON: what clients write and get, and what the hub keeps (doc/disk-format.md). Only
 * the edge sees it: HTTPS, and the readers and writers of structs (enrollment.h, registration.h). */
#pragma once

#include "dps.h"

#include <jansson.h>

/* Takes what a client wrote, checks it and makes it what is kept: keys are made where there are none, certificates
 * become DER in base64. `why` is for people. ERR_ARGUMENT, ERR_MEMORY. */
enum err document_take(const struct front_env *, enum doc_kind, json_t *from, struct bytes id, char why[160],
                       json_t **out) MUST_CHECK;
/* Shows what is kept as clients get it: with etag and times, without keys unless they are wanted. Takes `kept`. NULL:
 * out of memory. */
json_t *document_show(json_t *kept, const struct doc *, bool with_keys);
/* A document of the hub, parsed. ERR_NOT_FOUND, ERR_DAMAGED. */
enum err document_get(const struct front_env *, enum doc_kind, struct bytes id, struct doc *, json_t **out) MUST_CHECK;
enum err document_next(const struct front_env *, enum doc_kind, struct bytes after, struct doc *,
                       json_t **out) MUST_CHECK;
/* The registration without what is only ours. Takes `kept`. */
json_t *document_show_registration(json_t *kept);
/* A text at a path of names; NO_BYTES when there is none. */
struct bytes document_text(const json_t *from, const char *a, const char *b, const char *c);
/* provisioning 3.7: the question to a webhook about a device that asks, with what it said (JSON, or nothing) and where
 * it is now (both "": nowhere). NULL: no memory; the caller frees it. */
char *document_question(const struct front_env *, const struct registrant *, const struct enrollment *,
                        struct bytes payload, const char *hub, const char *device);
