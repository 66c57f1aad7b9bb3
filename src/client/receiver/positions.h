/* The partitions of a receiver and how far each was read. */
#pragma once

#include "buf.h"
#include "ceilings.h"
#include "d2d.h"

struct pn_link_t;

enum { OFFSET_CAP = 80 };

struct progress {
    char id[12];
    bool known;              /* there is an offset to go on behind */
    char offset[OFFSET_CAP]; /* of the last event that was given, or that the hub had when we began */
    int64_t sequence;        /* of it; -1: unknown */
    struct pn_link_t *link;  /* of the connection at hand */
    bool attached;
};

struct positions {
    struct progress at[PARTITIONS_MAX];
    size_t n;
    int64_t born_ms; /* when the hub that they are of was made; 0: unknown */
};

/* The partition of that name, made when it is not there; NULL when there are too many or the name is too long. */
struct progress *positions_of(struct positions *, struct bytes id);
/* {"born":1795411500000,"partitions":{"0":{"offset":"…","sequence":7},…}}. ERR_MALFORMED. */
enum err positions_load(struct positions *, const char *json) MUST_CHECK;
void positions_save(const struct positions *, struct buf *out);

/* Appends the selector of a partition: its position, and the senders unless `devices` is NULL (service 2.6).
 * ERR_TOO_LARGE; ERR_ARGUMENT: an offset or a name that cannot stand in one. */
enum err selector_put(const struct progress *, const struct d2d_position *, const char *const *devices,
                      struct buf *out) MUST_CHECK;
