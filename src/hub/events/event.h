/* Events: what is sent, and how its record is read. */
#pragma once

#include "core.h"

enum {
    REC_EVENT = 16,
    EVENT_SIZE_MIN = 400, /* bytes of the log that an event takes at least */
};

/* Writes what every event of this seat begins with; gives its length. */
size_t event_head(const struct device *d, enum proof proof, uint8_t *out, size_t max);
/* An event that the hub itself tells of an identity, or of none (no bytes), with this message source (service 7); under
 * the lock of the scratch. */
enum err event_tell(struct hub *h, struct buf *scratch, struct bytes name, const char *source, const struct msg *m,
                    enum room room, int64_t now_ms, uint64_t *at) MUST_CHECK;
struct event_facts {
    int64_t sequence, enqueued_ms;
    struct bytes device, sections;
};
enum err event_decode(struct bytes body, struct event_facts *out) MUST_CHECK;
struct event_told {
    struct bytes source, module; /* no bytes: of the device itself */
    struct bytes rest;           /* of its sections */
};
/* True if event_tell() wrote it. */
bool event_was_told(const struct event_facts *, struct event_told *out);
enum err event_apply(struct hub *h, const struct record *r) MUST_CHECK;
