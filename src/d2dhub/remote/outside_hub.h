/* Other hubs, as registrations need them: a device made there or taken away, its twin read and written (service 4.3,
 * 4.6). What fails is logged. */
#pragma once

#include "connstr.h"
#include "outside.h"

#include <stdatomic.h>

struct linked_hub {
    char *text; /* the connection string, into which `string` looks */
    struct connstr string;
    char host[HOST_LEN_MAX + 1];
    struct key_bytes key;
};

/* How others are asked. */
struct outside_line {
    const char *ca_file;
    const _Atomic bool *stopping;
};

/* Reads what its text says. False: it is not the connection string of a service's policy. */
bool linked_hub_read(struct linked_hub *);
/* With the hub's token; without one where it is NULL. ERR_UNREACHABLE and others: there is no answer. */
enum err outside_ask(const struct outside_line *, const struct linked_hub *, const char *method, const char *url,
                     const char *if_match, struct bytes body, struct buf *answer, int *status) MUST_CHECK;
/* The device of the request; one that is there keeps its state. False: the hub refuses it. */
bool hub_make_device(const struct outside_line *, const struct linked_hub *, const struct outside_request *,
                     bool *is_new);
/* A device that cannot be removed stays where it is. */
void hub_remove_device(const struct outside_line *, const struct linked_hub *, const char *id);
/* The twin as JSON, for the caller to free; NULL: it cannot be had. */
char *hub_read_twin(const struct outside_line *, const struct linked_hub *, const char *id);
/* Its tags and desired properties become those of `twin`; what a device reports is only its own to write. */
void hub_write_twin(const struct outside_line *, const struct linked_hub *, const char *id, const char *twin);
