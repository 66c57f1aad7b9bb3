/* The kinds of records in the log and how their bodies are written: a version, then fields of known width or with their
 * length in front. A newer version appends fields; whoever reads ignores what is behind those that it knows. Each
 * record carries the new value whole, so that applying it twice changes nothing (doc/disk-format.md). */
#pragma once

#include "hub.h"
#include "store.h"

enum record_kind {
    REC_BIRTH = 1,
    REC_POLICY = 2,
    REC_DEVICE = 3,
    REC_DEVICE_GONE = 4,
    REC_SESSION = 5,
    REC_GROUPS = 6,
    REC_CA = 7,
    REC_DOC = 8,      /* of the provisioning service */
    REC_RESTORED = 9, /* from a backup: which numbers are given from now on */
    REC_LOST = 10,    /* what a repair put in the place of damaged records: nothing */
    REC_EVENT = 16,
    REC_C2D = 17,           /* into a mailbox */
    REC_C2D_OUT = 18,       /* out of it, with its fate and, where it was wanted, what the feedback tells */
    REC_C2D_COUNT = 19,     /* abandoned: its delivery count now */
    REC_FEEDBACK_DONE = 20, /* feedback that somebody took, or that nobody wanted */
};

enum { RECORD_VERSION = 1 };

/* Texts and keys: one byte of length, then the bytes. */
void put_text(struct buf *b, const char *text);
void put_key(struct buf *b, const struct key_bytes *key);
void rd_text(struct rd *r, char *out, size_t cap);
void rd_key(struct rd *r, struct key_bytes *out);

/* Appends a record whose body is in `b`; with a room that is not that of its kind. */
enum err record_append_in(struct store *s, enum room, enum record_kind kind, const struct buf *b,
                          uint64_t *at) MUST_CHECK;
enum err record_append(struct store *s, enum record_kind kind, const struct buf *b, uint64_t *at) MUST_CHECK;
