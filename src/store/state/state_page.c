#include "state_page.h"

#define MAGIC 0xBEEFC0DEU

size_t page_node(const uint8_t *page, size_t page_size, size_t i, bool leaf, struct node *out)
{
    size_t at = u16_at(page + PAGE_HEAD + 2 * i), upper = u16_at(page + WORD + 6), key, data = 0, size;

    if (at % 2 || at < upper || at > page_size - NODE_HEAD)
        return 0;
    key = u16_at(page + at + 6);
    out->flags = u16_at(page + at + 4);
    if (leaf) {
        data = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? u16_at(page + at) | (size_t)u16_at(page + at + 2) << 16
                                                         : u16_at(page + at + 2) | (size_t)u16_at(page + at) << 16;
        out->data.len = data;
        if (out->flags & BIG_DATA)
            data = WORD;
    }
    if (data > page_size)
        return 0;
    size = NODE_HEAD + key + data;
    if (size > page_size - at)
        return 0;
    out->key = bytes_of(page + at + NODE_HEAD, key);
    out->data.at = page + at + NODE_HEAD + key;
    return (size + 1) & ~(size_t)1;
}

uint64_t page_below(const uint8_t *node)
{
    uint64_t low = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? u16_at(node) | (uint64_t)u16_at(node + 2) << 16
                                                             : u16_at(node + 2) | (uint64_t)u16_at(node) << 16;

    return WORD > 4 ? low | (uint64_t)u16_at(node + 4) << 32 : low;
}

void page_tree(const uint8_t *at, struct tree *out)
{
    out->flags = u16_at(at + 4);
    out->depth = u16_at(at + 6);
    out->branches = word_at(at + 8);
    out->leaves = word_at(at + 8 + WORD);
    out->overflows = word_at(at + 8 + 2 * WORD);
    out->entries = word_at(at + 8 + 3 * WORD);
    out->root = word_at(at + 8 + 4 * WORD);
}

/* Each commit writes the one that is its number modulo 2; LMDB takes the later. */
const char *page_meta(const uint8_t *at, unsigned number, struct meta *out)
{
    const uint8_t *body = at + PAGE_HEAD, *tables = body + 8 + 2 * WORD;

    if (word_at(at) != number || u16_at(at + WORD + 2) != IS_META || u32_at(body) != MAGIC || u32_at(body + 4) != 1)
        return "it is not the first page of a checkpoint, or of another version of LMDB";
    page_tree(tables, &out->free);
    page_tree(tables + TABLE_LEN, &out->main);
    out->page_size = u32_at(tables);
    out->last_page = word_at(tables + 2 * TABLE_LEN);
    out->txn = word_at(tables + 2 * TABLE_LEN + WORD);
    if (out->page_size < PAGE_MIN || out->page_size > PAGE_MAX || (out->page_size & (out->page_size - 1)))
        return "its page size is wrong";
    if (out->txn && out->txn % 2 != number)
        return "the number of its transaction is wrong";
    if (out->free.flags != KEYS_ARE_NUMBERS || out->main.flags)
        return "its tables are not those of a checkpoint";
    return NULL;
}
