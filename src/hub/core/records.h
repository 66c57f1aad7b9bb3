/* How the bodies of records are written: a version, then fields of known width or with their
 * length in front. A newer version appends fields; whoever reads ignores what is behind those that it knows. Each
 * record carries the new value whole, so that applying it twice changes nothing (doc/disk-format.md). */
#pragma once

#include "hub.h"
#include "store.h"

enum { RECORD_VERSION = 1 };

/* Texts and keys: one byte of length, then the bytes. 255 is a text of 255 and so many more as the byte behind says: a
 * device and its module may have that. */
void put_text(struct buf *b, const char *text);
void put_key(struct buf *b, const struct key_bytes *key);
void rd_text(struct rd *r, char *out, size_t cap);
struct bytes rd_text_bytes(struct rd *r); /* lent by what `r` reads */
void rd_key(struct rd *r, struct key_bytes *out);

/* A length of 4 bytes before what is written between begin and end. */
size_t len32_begin(struct buf *b);
void len32_end(struct buf *b, size_t begin);

/* Appends a record whose body is in `b`, of a kind that a part of the hub has; with a room that is not that of its
 * kind. */
enum err record_append_in(struct store *s, enum room, uint8_t kind, const struct buf *b, uint64_t *at) MUST_CHECK;
enum err record_append(struct hub *h, uint8_t kind, const struct buf *b, uint64_t *at) MUST_CHECK;
