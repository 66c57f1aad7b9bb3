/* Lines that an operator acts on: an event each, `event key=value …`. No payloads, no secrets. The lines go to a sink
 * that the main gives; without one they go nowhere. Safe from every thread. */
#pragma once

#include "bytes.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* `line` is lent and without a new line: "refused device=a reason=\"…\"". */
typedef void log_sink(void *ctx, enum log_level level, struct bytes line);

/* While there is one thread only. */
void log_to(log_sink *sink, void *ctx, enum log_level most);
/* At any time, from any thread. */
void log_most(enum log_level most);
/* Gives a sink that writes later some time to write what it has. For whoever ends the process without returning from
 * main(). */
void log_flush(void);
void log_flush_by(void (*flush)(void));
bool log_wants(enum log_level level);

/* A pair of a line. Values that need it are quoted; control characters are escaped, so a peer cannot forge a line. */
struct log_pair {
    const char *key;
    struct bytes text; /* used when it has an address */
    int64_t number;    /* otherwise */
};

void log_line(enum log_level level, const char *event, const struct log_pair *pairs, size_t n);

#define KV(k, b) ((struct log_pair){.key = (k), .text = (b)})
#define KVS(k, s) ((struct log_pair){.key = (k), .text = bytes_str(s)})
#define KVN(k, v) ((struct log_pair){.key = (k), .number = (int64_t)(v)})

/* log_event(LOG_WARN, "refused", KVS("device", id), KVS("reason", err_text(e))); at least one pair. */
#define log_event(level, event, ...)                                                        \
    do {                                                                                    \
        if (log_wants(level)) {                                                             \
            const struct log_pair log_pairs_[] = {__VA_ARGS__};                             \
            log_line((level), (event), log_pairs_, sizeof log_pairs_ / sizeof *log_pairs_); \
        }                                                                                   \
    } while (0)
