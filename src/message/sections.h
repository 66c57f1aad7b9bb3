/* Writing the AMQP 1.0 types and sections that events are stored in, and messages sent in (OASIS AMQP 1.0, parts 1.6
 * and 3.2). */
#pragma once

#include "msg.h"

enum amqp_code {
    AMQP_NULL = 0x40,
    AMQP_TRUE = 0x41,
    AMQP_FALSE = 0x42,
    AMQP_LIST0 = 0x45,
    AMQP_UBYTE = 0x50,
    AMQP_SMALL_INT = 0x54,
    AMQP_SMALL_LONG = 0x55,
    AMQP_INT = 0x71,
    AMQP_ULONG = 0x80,
    AMQP_LONG = 0x81,
    AMQP_TIMESTAMP = 0x83,
    AMQP_UUID = 0x98,
    AMQP_BIN8 = 0xA0,
    AMQP_STR8 = 0xA1,
    AMQP_SYM8 = 0xA3,
    AMQP_BIN32 = 0xB0,
    AMQP_STR32 = 0xB1,
    AMQP_SYM32 = 0xB3,
    AMQP_LIST8 = 0xC0,
    AMQP_MAP8 = 0xC1,
    AMQP_LIST32 = 0xD0,
    AMQP_MAP32 = 0xD1,
    AMQP_ARRAY32 = 0xF0,
};

enum section {
    SECTION_HEADER = 0x70,
    SECTION_DELIVERY_ANNOTATIONS = 0x71,
    SECTION_MESSAGE_ANNOTATIONS = 0x72,
    SECTION_PROPERTIES = 0x73,
    SECTION_APPLICATION_PROPERTIES = 0x74,
    SECTION_DATA = 0x75,
    SECTION_VALUE = 0x77,
};

void section_begin(struct buf *b, enum section section); /* three bytes */
void put_sym(struct buf *b, struct bytes text);
void put_str(struct buf *b, struct bytes text);
void put_binary(struct buf *b, struct bytes bytes);
void put_uuid(struct buf *b, const uint8_t uuid[16]);
void put_bool(struct buf *b, bool v);
void put_ubyte(struct buf *b, uint8_t v);
void put_ulong(struct buf *b, uint64_t v);
void put_int(struct buf *b, int32_t v);
void put_long(struct buf *b, int64_t v);
/* The same types in the fewest bytes. */
void put_narrow_int(struct buf *b, int32_t v);
void put_narrow_long(struct buf *b, int64_t v);
void put_timestamp(struct buf *b, int64_t ms);

/* A list or map whose items are written between these two; `count` is how many there were, in a map twice its pairs. */
size_t put_list_begin(struct buf *b);
size_t put_map_begin(struct buf *b);
void put_compound_end(struct buf *b, size_t began, uint32_t count);
/* The same; size and count take a byte each where they fit in one. */
void put_narrow_end(struct buf *b, size_t began, uint32_t count);
/* An array of strings, begun and ended in the same way. */
size_t put_texts_begin(struct buf *b);
void put_texts_item(struct buf *b, struct bytes text);

/* A header that says nothing. */
void put_header(struct buf *b);
/* Whole sections, left out when there is nothing in them. Without `nulls` a property of no value is an empty text: one
 * SDK cannot read a message that has one (device 3.7). */
void put_properties(struct buf *b, const struct msg *m);
void put_application_properties(struct buf *b, const struct msg *m, bool nulls);
/* Descriptor and length of a data section whose bytes follow. */
void put_data_head(struct buf *b, size_t len);
