/* Bytes as text and back: base64, percent escapes, hex, UTF-8, ISO 8601 times. */
#pragma once

#include "buf.h"

/* Standard alphabet with padding. */
void buf_put_base64(struct buf *b, struct bytes raw);
/* Padding may be missing (some tools cut it); anything else odd is ERR_MALFORMED. *len is at most cap. May decode in
 * place. */
enum err base64_decode(struct bytes text, uint8_t *out, size_t cap, size_t *len) MUST_CHECK;

/* Escapes all but unreserved characters (RFC 3986), upper-case hex, a space as %20. */
void buf_put_percent(struct buf *b, struct bytes raw);
/* Decodes %XX in either case; '+' stays '+'. A broken escape or no room is an error. May decode in place (out ==
 * text.at). */
enum err percent_decode(struct bytes text, uint8_t *out, size_t cap, size_t *len) MUST_CHECK;

void buf_put_hex(struct buf *b, struct bytes raw); /* lower case */
enum err hex_decode(struct bytes text, uint8_t *out, size_t cap, size_t *len) MUST_CHECK;

/* Well-formed, shortest form, no surrogates. */
bool utf8_valid(struct bytes b);
/* The length of the character at b.at[i], which must be there, and its number; 0 when it is not well-formed. */
size_t utf8_take(struct bytes b, size_t i, uint32_t *code);
/* Writes a character up to U+10FFFF; gives its length. */
size_t utf8_put(uint8_t out[4], uint32_t code);

/* "2026-11-23T07:00:00.0000000Z": always UTC, seven digits of fraction (what the SDKs parse). cap >= 29 with the NUL.
 */
enum { ISO_TIME_CAP = 29 };
void iso_time(int64_t unix_ms, char out[ISO_TIME_CAP]);
/* Date and time with "T" or blank between, 0 to 9 digits of fraction, "Z", an offset, or nothing (UTC). */
enum err iso_time_parse(struct bytes text, int64_t *unix_ms) MUST_CHECK;

/* "90s", "15m", "2h", "1d", "500ms" or a plain number of seconds. */
enum err duration_parse(struct bytes text, int64_t *ms) MUST_CHECK;

/* Whether it may be an IPv6 address without brackets: it has two colons or more. */
bool is_bare_ip6(struct bytes host);

/* "64k", "10m", "2g" (powers of 1024) or a plain number of bytes. */
enum err size_parse(struct bytes text, uint64_t *n) MUST_CHECK;

/* Appends b as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void buf_put_json(struct buf *b, struct bytes text);
