/* A damaged record of the log, as far as its own bytes and those behind it say. For whoever tells the
 * operator. */
#pragma once

#include "ceilings.h"
#include "store.h"

struct gap_facts {
    const char *what;            /* "an event"; "a record" where nothing is known */
    char device[ID_LEN_MAX + 1]; /* "": unknown */
    int partition;               /* -1: unknown */
    int64_t sequence;            /* of the event, or of the message to the device; -1: unknown */
    int next_partition;          /* of the next event behind it; -1: there is none near */
    int64_t next_sequence;
};

void gap_facts_of(struct store *, const struct gap *, struct gap_facts *out);
/* The same without what is behind it: of a log that is not open. */
void gap_says(const struct gap *, struct gap_facts *out);

/* Damage now: how many ranges of the log cannot be read, how many bytes. */
struct gap_sums {
    uint64_t ranges, bytes;
};
void gap_sum(struct store *, struct gap_sums *out);
