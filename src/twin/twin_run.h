/* A twin in one piece, a run of bytes: what it is in memory and in the checkpoint. Three sections, each a tree of nodes
 * (device 2.12, service 4.6); those of an object stand by their keys, in byte order. It is read where it lies, without
 * a copy, and never changed: a patch makes a new one (twin_merge.h).
 *
 * run      u8 form, u64 version, u64 etag, u64 version of desired, u64 of reported, u32 size of each section,
 *          u16 length and the model, then the root of each section: an object without a key
 * node     u8 kind (3 bits) and flags, u32 length of all of it, u16 length and the key, u48 time and u48 version where
 *          it has them, u8 length and configuration, u8 length and digest where it has those; the rest is its value:
 *          a text in UTF-8, a number as it was sent, or nodes
 *
 * Patches are such nodes too, without times, and with nulls. */
#pragma once

#include "buf.h"
#include "ceilings.h"

enum twin_part { TWIN_TAGS, TWIN_DESIRED, TWIN_REPORTED, TWIN_PARTS };

enum twin_kind {
    TWIN_NULL, /* in patches only */
    TWIN_FALSE,
    TWIN_TRUE,
    TWIN_NUMBER,
    TWIN_TEXT,
    TWIN_ARRAY,
    TWIN_OBJECT,
};

/* A node, as views into the run. */
struct twin_node {
    enum twin_kind kind;
    bool is_plain;     /* a text that stands in JSON as it is */
    bool key_is_plain; /* the key does */
    bool has_time;
    struct bytes key;        /* empty: an element of an array, or a root */
    struct bytes value;      /* by kind, as above */
    int64_t time_ms;         /* when it was changed last; 0: never */
    uint64_t version;        /* of desired, when that was; 0: it has none */
    struct bytes by, digest; /* the configuration that wrote it, or nothing */
    const uint8_t *at;       /* where it begins */
    const uint8_t *behind;   /* and ends */
};

struct twin_facts {
    uint64_t version, etag;
    uint64_t part_version[TWIN_PARTS]; /* of tags: 0 */
    uint32_t size[TWIN_PARTS];         /* as twin_size() counts */
    struct bytes model;
};

/* Of a run that twin_check() has let through; an empty one is a twin that nobody has written yet. */
void twin_facts_of(struct bytes run, struct twin_facts *out);
void twin_root(struct bytes run, enum twin_part, struct twin_node *out);

/* The nodes inside of an object or array, in order; false: there are no more. */
bool twin_first(const struct twin_node *of, struct twin_node *out);
bool twin_next(const struct twin_node *of, struct twin_node *at);
/* False: there is none. */
bool twin_find(const struct twin_node *of, struct bytes key, struct twin_node *out);
bool twin_nth(const struct twin_node *array, size_t n, struct twin_node *out);

/* The size that counts against the limit of a section: keys, texts without control characters, 8 for a number, 4 for a
 * boolean (device 7.1). */
uint64_t twin_size(const struct twin_node *);

/* Eight bytes in base64, as the service's are (service 4.6); without quotes. */
enum { TWIN_ETAG_CAP = 24 };
void twin_etag_text(uint64_t etag, char out[TWIN_ETAG_CAP]);

/* ERR_DAMAGED: no run, or no object of nodes. What was read from a disk is checked before it is believed. */
enum err twin_check(struct bytes run) MUST_CHECK;
enum err twin_check_nodes(struct bytes nodes) MUST_CHECK;
/* The object at the beginning of nodes that were checked. */
void twin_nodes_root(struct bytes nodes, struct twin_node *out);
