/* Property bags, `name=value&name=value` with percent escapes, and the topics that carry them (device 2.9, 2.10). */
#pragma once

#include "buf.h"

/* A pair, decoded. */
struct bag_pair {
    struct bytes name;
    struct bytes value; /* at == NULL: there was no `=`, which means null */
};

/* Walks a bag: `while (bag_next(&rest, &room, &pair))`. Text without escapes is a view into the bag, other text is
 * decoded into `room`, which must have as many bytes as the bag and shrinks from call to call. What is no valid escape
 * or would not be UTF-8 stays as it stands: one SDK does not escape at all. Empty pieces are passed over. */
struct bag_room {
    uint8_t *at;
    size_t left;
};
bool bag_next(struct bytes *rest, struct bag_room *room, struct bag_pair *out);

/* Appends a pair, `&` before it unless `first`. Everything that is not unreserved is escaped, so `$.mid` becomes
 * `%24.mid` as the SDKs want it. A value with at == NULL is written without `=`. */
void bag_put(struct buf *b, bool first, struct bytes name, struct bytes value);

/* A topic that a device or module sends events to, taken apart. Views into the topic. */
struct d2c_topic {
    struct bytes device, module; /* module.at == NULL: none */
    struct bytes bag;            /* without a slash at the end and without `?` at the start; may be empty */
};

/* devices/{d}[/modules/{m}]/messages/events[/[{bag}[/]]]; false for every other topic. */
bool d2c_topic_parse(struct bytes topic, struct d2c_topic *out) MUST_CHECK;
/* Appends {path}/messages/events/; the bag follows. `path` is "devices/{d}" or "devices/{d}/modules/{m}". */
void d2c_topic_put(struct buf *b, struct bytes path);
