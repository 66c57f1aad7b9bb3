/* Pages of LMDB 0.9, data format 1, as bytes that nobody has proved yet. Words and byte order are those of this
 * machine.
 *
 *   page:  word number | u16 | u16 kind | u16 lower | u16 upper | u16 offsets of nodes, in order of their keys, up to
 *            lower | free | nodes from upper to the end; of an overflow page u32 count instead of lower and upper, then
 *            a value over as many pages
 *   node:  u16, u16, u16 flags, u16 length of the key, key, data. In a leaf the first two are the length of the data;
 *            in a branch all three are the number of the page below. Nodes have even lengths.
 *   table: u32 | u16 flags | u16 depth | words: branch, leaf and overflow pages, entries, root
 *   meta:  page head | u32 magic | u32 1 | word | word | table of what is free (its u32 is the page size) | table of
 *            tables | word last page | word transaction */
#pragma once

#include "bytes.h"

enum {
    WORD = sizeof(size_t),
    PAGE_HEAD = WORD + 8,
    NODE_HEAD = 8,
    TABLE_LEN = 8 + 5 * WORD,
    META_LEN = PAGE_HEAD + 8 + 2 * WORD + 2 * TABLE_LEN + 2 * WORD,
    META_PAGES = 2,
    IS_BRANCH = 1,
    IS_LEAF = 2,
    IS_OVERFLOW = 4,
    IS_META = 8,
    BIG_DATA = 1,
    SUB_DATA = 2,
    KEYS_ARE_NUMBERS = 8,
    PAGE_MIN = 512,
    PAGE_MAX = 65536,
    NAME_MAX_LEN = 16,
};

#define NO_PAGE SIZE_MAX

struct tree {
    size_t branches, leaves, overflows, entries, root;
    unsigned flags, depth;
    uint8_t name_len;
    uint8_t name[NAME_MAX_LEN];
};

struct meta {
    size_t page_size, last_page, txn;
    struct tree free, main;
};

struct node {
    struct bytes key, data;
    unsigned flags;
};

static inline unsigned u16_at(const uint8_t *at)
{
    uint16_t v;

    memcpy(&v, at, sizeof v);
    return v;
}

static inline uint32_t u32_at(const uint8_t *at)
{
    uint32_t v;

    memcpy(&v, at, sizeof v);
    return v;
}

static inline size_t word_at(const uint8_t *at)
{
    size_t v;

    memcpy(&v, at, sizeof v);
    return v;
}

/* A node that is within its page; its size with padding. 0: it is not. Of one with BIG_DATA the data are the number of
 * its page, and their length is that of the value. */
size_t page_node(const uint8_t *page, size_t page_size, size_t i, bool leaf, struct node *out);
/* The page that a node of a branch leads to. */
uint64_t page_below(const uint8_t *node);
/* TABLE_LEN bytes. */
void page_tree(const uint8_t *at, struct tree *out);
/* META_LEN bytes of page 0 or 1. NULL, or what is wrong with it. */
const char *page_meta(const uint8_t *at, unsigned number, struct meta *out);
